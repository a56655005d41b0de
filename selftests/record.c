// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recording: what the emulator sees is what the log says.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(record) {
	struct line line;
	struct log log;
};

FIXTURE_SETUP(record)
{
	setup_line(_metadata, &self->line);
}

FIXTURE_TEARDOWN(record)
{
	close_line(&self->line);
	log_free(&self->log);
}

/* ---- Reads ---- */

FIXTURE(read_size) {
	struct line line;
	struct log log;
	char *sent;
	char *got;
};

FIXTURE_VARIANT(read_size) {
	size_t bytes;
	size_t room;
};

FIXTURE_VARIANT_ADD(read_size, one) { .bytes = 1, .room = 100000 };
FIXTURE_VARIANT_ADD(read_size, a_piece) { .bytes = 64, .room = 100000 };
FIXTURE_VARIANT_ADD(read_size, two_pieces) { .bytes = 65, .room = 100000 };
FIXTURE_VARIANT_ADD(read_size, almost_all) { .bytes = 4095, .room = 100000 };
FIXTURE_VARIANT_ADD(read_size, all) { .bytes = 4096, .room = 100000 };
FIXTURE_VARIANT_ADD(read_size, many) { .bytes = 100000, .room = 100000 };
FIXTURE_VARIANT_ADD(read_size, singly) { .bytes = 100, .room = 1 };
FIXTURE_VARIANT_ADD(read_size, by_a_piece) { .bytes = 200, .room = 64 };
FIXTURE_VARIANT_ADD(read_size, by_two_pieces) { .bytes = 200, .room = 65 };
FIXTURE_VARIANT_ADD(read_size, by_most) { .bytes = 20000, .room = 4095 };
FIXTURE_VARIANT_ADD(read_size, by_all) { .bytes = 20000, .room = 4096 };
FIXTURE_VARIANT_ADD(read_size, by_more) { .bytes = 20000, .room = 4097 };

FIXTURE_SETUP(read_size)
{
	if (!setup_line(_metadata, &self->line))
		return;
	self->sent = malloc(variant->bytes);
	self->got = malloc(variant->bytes);
	pattern(self->sent, variant->bytes, 0);
}

FIXTURE_TEARDOWN(read_size)
{
	close_line(&self->line);
	log_free(&self->log);
}

/* A read(2) is a record, however many calls the tty core makes of it. */
TEST_F(read_size, one_record_for_one_read)
{
	struct line *line = &self->line;
	unsigned int reads = 0;
	struct record rec;
	struct task sender;
	size_t done = 0;

	ASSERT_EQ(0, record(line->session, 0));
	begin(&sender, WRITE, .fd = line->peer, .buf = self->sent,
	      .length = variant->bytes);
	if (variant->bytes <= 4095)
		ASSERT_TRUE(eventually(status(line->tty).received ==
				       variant->bytes));
	while (done < variant->bytes) {
		char buf[100000];
		long n = sys(read(line->tty, buf, variant->room));

		ASSERT_LT(0, n);
		ASSERT_GE(CRR_READ_MAX, n);
		ASSERT_GE(variant->bytes, done + n);
		memcpy(self->got + done, buf, n);
		done += n;
		EXPECT_EQ(0, drain(line->session, &self->log));
		ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, reads++, &rec));
		EXPECT_EQ(n, rec.length);
		EXPECT_EQ(0, rec.empty_reads);
		if (n == rec.length)
			EXPECT_EQ(0, memcmp(rec.data, buf, n));
	}
	EXPECT_TRUE(ends(&sender));
	EXPECT_EQ(0, memcmp(self->sent, self->got, done));
	if (variant->bytes <= variant->room && variant->bytes <= 4095)
		EXPECT_EQ(1, reads);

	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(reads, log_count(&self->log, CRR_TYPE_READ));
	EXPECT_EQ(reads + 3, log_get(&self->log, CRR_TYPE_END, 0, &rec) ?
			     rec.sequence + 1 : 0);
}

/* The user's buffer ends within the bytes: the log has those that it got. */
TEST_F(record, partial_fault)
{
	struct line *line = &self->line;
	char *buf = before_hole(100);
	char sent[128];
	struct record rec;

	pattern(sent, sizeof(sent), 0);
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_TRUE(deliver(line, sent, sizeof(sent)));
	EXPECT_EQ(100, sys(read(line->tty, buf, sizeof(sent))));
	EXPECT_EQ(0, memcmp(buf, sent, 100));
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, 0, &rec));
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_READ));
	EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_READ_ERROR));
	ASSERT_EQ(100, rec.length);
	EXPECT_EQ(0, memcmp(rec.data, sent, 100));
}

TEST_F(record, whole_fault)
{
	struct line *line = &self->line;
	char *nowhere = before_hole(0);
	char buf[8];
	struct record rec;

	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_TRUE(deliver(line, "lost", 4));
	EXPECT_EQ(-EFAULT, sys(read(line->tty, nowhere, 4)));
	/* As under N_TTY, the bytes are gone. */
	ASSERT_EQ(0, send_all(line->peer, "found", 5));
	EXPECT_EQ(5, sys(read(line->tty, buf, sizeof(buf))));
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ_ERROR, 0, &rec));
	EXPECT_EQ(EFAULT, rec.error);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_READ_ERROR));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, 0, &rec));
	EXPECT_EQ(5, rec.length);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_READ));
}

TEST_F(record, canonical_lines_and_eof)
{
	struct line *line = &self->line;
	struct termios termios;
	struct record rec;
	char buf[64];

	tcgetattr(line->tty, &termios);
	termios.c_lflag |= ICANON;
	termios.c_cc[VEOF] = 4;
	termios.c_cc[VERASE] = 8;
	ASSERT_EQ(0, tcsetattr(line->tty, TCSANOW, &termios));
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, send_all(line->peer, "onex\b\ntwo\n", 10));
	EXPECT_EQ(4, sys(read(line->tty, buf, sizeof(buf))));
	EXPECT_EQ(4, sys(read(line->tty, buf, sizeof(buf))));
	ASSERT_EQ(0, send_all(line->peer, "end\4\4", 5));
	EXPECT_EQ(3, sys(read(line->tty, buf, sizeof(buf))));
	EXPECT_EQ(0, sys(read(line->tty, buf, sizeof(buf))));
	ASSERT_EQ(0, send_all(line->peer, "on\n", 3));
	EXPECT_EQ(3, sys(read(line->tty, buf, sizeof(buf))));
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(14, log_bytes_in(&self->log, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "one\ntwo\nendon\n", 14));
	EXPECT_EQ(4, log_count(&self->log, CRR_TYPE_READ));
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_EOF));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_EOF, 0, &rec));
	EXPECT_EQ(4, rec.sequence);
	EXPECT_EQ(0, rec.empty_reads);
}

/* How many reads found nothing: at this counter, since the last that did. */
TEST_F(record, empty_reads)
{
	struct line *line = &self->line;
	struct record rec;
	char buf[8];

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, true));
	ASSERT_EQ(0, record(line->session, 0));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(-EAGAIN, sys(read(line->tty, buf, 1)));
	ASSERT_TRUE(deliver(line, "abcde", 5));
	/* At 0: after three; right after it; and after two in raw mode's way. */
	EXPECT_EQ(1, sys(read(line->tty, buf, 1)));
	EXPECT_EQ(4, sys(read(line->tty, buf, 8)));
	ASSERT_EQ(0, set_raw(line->tty, 0, 0));
	EXPECT_EQ(0, sys(read(line->tty, buf, 1)));
	EXPECT_EQ(0, sys(read(line->tty, buf, 1)));
	ASSERT_TRUE(deliver(line, "f", 1));
	EXPECT_EQ(1, sys(read(line->tty, buf, 1)));
	/* A new counter begins anew. */
	EXPECT_EQ(0, sys(read(line->tty, buf, 1)));
	ASSERT_EQ(0, count(line->tty, 10));
	ASSERT_TRUE(deliver(line, "gh", 2));
	EXPECT_EQ(1, sys(read(line->tty, buf, 1)));
	/* A write does not. */
	ASSERT_EQ(0, count(line->tty, 20));
	EXPECT_EQ(1, sys(read(line->tty, buf, 1)));
	EXPECT_EQ(0, sys(read(line->tty, buf, 1)));
	EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
	EXPECT_EQ(0, sys(read(line->tty, buf, 1)));
	finish_log(_metadata, line, &self->log);

	static const struct {
		__u64 counter, empty_reads;
		size_t length;
	} expected[] = {
		{ 0, 3, 1 }, { 0, 0, 4 }, { 0, 2, 1 }, { 10, 0, 1 },
		{ 20, 0, 1 },
	};

	for (int i = 0; i < ARRAY_SIZE(expected); i++) {
		ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, i, &rec));
		EXPECT_EQ(expected[i].counter, rec.counter);
		EXPECT_EQ(expected[i].empty_reads, rec.empty_reads);
		EXPECT_EQ(expected[i].length, rec.length);
	}
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM_END, 0, &rec));
	EXPECT_EQ(20, rec.counter);
	EXPECT_EQ(2, rec.empty_reads);
}

/* A blocking read that waited found nothing empty. */
struct asker {
	pthread_t thread;
	int tty;
	int left;
};

static void *ask_in_vain(void *arg)
{
	struct asker *asker = arg;

	for (; asker->left && !arrived(asker->tty); asker->left--)
		;
	return NULL;
}

/* None of them is lost when two threads look, by a read(2) and by FIONREAD. */
TEST_F(record, empty_reads_of_two_threads)
{
	enum { LOOKS = 20000 };
	struct line *line = &self->line;
	struct asker asker = { .tty = line->tty, .left = LOOKS };
	struct record rec;
	char c;

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, true));
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, pthread_create(&asker.thread, NULL, ask_in_vain, &asker));
	for (int i = 0; i < LOOKS; i++)
		if (read(line->tty, &c, 1) != -1 || errno != EAGAIN)
			break;
	pthread_join(asker.thread, NULL);
	EXPECT_EQ(0, asker.left);
	EXPECT_EQ(2 * LOOKS, status(line->session).looks);
	ASSERT_TRUE(deliver(line, "a", 1));
	EXPECT_EQ(1, sys(read(line->tty, &c, 1)));
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, 0, &rec));
	EXPECT_EQ(2 * LOOKS, rec.empty_reads);
}

TEST_F(record, blocking_read)
{
	struct line *line = &self->line;
	struct record rec;
	struct task reader;
	char buf[8];

	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, count(line->tty, 3));
	begin(&reader, READ, .fd = line->tty, .buf = buf, .length = 8);
	ASSERT_TRUE(sleeps(&reader));
	/* The stamp is that of delivery. */
	ASSERT_EQ(0, count(line->tty, 7));
	ASSERT_EQ(0, send_all(line->peer, "x", 1));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(1, reader.result);
	EXPECT_FALSE(status(line->session).facts &
		     (CRR_STATUS_INTERRUPTED | CRR_STATUS_THREADS));
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, 0, &rec));
	EXPECT_EQ(7, rec.counter);
	EXPECT_EQ(0, rec.empty_reads);
}

struct reader {
	pthread_t thread;
	int fd;
	atomic_size_t *total;
	unsigned int reads;
};

static void *read_on(void *arg)
{
	struct reader *reader = arg;
	char buf[300];
	ssize_t n;

	while ((n = read(reader->fd, buf, sizeof(buf))) > 0) {
		reader->reads++;
		*reader->total += n;
		/* The last byte for each tells the end. */
		if (memchr(buf, 'Q', n))
			break;
	}
	return NULL;
}

/* Two at a time: each byte goes to one of them, and is logged in its order. */
TEST_F(record, two_readers)
{
	enum { TOTAL = 50000 };
	struct line *line = &self->line;
	char *sent = malloc(TOTAL), *logged = malloc(TOTAL);
	atomic_size_t total = 0;
	struct reader readers[2];

	for (int i = 0; i < TOTAL; i++)
		sent[i] = 'a' + i * 7 % 26;
	ASSERT_EQ(0, record(line->session, 0));
	for (int i = 0; i < 2; i++) {
		readers[i] = (struct reader){ .fd = line->tty, .total = &total };
		ASSERT_EQ(0, pthread_create(&readers[i].thread, NULL, read_on,
					    &readers[i]));
	}
	ASSERT_EQ(0, send_all(line->peer, sent, TOTAL));
	ASSERT_TRUE(eventually(total == TOTAL));
	/* One of them takes the first, and ends. */
	ASSERT_EQ(0, send_all(line->peer, "Q", 1));
	ASSERT_TRUE(eventually(total == TOTAL + 1));
	ASSERT_EQ(0, send_all(line->peer, "Q", 1));
	for (int i = 0; i < 2; i++)
		pthread_join(readers[i].thread, NULL);
	/* Each has read its Q: no log tells which. */
	EXPECT_TRUE(status(line->session).facts & CRR_STATUS_THREADS);
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(readers[0].reads + readers[1].reads,
		  log_count(&self->log, CRR_TYPE_READ));
	ASSERT_EQ(TOTAL + 2, log_bytes_in(&self->log, logged, TOTAL));
	EXPECT_EQ(0, memcmp(sent, logged, TOTAL - CRR_READ_MAX));
}

/* Of readers that sleep each waits for the one before, and a signal ends it. */
TEST_F(record, readers_in_turn)
{
	struct line *line = &self->line;
	struct task readers[3];
	char bytes[3];

	catch_interrupts(false);
	ASSERT_EQ(0, record(line->session, 0));
	for (int i = 0; i < 3; i++) {
		begin(&readers[i], READ, .fd = line->tty, .buf = &bytes[i],
		      .length = 1);
		ASSERT_TRUE(sleeps(&readers[i]));
	}
	for (int i = 2; i > 0; i--) {
		interrupt(&readers[i]);
		ASSERT_TRUE(ends(&readers[i]));
		EXPECT_EQ(-EINTR, readers[i].result);
	}
	ASSERT_EQ(0, send_all(line->peer, "x", 1));
	ASSERT_TRUE(ends(&readers[0]));
	EXPECT_EQ(1, readers[0].result);
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_READ));
}

/* ---- Writes ---- */

FIXTURE(record_write) {
	struct line line;
	struct log log;
};

FIXTURE_VARIANT(record_write) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(record_write, plain) {};
FIXTURE_VARIANT_ADD(record_write, captured) { .flags = CRR_RECORD_CAPTURE };

FIXTURE_SETUP(record_write)
{
	setup_line(_metadata, &self->line);
}

FIXTURE_TEARDOWN(record_write)
{
	close_line(&self->line);
	log_free(&self->log);
}

/* One record for each chunk, whatever a kernel's chunks are. */
TEST_F(record_write, chunks)
{
	static const size_t sizes[] = { 1, 2047, 2048, 2049, 5000 };
	static const size_t chunks[] = { 1, 2047, 2048, 2048, 1, 2048, 2048, 904 };
	struct line *line = &self->line;
	char sent[5000], got[5000];
	struct record rec = {};
	size_t at = 0;

	pattern(sent, sizeof(sent), 0);
	ASSERT_EQ(0, record(line->session, variant->flags));
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, count(line->tty, i));
		EXPECT_EQ(sizes[i], sys(write(line->tty, sent, sizes[i])));
		ASSERT_EQ(sizes[i], receive_all(line->peer, got, sizes[i]));
		EXPECT_EQ(0, memcmp(sent, got, sizes[i]));
	}
	finish_log(_metadata, line, &self->log);
	ASSERT_EQ(ARRAY_SIZE(chunks), log_count(&self->log, CRR_TYPE_WRITE));
	for (int i = 0; i < ARRAY_SIZE(chunks); i++) {
		ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, i, &rec));
		EXPECT_EQ(chunks[i], rec.requested);
		EXPECT_EQ(chunks[i], rec.result);
		EXPECT_EQ(chunks[i], rec.offset);
		EXPECT_EQ(0, rec.refused);
		EXPECT_EQ(variant->flags ? CRR_FLAG_CAPTURED : 0, rec.flags);
		/* Every write(2) begins with the pattern's beginning. */
		if (!i || chunks[i - 1] < CRR_WRITE_MAX)
			at = 0;
		else if (i == 3)
			at = 0;
		EXPECT_EQ(crc32c(sent + at, chunks[i]), rec.crc);
		if (rec.flags & CRR_FLAG_CAPTURED)
			EXPECT_EQ(0, memcmp(sent + at, rec.data, chunks[i]));
		at += chunks[i];
	}
}

/*
 * What one write(2) of so many bytes did, told from its records, which begin
 * after the given one: as the tty core makes it of the chunks' results.
 */
static long told(const struct log *log, struct record *rec, size_t length)
{
	size_t done = 0;

	while (log_next(log, rec)) {
		if (rec->type != CRR_TYPE_WRITE ||
		    rec->requested != (length - done < CRR_WRITE_MAX ?
				       length - done : CRR_WRITE_MAX))
			return -EPROTO;
		if (rec->result <= 0)
			return done ?: rec->result;
		done += rec->result;
		if (done == length || rec->flags & CRR_FLAG_CUT)
			return done;
	}
	return -ENODATA;
}

/* Into a full pty: short, and then not at all. */
TEST_F(record_write, full)
{
	struct line *line = &self->line;
	long results[64];
	struct record rec = {};
	char sent[5000];
	int n = 0;

	pattern(sent, sizeof(sent), 0);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, true));
	ASSERT_EQ(0, record(line->session, variant->flags));
	do {
		results[n] = sys(write(line->tty, sent, sizeof(sent)));
	} while (results[n++] > 0 && n < ARRAY_SIZE(results));
	EXPECT_EQ(-EAGAIN, results[n - 1]);
	EXPECT_LT(1, n);
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_next(&self->log, &rec));
	for (int i = 0; i < n; i++)
		EXPECT_EQ(results[i], told(&self->log, &rec, sizeof(sent)));
	ASSERT_TRUE(log_next(&self->log, &rec));
	EXPECT_EQ(CRR_TYPE_STREAM_END, rec.type);
}

FIXTURE(interrupted) {
	struct line line;
	struct log log;
};

FIXTURE_VARIANT(interrupted) {
	bool restart;
};

FIXTURE_VARIANT_ADD(interrupted, plain) {};
FIXTURE_VARIANT_ADD(interrupted, restarted) { .restart = true };

FIXTURE_SETUP(interrupted)
{
	setup_line(_metadata, &self->line);
	catch_interrupts(variant->restart);
}

FIXTURE_TEARDOWN(interrupted)
{
	close_line(&self->line);
	log_free(&self->log);
}

/* A signal ends a write(2) that has written something. */
TEST_F(interrupted, write_cut_short)
{
	enum { LENGTH = 200000 };
	struct line *line = &self->line;
	char *sent = malloc(LENGTH);
	struct record rec = {};
	struct task writer;

	pattern(sent, LENGTH, 0);
	ASSERT_EQ(0, record(line->session, 0));
	begin(&writer, WRITE, .fd = line->tty, .buf = sent, .length = LENGTH);
	ASSERT_TRUE(sleeps(&writer));
	interrupt(&writer);
	ASSERT_TRUE(ends(&writer));
	EXPECT_LT(0, writer.result);
	EXPECT_GT(LENGTH, writer.result);
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_next(&self->log, &rec));
	EXPECT_EQ(writer.result, told(&self->log, &rec, LENGTH));
	EXPECT_TRUE(rec.flags & CRR_FLAG_CUT);
	ASSERT_TRUE(log_next(&self->log, &rec));
	EXPECT_EQ(CRR_TYPE_STREAM_END, rec.type);
}

/* A signal before anything is written: EINTR, or once more. */
TEST_F(interrupted, write_of_nothing)
{
	struct line *line = &self->line;
	struct record rec = {};
	struct task writer;
	char buf[10] = "";

	/* As after an XOFF: nothing goes out. */
	ASSERT_EQ(0, tcflow(line->tty, TCOOFF));
	ASSERT_EQ(0, record(line->session, 0));
	begin(&writer, WRITE, .fd = line->tty, .buf = buf, .length = 10);
	ASSERT_TRUE(sleeps(&writer));
	interrupt(&writer);
	if (variant->restart) {
		/* Its first record is there; it sleeps anew. */
		ASSERT_TRUE(eventually(!drain(line->session, &self->log) &&
				       log_count(&self->log, CRR_TYPE_WRITE)));
		ASSERT_TRUE(sleeps(&writer));
		ASSERT_EQ(0, tcflow(line->tty, TCOON));
	}
	ASSERT_TRUE(ends(&writer));
	EXPECT_EQ(variant->restart ? 10 : -EINTR, writer.result);
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, 0, &rec));
	EXPECT_EQ(-EINTR, rec.result);
	EXPECT_EQ(CRR_FLAG_CUT, rec.flags);
	EXPECT_EQ(0, rec.offset);
	if (variant->restart)
		EXPECT_EQ(10, told(&self->log, &rec, 10));
	EXPECT_EQ(1 + variant->restart,
		  log_count(&self->log, CRR_TYPE_WRITE));
}

/* An interrupted read has seen nothing. */
TEST_F(interrupted, read)
{
	struct line *line = &self->line;
	struct record rec;
	struct task reader;
	char c;

	ASSERT_EQ(0, record(line->session, 0));
	begin(&reader, READ, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(sleeps(&reader));
	interrupt(&reader);
	if (variant->restart)
		ASSERT_EQ(0, send_all(line->peer, "x", 1));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(variant->restart ? 1 : -EINTR, reader.result);
	if (!variant->restart)
		EXPECT_TRUE(status(line->session).facts &
			    CRR_STATUS_INTERRUPTED);
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_READ_ERROR));
	EXPECT_EQ(variant->restart, log_count(&self->log, CRR_TYPE_READ));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM_END, 0, &rec));
	EXPECT_EQ(0, rec.empty_reads);
}

/* ---- Errors that are neither EAGAIN nor EFAULT ---- */

/*
 * What a read and a write give in a background process group that nobody could
 * stop and continue. Returns the session's leader, whose end hangs up the tty.
 */
static pid_t in_background(const char *name, int results[2])
{
	int pipes[2];
	pid_t pid;

	if (pipe(pipes))
		return -1;
	pid = fork();
	if (pid) {
		close(pipes[1]);
		if (read(pipes[0], results, 2 * sizeof(int)) < 0)
			results[0] = -errno;
		close(pipes[0]);
		return pid;
	}

	setsid();
	if (open(name, O_RDWR) < 0)
		_exit(1);
	if (!fork()) {
		setpgid(0, 0);
		pid = getpid();
		if (!fork()) {
			int fd = open(name, O_RDWR);
			char c;

			while (getppid() == pid)
				breathe();
			results[0] = sys(read(fd, &c, 1));
			results[1] = sys(write(fd, "x", 1));
			_exit(write(pipes[1], results, 2 * sizeof(int)) < 0);
		}
		_exit(0);
	}
	close(pipes[1]);
	pause();
	_exit(0);
}

TEST_F(record, job_control)
{
	struct line *line = &self->line;
	struct termios termios;
	int results[2] = {};
	struct record rec;
	pid_t leader;

	tcgetattr(line->tty, &termios);
	termios.c_lflag |= TOSTOP;
	ASSERT_EQ(0, tcsetattr(line->tty, TCSANOW, &termios));
	ASSERT_EQ(0, record(line->session, CRR_RECORD_CAPTURE));
	leader = in_background(line->name, results);
	ASSERT_LT(0, leader);
	EXPECT_EQ(-EIO, results[0]);
	EXPECT_EQ(-EIO, results[1]);
	finish_log(_metadata, line, &self->log);
	kill(leader, SIGKILL);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ_ERROR, 0, &rec));
	EXPECT_EQ(EIO, rec.error);
	EXPECT_EQ(1, rec.sequence);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, 0, &rec));
	EXPECT_EQ(-EIO, rec.result);
	EXPECT_EQ(0, rec.offset);
	EXPECT_EQ(1, rec.requested);
	EXPECT_EQ(0, rec.flags & CRR_FLAG_CUT);
}

/* What sees nothing of the line is not in the log. */
TEST_F(record, of_no_bytes)
{
	struct line *line = &self->line;
	struct record rec;
	char c;

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, true));
	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_EQ(0, sys(read(line->tty, &c, 0)));
	EXPECT_EQ(0, sys(write(line->tty, &c, 0)));
	ASSERT_TRUE(deliver(line, "x", 1));
	EXPECT_EQ(0, sys(read(line->tty, &c, 0)));
	EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_END, 0, &rec));
	EXPECT_EQ(2, rec.sequence);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM_END, 0, &rec));
	EXPECT_EQ(0, rec.empty_reads);
}

/* ---- The counter ---- */

TEST_F(record, counter_by_ioctl)
{
	struct line *line = &self->line;
	static const __u64 counters[] = { 0, 1, 1, 1ULL << 40, CRR_NEVER };
	struct record rec;

	ASSERT_EQ(0, record(line->session, 0));
	for (int i = 0; i < ARRAY_SIZE(counters); i++) {
		if (counters[i])
			ASSERT_EQ(0, count(line->tty, counters[i]));
		ASSERT_EQ(1, write(line->tty, "x", 1));
		EXPECT_EQ(counters[i], status(line->session).counter);
	}
	/* Back is an error, for whoever says it. */
	EXPECT_EQ(-ERANGE, count(line->tty, 5));
	EXPECT_EQ(1, sys(write(line->tty, "x", 1)));
	finish_log(_metadata, line, &self->log);
	for (int i = 0; i < ARRAY_SIZE(counters); i++) {
		ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, i, &rec));
		EXPECT_EQ(counters[i], rec.counter);
	}
}

TEST_F(record, counter_by_page)
{
	struct line *line = &self->line;
	struct record rec;
	char c;

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, true));
	put(*line->counter, 100);
	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_EQ(CRR_STATE_RECORDING, look(line->state->state));
	EXPECT_EQ(CRR_NEVER, look(line->state->next_due));
	ASSERT_EQ(1, write(line->tty, "x", 1));
	put(*line->counter, 200);
	ASSERT_EQ(1, write(line->tty, "x", 1));
	/* Back: no operation, but what goes on from where it was. */
	put(*line->counter, 150);
	EXPECT_EQ(-ERANGE, sys(write(line->tty, "x", 1)));
	EXPECT_EQ(-ERANGE, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(-ERANGE, count(line->clock, 199));
	EXPECT_EQ(200, status(line->session).counter);
	EXPECT_EQ(0, count(line->clock, 201));
	EXPECT_EQ(201, look(*line->counter));
	ASSERT_EQ(1, write(line->tty, "x", 1));
	put(*line->counter, 300);
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(CRR_STATE_IDLE, look(line->state->state));

	static const __u64 counters[] = { 100, 200, 201 };

	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM, 0, &rec));
	EXPECT_EQ(100, rec.counter);
	EXPECT_EQ(ARRAY_SIZE(counters), log_count(&self->log, CRR_TYPE_WRITE));
	for (int i = 0; i < ARRAY_SIZE(counters); i++) {
		ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, i, &rec));
		EXPECT_EQ(counters[i], rec.counter);
	}
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_END, 0, &rec));
	EXPECT_EQ(300, rec.counter);
}

/* ---- Begin and end ---- */

TEST_F(record, stream_describes_the_tty)
{
	struct line *line = &self->line;
	struct termios termios;
	struct record rec;
	char name[64];

	tcgetattr(line->tty, &termios);
	termios.c_iflag = IXON | ISTRIP;
	termios.c_oflag = OPOST | OFILL;
	termios.c_lflag = ISIG | NOFLSH;
	cfsetspeed(&termios, B9600);
	ASSERT_EQ(0, tcsetattr(line->tty, TCSANOW, &termios));
	tcgetattr(line->tty, &termios);
	ASSERT_EQ(0, record(line->session, 0));
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM, 0, &rec));
	EXPECT_EQ(0, rec.sequence);
	EXPECT_EQ(0, rec.stream);
	EXPECT_EQ(0, rec.counter);
	/* /dev/pts/5 is pts5 to the kernel. */
	snprintf(name, sizeof(name), "pts%s", line->name + 9);
	ASSERT_EQ(strlen(name), rec.length);
	EXPECT_EQ(0, memcmp(name, rec.data, rec.length));
	EXPECT_EQ(termios.c_iflag, rec.termios.iflag);
	EXPECT_EQ(termios.c_oflag, rec.termios.oflag);
	EXPECT_EQ(termios.c_cflag, rec.termios.cflag);
	EXPECT_EQ(termios.c_lflag, rec.termios.lflag);
	EXPECT_EQ(9600, rec.termios.ispeed);
	EXPECT_EQ(9600, rec.termios.ospeed);
}

TEST_F(record, status_tells)
{
	struct line *line = &self->line;
	struct crr_status st = status(line->session);
	struct crr_status of_tty;
	char buf[8];

	EXPECT_EQ(CRR_STATE_IDLE, st.state);
	EXPECT_EQ(CRR_STATUS_CONTROLLER | CRR_STATUS_SESSION, st.facts);
	EXPECT_EQ(CRR_NO_STREAM, st.stream);
	EXPECT_EQ(1, st.streams);

	ASSERT_EQ(0, record_into(line->session, 0, 300000));
	ASSERT_EQ(0, count(line->tty, 42));
	ASSERT_EQ(3, write(line->tty, "out", 3));
	ASSERT_TRUE(deliver(line, "come", 4));
	ASSERT_EQ(4, read(line->tty, buf, sizeof(buf)));
	of_tty = status(line->tty);
	st = status(line->session);
	EXPECT_EQ(0, of_tty.stream);
	of_tty.stream = CRR_NO_STREAM;
	EXPECT_EQ(4, of_tty.received);
	of_tty.received = 0;
	EXPECT_EQ(line->tty, of_tty.tty_fd);
	of_tty.tty_fd = st.tty_fd;
	EXPECT_EQ(0, memcmp(&of_tty, &st, sizeof(st)));
	EXPECT_EQ(CRR_STATUS_CONTROLLER | CRR_STATUS_SESSION |
		  CRR_STATUS_COUNTED | CRR_STATUS_UNREAD, st.facts);
	EXPECT_EQ(CRR_STATE_RECORDING, st.state);
	EXPECT_EQ(CRR_REASON_NONE, st.reason);
	EXPECT_EQ(42, st.counter);
	EXPECT_EQ(3, st.sequence);
	EXPECT_EQ(3, st.records);
	EXPECT_EQ(4, st.bytes_in);
	EXPECT_EQ(3, st.bytes_out);
	EXPECT_LE(300000, st.buffer_size);
	EXPECT_EQ(CRR_NEVER, st.next_due);
	EXPECT_EQ(0, st.waiting);
	/* What has been read is there until the next read. */
	EXPECT_EQ(0, drain(line->session, &self->log));
	EXPECT_EQ(self->log.length, st.buffered);
	EXPECT_EQ(0, status(line->session).buffered);
	EXPECT_EQ(0, status(line->session).facts & CRR_STATUS_UNREAD);

	ASSERT_EQ(0, map_clock(line));
	EXPECT_TRUE(status(line->clock).facts & CRR_STATUS_CLOCK);
	finish_log(_metadata, line, &self->log);
	st = status(line->clock);
	EXPECT_EQ(CRR_STATE_IDLE, st.state);
	EXPECT_EQ(5, st.sequence);
	EXPECT_EQ(5, st.records);
}

/* A log is read to its end before there is another. */
TEST_F(record, again)
{
	struct line *line = &self->line;
	struct record rec;
	int n = 0;
	char c;

	EXPECT_EQ(-EINVAL, sys(read(line->session, &c, 1)));
	EXPECT_EQ(-ENODATA, stop(line->session));
	for (int i = 0; i < 3; i++) {
		log_free(&self->log);
		ASSERT_EQ(0, record(line->session, 0));
		EXPECT_EQ(-EBUSY, record(line->session, 0));
		EXPECT_EQ(-EBUSY, replay(line->session, 0));
		ASSERT_EQ(0, count(line->tty, 10));
		ASSERT_EQ(1, write(line->tty, "x", 1));
		ASSERT_EQ(0, stop(line->session));
		EXPECT_EQ(-ENODATA, stop(line->session));
		EXPECT_EQ(-EBUSY, record(line->session, 0));
		EXPECT_EQ(-EBUSY, replay(line->session, 0));
		/* Not in the log, but on the line. */
		ASSERT_EQ(1, write(line->tty, "y", 1));
		ASSERT_EQ(0, drain_to_end(line->session, &self->log));
		EXPECT_EQ(0, sys(read(line->session, &c, 1)));
		expect_valid(_metadata, &self->log, true);
		EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_WRITE));
		ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM, 0, &rec));
		EXPECT_EQ(0, rec.counter);
	}
	EXPECT_TRUE(eventually((n += swallow(line->peer)) == 6));
}

/* What is in flight when recording is to begin would be half in the log. */
TEST_F(record, needs_quiet)
{
	struct line *line = &self->line;
	struct task task;
	char buf[1];

	begin(&task, READ, .fd = line->tty, .buf = buf, .length = 1);
	ASSERT_TRUE(sleeps(&task));
	EXPECT_EQ(-EBUSY, record(line->session, 0));
	EXPECT_EQ(-EBUSY, replay(line->session, 0));
	EXPECT_EQ(CRR_STATE_IDLE, status(line->session).state);
	ASSERT_EQ(0, send_all(line->peer, "x", 1));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(1, task.result);

	ASSERT_EQ(0, tcflow(line->tty, TCOOFF));
	begin(&task, WRITE, .fd = line->tty, .buf = buf, .length = 1);
	ASSERT_TRUE(sleeps(&task));
	EXPECT_EQ(-EBUSY, record(line->session, 0));
	ASSERT_EQ(0, tcflow(line->tty, TCOON));
	ASSERT_TRUE(ends(&task));
	ASSERT_EQ(0, record(line->session, 0));
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_READ));
	EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_WRITE));
}

#define FLOOD 200000	/* bytes as fast as it goes */
#define STEPS 10000	/* and then such as are sent when the last was read */

struct drinker {
	struct line *line;
	int fd;
	atomic_size_t got;
	const char *fault;
	atomic_bool done;
	pthread_t thread;
	pthread_t flood;
};

static void *flood(void *arg)
{
	struct drinker *drinker = arg;
	char bytes[700];

	for (size_t done = 0, n; done < FLOOD + STEPS; done += n) {
		n = done < FLOOD ? 1 + done % 300 : 1;
		while (done >= FLOOD && drinker->got < done && !drinker->done)
			sched_yield();
		pattern(bytes, n, done);
		if (send_all(drinker->line->peer, bytes, n))
			break;
	}
	return NULL;
}

/* Polls, and reads what there is. */
static void *drink(void *arg)
{
	struct drinker *drinker = arg;
	struct pollfd pollfd = { .fd = drinker->fd, .events = POLLIN };
	char buf[4096], expected[4096];

	while (drinker->got < FLOOD + STEPS && !drinker->fault) {
		ssize_t n = read(drinker->fd, buf, sizeof(buf));

		if (n < 0 && errno == EAGAIN) {
			long long until = now_ms() + PATIENCE_MS;

			/* Before it gives up it looks once more. */
			poll(&pollfd, 1, PATIENCE_MS);
			if (now_ms() >= until)
				drinker->fault = "poll(2) never woke";
			continue;
		}
		if (n <= 0) {
			drinker->fault = "read(2) failed";
			break;
		}
		pattern(expected, n, drinker->got);
		if (memcmp(expected, buf, n))
			drinker->fault = "bytes are missing";
		drinker->got += n;
	}
	drinker->done = true;
	return NULL;
}

/* To whoever uses the line a start that is refused has never happened. */
TEST_F_TIMEOUT(record, refused_start_is_unnoticed, 300)
{
	struct line *line = &self->line;
	struct drinker drinker = { .line = line };
	struct task writer;
	long refused = 0;

	/* One who is in the middle of a write, all the time. */
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	ASSERT_EQ(0, tcflow(line->tty, TCOOFF));
	begin(&writer, WRITE, .fd = line->tty, .buf = "w", .length = 1);
	ASSERT_TRUE(sleeps(&writer));
	drinker.fd = open(line->name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	ASSERT_LE(0, drinker.fd);
	ASSERT_EQ(0, pthread_create(&drinker.thread, NULL, drink, &drinker));
	ASSERT_EQ(0, pthread_create(&drinker.flood, NULL, flood, &drinker));
	while (!drinker.done) {
		ASSERT_EQ(-EBUSY, refused % 8 ? replay(line->session, 0) :
			  record_into(line->session, 0, CRR_BUFFER_MIN));
		refused++;
	}
	pthread_join(drinker.thread, NULL);
	EXPECT_EQ(NULL, drinker.fault) {
		TH_LOG("%s after %zu bytes, %ld refusals", drinker.fault,
		       (size_t)drinker.got, refused);
	}
	ASSERT_EQ(0, tcflow(line->tty, TCOON));
	ASSERT_TRUE(ends(&writer));
	/* What the drinker has left would hold up the flood. */
	while (pthread_tryjoin_np(drinker.flood, NULL))
		tcflush(drinker.fd, TCIFLUSH);
	close(drinker.fd);
	EXPECT_LT(0, refused);
}

/* STOP does not wait for who waits: it goes on with the device. */
TEST_F(record, stop_with_a_reader)
{
	struct line *line = &self->line;
	struct task reader;
	char c = 0;

	ASSERT_EQ(0, record(line->session, 0));
	begin(&reader, READ, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(sleeps(&reader));
	finish_log(_metadata, line, &self->log);
	EXPECT_TRUE(sleeps(&reader));
	EXPECT_EQ(-EBUSY, record(line->session, 0));
	ASSERT_EQ(0, send_all(line->peer, "x", 1));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(1, reader.result);
	EXPECT_EQ('x', c);
	EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_READ));
	/* Nor is it in the next one. */
	log_free(&self->log);
	ASSERT_EQ(0, record(line->session, 0));
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_READ));
}

/* ---- The tty goes ---- */

static bool line_is_gone(int session)
{
	return polled(session, POLLIN) & POLLHUP;
}

/* The two records at the end of a hung up stream, and their stamp. */
static void expect_hangup(struct __test_metadata *_metadata,
			  const struct log *log, __u64 counter)
{
	struct record rec;

	ASSERT_TRUE(log_get(log, CRR_TYPE_HANGUP, 0, &rec));
	EXPECT_EQ(counter, rec.counter);
	ASSERT_TRUE(log_get(log, CRR_TYPE_STREAM_END, 0, &rec));
	EXPECT_EQ(counter, rec.counter);
	EXPECT_EQ(CRR_END_HANGUP, rec.reason);
}

FIXTURE(hangup) {
	struct line line;
	struct log log;
};

FIXTURE_VARIANT(hangup) {
	bool vhangup;
};

FIXTURE_VARIANT_ADD(hangup, master_closed) {};
FIXTURE_VARIANT_ADD(hangup, vhangup) { .vhangup = true };

FIXTURE_SETUP(hangup)
{
	if (!setup_line(_metadata, &self->line))
		return;
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
}

FIXTURE_TEARDOWN(hangup)
{
	close_line(&self->line);
	log_free(&self->log);
}

static bool hang_up_line(struct line *line, bool vhangup)
{
	if (vhangup) {
		if (hang_up(line->name))
			return false;
	} else {
		close_fd(&line->peer);
	}
	return eventually(line_is_gone(line->session));
}

/* Without a clock the emulator notices at the counter of the hangup. */
TEST_F(hangup, without_clock)
{
	struct line *line = &self->line;
	struct record rec;
	char c;

	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_FALSE(line_is_gone(line->session));
	ASSERT_EQ(0, count(line->tty, 5));
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	ASSERT_TRUE(hang_up_line(line, variant->vhangup));
	EXPECT_EQ(0, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(-EIO, sys(write(line->tty, "x", 1)));
	EXPECT_EQ(CRR_STATE_RECORDING, status(line->session).state);
	EXPECT_EQ(0, drain(line->session, &self->log));
	expect_valid(_metadata, &self->log, false);
	expect_hangup(_metadata, &self->log, 5);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_HANGUP, 0, &rec));
	EXPECT_EQ(1, rec.empty_reads);
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_HANGUP));
	/* There is nothing left to be recorded. */
	EXPECT_EQ(-ENODEV, record(line->session, 0));
	EXPECT_EQ(-ENODEV, replay(line->session, 0));
}

/* With a clock: at the counter at which it says that it did. */
TEST_F(hangup, with_clock)
{
	struct line *line = &self->line;
	__u64 rx_seq;
	char c;

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, record(line->session, 0));
	put(*line->counter, 5);
	/* Of what has not happened nobody can say that he saw it. */
	ASSERT_EQ(0, count(line->clock, 5));
	rx_seq = look(line->state->rx_seq);
	ASSERT_TRUE(hang_up_line(line, variant->vhangup));
	EXPECT_NE(rx_seq, look(line->state->rx_seq));
	EXPECT_EQ(0, drain(line->session, &self->log));
	EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_HANGUP));
	put(*line->counter, 9);
	EXPECT_EQ(0, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(0, count(line->clock, 9));
	put(*line->counter, 12);
	EXPECT_EQ(0, drain(line->session, &self->log));
	expect_hangup(_metadata, &self->log, 9);
	/* Once is enough. */
	EXPECT_EQ(0, count(line->clock, 13));
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_HANGUP));
}

/* It never looked. */
TEST_F(hangup, not_noticed_before_stop)
{
	struct line *line = &self->line;

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_TRUE(hang_up_line(line, variant->vhangup));
	put(*line->counter, 7);
	finish_log(_metadata, line, &self->log);
	expect_hangup(_metadata, &self->log, 7);
}

/* Who held the clock is gone, and will never say. */
TEST_F(hangup, clock_gone)
{
	struct line *line = &self->line;

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, record(line->session, 0));
	put(*line->counter, 5);
	ASSERT_TRUE(hang_up_line(line, variant->vhangup));
	put(*line->counter, 8);
	close_clock(line);
	EXPECT_TRUE(eventually(!drain(line->session, &self->log) &&
			       log_count(&self->log, CRR_TYPE_HANGUP)));
	expect_hangup(_metadata, &self->log, 8);
	finish_log(_metadata, line, &self->log);
}

TEST_F(hangup, clock_gone_before)
{
	struct line *line = &self->line;

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, record(line->session, 0));
	put(*line->counter, 5);
	close_clock(line);
	ASSERT_TRUE(hang_up_line(line, variant->vhangup));
	EXPECT_EQ(0, drain(line->session, &self->log));
	expect_hangup(_metadata, &self->log, 5);
	finish_log(_metadata, line, &self->log);
}

/* A reader that sleeps sees the hangup; with the last bytes before it. */
TEST_F(hangup, of_a_reader)
{
	struct line *line = &self->line;
	struct task reader;
	char c;

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	ASSERT_EQ(0, record(line->session, 0));
	begin(&reader, READ, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(sleeps(&reader));
	ASSERT_TRUE(hang_up_line(line, variant->vhangup));
	ASSERT_TRUE(ends(&reader));
	/* The peer closes its end before the line is hung up. */
	if (reader.result != -EIO || variant->vhangup)
		EXPECT_EQ(0, reader.result);
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(reader.result == -EIO,
		  log_count(&self->log, CRR_TYPE_PEER_CLOSED));
	EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_READ_ERROR));
	expect_hangup(_metadata, &self->log, 0);
}

/* Another discipline: the emulator has closed the line, as far as we know. */
TEST_F(record, left_for_another_discipline)
{
	struct line *line = &self->line;
	struct record rec;
	int n = 0;

	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, count(line->tty, 5));
	ASSERT_EQ(1, write(line->tty, "x", 1));
	ASSERT_EQ(0, detach(line->tty));
	EXPECT_TRUE(line_is_gone(line->session));
	ASSERT_EQ(1, write(line->tty, "y", 1));
	ASSERT_EQ(0, attach(line->tty));
	ASSERT_EQ(1, write(line->tty, "z", 1));
	EXPECT_TRUE(eventually((n += swallow(line->peer)) == 3));
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_WRITE));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM_END, 0, &rec));
	EXPECT_EQ(CRR_END_CLOSED, rec.reason);
	EXPECT_EQ(5, rec.counter);
}

TEST_HARNESS_MAIN
