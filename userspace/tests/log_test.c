// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Log files: crr_log_*. What is written whole can be read; what is cut,
 * damaged or not ours is refused where it is, with all before it given; and
 * whoever goes on with a log loses nothing.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/log.h"
#include "records.h"

#define BLOCKS_MAX 64

static const struct crr_log_info plain_info = {
	.created = 1700000000123456789,
	.counter = "cycles",
	.command = "emulator --firmware shell.elf /dev/ttyS0",
};

/**
 * struct example - a log, and what is in it
 * @fd: the file
 * @size: of the file
 * @header: of its header
 * @nblocks: how many blocks follow
 * @block: where each ends: in the file, and in @records
 * @records: all records, as crr_log_append() took them
 * @length: in bytes
 * @nrecords: how many
 */
struct example {
	int fd;
	size_t size;
	size_t header;
	unsigned int nblocks;
	struct {
		size_t end;
		size_t records_end;
		uint64_t nrecords;
	} block[BLOCKS_MAX];
	unsigned char *records;
	size_t length;
	uint64_t nrecords;
};

static int temporary(void)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void add_record(struct example *ex, const struct crr_record *rec)
{
	ex->records = realloc(ex->records, ex->length + CRR_RECORD_SIZE_MAX);
	assert_non_null(ex->records);
	ex->length += crr_record_encode(ex->records + ex->length, rec);
	ex->nrecords++;
}

static void end_block(struct example *ex, struct crr_log_writer *log)
{
	assert_int_equal(crr_log_flush(log), 0);
	assert_in_range(ex->nblocks, 0, BLOCKS_MAX - 1);
	ex->size = crr_log_written(log);
	ex->block[ex->nblocks].end = ex->size;
	ex->block[ex->nblocks].records_end = ex->length;
	ex->block[ex->nblocks].nrecords = ex->nrecords;
	ex->nblocks++;
}

/* A log of a few small blocks. */
static void make_example(struct example *ex, unsigned int nblocks,
			 unsigned int per_block, bool complete)
{
	struct source src = { .rng = { 7 }, .largest = 20 };
	struct crr_log_writer *log;
	struct crr_record rec;
	unsigned int i, j;
	size_t start;

	*ex = (struct example){ .fd = temporary() };
	log = crr_log_create(ex->fd, &plain_info);
	assert_non_null(log);
	ex->header = ex->size = crr_log_written(log);
	for (i = 0; i < nblocks; i++) {
		start = ex->length;
		for (j = 0; j < per_block; j++) {
			source_record(&src, &rec);
			add_record(ex, &rec);
		}
		while (complete && i == nblocks - 1 && source_end(&src, &rec))
			add_record(ex, &rec);
		assert_int_equal(crr_log_append(log, ex->records + start,
						ex->length - start),
				 0);
		end_block(ex, log);
	}
	assert_int_equal(crr_log_records(log), ex->nrecords);
	assert_int_equal(crr_log_complete(log), complete);
	assert_int_equal(crr_log_finish(log), 0);
	assert_int_equal(lseek(ex->fd, 0, SEEK_END), ex->size);
}

static void free_example(struct example *ex)
{
	close(ex->fd);
	free(ex->records);
}

static void copy_to(const struct example *ex, int fd, size_t size)
{
	unsigned char *bytes = malloc(ex->size);

	assert_non_null(bytes);
	assert_int_equal(pread(ex->fd, bytes, ex->size, 0), ex->size);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
	lseek(fd, 0, SEEK_SET);
	free(bytes);
}

static unsigned char *content(int fd, size_t *size)
{
	unsigned char *bytes;

	*size = (size_t)lseek(fd, 0, SEEK_END);
	bytes = malloc(*size + 1);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, *size, 0), *size);
	return bytes;
}

static void assert_same_content(int a, int b)
{
	size_t na, nb;
	unsigned char *pa = content(a, &na);
	unsigned char *pb = content(b, &nb);

	assert_int_equal(na, nb);
	assert_memory_equal(pa, pb, na);
	free(pa);
	free(pb);
}

/*
 * Read a log's blocks: they must be those of the example, from the first on.
 * Returns how many there were; -1 for a file that is refused as a whole. *err
 * is 0 or the errno that ended it.
 */
static int read_blocks(const struct example *ex, int fd, int *err,
		       struct crr_log_error *error)
{
	struct crr_log_reader *log;
	const void *records;
	size_t length, at = 0;
	int ret, n = 0;

	lseek(fd, 0, SEEK_SET);
	*error = (struct crr_log_error){ .offset = UINT64_MAX };
	*err = 0;
	log = crr_log_open(fd, error);
	if (!log) {
		*err = errno;
		return -1;
	}
	for (;;) {
		assert_int_equal(crr_log_offset(log),
				 n ? ex->block[n - 1].end : ex->header);
		ret = crr_log_block(log, &records, &length, error);
		if (ret <= 0)
			break;
		assert_in_range(n, 0, ex->nblocks - 1);
		assert_int_equal(at + length, ex->block[n].records_end);
		assert_memory_equal(records, ex->records + at, length);
		at += length;
		n++;
	}
	if (ret < 0)
		*err = errno;
	assert_int_equal(crr_log_ended(log), n == (int)ex->nblocks);
	crr_log_close(log);
	return n;
}

/* How many records can be read? */
static uint64_t read_records(int fd)
{
	struct crr_log_error error;
	struct crr_log_reader *log;
	struct crr_record rec;
	uint64_t n = 0;

	lseek(fd, 0, SEEK_SET);
	log = crr_log_open(fd, &error);
	assert_non_null(log);
	while (crr_log_next(log, &rec, &error) > 0)
		n++;
	crr_log_close(log);
	return n;
}

/* ---- Writing and reading ---- */

/* Version 1, byte for byte: what was once written will always be read. */
static void test_golden(void **state)
{
	/* clang-format off */
	static const char golden[] =
		"\211CRR\r\n\032\n"
		"\1\0\0\0" "\70\0\0\0"		/* version, length */
		"\0\0\0\0" "\x8d\x79\xfd\x4c"	/* delivery, CRC */
		"\10\7\6\5\4\3\2\1"		/* created */
		"counter=n\ncommand=e\n" "\0\0\0\0";
	static const char block[] =
		"CBLK" "\0\0" "\0\0"		/* codec, reserved */
		"\120\0\0\0" "\120\0\0\0"	/* stored, length */
		"\0\0\0\0\0\0\0\0"		/* sequence */
		"\11\0\0\0\0\0\0\0"		/* counter */
		"\2\0\0\0" "\xdb\x12\x13\xcd"	/* records, their CRC */
		"\xa5\xc3\xdb\x16" "\0\0\0\0"	/* the header's CRC */
		"\1\0" "\0\0" "\0\0" "\34\0"	/* STREAM; length */
		"\0\0\0\0\0\0\0\0"		/* sequence */
		"\11\0\0\0\0\0\0\0"		/* counter */
		"\1\0\0\0" "\2\0\0\0" "\3\0\0\0"
		"\4\0\0\0" "\5\0\0\0" "\6\0\0\0"
		"pts0" "\0\0\0\0"
		"\64\x92" "\0\0" "\0\0" "\0\0"	/* unknown, optional */
		"\1\0\0\0\0\0\0\0"
		"\12\0\0\0\0\0\0\0";
	/* clang-format on */
	const struct crr_log_info info = {
		.created = 0x0102030405060708,
		.counter = "n",
		.command = "e",
	};
	const struct crr_record stream = {
		.type = CRR_TYPE_STREAM,
		.counter = 9,
		.termios = { 1, 2, 3, 4, 5, 6 },
		.data = (const unsigned char *)"pts0",
		.data_length = 4,
	};
	const struct crr_record optional = {
		.type = CRR_TYPE_OPTIONAL | 0x1234,
		.sequence = 1,
		.counter = 10,
	};
	unsigned char buf[128];
	struct crr_log_writer *log;
	unsigned char *bytes;
	size_t size, n;
	int fd = temporary();

	log = crr_log_create(fd, &info);
	assert_non_null(log);
	assert_int_equal(crr_log_written(log), sizeof(golden) - 1);
	n = crr_record_encode(buf, &stream);
	n += crr_record_encode(buf + n, &optional);
	assert_int_equal(crr_log_append(log, buf, n), 0);
	assert_int_equal(crr_log_finish(log), 0);
	bytes = content(fd, &size);
	assert_int_equal(size, sizeof(golden) - 1 + sizeof(block) - 1);
	assert_memory_equal(bytes, golden, sizeof(golden) - 1);
	assert_memory_equal(bytes + sizeof(golden) - 1, block,
			    sizeof(block) - 1);
	free(bytes);
	close(fd);
}

/* Large blocks, written as they fill, from pieces of any size. */
static void test_round_trip(void **state)
{
	struct source src = { .rng = { 11 } };
	struct example ex = { .fd = temporary() };
	struct crr_record rec, again, first;
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_log_writer *log;
	size_t at, size, piece, length, blocks = 0;
	const void *records;
	unsigned int i;
	int ret;

	for (i = 0; i < 1000; i++) {
		source_record(&src, &rec);
		add_record(&ex, &rec);
	}
	while (source_end(&src, &rec))
		add_record(&ex, &rec);

	log = crr_log_create(ex.fd, &plain_info);
	assert_non_null(log);
	for (at = 0; at < ex.length; at += piece) {
		i = rng_below(&src.rng, 50);
		for (piece = 0; at + piece < ex.length && i--;)
			piece += crr_record_skip(ex.records + at + piece);
		assert_int_equal(crr_log_append(log, ex.records + at, piece),
				 0);
	}
	assert_true(crr_log_complete(log));
	assert_int_equal(crr_log_records(log), ex.nrecords);
	assert_int_equal(crr_log_finish(log), 0);

	/* By blocks. */
	lseek(ex.fd, 0, SEEK_SET);
	in = crr_log_open(ex.fd, &error);
	assert_non_null(in);
	assert_false(crr_log_ended(in));
	for (at = 0; (ret = crr_log_block(in, &records, &length, &error)) > 0;
	     at += length, blocks++) {
		assert_in_range(length, 1, CRR_BLOCK_MAX);
		assert_true(at + length <= ex.length);
		assert_memory_equal(records, ex.records + at, length);
	}
	assert_int_equal(ret, 0);
	assert_int_equal(at, ex.length);
	assert_in_range(blocks, 5, 100);
	assert_true(crr_log_ended(in));
	assert_int_equal(crr_log_offset(in), lseek(ex.fd, 0, SEEK_END));
	/* The end stays the end. */
	assert_int_equal(crr_log_block(in, &records, &length, &error), 0);
	crr_log_close(in);

	/* By records. */
	lseek(ex.fd, 0, SEEK_SET);
	in = crr_log_open(ex.fd, &error);
	assert_non_null(in);
	first = (struct crr_record){ 0 };
	for (at = 0; (ret = crr_log_next(in, &rec, &error)) > 0; at += size) {
		assert_int_equal(crr_record_decode(ex.records + at,
						   ex.length - at, &size,
						   &again),
				 0);
		assert_same_record(&rec, &again);
		first = rec;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(at, ex.length);
	assert_int_equal(first.type, CRR_TYPE_END);
	assert_int_equal(crr_log_next(in, &rec, &error), 0);
	crr_log_close(in);
	free_example(&ex);
}

/*
 * Blocks end where they are full; a record that makes one overfull is still
 * in it. Sizes around the limit, and records of the largest size.
 */
static void test_block_boundaries(void **state)
{
	static unsigned char data[CRR_READ_MAX];
	/* Record, and data so that a READ takes a multiple of this. */
	const uint32_t sizes[] = { CRR_READ_MAX, 32, 24, 1, 8 };
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_log_writer *log;
	unsigned char buf[CRR_RECORD_SIZE_MAX];
	struct crr_record rec;
	size_t size, i, total, length;
	const void *records;
	uint64_t sequence;
	int fd, ret;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fd = temporary();
		log = crr_log_create(fd, &plain_info);
		assert_non_null(log);
		rec = (struct crr_record){
			.type = CRR_TYPE_STREAM,
			.data = (const unsigned char *)"x",
			.data_length = 1,
		};
		size = crr_record_encode(buf, &rec);
		assert_int_equal(crr_log_append(log, buf, size), 0);
		total = size;
		for (sequence = 1; total < 300000; sequence++) {
			rec = (struct crr_record){
				.type = CRR_TYPE_READ,
				.sequence = sequence,
				.data = data,
				.data_length = sizes[i],
			};
			size = crr_record_encode(buf, &rec);
			assert_int_equal(crr_log_append(log, buf, size), 0);
			total += size;
		}
		assert_int_equal(crr_log_finish(log), 0);

		lseek(fd, 0, SEEK_SET);
		in = crr_log_open(fd, &error);
		assert_non_null(in);
		while ((ret = crr_log_block(in, &records, &length, &error)) > 0)
			total -= length;
		assert_int_equal(ret, 0);
		assert_int_equal(total, 0);
		assert_false(crr_log_ended(in));
		crr_log_close(in);
		close(fd);
	}
}

static void check_info(const struct crr_log_info *info)
{
	const struct crr_log_info *got;
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_log_writer *log;
	int fd = temporary();

	log = crr_log_create(fd, info);
	assert_non_null(log);
	assert_int_equal(crr_log_written(log), lseek(fd, 0, SEEK_END));
	assert_int_equal(crr_log_finish(log), 0);
	lseek(fd, 0, SEEK_SET);
	in = crr_log_open(fd, &error);
	assert_non_null(in);
	got = crr_log_get_info(in);
	assert_true(got->created == info->created);
	assert_int_equal(got->delivery, CRR_DELIVERY_FREE);
	assert_string_equal(got->counter, info->counter);
	assert_string_equal(got->command, info->command);
	crr_log_close(in);
	close(fd);
}

static void test_info(void **state)
{
	struct crr_log_info info = { 0 };
	size_t i;

	check_info(&info);
	check_info(&plain_info);
	info.created = UINT64_MAX;
	strcpy(info.command, "a=b command=c counter=d \\n \"");
	strcpy(info.counter, "=");
	check_info(&info);
	/* As long as they may be; every length of padding. */
	for (i = sizeof(info.command) - 10; i < sizeof(info.command); i++) {
		memset(info.command, 'x', i);
		info.command[i] = '\0';
		check_info(&info);
	}
	memset(info.counter, 'y', sizeof(info.counter) - 1);
	check_info(&info);
	strcpy(info.command, "/home/j\xc3\xbcrgen/\xff emulator");
	check_info(&info);
}

/* The header's texts are lines: what would break one is refused. */
static void test_info_control(void **state)
{
	struct crr_log_info info;
	int c, i, fd = temporary();

	for (c = 1; c < 256; c++) {
		if (c == ' ')
			c = 0x7f;
		if (c == 0x80)
			break;
		for (i = 0; i < 2; i++) {
			info = (struct crr_log_info){ 0 };
			snprintf(i ? info.counter : info.command, 10, "a%cb",
				 c);
			errno = 0;
			assert_null(crr_log_create(fd, &info));
			assert_int_equal(errno, EINVAL);
		}
	}
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
}

static void ignore(int sig)
{
}

/*
 * Through a pipe, slowly, with signals that cut every read and write short:
 * the same bytes.
 */
static void test_pipe(void **state)
{
	const struct sigaction act = { .sa_handler = ignore };
	const struct itimerval often = { { 0, 300 }, { 0, 300 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct source src = { .rng = { 13 } };
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_log_writer *log;
	struct crr_record rec, again;
	unsigned char buf[CRR_RECORD_SIZE_MAX];
	int to[2], ret, status, i;
	size_t size;
	pid_t pid;

	assert_int_equal(pipe(to), 0);
	assert_int_equal(fcntl(to[1], F_SETPIPE_SZ, 4096), 4096);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(to[0]);
		sigaction(SIGALRM, &act, NULL);
		setitimer(ITIMER_REAL, &often, NULL);
		log = crr_log_create(to[1], &plain_info);
		for (i = 0; log && i < 400; i++) {
			source_record(&src, &rec);
			size = crr_record_encode(buf, &rec);
			if (crr_log_append(log, buf, size))
				_exit(1);
		}
		while (log && source_end(&src, &rec)) {
			size = crr_record_encode(buf, &rec);
			if (crr_log_append(log, buf, size))
				_exit(2);
		}
		/* Not a copy of the parent's results. */
		_exit(!log || crr_log_finish(log) ? 3 : 0);
	}
	close(to[1]);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	in = crr_log_open(to[0], &error);
	assert_non_null(in);
	for (i = 0; i < 400; i++) {
		source_record(&src, &again);
		assert_int_equal(crr_log_next(in, &rec, &error), 1);
		assert_same_record(&rec, &again);
	}
	while (source_end(&src, &again)) {
		assert_int_equal(crr_log_next(in, &rec, &error), 1);
		assert_same_record(&rec, &again);
	}
	ret = crr_log_next(in, &rec, &error);
	setitimer(ITIMER_REAL, &never, NULL);
	assert_int_equal(ret, 0);
	crr_log_close(in);
	close(to[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A pipe that gives a byte at a time. */
static void test_trickle(void **state)
{
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_record rec;
	struct example ex;
	unsigned char byte;
	uint64_t records = 0;
	int to[2], status;
	pid_t pid;

	make_example(&ex, 3, 8, true);
	assert_int_equal(pipe(to), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		lseek(ex.fd, 0, SEEK_SET);
		while (read(ex.fd, &byte, 1) == 1)
			if (write(to[1], &byte, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(to[1]);
	in = crr_log_open(to[0], &error);
	assert_non_null(in);
	while (crr_log_next(in, &rec, &error) > 0)
		records++;
	assert_int_equal(records, ex.nrecords);
	assert_true(crr_log_ended(in));
	crr_log_close(in);
	close(to[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free_example(&ex);
}

/* A log may begin anywhere in its file. */
static void test_offset(void **state)
{
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_log_writer *log;
	int fd = temporary();

	assert_int_equal(write(fd, "before", 6), 6);
	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	assert_int_equal(crr_log_finish(log), 0);
	lseek(fd, 6, SEEK_SET);
	in = crr_log_open(fd, &error);
	assert_non_null(in);
	crr_log_close(in);
	close(fd);
}

static void test_null(void **state)
{
	assert_int_equal(crr_log_finish(NULL), 0);
	crr_log_close(NULL);
}

/* ---- What must not get into a log ---- */

/* Refused, and as if it had not been tried. */
static void assert_refused(struct crr_log_writer *log, const void *bytes,
			   size_t length)
{
	uint64_t records = crr_log_records(log);
	uint64_t written = crr_log_written(log);

	errno = 0;
	assert_int_equal(crr_log_append(log, bytes, length), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(crr_log_records(log), records);
	assert_int_equal(crr_log_written(log), written);
	assert_false(crr_log_complete(log));
}

static void test_append_invalid(void **state)
{
	unsigned char buf[CRR_RECORD_SIZE_MAX], bad[CRR_RECORD_SIZE_MAX];
	struct source src = { .rng = { 17 }, .largest = 50 };
	struct example ex = { .fd = temporary() };
	struct crr_log_error error;
	struct crr_log_writer *log;
	struct crr_record rec, end = { .type = CRR_TYPE_END };
	size_t size, i;
	int n, err;

	log = crr_log_create(ex.fd, &plain_info);
	assert_non_null(log);
	ex.header = crr_log_written(log);
	for (n = 0; n < 100; n++) {
		source_record(&src, &rec);
		/* Out of order: number, time, an end too early. */
		if (n) {
			rec.sequence++;
			assert_refused(log, bad, crr_record_encode(bad, &rec));
			rec.sequence -= 2;
			assert_refused(log, bad, crr_record_encode(bad, &rec));
			rec.sequence++;
		}
		if (n > 50) {
			struct crr_record back = rec;

			back.counter = 0;
			assert_refused(log, bad, crr_record_encode(bad, &back));
		}
		if (n) {
			end.sequence = rec.sequence;
			end.counter = rec.counter;
			assert_refused(log, bad, crr_record_encode(bad, &end));
		}
		/* Cut. */
		size = crr_record_encode(buf, &rec);
		for (i = 1; i < size; i += 1 + i / 4)
			assert_refused(log, buf, i);
		/* Invalid: a type that nobody knows, flags, padding. */
		memcpy(bad, buf, size);
		bad[1] = 0x7f;
		assert_refused(log, bad, size);
		memcpy(bad, buf, size);
		bad[3] = 0x80;
		assert_refused(log, bad, size);
		/* The record itself is good. */
		assert_int_equal(crr_log_append(log, buf, size), 0);
		add_record(&ex, &rec);
		/* Nothing is not a record, and no error. */
		assert_int_equal(crr_log_append(log, buf, 0), 0);
	}
	/* Good ones before a bad one stand. */
	source_record(&src, &rec);
	size = crr_record_encode(buf, &rec);
	add_record(&ex, &rec);
	memset(buf + size, 0, 24);
	assert_int_equal(crr_log_append(log, buf, size + 24), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(crr_log_records(log), ex.nrecords);

	while (source_end(&src, &rec)) {
		size = crr_record_encode(buf, &rec);
		add_record(&ex, &rec);
		assert_int_equal(crr_log_append(log, buf, size), 0);
	}
	assert_true(crr_log_complete(log));
	/* Nothing after END. */
	rec.sequence++;
	errno = 0;
	assert_int_equal(crr_log_append(log, buf, crr_record_encode(buf, &rec)),
			 -1);
	assert_int_equal(errno, EBADMSG);
	end_block(&ex, log);
	assert_int_equal(crr_log_finish(log), 0);
	assert_int_equal(read_blocks(&ex, ex.fd, &err, &error), 1);
	assert_int_equal(err, 0);
	free_example(&ex);
}

/* ---- Reading what is cut or damaged ---- */

/* Cut at every byte: what was before is given, and the end is told. */
static void test_cut(void **state)
{
	struct crr_log_error error;
	struct example ex;
	size_t cut;
	int fd, n, err, whole;

	make_example(&ex, 4, 6, true);
	fd = temporary();
	copy_to(&ex, fd, ex.size);
	for (cut = ex.size;; cut--) {
		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		n = read_blocks(&ex, fd, &err, &error);
		if (cut < ex.header) {
			assert_int_equal(n, -1);
		} else {
			for (whole = 0; whole < (int)ex.nblocks; whole++)
				if (ex.block[whole].end > cut)
					break;
			assert_int_equal(n, whole);
			if (cut ==
			    (whole ? ex.block[whole - 1].end : ex.header)) {
				assert_int_equal(err, 0);
				continue;
			}
		}
		assert_int_equal(err, EBADMSG);
		assert_int_equal(error.offset, cut);
		assert_non_null(
			strstr(error.text, "the file ends in the middle of"));
		assert_non_null(strstr(error.text,
				       cut < ex.header ? "header" : "block"));
		if (!cut)
			break;
	}
	close(fd);
	free_example(&ex);
}

/* What one wrong bit in this byte may be told as. */
static void check_flip(const struct example *ex, size_t at, int n, int err,
		       const struct crr_log_error *error)
{
	size_t begin, end;

	if (err != EBADMSG)
		fail_msg("byte %zu: not noticed", at);
	if (at < ex->header) {
		assert_int_equal(n, -1);
		/*
		 * The header's length: until all of it is read its CRC cannot
		 * tell, and a file may be too short for that.
		 */
		if (at >= 12 && at < 16 && error->offset == ex->size)
			return;
		assert_in_range(error->offset, 0, at);
		return;
	}
	assert_in_range(n, 0, ex->nblocks - 1);
	begin = n ? ex->block[n - 1].end : ex->header;
	end = ex->block[n].end;
	/* All blocks before it were given, and it is the one. */
	if (at < begin || at >= end || error->offset < begin ||
	    error->offset >= end)
		fail_msg("byte %zu of the block at %zu: told as byte %llu: %s",
			 at, begin, (unsigned long long)error->offset,
			 error->text);
}

/* Every bit flipped, one at a time: none goes unnoticed. */
static void test_flip(void **state)
{
	struct crr_log_error error;
	struct example ex;
	unsigned char *bytes, byte;
	size_t size, at;
	int fd, bit, n, err;

	make_example(&ex, 3, 4, true);
	bytes = content(ex.fd, &size);
	fd = temporary();
	copy_to(&ex, fd, ex.size);
	for (at = 0; at < size; at++) {
		for (bit = 0; bit < 8; bit++) {
			byte = bytes[at] ^ (unsigned char)(1 << bit);
			assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
			n = read_blocks(&ex, fd, &err, &error);
			check_flip(&ex, at, n, err, &error);
		}
		assert_int_equal(pwrite(fd, &bytes[at], 1, (off_t)at), 1);
	}
	assert_int_equal(read_blocks(&ex, fd, &err, &error), 3);
	assert_int_equal(err, 0);
	free(bytes);
	close(fd);
	free_example(&ex);
}

/* Bytes put in, or lost, anywhere; and blocks in another order. */
static void test_shuffled(void **state)
{
	struct crr_log_error error;
	struct example ex;
	unsigned char *bytes;
	size_t size, at, a, b, c;
	int fd, err, n, i;

	make_example(&ex, 3, 4, true);
	bytes = content(ex.fd, &size);
	fd = temporary();
	for (at = 0; at < size; at++) {
		for (i = 0; i < 2; i++) {
			/* i: one byte is lost; else one is there twice. */
			assert_int_equal(ftruncate(fd, 0), 0);
			assert_int_equal(pwrite(fd, bytes, at + 1, 0), at + 1);
			assert_int_equal(pwrite(fd, bytes + at, size - at,
						(off_t)at + 1),
					 size - at);
			if (i) {
				assert_int_equal(pwrite(fd, bytes + at + 1,
							size - at - 1,
							(off_t)at),
						 size - at - 1);
				assert_int_equal(ftruncate(fd, (off_t)size - 1),
						 0);
			}
			read_blocks(&ex, fd, &err, &error);
			assert_int_equal(err, EBADMSG);
		}
	}
	/* The second and third block change places; the second is missing. */
	a = ex.block[0].end;
	b = ex.block[1].end;
	c = ex.block[2].end;
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, bytes, a, 0), a);
	assert_int_equal(pwrite(fd, bytes + b, c - b, (off_t)a), c - b);
	n = read_blocks(&ex, fd, &err, &error);
	assert_int_equal(n, 1);
	assert_int_equal(err, EBADMSG);
	assert_in_range(error.offset, a, a + (c - b) - 1);
	assert_non_null(strstr(error.text, "sequence number"));
	assert_int_equal(pwrite(fd, bytes + a, b - a, (off_t)(a + c - b)),
			 b - a);
	assert_int_equal(read_blocks(&ex, fd, &err, &error), 1);
	assert_int_equal(err, EBADMSG);
	/* Two logs, one after the other. */
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
	assert_int_equal(pwrite(fd, bytes, size, (off_t)size), size);
	n = read_blocks(&ex, fd, &err, &error);
	assert_int_equal(n, 3);
	assert_int_equal(err, EBADMSG);
	assert_int_equal(error.offset, size);
	free(bytes);
	close(fd);
	free_example(&ex);
}

/* Which file is it? Whatever it is, it is refused by a reason that fits. */
static void test_not_a_log(void **state)
{
	static const char text[] = "This is no log, but long enough for one.\n";
	struct crr_log_error error;
	unsigned char zeros[64] = { 0 };
	int fd = temporary();
	int to[2];

	errno = 0;
	assert_null(crr_log_open(fd, &error));
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(error.offset, 0);

	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	lseek(fd, 0, SEEK_SET);
	errno = 0;
	assert_null(crr_log_open(fd, &error));
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(error.offset, 0);
	assert_string_equal(error.text, "not a crr log");

	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
	lseek(fd, 0, SEEK_SET);
	assert_null(crr_log_open(fd, &error));
	assert_int_equal(errno, EBADMSG);
	assert_string_equal(error.text, "not a crr log");
	close(fd);

	fd = open("/", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	errno = 0;
	assert_null(crr_log_open(fd, &error));
	assert_int_equal(errno, EISDIR);
	close(fd);

	errno = 0;
	assert_null(crr_log_open(-1, &error));
	assert_int_equal(errno, EBADF);

	assert_int_equal(pipe(to), 0);
	errno = 0;
	assert_null(crr_log_open(to[1], &error));
	assert_int_equal(errno, EBADF);
	close(to[0]);
	close(to[1]);
}

/* A log's header, of any content, with its CRC. */
static int forge_header(const char *texts, size_t length, uint32_t version,
			uint32_t delivery)
{
	unsigned char bytes[CRR_FILE_HEADER_MAX + 64] = { 0 };
	struct crr_file_header header = {
		.magic = { 0x89, 'C', 'R', 'R', '\r', '\n', 0x1a, '\n' },
		.version = htole32(version),
		.length = htole32((uint32_t)length),
		.delivery = htole32(delivery),
	};
	int fd = temporary();

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), texts, strlen(texts));
	header.crc32c = htole32(crr_record_crc(
		bytes, length < sizeof(bytes) ? length : sizeof(bytes)));
	memcpy(bytes, &header, sizeof(header));
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void assert_header_refused(int fd, uint64_t offset, const char *text)
{
	struct crr_log_error error;

	errno = 0;
	assert_null(crr_log_open(fd, &error));
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(error.offset, offset);
	if (!strstr(error.text, text))
		fail_msg("'%s' instead of '%s'", error.text, text);
	close(fd);
}

static void test_version(void **state)
{
	/* Nothing else in a header of another version is believed. */
	assert_header_refused(forge_header("", 0, 2, 77), 8,
			      "log version 2: this crr reads version 1");
	assert_header_refused(forge_header("", 40, 2, 0), 8, "newer");
	assert_header_refused(forge_header("", 40, 0, 0), 8, "version 0");
	assert_header_refused(forge_header("", 40, 0x01000000, 0), 8,
			      "version 16777216");
}

static void test_header(void **state)
{
	struct crr_log_error error;
	struct crr_log_reader *in;
	char texts[4096];
	int fd;

	assert_header_refused(forge_header("", 40, 1, 2), 16, "delivery 2");
	assert_header_refused(forge_header("", 0, 1, 0), 12, "length");
	assert_header_refused(forge_header("", 24, 1, 0), 12, "length");
	assert_header_refused(forge_header("", 36, 1, 0), 12, "length");
	assert_header_refused(forge_header("", CRR_FILE_HEADER_MAX + 8, 1, 0),
			      12, "length");
	assert_header_refused(forge_header("", UINT32_MAX - 7, 1, 0), 12,
			      "length");

	/* The smallest and the largest; keys that are not known; no value. */
	fd = forge_header("", 32, 1, 0);
	in = crr_log_open(fd, &error);
	assert_non_null(in);
	assert_string_equal(crr_log_get_info(in)->command, "");
	crr_log_close(in);
	close(fd);

	fd = forge_header(
		"shape=round\ncommand=e\n=\n\ncounter\ncounter=\ncolour=red",
		CRR_FILE_HEADER_MAX, 1, 0);
	in = crr_log_open(fd, &error);
	assert_non_null(in);
	assert_string_equal(crr_log_get_info(in)->command, "e");
	assert_string_equal(crr_log_get_info(in)->counter, "");
	crr_log_close(in);
	close(fd);

	/* A text that is longer than ours, and one without an end. */
	memset(texts, 'z', sizeof(texts));
	memcpy(texts, "counter=", 8);
	texts[100] = '\n';
	memcpy(texts + 101, "command=", 8);
	texts[4095] = '\0';
	fd = forge_header(texts, CRR_FILE_HEADER_MAX, 1, 0);
	in = crr_log_open(fd, &error);
	assert_non_null(in);
	assert_string_equal(crr_log_get_info(in)->counter, "");
	assert_string_equal(crr_log_get_info(in)->command, "");
	crr_log_close(in);
	close(fd);
}

/* Blocks whose CRCs are right, and whose content is not. */
struct forgery {
	const char *text;
	size_t at; /* in the block's header */
	size_t bytes;
	uint64_t value;
};

#define B(member) offsetof(struct crr_block_header, member)

static const struct forgery forgeries[] = {
	{ "does not know", B(codec), 2, 1 },
	{ "does not know", B(codec), 2, 0xff00 },
	{ "does not know", B(__reserved), 2, 1 },
	{ "impossible length", B(length), 4, 0 },
	{ "impossible length", B(length), 4, 4 },
	{ "impossible length", B(length), 4, CRR_BLOCK_MAX + 8 },
	{ "impossible length", B(length), 4, UINT32_MAX - 7 },
	{ "impossible length", B(stored), 4, 8 },
	{ "does not begin with", B(sequence), 8, 1 },
	{ "does not begin with", B(counter), 8, 1 },
	{ "records and says 3", B(records), 4, 3 },
	{ "records and says 0", B(records), 4, 0 },
	{ "no block begins here", B(magic), 4, 0 },
	{ "header is damaged", B(__reserved2), 4, 1 },
};

static void test_forged_blocks(void **state)
{
	struct crr_block_header header;
	struct crr_log_error error;
	const struct forgery *f;
	struct example ex;
	unsigned char *bytes, *block;
	__le32 crc;
	size_t size, i, n;
	int fd, err;

	/* With END: in a block that is refused it does not count. */
	make_example(&ex, 1, 2, true);
	bytes = content(ex.fd, &size);
	block = bytes + ex.header;
	fd = temporary();
	for (i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
		f = &forgeries[i];
		memcpy(&header, block, sizeof(header));
		for (n = 0; n < f->bytes; n++)
			((unsigned char *)&header)[f->at + n] =
				(unsigned char)(f->value >> 8 * n);
		if (f->at == B(length))
			header.stored = header.length;
		header.header_crc32c =
			htole32(crr_record_crc(&header, B(header_crc32c)));
		copy_to(&ex, fd, size);
		assert_int_equal(pwrite(fd, &header, sizeof(header),
					(off_t)ex.header),
				 sizeof(header));
		assert_int_equal(read_blocks(&ex, fd, &err, &error), 0);
		assert_int_equal(err, EBADMSG);
		assert_int_equal(error.offset, ex.header);
		if (!strstr(error.text, f->text))
			fail_msg("'%s' instead of '%s'", error.text, f->text);
	}

	/* Records that are not valid, under CRCs that are: the record is told. */
	n = crr_record_skip(block + sizeof(header));
	block[sizeof(header) + n + 8] ^= 1; /* the second's sequence number */
	memcpy(&header, block, sizeof(header));
	crc = htole32(
		crr_record_crc(block + sizeof(header), le32toh(header.length)));
	header.crc32c = crc;
	header.header_crc32c =
		htole32(crr_record_crc(&header, B(header_crc32c)));
	memcpy(block, &header, sizeof(header));
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
	assert_int_equal(read_blocks(&ex, fd, &err, &error), 0);
	assert_int_equal(err, EBADMSG);
	assert_int_equal(error.offset, ex.header + sizeof(header) + n);
	assert_string_equal(error.text,
			    "record 1: not the next sequence number");

	/* A block that ends in the middle of a record. */
	memcpy(&header, block, sizeof(header));
	header.length = htole32((uint32_t)n + 8);
	header.stored = header.length;
	header.crc32c = htole32(crr_record_crc(block + sizeof(header), n + 8));
	header.header_crc32c =
		htole32(crr_record_crc(&header, B(header_crc32c)));
	memcpy(block, &header, sizeof(header));
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
	assert_int_equal(read_blocks(&ex, fd, &err, &error), 0);
	assert_int_equal(err, EBADMSG);
	assert_int_equal(error.offset, ex.header + sizeof(header) + n);
	free(bytes);
	close(fd);
	free_example(&ex);
}

/* ---- Going on with a log ---- */

/* Records that nobody knows are kept. */
static void test_optional(void **state)
{
	unsigned char buf[CRR_RECORD_SIZE_MAX];
	struct source src = { .rng = { 19 }, .largest = 30 };
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_log_writer *log;
	struct crr_record rec;
	int i, fd = temporary();
	size_t size;

	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	for (i = 0; i < 20; i++) {
		source_record(&src, &rec);
		size = crr_record_encode(buf, &rec);
		assert_int_equal(crr_log_append(log, buf, size), 0);
		rec = (struct crr_record){
			.type = (uint16_t)(CRR_TYPE_OPTIONAL | i),
			.sequence = rec.sequence + 1,
			.counter = rec.counter,
		};
		size = crr_record_encode(buf, &rec);
		assert_int_equal(crr_log_append(log, buf, size), 0);
	}
	/* It is no record of its own. */
	assert_int_equal(crr_log_records(log), 20);
	assert_int_equal(crr_log_finish(log), 0);
	lseek(fd, 0, SEEK_SET);
	in = crr_log_open(fd, &error);
	assert_non_null(in);
	for (i = 0; i < 40; i++) {
		assert_int_equal(crr_log_next(in, &rec, &error), 1);
		assert_int_equal(!!(rec.type & CRR_TYPE_OPTIONAL), i % 2);
		assert_int_equal(rec.sequence, (i + 1) / 2);
	}
	assert_int_equal(crr_log_next(in, &rec, &error), 0);
	crr_log_close(in);
	close(fd);
}

/*
 * The writer died in the last block, at every byte: the log goes on behind
 * the block before, and is the same in the end.
 */
static void test_resume(void **state)
{
	struct crr_log_error error;
	struct crr_log_writer *log;
	struct example ex;
	size_t cut, last, from, whole;
	uint64_t next;
	int fd;

	make_example(&ex, 4, 6, true);
	fd = temporary();
	last = ex.nblocks - 1;
	for (cut = ex.size - 1; cut >= ex.header; cut--) {
		while (last && ex.block[last - 1].end > cut)
			last--;
		whole = last ? ex.block[last - 1].end : ex.header;
		copy_to(&ex, fd, cut);
		next = UINT64_MAX;
		log = crr_log_resume(fd, &next, &error);
		assert_non_null(log);
		assert_int_equal(next, last ? ex.block[last - 1].nrecords : 0);
		assert_int_equal(crr_log_records(log), next);
		assert_int_equal(crr_log_written(log), whole);
		assert_false(crr_log_complete(log));
		/* Cut off, and the offset is at the end. */
		assert_int_equal(lseek(fd, 0, SEEK_CUR), whole);
		assert_int_equal(lseek(fd, 0, SEEK_END), whole);
		/* The kernel gives again what was read last: two blocks. */
		from = last > 1 ? ex.block[last - 2].records_end : 0;
		assert_int_equal(crr_log_append(log, ex.records + from,
						ex.length - from),
				 0);
		assert_true(crr_log_complete(log));
		assert_int_equal(crr_log_records(log), ex.nrecords);
		assert_int_equal(crr_log_finish(log), 0);
		assert_int_equal(read_records(fd), ex.nrecords);
		/* Blocks are the writer's to make; of the last it is one. */
		if (last == ex.nblocks - 1)
			assert_same_content(fd, ex.fd);
	}
	close(fd);
	free_example(&ex);
}

/* What cannot be gone on with is refused, and not touched. */
static void assert_no_resume(const struct example *ex, int fd, int err,
			     size_t from, size_t to)
{
	struct crr_log_error error = { .offset = UINT64_MAX };
	size_t before, after;
	unsigned char *a = content(fd, &before);
	unsigned char *b;
	uint64_t next;

	errno = 0;
	assert_null(crr_log_resume(fd, &next, &error));
	assert_int_equal(errno, err);
	assert_true(error.offset >= from && error.offset <= to);
	b = content(fd, &after);
	assert_int_equal(before, after);
	assert_memory_equal(a, b, before);
	free(a);
	free(b);
}

static void test_resume_refused(void **state)
{
	struct crr_log_error error;
	struct example ex;
	uint64_t next;
	size_t at, n;
	int fd, to[2];

	make_example(&ex, 3, 4, true);
	fd = temporary();
	/* Complete. */
	copy_to(&ex, fd, ex.size);
	assert_no_resume(&ex, fd, EEXIST, ex.size, ex.size);
	/* Cut in its header, or empty: no log. */
	for (n = 0; n < ex.header; n++) {
		copy_to(&ex, fd, n);
		assert_no_resume(&ex, fd, EBADMSG, n, n);
	}
	/* Damaged: the last block, too, is more than cut. */
	for (at = 0; at < ex.size; at++) {
		unsigned char byte;

		copy_to(&ex, fd, ex.size);
		assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		assert_no_resume(&ex, fd, EBADMSG, 0, ex.size);
	}
	/* Damaged and cut. */
	copy_to(&ex, fd, ex.size - 1);
	assert_int_equal(pwrite(fd, "x", 1, (off_t)ex.header + 60), 1);
	assert_no_resume(&ex, fd, EBADMSG, ex.header, ex.block[0].end);
	/* Something was put behind it. */
	copy_to(&ex, fd, ex.block[1].end);
	lseek(fd, 0, SEEK_END);
	for (n = 0; n < 60; n++)
		assert_int_equal(write(fd, "\0", 1), 1);
	assert_no_resume(&ex, fd, EBADMSG, ex.block[1].end, ex.block[1].end);
	close(fd);

	assert_int_equal(pipe(to), 0);
	errno = 0;
	assert_null(crr_log_resume(to[0], &next, &error));
	assert_int_equal(errno, ESPIPE);
	close(to[0]);
	close(to[1]);
	free_example(&ex);
}

/* What comes again must join on: no gap, and twice only at the beginning. */
static void test_resume_order(void **state)
{
	struct crr_log_error error;
	struct crr_log_writer *log;
	struct example ex;
	unsigned char *other;
	uint64_t next;
	size_t start, size;
	int fd;

	make_example(&ex, 3, 6, false);
	other = malloc(ex.length);
	assert_non_null(other);
	fd = temporary();
	copy_to(&ex, fd, ex.block[1].end);
	log = crr_log_resume(fd, &next, &error);
	assert_non_null(log);
	/* A gap: the first record of what is missing is missing. */
	start = ex.block[1].records_end;
	size = crr_record_skip(ex.records + start);
	assert_refused(log, ex.records + start + size,
		       ex.length - start - size);
	/* Other records under the numbers of the last block: another log's. */
	start = ex.block[0].records_end;
	size = crr_record_skip(ex.records + start);
	memcpy(other, ex.records + start, ex.length - start);
	other[size + 16] ^= 1; /* the second's counter */
	assert_refused(log, other, ex.length - start);
	start = ex.block[1].records_end;
	size = crr_record_skip(ex.records + start);
	/* Once there was a new one, nothing may come again. */
	assert_int_equal(crr_log_append(log, ex.records, start + size), 0);
	assert_int_equal(crr_log_records(log), ex.block[1].nrecords + 1);
	assert_refused(log, ex.records + start, size);
	assert_int_equal(crr_log_append(log, ex.records + start + size,
					ex.length - start - size),
			 0);
	assert_int_equal(crr_log_finish(log), 0);
	assert_same_content(fd, ex.fd);
	close(fd);
	free(other);
	free_example(&ex);
}

/* ---- Errors of write(2) ---- */

static void test_create_fails(void **state)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	int to[2], fd;

	fd = open("/dev/full", O_WRONLY);
	if (fd >= 0) {
		errno = 0;
		assert_null(crr_log_create(fd, &plain_info));
		assert_int_equal(errno, ENOSPC);
		close(fd);
	}
	fd = open("/dev/null", O_RDONLY);
	errno = 0;
	assert_null(crr_log_create(fd, &plain_info));
	assert_int_equal(errno, EBADF);
	close(fd);

	assert_int_equal(pipe(to), 0);
	close(to[0]);
	errno = 0;
	assert_null(crr_log_create(to[1], &plain_info));
	assert_int_equal(errno, EPIPE);
	close(to[1]);
	signal(SIGPIPE, old);
}

static void limit_size(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/*
 * The file cannot grow beyond some byte: the error is told, then and for
 * ever; what was written whole can be read; and the writer knows how much
 * that is.
 */
static void test_full(void **state)
{
	void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
	struct crr_log_error error;
	struct crr_log_writer *log;
	struct example ex;
	size_t limit, start;
	uint64_t records;
	unsigned int i;
	int fd, n, err, failures;

	make_example(&ex, 3, 5, true);
	for (limit = ex.header; limit < ex.size; limit += 3) {
		fd = temporary();
		limit_size(limit);
		log = crr_log_create(fd, &plain_info);
		assert_non_null(log);
		failures = 0;
		records = 0;
		for (i = 0; i < ex.nblocks; i++) {
			start = i ? ex.block[i - 1].records_end : 0;
			errno = 0;
			if (crr_log_append(log, ex.records + start,
					   ex.block[i].records_end - start) ||
			    crr_log_flush(log)) {
				assert_int_equal(errno, EFBIG);
				failures++;
				continue;
			}
			assert_int_equal(failures, 0);
			records = ex.block[i].nrecords;
		}
		assert_true(failures > 0);
		limit_size(RLIM_INFINITY);
		/* Room again, but the file's end is not what it should be. */
		errno = 0;
		assert_int_equal(crr_log_append(log, ex.records, 0) |
					 crr_log_flush(log),
				 -1);
		assert_int_equal(errno, EFBIG);
		assert_int_equal(lseek(fd, 0, SEEK_END), limit);
		assert_int_equal(crr_log_written(log), limit);
		/* Records, complete: of the log, not of what was tried. */
		assert_int_equal(crr_log_records(log), records);
		assert_false(crr_log_complete(log));
		errno = 0;
		assert_int_equal(crr_log_finish(log), -1);
		assert_int_equal(errno, EFBIG);

		n = read_blocks(&ex, fd, &err, &error);
		assert_int_equal(n ? ex.block[n - 1].nrecords : 0, records);
		close(fd);
	}
	signal(SIGXFSZ, old);
	free_example(&ex);
}

/* The same where blocks are written because they are full. */
static void test_full_blocks(void **state)
{
	void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
	struct source src = { .rng = { 23 } };
	struct crr_log_writer *log;
	struct crr_record rec;
	unsigned char buf[CRR_RECORD_SIZE_MAX];
	uint64_t records = 0;
	int i, failures = 0, fd = temporary();

	limit_size(200000);
	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	for (i = 0; i < 500; i++) {
		source_record(&src, &rec);
		errno = 0;
		if (!crr_log_append(log, buf, crr_record_encode(buf, &rec))) {
			assert_int_equal(failures, 0);
			continue;
		}
		assert_int_equal(errno, EFBIG);
		if (!failures++)
			records = crr_log_records(log);
		/* It takes nothing more. */
		assert_int_equal(crr_log_records(log), records);
	}
	assert_true(failures > 100);
	assert_int_equal(crr_log_finish(log), -1);
	limit_size(RLIM_INFINITY);
	assert_int_equal(read_records(fd), records);
	close(fd);
	signal(SIGXFSZ, old);
}

static void test_closed_pipe(void **state)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	struct crr_log_writer *log;
	struct example ex;
	int to[2];

	make_example(&ex, 1, 5, true);
	assert_int_equal(pipe(to), 0);
	log = crr_log_create(to[1], &plain_info);
	assert_non_null(log);
	close(to[0]);
	assert_int_equal(crr_log_append(log, ex.records, ex.length), 0);
	errno = 0;
	assert_int_equal(crr_log_flush(log), -1);
	assert_int_equal(errno, EPIPE);
	errno = 0;
	assert_int_equal(crr_log_finish(log), -1);
	assert_int_equal(errno, EPIPE);
	close(to[1]);
	signal(SIGPIPE, old);
	free_example(&ex);
}

/* ---- No memory ---- */

static int allocations = -1; /* until one fails; -1: none does */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static bool fails_now(void)
{
	if (allocations < 0)
		return false;
	if (!allocations) {
		errno = ENOMEM;
		return true;
	}
	allocations--;
	return false;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

static void test_no_memory(void **state)
{
	struct crr_log_error error;
	struct crr_log_writer *out;
	struct crr_log_reader *in;
	struct example ex;
	uint64_t next;
	int n, fd;

	make_example(&ex, 2, 4, false);
	for (n = 0;; n++) {
		lseek(ex.fd, 0, SEEK_SET);
		allocations = n;
		errno = 0;
		in = crr_log_open(ex.fd, &error);
		allocations = -1;
		if (in)
			break;
		assert_int_equal(errno, ENOMEM);
	}
	assert_in_range(n, 1, 10);
	crr_log_close(in);

	fd = temporary();
	copy_to(&ex, fd, ex.size - 1);
	for (n = 0;; n++) {
		allocations = n;
		errno = 0;
		out = crr_log_resume(fd, &next, &error);
		allocations = -1;
		if (out)
			break;
		assert_int_equal(errno, ENOMEM);
	}
	assert_in_range(n, 2, 10);
	assert_int_equal(crr_log_finish(out), 0);
	close(fd);

	fd = temporary();
	allocations = 0;
	errno = 0;
	assert_null(crr_log_create(fd, &plain_info));
	assert_int_equal(errno, ENOMEM);
	allocations = -1;
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
	free_example(&ex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_block_boundaries),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_info_control),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_trickle),
		cmocka_unit_test(test_offset),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_append_invalid),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_flip),
		cmocka_unit_test(test_shuffled),
		cmocka_unit_test(test_not_a_log),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_forged_blocks),
		cmocka_unit_test(test_optional),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_resume_refused),
		cmocka_unit_test(test_resume_order),
		cmocka_unit_test(test_create_fails),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_blocks),
		cmocka_unit_test(test_closed_pipe),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
