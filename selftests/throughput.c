// SPDX-License-Identifier: GPL-2.0-only
/*
 * Much, as fast as it goes: no record is lost, and no byte is another.
 *
 * CRR_MEGABYTES goes over a pty in each direction, CRR_SERIAL_BYTES over a
 * serial port; an hour of 115,200 baud is 41,472,000 bytes.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(throughput) {
	struct line line;
};

FIXTURE_VARIANT(throughput) {
	const char *tty;
	const char *peer;
};

FIXTURE_VARIANT_ADD(throughput, pty) {};

FIXTURE_VARIANT_ADD(throughput, serial) {
	.tty = "/dev/ttyS2", .peer = "/dev/ttyS3",
};

FIXTURE_SETUP(throughput)
{
	if (!setup_pair(_metadata, &self->line, variant->tty, variant->peer))
		return;
	/* At full speed a slow emulated port would overrun. */
	for (int i = 0; variant->tty && i < 2; i++) {
		int fd = i ? self->line.peer : self->line.tty;
		struct termios termios;

		ASSERT_EQ(0, tcgetattr(fd, &termios));
		termios.c_cflag |= CRTSCTS;
		ASSERT_EQ(0, tcsetattr(fd, TCSANOW, &termios));
	}
	ASSERT_EQ(0, attach(self->line.tty));
	self->line.session = open_session(self->line.tty);
	ASSERT_LE(0, self->line.session);
	ASSERT_EQ(0, set_flags(self->line.session, O_NONBLOCK, false));
	ASSERT_EQ(0, map_clock(&self->line));
}

FIXTURE_TEARDOWN(throughput)
{
	close_line(&self->line);
}

/* One who sends or receives the pattern, and knows whether it is right. */
struct end {
	int fd;
	size_t bytes;
	__u64 *counter;		/* moved with each call, if there is one */
	const char *fault;
	pthread_t thread;
};

static void *send_pattern(void *arg)
{
	struct end *end = arg;
	char buf[8192];

	for (size_t done = 0; done < end->bytes; ) {
		size_t length = end->bytes - done;
		ssize_t n;

		if (length > sizeof(buf))
			length = sizeof(buf);
		pattern(buf, length, done);
		if (end->counter)
			put(*end->counter, done);
		n = write(end->fd, buf, length);
		if (n <= 0) {
			end->fault = "write(2) failed";
			break;
		}
		done += n;
	}
	return NULL;
}

static void *receive_pattern(void *arg)
{
	struct end *end = arg;
	char buf[65536], expected[65536];

	for (size_t done = 0; done < end->bytes; ) {
		ssize_t n;

		if (end->counter)
			put(*end->counter, done);
		n = read(end->fd, buf, sizeof(buf));
		if (n <= 0) {
			end->fault = "read(2) failed";
			break;
		}
		if (end->counter && n > CRR_READ_MAX) {
			end->fault = "read(2) gave more than one record holds";
			break;
		}
		pattern(expected, n, done);
		if (memcmp(expected, buf, n)) {
			end->fault = "received something else";
			break;
		}
		done += n;
	}
	return NULL;
}

/* Everything that the session tells, judged as it comes. */
struct verdict {
	int session;
	__u64 sequence;
	__u64 counter;
	size_t in;
	size_t out;
	const char *fault;
	pthread_t thread;
};

static void judge(struct verdict *verdict, const struct record *rec)
{
	__u8 expected[CRR_READ_MAX];

	if (rec->sequence != verdict->sequence++)
		verdict->fault = "a sequence number is missing";
	if (rec->counter < verdict->counter)
		verdict->fault = "the counter goes back";
	verdict->counter = rec->counter;
	if (rec->type == CRR_TYPE_READ) {
		pattern(expected, rec->length, verdict->in);
		if (memcmp(expected, rec->data, rec->length))
			verdict->fault = "READ has other bytes";
		verdict->in += rec->length;
	} else if (rec->type == CRR_TYPE_WRITE) {
		pattern(expected, rec->requested, verdict->out);
		if (crc32c(expected, rec->requested) != rec->crc)
			verdict->fault = "WRITE has another CRC";
		verdict->out += rec->offset;
	}
}

static void *consume(void *arg)
{
	struct verdict *verdict = arg;
	struct log log = {};
	ssize_t n = 1;
	__u8 *buf = malloc(128 << 10);

	while (n > 0 && !verdict->fault) {
		struct record rec = {};

		n = read(verdict->session, buf, 128 << 10);
		if (n < 0)
			verdict->fault = "the session cannot be read";
		if (n <= 0)
			break;
		log.bytes = buf;
		log.length = n;
		while (log_next(&log, &rec))
			judge(verdict, &rec);
		if (rec.at + rec.size != log.length)
			verdict->fault = "not a whole record";
	}
	free(buf);
	return NULL;
}

TEST_F_TIMEOUT(throughput, without_a_gap, 3600)
{
	struct line *line = &self->line;
	size_t bytes = env_number("CRR_MEGABYTES", 4) * 1000000;
	const char *fault = NULL;

	if (variant->tty)
		bytes = env_number("CRR_SERIAL_BYTES", 200000);
	for (int out = 0; out < 2; out++) {
		struct verdict verdict = { .session = line->session };
		struct end from = { .fd = out ? line->tty : line->peer };
		struct end to = { .fd = out ? line->peer : line->tty };
		long long begun = now_ms(), ms;

		from.bytes = bytes;
		to.bytes = bytes;
		put(*line->counter, 0);
		(out ? &from : &to)->counter = line->counter;
		ASSERT_EQ(0, record(line->session, 0));
		ASSERT_EQ(0, pthread_create(&verdict.thread, NULL, consume,
					    &verdict));
		ASSERT_EQ(0, pthread_create(&to.thread, NULL, receive_pattern,
					    &to));
		ASSERT_EQ(0, pthread_create(&from.thread, NULL, send_pattern,
					    &from));
		ASSERT_EQ(0, pthread_join(from.thread, NULL));
		ASSERT_EQ(0, pthread_join(to.thread, NULL));
		ms = now_ms() - begun;
		ASSERT_EQ(0, stop(line->session));
		ASSERT_EQ(0, pthread_join(verdict.thread, NULL));
		fault = from.fault ?: to.fault ?: verdict.fault;
		EXPECT_EQ(NULL, fault) {
			TH_LOG("%s", fault);
		}
		EXPECT_EQ(bytes, out ? verdict.out : verdict.in);
		EXPECT_EQ(0, out ? verdict.in : verdict.out);
		TH_LOG("%zu bytes %s the emulator, %llu records, %lld.%03lld s",
		       bytes, out ? "from" : "to", verdict.sequence, ms / 1000,
		       ms % 1000);
	}
}

TEST_HARNESS_MAIN
