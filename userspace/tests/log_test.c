// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Log files: crr_log_*. What is written whole can be read; what is cut,
 * damaged or not ours is refused where it is, with all before it given; and
 * whoever goes on with a log loses nothing.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include "../lib/log.h"
#include "records.h"

#define BLOCKS_MAX 64

/* In valgrind, with CRR_FEW set, what is done many times is done less often. */
static unsigned int often(unsigned int times)
{
	return getenv("CRR_FEW") ? times / 15 : times;
}

static bool too_long(uint64_t nblocks)
{
	return nblocks > 1000 && getenv("CRR_FEW");
}
#define NODE_HEADER sizeof(struct crr_block_header)

/* As they come from the kernel, and as columns. */
static const int levels[] = { 0, 3 };

#define N(array) (sizeof(array) / sizeof((array)[0]))

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
 * @footer: where it begins; between it and the last block is a node
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
	size_t footer;
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
	ex->block[ex->nblocks].end = crr_log_written(log);
	ex->block[ex->nblocks].records_end = ex->length;
	ex->block[ex->nblocks].nrecords = ex->nrecords;
	ex->nblocks++;
}

/* Where the last block ends: the index and the footer follow. */
static size_t tail_of(const struct example *ex)
{
	return ex->nblocks ? ex->block[ex->nblocks - 1].end : ex->header;
}

/* A log of a few small blocks. */
static void make_example(struct example *ex, unsigned int nblocks,
			 unsigned int per_block, bool complete, int level)
{
	struct source src = { .rng = { 7 }, .largest = 20 };
	struct crr_block_header header;
	struct crr_log_writer *log;
	struct crr_record rec;
	unsigned int i, j;
	size_t start;

	*ex = (struct example){ .fd = temporary() };
	log = crr_log_create(ex->fd, &plain_info);
	assert_non_null(log);
	assert_int_equal(crr_log_compress(log, level), 0);
	ex->header = crr_log_written(log);
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
	/* One block needs no index. */
	ex->footer = tail_of(ex);
	if (nblocks > 1)
		ex->footer += NODE_HEADER +
			      nblocks * sizeof(struct crr_index_entry);
	ex->size = ex->footer + sizeof(struct crr_footer);
	assert_int_equal(lseek(ex->fd, 0, SEEK_END), ex->size);
	/* Or the tests would be those of another codec. */
	assert_int_equal(pread(ex->fd, &header, sizeof(header),
			       (off_t)ex->header),
			 sizeof(header));
	assert_int_equal(le16toh(header.codec) != CRR_CODEC_NONE, level != 0);
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

static struct crr_log_reader *open_at(int fd, off_t base)
{
	struct crr_log_error error;
	struct crr_log_reader *in;

	lseek(fd, base, SEEK_SET);
	in = crr_log_open(fd, &error);
	assert_non_null(in);
	return in;
}

/* All of it, in order, and the index is that of the blocks. */
static void assert_whole(int fd, off_t base, uint64_t records)
{
	struct crr_log_reader *in = open_at(fd, base);
	struct crr_log_error error;
	struct crr_record rec;
	uint64_t n = 0;
	int ret;

	while ((ret = crr_log_next(in, &rec, &error)) > 0)
		n += !(rec.type & CRR_TYPE_OPTIONAL);
	if (ret)
		fail_msg("%llu: %s", (unsigned long long)error.offset,
			 error.text);
	assert_int_equal(n, records);
	crr_log_close(in);
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
	/* One block needs no index. */
	static const char footer[] =
		"CFTR" "\0\0\0\0"		/* flags */
		"\70\0\0\0\0\0\0\0"		/* root */
		"\1\0\0\0\0\0\0\0"		/* records */
		"\12\0\0\0\0\0\0\0"		/* the last counter */
		"\270\0\0\0\0\0\0\0"	/* offset */
		"\x70\xf4\xc1\x70" "\0\0\0\0";	/* CRC */
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
	unsigned char buf[128], *p, *bytes;
	struct crr_log_writer *log;
	size_t size, n;
	int fd = temporary();

	log = crr_log_create(fd, &info);
	assert_non_null(log);
	assert_int_equal(crr_log_compress(log, 0), 0);
	assert_int_equal(crr_log_written(log), sizeof(golden) - 1);
	n = crr_record_encode(buf, &stream);
	n += crr_record_encode(buf + n, &optional);
	assert_int_equal(crr_log_append(log, buf, n), 0);
	assert_int_equal(crr_log_finish(log), 0);
	p = bytes = content(fd, &size);
	assert_int_equal(size, sizeof(golden) - 1 + sizeof(block) - 1 +
				       sizeof(footer) - 1);
	assert_memory_equal(p, golden, sizeof(golden) - 1);
	p += sizeof(golden) - 1;
	assert_memory_equal(p, block, sizeof(block) - 1);
	p += sizeof(block) - 1;
	assert_memory_equal(p, footer, sizeof(footer) - 1);
	free(bytes);
	close(fd);
}

/* A log of columns, each too short for zstd, whose frames may change. */
static void test_golden_columns(void **state)
{
	/* clang-format off */
	static const char golden[] =
		"CBLK" "\1\0" "\0\0"		/* codec, reserved */
		"\66\0\0\0" "\0\1\0\0"	/* stored, length */
		"\0\0\0\0\0\0\0\0"		/* sequence */
		"\11\0\0\0\0\0\0\0"		/* counter */
		"\6\0\0\0" "\xda\xc5\xbf\x4e"	/* records, their CRC */
		"\x16\x6c\xa6\x64" "\0\0\0\0"	/* the header's CRC */
		"\16" "\2\5\4\16\xe9\x48\20"	/* TYPE */
		"\0"				/* FLAGS */
		"\0"				/* STREAM */
		"\16" "\0\0\1\2\0\xac\2"	/* COUNTER */
		"\4" "\2\3"			/* EMPTIES */
		"\0"				/* REFUSED */
		"\10" "\4\2\1\1"		/* LENGTH */
		"\2" "\30"			/* RESULT */
		"\0"				/* OFFSET */
		"\26" "\1\2\3\4\5\6"		/* VALUE */
		"\x80\xad\xe2\4" "\1"
		"\4" "hi"			/* IN */
		"\2" "x"			/* OUT */
		"\0"				/* CRC */
		"\12" "pts0z"			/* TEXT */
		"CBLK" "\1\0" "\0\0"
		"\17\0\0\0" "\30\0\0\0"
		"\4\0\0\0\0\0\0\0"
		"\70\1\0\0\0\0\0\0"
		"\1\0\0\0" "\xf1\x7f\xdd\x9b"
		"\x81\xe5\xe1\x49" "\0\0\0\0"
		"\2" "\22" "\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"CIDX" "\0\0" "\0\0"		/* level, reserved */
		"\100\0\0\0" "\100\0\0\0"	/* stored, length */
		"\0\0\0\0\0\0\0\0"		/* sequence */
		"\11\0\0\0\0\0\0\0"		/* counter */
		"\2\0\0\0" "\x2a\x5e\x28\xc8"	/* entries, their CRC */
		"\x4b\xc8\x8c\xd0" "\0\0\0\0"	/* the header's CRC */
		"\70\0\0\0\0\0\0\0"		/* offset */
		"\0\0\0\0\0\0\0\0"		/* sequence */
		"\11\0\0\0\0\0\0\0"		/* counter */
		"\0\0\0\0\0\0\0\0"		/* no TIME before it */
		"\236\0\0\0\0\0\0\0"
		"\4\0\0\0\0\0\0\0"
		"\70\1\0\0\0\0\0\0"
		"\x40\x4b\x4c\0\0\0\0\0"	/* TIME */
		"CFTR" "\1\0\0\0"		/* flags: ended */
		"\335\0\0\0\0\0\0\0"
		"\5\0\0\0\0\0\0\0"
		"\70\1\0\0\0\0\0\0"
		"\115\1\0\0\0\0\0\0"
		"\xd3\x27\x3a\x3d" "\0\0\0\0";
	/* clang-format on */
	const struct crr_log_info info = { .counter = "n", .command = "e" };
	const struct crr_record records[] = {
		{ .type = CRR_TYPE_STREAM, .counter = 9,
		  .termios = { 1, 2, 3, 4, 5, 6 },
		  .data = (const unsigned char *)"pts0", .data_length = 4 },
		{ .type = CRR_TYPE_TIME, .sequence = 1, .counter = 9,
		  .time = 5000000 },
		{ .type = CRR_TYPE_READ, .sequence = 1, .counter = 10,
		  .empty_reads = 2, .data = (const unsigned char *)"hi",
		  .data_length = 2 },
		{ .type = CRR_TYPE_WRITE, .sequence = 2, .counter = 12,
		  .requested = 1, .result = -11,
		  .crc32c = crr_record_crc("x", 1) },
		{ .type = CRR_TYPE_OPTIONAL | 0x1234, .sequence = 3,
		  .counter = 12, .data = (const unsigned char *)"z",
		  .data_length = 1 },
		{ .type = CRR_TYPE_STREAM_END, .sequence = 3, .counter = 312,
		  .empty_reads = 3, .reason = CRR_END_STOP },
		{ .type = CRR_TYPE_END, .sequence = 4, .counter = 312 },
	};
	unsigned char buf[512], *bytes;
	struct crr_log_writer *log;
	size_t size, i, n;
	int fd = temporary();

	log = crr_log_create(fd, &info);
	assert_non_null(log);
	assert_int_equal(crr_log_written(log), 56);
	/* END is in a block of its own. */
	for (i = 0; i < N(records); i++) {
		n = crr_record_encode(buf, &records[i]);
		if (records[i].type == CRR_TYPE_END)
			assert_int_equal(crr_log_flush(log), 0);
		assert_int_equal(crr_log_append(log, buf, n), 0);
	}
	assert_int_equal(crr_log_finish(log), 0);
	bytes = content(fd, &size);
	assert_int_equal(size, 56 + sizeof(golden) - 1);
	assert_memory_equal(bytes + 56, golden, sizeof(golden) - 1);
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
	assert_string_equal(got->run, info->run);
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
	/* All three as long as they may be. */
	memset(info.command, 'x', sizeof(info.command) - 1);
	memset(info.run, 'z', sizeof(info.run) - 1);
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
		for (i = 0; i < 3; i++) {
			info = (struct crr_log_info){ 0 };
			snprintf(i == 0 ? info.counter :
				 i == 1 ? info.command :
					  info.run,
				 10, "a%cb", c);
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

	make_example(&ex, 3, 8, true, 3);
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

/* What a file that is cut there says. NULL: nothing, it ends between parts. */
static const char *cut_text(const struct example *ex, size_t cut, int whole)
{
	size_t begin = whole ? ex->block[whole - 1].end : ex->header;

	if (cut < ex->header)
		return "the file ends in the middle of the header";
	if (cut >= ex->footer)
		begin = ex->footer;
	if (cut == begin || cut == ex->size)
		return NULL;
	/* A node and a footer begin like a block. */
	if (cut - begin < NODE_HEADER)
		return "the file ends in the middle of a block's header";
	return begin == tail_of(ex) ?
		       "the file ends in the middle of the index" :
		       "the file ends in the middle of a block";
}

/* Cut at every byte: what was before is given, and the end is told. */
static void test_cut(void **state)
{
	struct crr_log_error error;
	struct example ex;
	const char *text;
	size_t cut, i;
	int fd, n, err, whole, silent;

	for (i = 0; i < N(levels); i++) {
		make_example(&ex, 4, 6, true, levels[i]);
		fd = temporary();
		copy_to(&ex, fd, ex.size);
		silent = 0;
		for (cut = ex.size;; cut--) {
			assert_int_equal(ftruncate(fd, (off_t)cut), 0);
			n = read_blocks(&ex, fd, &err, &error);
			for (whole = 0; whole < (int)ex.nblocks; whole++)
				if (ex.block[whole].end > cut)
					break;
			assert_int_equal(n, cut < ex.header ? -1 : whole);
			text = cut_text(&ex, cut, whole);
			if (text) {
				assert_int_equal(err, EBADMSG);
				assert_int_equal(error.offset, cut);
				assert_string_equal(error.text, text);
			} else {
				assert_int_equal(err, 0);
				silent++;
			}
			if (!cut)
				break;
		}
		/* Behind the header, four blocks, the index, the footer. */
		assert_int_equal(silent, 7);
		close(fd);
		free_example(&ex);
	}
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
	assert_in_range(n, 0, ex->nblocks);
	begin = n ? ex->block[n - 1].end : ex->header;
	end = ex->block[n].end;
	if (n == (int)ex->nblocks) {
		begin = at < ex->footer ? tail_of(ex) : ex->footer;
		end = at < ex->footer ? ex->footer : ex->size;
	}
	/* All blocks before it were given, and it is the one. */
	if (at < begin || at >= end || error->offset != begin)
		fail_msg("byte %zu of the block at %zu: told as byte %llu: %s",
			 at, begin, (unsigned long long)error->offset,
			 error->text);
}

/* Every bit flipped, one at a time: none goes unnoticed. */
static void flip_all(int level)
{
	struct crr_log_error error;
	struct example ex;
	unsigned char *bytes, byte;
	size_t size, at;
	int fd, bit, n, err;

	make_example(&ex, 3, 4, true, level);
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

static void test_flip(void **state)
{
	size_t i;

	for (i = 0; i < N(levels); i++)
		flip_all(levels[i]);
}

/*
 * The same in frames of zstd, which have some bits that nobody looks at: then
 * all records are what they were.
 */
static void test_flip_frames(void **state)
{
	struct example ex = { .fd = temporary() };
	struct crr_record rec = {
		.type = CRR_TYPE_STREAM,
		.data = (const unsigned char *)"x",
		.data_length = 1,
	};
	struct crr_log_error error;
	struct crr_log_writer *log;
	unsigned char *bytes, byte;
	unsigned int i, bit, unnoticed = 0;
	size_t at;
	int n, err;

	log = crr_log_create(ex.fd, &plain_info);
	assert_non_null(log);
	ex.header = crr_log_written(log);
	for (i = 0; i < 300; i++) {
		add_record(&ex, &rec);
		rec = (struct crr_record){
			.type = CRR_TYPE_READ,
			.sequence = i + 1,
			.counter = i * i * 7,
			.data = (const unsigned char *)"abcdefghijklm" + i % 9,
			.data_length = 1 + i % 5,
		};
	}
	rec = (struct crr_record){ .type = CRR_TYPE_STREAM_END, .sequence = 300,
				   .counter = 1 << 20, .reason = CRR_END_STOP };
	add_record(&ex, &rec);
	rec.type = CRR_TYPE_END;
	rec.sequence++;
	add_record(&ex, &rec);
	assert_int_equal(crr_log_append(log, ex.records, ex.length), 0);
	end_block(&ex, log);
	assert_int_equal(crr_log_finish(log), 0);
	bytes = content(ex.fd, &ex.size);
	for (at = ex.header; at < ex.block[0].end; at++) {
		for (bit = 0; bit < 8; bit++) {
			byte = bytes[at] ^ (unsigned char)(1 << bit);
			assert_int_equal(pwrite(ex.fd, &byte, 1, (off_t)at), 1);
			n = read_blocks(&ex, ex.fd, &err, &error);
			if (!err) {
				assert_int_equal(n, 1);
				unnoticed++;
				continue;
			}
			assert_int_equal(n, 0);
			assert_int_equal(err, EBADMSG);
			assert_int_equal(error.offset, ex.header);
		}
		assert_int_equal(pwrite(ex.fd, &bytes[at], 1, (off_t)at), 1);
	}
	assert_in_range(unnoticed, 0, ex.block[0].end / 8);
	free(bytes);
	free_example(&ex);
}

/* Bytes put in, or lost, anywhere; and blocks in another order. */
static void shuffle(int level)
{
	struct crr_log_error error;
	struct example ex;
	unsigned char *bytes;
	size_t size, at, a, b, c;
	int fd, err, n, i;

	make_example(&ex, 3, 4, true, level);
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
	assert_int_equal(error.offset, a);
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
	assert_string_equal(error.text, "something follows the footer");
	/* Without the index, or with a part of it twice. */
	assert_int_equal(ftruncate(fd, (off_t)c), 0);
	assert_int_equal(pwrite(fd, bytes + ex.footer, size - ex.footer,
				(off_t)c),
			 size - ex.footer);
	assert_int_equal(read_blocks(&ex, fd, &err, &error), 3);
	assert_int_equal(err, EBADMSG);
	assert_int_equal(error.offset, c);
	assert_int_equal(pwrite(fd, bytes + c, ex.footer - c, (off_t)c),
			 ex.footer - c);
	assert_int_equal(pwrite(fd, bytes + c, size - c, (off_t)ex.footer),
			 size - c);
	assert_int_equal(read_blocks(&ex, fd, &err, &error), 3);
	assert_int_equal(err, EBADMSG);
	assert_int_equal(error.offset, ex.footer);
	free(bytes);
	close(fd);
	free_example(&ex);
}

static void test_shuffled(void **state)
{
	size_t i;

	for (i = 0; i < N(levels); i++)
		shuffle(levels[i]);
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
	{ "damaged (columns)", B(codec), 2, 1 },
	{ "damaged (columns)", B(codec), 2, 2 },
	{ "does not know", B(codec), 2, 3 },
	{ "does not know", B(codec), 2, 0xff00 },
	{ "header is damaged", B(__reserved), 2, 1 },
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

/* Of columns, what the header says makes the records. */
static const struct forgery column_forgeries[] = {
	{ "impossible length", B(codec), 2, 0 },
	{ "does not know", B(codec), 2, 3 },
	{ "impossible length", B(stored), 4, 0 },
	{ "impossible length", B(stored), 4, CRR_BLOCK_MAX + 1 },
	{ "impossible length", B(stored), 4, UINT32_MAX },
	{ "damaged (columns)", B(stored), 4, 8 },
	{ "impossible length", B(length), 4, 0 },
	{ "impossible length", B(length), 4, 4 },
	{ "damaged (columns)", B(length), 4, 24 },
	{ "damaged (columns)", B(length), 4, CRR_BLOCK_MAX },
	{ "impossible length", B(length), 4, CRR_BLOCK_MAX + 8 },
	{ "impossible length", B(length), 4, UINT32_MAX - 7 },
	{ "block is damaged (CRC)", B(sequence), 8, 1 },
	{ "block is damaged (CRC)", B(counter), 8, 1 },
	{ "block is damaged (CRC)", B(crc32c), 4, 0 },
	{ "damaged (columns)", B(records), 4, 3 },
	{ "damaged (columns)", B(records), 4, 0 },
	{ "damaged (columns)", B(records), 4, UINT32_MAX },
};

static void forge(const struct forgery *f, size_t nforgeries, int level)
{
	struct crr_block_header header;
	struct crr_log_error error;
	struct example ex;
	unsigned char *bytes;
	size_t size, n;
	int fd, err;

	make_example(&ex, 1, 2, true, level);
	bytes = content(ex.fd, &size);
	fd = temporary();
	for (; nforgeries--; f++) {
		memcpy(&header, bytes + ex.header, sizeof(header));
		for (n = 0; n < f->bytes; n++)
			((unsigned char *)&header)[f->at + n] =
				(unsigned char)(f->value >> 8 * n);
		if (f->at == B(length) && !level)
			header.stored = header.length;
		crr_block_seal(&header);
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
	free(bytes);
	close(fd);
	free_example(&ex);
}

static void test_forged_blocks(void **state)
{
	struct crr_block_header header;
	struct crr_log_error error;
	struct example ex;
	unsigned char *bytes, *block;
	__le32 crc;
	size_t size, n;
	int fd, err;

	/* With END: in a block that is refused it does not count. */
	forge(forgeries, N(forgeries), 0);
	forge(column_forgeries, N(column_forgeries), 3);

	make_example(&ex, 1, 2, true, 0);
	bytes = content(ex.fd, &size);
	block = bytes + ex.header;
	fd = temporary();
	/* Records that are not valid, under CRCs that are: the record is told. */
	n = crr_record_skip(block + sizeof(header));
	block[sizeof(header) + n + 8] ^= 1; /* the second's sequence number */
	memcpy(&header, block, sizeof(header));
	crc = htole32(
		crr_record_crc(block + sizeof(header), le32toh(header.length)));
	header.crc32c = crc;
	crr_block_seal(&header);
	memcpy(block, &header, sizeof(header));
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
	assert_int_equal(read_blocks(&ex, fd, &err, &error), 0);
	assert_int_equal(err, EBADMSG);
	assert_int_equal(error.offset, ex.header);
	assert_string_equal(error.text,
			    "record 1: not the next sequence number");

	/* A block that ends in the middle of a record. */
	memcpy(&header, block, sizeof(header));
	header.length = htole32((uint32_t)n + 8);
	header.stored = header.length;
	header.crc32c = htole32(crr_record_crc(block + sizeof(header), n + 8));
	crr_block_seal(&header);
	memcpy(block, &header, sizeof(header));
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
	assert_int_equal(read_blocks(&ex, fd, &err, &error), 0);
	assert_int_equal(err, EBADMSG);
	assert_int_equal(error.offset, ex.header);
	assert_non_null(strstr(error.text, "record 1: "));
	free(bytes);
	close(fd);
	free_example(&ex);
}

/* ---- Columns ---- */

/* As crr_log_append() took them; *stored: bytes in the file, if asked for. */
static void assert_round_trip(const void *records, size_t length, int level,
			      size_t *stored)
{
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_log_writer *log;
	const void *block;
	size_t n, at = 0, start;
	int ret, fd = temporary();

	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	start = crr_log_written(log);
	assert_int_equal(crr_log_compress(log, level), 0);
	assert_int_equal(crr_log_append(log, records, length), 0);
	assert_int_equal(crr_log_flush(log), 0);
	if (stored)
		*stored = crr_log_written(log) - start;
	assert_int_equal(crr_log_finish(log), 0);
	lseek(fd, 0, SEEK_SET);
	in = crr_log_open(fd, &error);
	assert_non_null(in);
	while ((ret = crr_log_block(in, &block, &n, &error)) > 0) {
		assert_true(at + n <= length);
		assert_memory_equal(block, (const char *)records + at, n);
		at += n;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(at, length);
	crr_log_close(in);
	close(fd);
}

/* Every member of every type, however large, by every codec. */
static void test_codecs(void **state)
{
	static const int some[] = { 0, 1, 3, 9, 19 };
	static const uint32_t largest[] = { 1, 20, 0 };
	struct source src;
	struct example ex;
	struct crr_record rec;
	unsigned int seen[17], i, j, k, n;

	for (i = 0; i < N(largest); i++) {
		memset(seen, 0, sizeof(seen));
		src = (struct source){ .rng = { 31 + i }, .optional = 4,
				       .largest = largest[i] };
		ex = (struct example){ .fd = -1 };
		n = largest[i] ? 3000 : 500;
		for (k = 0; k < n; k++) {
			source_record(&src, &rec);
			add_record(&ex, &rec);
			if (!(rec.type & CRR_TYPE_OPTIONAL))
				seen[rec.type]++;
			else if (rec.type == CRR_TYPE_TIME)
				seen[0]++;
			else
				seen[rec.type == CRR_TYPE_TERMIOS ? 15 : 16]++;
		}
		/* All types but END. */
		for (k = 0; k < N(seen); k++)
			assert_true(seen[k] || k == CRR_TYPE_END);
		for (j = 0; j < N(some); j++)
			assert_round_trip(ex.records, ex.length, some[j], NULL);
		free(ex.records);
	}
}

/* What every member may be at most, or at least. */
static void test_extremes(void **state)
{
	static const unsigned char zeros[CRR_RECORD_SIZE_MAX];
	static unsigned char ones[CRR_RECORD_SIZE_MAX];
	struct example ex = { .fd = -1 };
	struct crr_record rec = {
		.type = CRR_TYPE_STREAM,
		.termios = { UINT32_MAX, 0, UINT32_MAX, 0, UINT32_MAX, 0 },
		.data = (const unsigned char *)"x",
		.data_length = 1,
	};
	const struct crr_record others[] = {
		{ .type = CRR_TYPE_READ, .empty_reads = UINT64_MAX, .data = zeros,
		  .data_length = CRR_READ_MAX },
		{ .type = CRR_TYPE_READ, .data = ones, .data_length = 1 },
		{ .type = CRR_TYPE_WRITE, .refused = UINT64_MAX,
		  .requested = CRR_WRITE_MAX, .result = CRR_WRITE_MAX,
		  .crc32c = UINT32_MAX },
		{ .type = CRR_TYPE_WRITE, .requested = CRR_WRITE_MAX,
		  .result = -CRR_ERRNO_MAX, .offset = CRR_WRITE_MAX },
		{ .type = CRR_TYPE_WRITE, .requested = 1,
		  .result = -CRR_ERRNO_MAX, .offset = 1 },
		{ .type = CRR_TYPE_WRITE, .flags = CRR_FLAG_CAPTURED,
		  .requested = CRR_WRITE_MAX, .result = 1, .data = zeros,
		  .data_length = CRR_WRITE_MAX,
		  .crc32c = crr_record_crc(zeros, CRR_WRITE_MAX) },
		{ .type = CRR_TYPE_INQ, .value = INT32_MAX },
		{ .type = CRR_TYPE_OUTQ, .value = 0 },
		{ .type = CRR_TYPE_OUTQ, .value = INT32_MAX },
		{ .type = CRR_TYPE_VALUE },
		{ .type = CRR_TYPE_VALUE, .refused = UINT64_MAX,
		  .kind = UINT32_MAX, .number = UINT64_MAX,
		  .uses = UINT64_MAX },
		{ .type = CRR_TYPE_TIME, .time = UINT64_MAX },
		{ .type = CRR_TYPE_TIME, .time = 0 },
		{ .type = CRR_TYPE_TIME, .time = 1ULL << 63 },
		{ .type = 0xffff, .flags = 0xffff, .stream = 0xffff,
		  .data = ones, .data_length = CRR_RECORD_SIZE_MAX - 24 },
		{ .type = 0x8000, .data = zeros,
		  .data_length = CRR_RECORD_SIZE_MAX - 24 },
		{ .type = 0x8003, .flags = 0x8000 },
		{ .type = CRR_TYPE_TERMIOS, .stream = CRR_STREAMS_MAX - 1 },
		{ .type = CRR_TYPE_MODEM, .modem = { .error = CRR_ERRNO_MAX } },
		{ .type = CRR_TYPE_MODEM },
	};
	uint64_t sequence = 0;
	size_t i, j;

	memset(ones, 0xff, sizeof(ones));
	add_record(&ex, &rec);
	for (i = 0; i < N(others); i++) {
		for (j = 0; j < N(others); j++) {
			rec = others[(i + j) % N(others)];
			rec.sequence = sequence + 1;
			if (!(rec.type & CRR_TYPE_OPTIONAL))
				sequence++;
			/* The second half of them at the last counter. */
			if (i >= N(others) / 2)
				rec.counter = UINT64_MAX;
			add_record(&ex, &rec);
		}
	}
	for (i = 0; i < N(levels); i++)
		assert_round_trip(ex.records, ex.length, levels[i], NULL);
	free(ex.records);
}

/* What is regular takes next to no room; what is zero, none. */
static void test_small(void **state)
{
	static const unsigned char zeros[100];
	struct example ex = { .fd = -1 };
	struct crr_record rec = {
		.type = CRR_TYPE_STREAM,
		.data = (const unsigned char *)"x",
		.data_length = 1,
	};
	size_t stored;
	uint64_t i;

	add_record(&ex, &rec);
	assert_round_trip(ex.records, ex.length, 3, &stored);
	/* A header; fourteen columns; one byte each in TYPE, LENGTH, TEXT. */
	assert_int_equal(stored, NODE_HEADER + 14 + 3);
	for (i = 1; i < 3000; i++) {
		rec = (struct crr_record){
			.type = i % 3 == 2 ? CRR_TYPE_READ :
			       i % 3	   ? CRR_TYPE_WRITE :
					     0x8042,
			.counter = i * 1000,
			.data = zeros,
			.data_length = sizeof(zeros),
		};
		rec.sequence = 1 + (i - 1) / 3 * 2 + (i - 1) % 3;
		if (rec.type == CRR_TYPE_WRITE) {
			rec.requested = sizeof(zeros);
			rec.result = sizeof(zeros);
			rec.offset = sizeof(zeros);
			rec.crc32c = crr_record_crc(zeros, sizeof(zeros));
			rec.flags = CRR_FLAG_CAPTURED;
		}
		add_record(&ex, &rec);
	}
	assert_round_trip(ex.records, ex.length, 3, &stored);
	assert_in_range(stored, 1, 600);
	free(ex.records);
}

/* Of one byte that was not captured the CRC tells which it was, or it lies. */
static void test_one_byte(void **state)
{
	struct example ex = { .fd = -1 };
	struct crr_record rec = {
		.type = CRR_TYPE_STREAM,
		.data = (const unsigned char *)"x",
		.data_length = 1,
	};
	unsigned char byte;
	unsigned int i, bit, level;
	size_t stored;

	add_record(&ex, &rec);
	for (i = 0; i < 256; i++) {
		byte = (unsigned char)i;
		rec = (struct crr_record){
			.type = CRR_TYPE_WRITE,
			.sequence = i + 1,
			.requested = 1,
			.result = 1,
			.offset = 1,
			.crc32c = crr_record_crc(&byte, 1),
		};
		add_record(&ex, &rec);
	}
	/* No CRC is stored, which zstd could not make any smaller. */
	assert_round_trip(ex.records, ex.length, 3, &stored);
	assert_in_range(stored, 256, 256 + 200);

	/* Between them some that are nobody's, all by one bit; and others. */
	for (i = 0; i < 256; i++) {
		for (bit = 0; bit < 34; bit++) {
			byte = (unsigned char)i;
			rec.sequence++;
			rec.crc32c = crr_record_crc(&byte, 1);
			if (bit < 32)
				rec.crc32c ^= 1U << bit;
			rec.flags = bit % 2 ? CRR_FLAG_CUT : 0;
			rec.data_length = 0;
			if (bit == 33) {
				rec.flags = CRR_FLAG_CAPTURED;
				rec.data = &byte;
				rec.data_length = 1;
			}
			add_record(&ex, &rec);
		}
		rec.sequence++;
		rec.flags = 0;
		rec.data_length = 0;
		rec.crc32c = i % 2 ? 0 : UINT32_MAX;
		add_record(&ex, &rec);
	}
	for (level = 0; level < N(levels); level++)
		assert_round_trip(ex.records, ex.length, levels[level], NULL);
	free(ex.records);
}

static void test_levels(void **state)
{
	static const int bad[] = { -1, 20, INT_MAX, INT_MIN };
	struct crr_log_writer *log;
	size_t i;
	int level, fd = temporary();

	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	for (i = 0; i < N(bad); i++) {
		errno = 0;
		assert_int_equal(crr_log_compress(log, bad[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
	for (level = 0; level < 20; level++)
		assert_int_equal(crr_log_compress(log, level), 0);
	assert_int_equal(crr_log_finish(log), 0);
	close(fd);
}

/*
 * Blocks of columns that nobody would write, with CRCs that are right: of a
 * STREAM, a READ of "hi" and a WRITE of an 'x'.
 */
#define COLUMNS 14

struct stored {
	unsigned char bytes[4096];
	size_t length;
};

struct column_bytes {
	const char *bytes;
	size_t length;
};

#define C(text) { text, sizeof(text) - 1 }

static const struct column_bytes good_columns[COLUMNS] = {
	C("\2\4\16"), { NULL, 0 }, { NULL, 0 }, C("\0\1\1"),
	{ NULL, 0 },  { NULL, 0 }, C("\2\2\1"), { NULL, 0 },
	{ NULL, 0 },  { NULL, 0 }, C("hi"),	C("x"),
	{ NULL, 0 },  C("p0"),
};

enum {
	TYPE, FLAGS, STREAM, COUNTER, EMPTIES, REFUSED, LENGTH, RESULT, OFFSET,
	VALUE, IN, OUT, CRC, TEXT,
};

static size_t three_records(unsigned char *to)
{
	const struct crr_record records[] = {
		{ .type = CRR_TYPE_STREAM, .counter = 5,
		  .data = (const unsigned char *)"p0", .data_length = 2 },
		{ .type = CRR_TYPE_READ, .sequence = 1, .counter = 6,
		  .data = (const unsigned char *)"hi", .data_length = 2 },
		{ .type = CRR_TYPE_WRITE, .sequence = 2, .counter = 7,
		  .requested = 1, .result = 1, .offset = 1,
		  .crc32c = crr_record_crc("x", 1) },
	};
	size_t i, n = 0;

	for (i = 0; i < N(records); i++)
		n += crr_record_encode(to + n, &records[i]);
	return n;
}

static void add_number(struct stored *to, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		to->bytes[to->length++] = (unsigned char)(n | 0x80);
	to->bytes[to->length++] = (unsigned char)n;
}

static void add_bytes(struct stored *to, const void *bytes, size_t length)
{
	if (length)
		memcpy(to->bytes + to->length, bytes, length);
	to->length += length;
}

/* Columns with another one in its place, whose length may be a lie, too. */
static void make_columns(struct stored *to, int which, uint64_t length,
			 const void *bytes, size_t n)
{
	int i;

	to->length = 0;
	for (i = 0; i < COLUMNS; i++) {
		if (i == which) {
			add_number(to, length);
			add_bytes(to, bytes, n);
			continue;
		}
		add_number(to, good_columns[i].length << 1);
		add_bytes(to, good_columns[i].bytes, good_columns[i].length);
	}
}

/* The same with a frame of zstd. */
static void make_frame(struct stored *to, int which, size_t length,
		       const void *content, size_t n)
{
	static unsigned char zstd[2 << 20];
	struct stored column = { .length = 0 };
	size_t frame = ZSTD_compress(zstd, sizeof(zstd), content, n, 3);

	assert_false(ZSTD_isError(frame));
	assert_in_range(frame, 1, 2048);
	add_number(&column, frame);
	add_bytes(&column, zstd, frame);
	make_columns(to, which, length << 1 | 1, column.bytes, column.length);
}

/* Read it: NULL: it is the three records; else what it is told as. */
static void assert_stored(const struct stored *stored, uint32_t records,
			  uint32_t length, const char *text)
{
	unsigned char buf[256];
	size_t n = three_records(buf), got;
	struct crr_block_header header = {
		.magic = htole32(CRR_BLOCK_MAGIC),
		.codec = htole16(CRR_CODEC_COLUMNS),
		.stored = htole32((uint32_t)stored->length),
		.length = htole32(length ? length : (uint32_t)n),
		.counter = htole64(5),
		.records = htole32(records),
		.crc32c = htole32(crr_record_crc(buf, n)),
	};
	struct crr_log_error error;
	struct crr_log_writer *log;
	struct crr_log_reader *in;
	const void *block;
	int fd = temporary();
	uint64_t begin;

	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	begin = crr_log_written(log);
	assert_int_equal(crr_log_finish(log), 0);
	crr_block_seal(&header);
	assert_int_equal(ftruncate(fd, (off_t)begin), 0);
	lseek(fd, 0, SEEK_END);
	assert_int_equal(write(fd, &header, sizeof(header)), sizeof(header));
	assert_int_equal(write(fd, stored->bytes, stored->length),
			 stored->length);
	lseek(fd, 0, SEEK_SET);
	in = crr_log_open(fd, &error);
	assert_non_null(in);
	errno = 0;
	if (!text) {
		assert_int_equal(crr_log_block(in, &block, &got, &error), 1);
		assert_int_equal(got, n);
		assert_memory_equal(block, buf, n);
	} else {
		assert_int_equal(crr_log_block(in, &block, &got, &error), -1);
		assert_int_equal(errno, EBADMSG);
		assert_int_equal(error.offset, begin);
		assert_string_equal(error.text, text);
	}
	crr_log_close(in);
	close(fd);
}

static void test_hostile_columns(void **state)
{
	static const char bad[] = "the block is damaged (columns)";
	static const char crc[] = "the block is damaged (CRC)";
	static const struct {
		int column;
		struct column_bytes bytes;
	} wrong[] = {
		/* One more or fewer than there are records to take them. */
		{ TYPE, C("\2\4") },
		{ TYPE, C("\2\4\16\2") },
		{ COUNTER, C("\1\1") },
		{ COUNTER, C("\0\1\1\1") },
		{ IN, C("h") },
		{ IN, C("hi!") },
		{ OUT, C("xx") },
		{ CRC, C("1234") },
		{ TEXT, C("p") },
		{ FLAGS, C("\1") },
		{ VALUE, C("\1\1\1\1\1") },
		{ VALUE, C("\1\1\1\1\1\1\1") },
		/* Numbers that do not end, here or at all. */
		{ TYPE, C("\2\4\216") },
		{ COUNTER, C("\0\1\200") },
		{ COUNTER, C("\0\1\377\377\377\377\377\377\377\377\377\377\1") },
		{ VALUE, C("\200\200\200\200\200\200") },
		/* A one, and what 64 bits do not hold. */
		{ COUNTER, C("\0\1\201\200\200\200\200\200\200\200\200\2") },
		{ COUNTER, C("\0\1\201\200\200\200\200\200\200\200\200\100") },
		/* Numbers that the member does not hold. */
		{ TYPE, C("\2\4\377\377\377\377\37") },
		{ FLAGS, C("\0\0\200\200\200\200\20") },
		{ LENGTH, C("\2\2\201\200\200\200\20") },
		{ LENGTH, C("\2\202\200\200\200\20\1") },
		{ VALUE, C("\0\0\0\0\0\377\377\377\377\37") },
		/* Lengths that no record has. */
		{ LENGTH, C("\2\377\377\377\377\17\1") },
		{ LENGTH, C("\377\377\377\377\17\2\1") },
		{ LENGTH, C("\2\201\100\1") },
		{ LENGTH, C("\3\2\1") },
		{ LENGTH, C("\2\1\1") },
	};
	static unsigned char zeros[CRR_BLOCK_MAX + 1];
	struct stored s;
	size_t i, n;

	make_columns(&s, -1, 0, NULL, 0);
	assert_stored(&s, 3, 0, NULL);
	n = s.length;
	for (i = 0; i < N(wrong); i++) {
		make_columns(&s, wrong[i].column, wrong[i].bytes.length << 1,
			     wrong[i].bytes.bytes, wrong[i].bytes.length);
		assert_stored(&s, 3, 0, bad);
	}
	/* A length that ends where its number does not. */
	make_columns(&s, OUT, 2, "y", 1);
	assert_stored(&s, 3, 0, crc);
	/* As many records as the header says, as long as it says. */
	make_columns(&s, -1, 0, NULL, 0);
	assert_stored(&s, 2, 0, bad);
	assert_stored(&s, 4, 0, bad);
	assert_stored(&s, UINT32_MAX, 0, bad);
	assert_stored(&s, 3, 8, bad);
	i = three_records(zeros);
	assert_stored(&s, 3, (uint32_t)i - 8, bad);
	assert_stored(&s, 3, (uint32_t)i + 8, bad);
	memset(zeros, 0, i);
	/* Cut, at every byte; and longer. */
	for (s.length = 1; s.length < n; s.length++)
		assert_stored(&s, 3, 0, bad);
	make_columns(&s, -1, 0, NULL, 0);
	add_bytes(&s, "", 1);
	assert_stored(&s, 3, 0, bad);
	/* Nothing but zeros: records, but of what type? */
	s.length = COLUMNS;
	memset(s.bytes, 0, s.length);
	assert_stored(&s, 3, 72, crc);
	assert_stored(&s, CRR_BLOCK_MAX / 24, CRR_BLOCK_MAX / 24 * 24, crc);
	/* Columns that reach beyond the end, the room, the numbers. */
	make_columns(&s, TEXT, 3 << 1, "p0", 2);
	assert_stored(&s, 3, 0, bad);
	make_columns(&s, TEXT, (CRR_BLOCK_MAX + 1) << 1, "p0", 2);
	assert_stored(&s, 3, 0, bad);
	make_columns(&s, TEXT, UINT64_MAX - 1, "p0", 2);
	assert_stored(&s, 3, 0, bad);
	memset(s.bytes, 0xff, 100);
	for (s.length = 1; s.length < 100; s.length++)
		assert_stored(&s, 3, 0, bad);

	/* Frames. */
	make_frame(&s, TYPE, 3, "\2\4\16", 3);
	assert_stored(&s, 3, 0, NULL);
	make_frame(&s, TEXT, 2, "p0", 2);
	assert_stored(&s, 3, 0, NULL);
	for (i = 1; i < s.length; i++) {
		size_t whole = s.length;

		s.length = i;
		assert_stored(&s, 3, 0, bad);
		s.length = whole;
	}
	/* They make more, less, nothing, too much. */
	make_frame(&s, TYPE, 3, "\2\4\16\2", 4);
	assert_stored(&s, 3, 0, bad);
	make_frame(&s, TYPE, 4, "\2\4\16", 3);
	assert_stored(&s, 3, 0, bad);
	make_frame(&s, TYPE, 3, "", 0);
	assert_stored(&s, 3, 0, bad);
	make_frame(&s, TYPE, 0, "\2\4\16", 3);
	assert_stored(&s, 3, 0, bad);
	make_frame(&s, TYPE, 3, zeros, CRR_BLOCK_MAX);
	assert_stored(&s, 3, 0, bad);
	make_frame(&s, TYPE, CRR_BLOCK_MAX, zeros, CRR_BLOCK_MAX);
	assert_stored(&s, 3, 0, bad);
	make_frame(&s, TYPE, CRR_BLOCK_MAX + 1, zeros, CRR_BLOCK_MAX + 1);
	assert_stored(&s, 3, 0, bad);
	/* Each fits; all of them do not. */
	make_frame(&s, TEXT, CRR_BLOCK_MAX - 5, zeros, CRR_BLOCK_MAX - 5);
	assert_stored(&s, 3, 0, bad);
	/* They are none; they are longer than what is stored, or shorter. */
	make_columns(&s, TYPE, 3 << 1 | 1, "\3\2\4\16", 4);
	assert_stored(&s, 3, 0, bad);
	make_columns(&s, TYPE, 3 << 1 | 1, "\0", 1);
	assert_stored(&s, 3, 0, bad);
	make_columns(&s, TEXT, 2 << 1 | 1, "\377\377\377\377\377\377\377\377"
			"\377\1\50\265\57\375", 14);
	assert_stored(&s, 3, 0, bad);
	make_columns(&s, TEXT, 2 << 1 | 1, "\5\50\265\57\375", 5);
	assert_stored(&s, 3, 0, bad);
	make_columns(&s, TEXT, 2 << 1 | 1, "\377\377", 2);
	assert_stored(&s, 3, 0, bad);
}

/* Anything else that may be stored: nothing is read that was not there. */
static void try_random_columns(unsigned int records, uint32_t largest,
			       enum crr_codec codec, unsigned int tries)
{
	struct source src = { .rng = { 37 }, .largest = largest,
			      .optional = 5 };
	struct crr_columns *pack = crr_columns_new();
	struct crr_columns *unpack = crr_columns_new();
	struct example ex = { .fd = -1 };
	struct crr_block_header header;
	unsigned char *good, *bad, *to;
	unsigned int i, k, same = 0, other = 0, refused = 0;
	struct crr_record rec;
	enum crr_codec got;
	const void *stored;
	ssize_t n;

	assert_non_null(pack);
	assert_non_null(unpack);
	for (i = 0; i < records; i++) {
		source_record(&src, &rec);
		add_record(&ex, &rec);
	}
	n = crr_columns_pack(pack, 3, ex.records, ex.length, &stored, &got);
	assert_in_range(n, 100, ex.length);
	assert_int_equal(got, codec);
	good = malloc((size_t)n);
	bad = malloc((size_t)n);
	/* Exactly as much room: whoever writes more is seen by a sanitizer. */
	to = malloc(ex.length);
	assert_true(good && bad && to);
	memcpy(good, stored, (size_t)n);
	header = (struct crr_block_header){
		.codec = htole16((uint16_t)codec),
		.length = htole32((uint32_t)ex.length),
		.records = htole32(records),
	};
	for (i = 0; i < tries; i++) {
		size_t length = (size_t)n;

		memcpy(bad, good, (size_t)n);
		for (k = rng_below(&src.rng, 4); k; k--)
			bad[rng_below(&src.rng, (uint32_t)n)] =
				(unsigned char)rng_next(&src.rng);
		if (!rng_below(&src.rng, 8))
			length = rng_below(&src.rng, (uint32_t)n + 1);
		errno = 0;
		if (crr_columns_unpack(unpack, bad, length, &header, to)) {
			assert_int_equal(errno, EBADMSG);
			refused++;
		} else if (!memcmp(to, ex.records, ex.length)) {
			same++;
		} else {
			other++;
		}
		/* Nothing of it stays behind. */
		if (i % 64)
			continue;
		assert_int_equal(crr_columns_unpack(unpack, good, (size_t)n,
						    &header, to),
				 0);
		assert_memory_equal(to, ex.records, ex.length);
	}
	assert_true(same > tries / 30 && other > tries / 100 &&
		    refused > tries / 30);
	crr_columns_free(pack);
	crr_columns_free(unpack);
	free(good);
	free(bad);
	free(to);
	free(ex.records);
}

static void test_random_columns(void **state)
{
	try_random_columns(60, 4, CRR_CODEC_JOINED, often(30000));
	try_random_columns(200, 100, CRR_CODEC_COLUMNS, often(30000));
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
 * The writer died at every byte, in the index and the footer, too: the log
 * goes on behind the last whole block, and is the same in the end.
 */
static void resume_all(bool complete, int level)
{
	struct crr_log_error error;
	struct crr_log_writer *log;
	struct example ex;
	size_t cut, last, from, whole, tail;
	uint64_t next;
	int fd;

	make_example(&ex, 4, 6, complete, level);
	fd = temporary();
	tail = tail_of(&ex);
	last = ex.nblocks;
	for (cut = ex.size; cut >= ex.header; cut--) {
		while (last && ex.block[last - 1].end > cut)
			last--;
		whole = last ? ex.block[last - 1].end : ex.header;
		copy_to(&ex, fd, cut);
		next = UINT64_MAX;
		error = (struct crr_log_error){ 0 };
		errno = 0;
		log = crr_log_resume(fd, &next, &error);
		/* All of it is there, and nothing is cut in two. */
		if (complete && (cut == tail || cut == ex.footer ||
				 cut == ex.size)) {
			assert_null(log);
			assert_int_equal(errno, EEXIST);
			assert_int_equal(error.offset, tail);
			assert_string_equal(error.text, "the log is complete");
			continue;
		}
		assert_non_null(log);
		assert_int_equal(crr_log_compress(log, level), 0);
		assert_int_equal(next, last ? ex.block[last - 1].nrecords : 0);
		assert_int_equal(crr_log_records(log), next);
		assert_int_equal(crr_log_written(log), whole);
		assert_int_equal(crr_log_complete(log),
				 complete && last == ex.nblocks);
		/* Cut off, and the offset is at the end. */
		assert_int_equal(lseek(fd, 0, SEEK_CUR), whole);
		assert_int_equal(lseek(fd, 0, SEEK_END), whole);
		/* The kernel gives again what was read last: two blocks. */
		from = last > 1 ? ex.block[last - 2].records_end : 0;
		assert_int_equal(crr_log_append(log, ex.records + from,
						ex.length - from),
				 0);
		assert_int_equal(crr_log_complete(log), complete);
		assert_int_equal(crr_log_records(log), ex.nrecords);
		assert_int_equal(crr_log_finish(log), 0);
		assert_whole(fd, 0, ex.nrecords);
		/* Blocks are the writer's to make; of the last it is one. */
		if (last >= ex.nblocks - 1)
			assert_same_content(fd, ex.fd);
	}
	close(fd);
	free_example(&ex);
}

static void test_resume(void **state)
{
	size_t i;

	for (i = 0; i < N(levels); i++) {
		resume_all(true, levels[i]);
		resume_all(false, levels[i]);
	}
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

	make_example(&ex, 3, 4, true, 3);
	fd = temporary();
	/* Complete. */
	copy_to(&ex, fd, ex.size);
	assert_no_resume(&ex, fd, EEXIST, tail_of(&ex), tail_of(&ex));
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
	assert_no_resume(&ex, fd, EBADMSG, ex.header, ex.header);
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

	make_example(&ex, 3, 6, false, 3);
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

/* ---- The index, and seeking by it ---- */

static unsigned int preads;

ssize_t __real_pread(int fd, void *to, size_t length, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t length, off_t offset);

ssize_t __wrap_pread(int fd, void *to, size_t length, off_t offset)
{
	preads++;
	return __real_pread(fd, to, length, offset);
}

/*
 * Logs of blocks of one record each. Two have the same counter; every fourth
 * has a TIME before it, which has its number.
 */
#define MS    1000000ULL
#define BEGUN (1700000000000ULL * MS)

static uint64_t tiny_counter(uint64_t i)
{
	return 100 + (i + 1) / 2 * 10;
}

static bool tiny_has_time(uint64_t i)
{
	return i % 4 == 1;
}

static void tiny_append(struct crr_log_writer *log, uint64_t from, uint64_t to)
{
	unsigned char buf[128];
	struct crr_record rec;
	uint64_t i;

	for (i = from; i < to; i++) {
		rec = (struct crr_record){
			.type = i ? CRR_TYPE_EOF : CRR_TYPE_STREAM,
			.sequence = i,
			.counter = tiny_counter(i),
			.data = i ? NULL : (const unsigned char *)"x",
			.data_length = !i,
		};
		if (tiny_has_time(i))
			crr_log_stamp(log, i, BEGUN + i * MS);
		if (crr_log_append(log, buf, crr_record_encode(buf, &rec)) ||
		    crr_log_flush(log))
			fail_msg("record %llu", (unsigned long long)i);
	}
}

/* Behind @base other bytes. */
static int make_tiny(uint64_t n, off_t base)
{
	struct crr_log_writer *log;
	int fd = temporary();

	assert_int_equal(ftruncate(fd, base), 0);
	lseek(fd, base, SEEK_SET);
	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	assert_int_equal(crr_log_compress(log, 0), 0);
	tiny_append(log, 0, n);
	assert_int_equal(crr_log_finish(log), 0);
	return fd;
}

static uint64_t tiny_value(enum crr_log_key key, uint64_t i)
{
	switch (key) {
	case CRR_LOG_COUNTER:
		return tiny_counter(i);
	case CRR_LOG_TIME:
		return BEGUN + i * MS;
	default:
		return i;
	}
}

/* The first record that is not before the value; n: there is none. */
static uint64_t tiny_first(uint64_t n, enum crr_log_key key, uint64_t value)
{
	uint64_t low = 0, high = n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (tiny_value(key, middle) < value)
			low = middle + 1;
		else
			high = middle;
	}
	if (key == CRR_LOG_TIME)
		while (low < n && !tiny_has_time(low))
			low++;
	return low;
}

/* What is told where the file, or its index, is damaged or cut. */
static bool damaged;

/* Returns how many reads it took. */
static unsigned int check_seek(struct crr_log_reader *in, uint64_t n,
			       enum crr_log_key key, uint64_t value)
{
	uint64_t i = tiny_first(n, key, value);
	bool time = tiny_has_time(i);
	struct crr_log_error error;
	struct crr_record rec;
	unsigned int reads, k;
	int ret;

	preads = 0;
	assert_int_equal(crr_log_seek(in, key, value), 0);
	reads = preads;
	for (k = 0; k < 4; k++) {
		ret = crr_log_next(in, &rec, &error);
		/*
		 * Rather told than passed over: at the cut; and, as times are
		 * not found without an index, at the node that is wrong.
		 */
		if (ret < 0 && damaged && errno == EBADMSG &&
		    (i == n || key == CRR_LOG_TIME))
			break;
		if (ret != (i < n) ||
		    (ret && (rec.sequence != i ||
			     (rec.type == CRR_TYPE_TIME) != time ||
			     rec.counter != tiny_counter(i) ||
			     (time && rec.time != BEGUN + i * MS))))
			fail_msg("%u %llu: %d, record %llu, not %llu", key,
				 (unsigned long long)value, ret,
				 (unsigned long long)rec.sequence,
				 (unsigned long long)i);
		if (i == n)
			continue;
		if (!time)
			i++;
		time = !time && tiny_has_time(i);
	}
	return reads;
}

/* Around every value that is somehow special. Returns the most reads. */
static unsigned int seek_by(unsigned int keys, int fd, off_t base, uint64_t n)
{
	static const uint64_t special[] = {
		0,   1,	    2,	   3,	  4,	 5,	127,   254,
		255, 256,   257,   258,	  511,	 512,	513,   767,
		768, 65279, 65280, 65281, 65534, 65535, 65536, 65537,
	};
	struct crr_log_reader *in = open_at(fd, base);
	struct rng rng = { n };
	unsigned int most = 0, reads, key, k;
	uint64_t i, value;
	int d;

	for (key = 0; key < keys; key++) {
		for (k = 0; k < N(special) + 20; k++) {
			if (k < N(special))
				i = special[k];
			else if (k < N(special) + 2)
				i = n - 1 + k - N(special);
			else
				i = rng_below(&rng, (uint32_t)n);
			if (i > n)
				continue;
			for (d = -1; d <= 1; d++) {
				value = tiny_value(key, i) + d;
				if (!i && d < 0)
					value = key == CRR_LOG_TIME;
				reads = check_seek(in, n, key, value);
				most = reads > most ? reads : most;
			}
		}
		reads = check_seek(in, n, key, UINT64_MAX);
		most = reads > most ? reads : most;
	}
	crr_log_close(in);
	return most;
}

static unsigned int seek_all(int fd, off_t base, uint64_t n)
{
	return seek_by(CRR_LOG_TIME + 1, fd, base, n);
}

static void check_extent(int fd, off_t base, uint64_t n, bool ended)
{
	struct crr_log_reader *in = open_at(fd, base);
	struct crr_log_extent extent;

	assert_int_equal(crr_log_extent(in, &extent), 0);
	assert_int_equal(extent.records, n);
	assert_int_equal(extent.counter, n ? tiny_counter(n - 1) : 0);
	assert_int_equal(extent.size, lseek(fd, 0, SEEK_END) - base);
	assert_int_equal(extent.ended, ended);
	crr_log_close(in);
}

/* The footer; the root; two a level; the block, twice. */
static unsigned int reads_of(unsigned int depth)
{
	return 4 + 2 * depth;
}

static void test_seek(void **state)
{
	static const struct {
		uint64_t n;
		unsigned int depth;
	} sizes[] = {
		{ 1, 0 },   { 2, 1 },	{ 255, 1 }, { 256, 1 },
		{ 257, 2 }, { 512, 2 }, { 513, 2 }, { 65536, 2 },
		{ 65537, 3 }, { 65536 + 257, 3 },
	};
	struct crr_log_reader *in;
	unsigned int reads, key;
	uint64_t end;
	size_t i;
	int fd;

	for (i = 0; i < N(sizes); i++) {
		off_t base = i % 2 ? 0 : 6;

		if (too_long(sizes[i].n))
			continue;
		fd = make_tiny(sizes[i].n, base);
		assert_whole(fd, base, sizes[i].n);
		check_extent(fd, base, sizes[i].n, false);
		reads = seek_all(fd, base, sizes[i].n);
		if (reads > reads_of(sizes[i].depth))
			fail_msg("%llu blocks: %u reads",
				 (unsigned long long)sizes[i].n, reads);
		/* By time as well: not few reads because it begins anew. */
		in = open_at(fd, base);
		end = (uint64_t)(lseek(fd, 0, SEEK_END) - base);
		for (key = 0; sizes[i].n > 100 && key < 3; key++) {
			assert_int_equal(crr_log_seek(in, key,
						      tiny_value(key,
								 sizes[i].n / 4 *
									 3)),
					 0);
			assert_in_range(crr_log_offset(in), end / 3, end);
		}
		crr_log_close(in);
		close(fd);
	}
}

/* Every place of a log of all types, sought by all keys, and read from. */
static void test_seek_records(void **state)
{
	struct source src = { .rng = { 41 }, .largest = 30, .optional = 6 };
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_log_writer *log;
	struct example ex = { .fd = temporary() };
	struct crr_record rec, want, got;
	unsigned int key, cut;
	uint64_t value, v;
	size_t from, at, size;
	int ret;

	log = crr_log_create(ex.fd, &plain_info);
	assert_non_null(log);
	do {
		at = ex.length;
		if (ex.nrecords < 300)
			source_record(&src, &rec);
		else if (!source_end(&src, &rec))
			break;
		add_record(&ex, &rec);
		assert_int_equal(crr_log_append(log, ex.records + at,
						ex.length - at),
				 0);
		if (!rng_below(&src.rng, 5))
			assert_int_equal(crr_log_flush(log), 0);
	} while (true);
	assert_int_equal(crr_log_finish(log), 0);

	/* With the footer, and without. */
	for (cut = 0; cut < 2; cut++) {
		in = open_at(ex.fd, 0);
		for (from = 0; from < ex.length; from += size) {
			assert_int_equal(crr_record_decode(ex.records + from,
							   ex.length - from,
							   &size, &rec),
					 0);
			for (key = 0; key < 3; key++) {
				value = key == CRR_LOG_SEQUENCE ? rec.sequence :
					key == CRR_LOG_COUNTER	? rec.counter :
								  rec.time;
				if (key == CRR_LOG_TIME &&
				    (rec.type != CRR_TYPE_TIME || !value))
					continue;
				assert_int_equal(crr_log_seek(in, key, value),
						 0);
				for (at = 0;; at += crr_record_skip(
						      ex.records + at)) {
					size_t n;

					(void)crr_record_decode(
						ex.records + at, ex.length - at,
						&n, &want);
					v = key == CRR_LOG_SEQUENCE ?
						    want.sequence :
					    key == CRR_LOG_COUNTER ?
						    want.counter :
					    want.type == CRR_TYPE_TIME ?
						    want.time :
						    0;
					if (v >= value)
						break;
				}
				while ((ret = crr_log_next(in, &got, &error)) >
				       0) {
					size_t n;

					assert_int_equal(
						crr_record_decode(
							ex.records + at,
							ex.length - at, &n,
							&want),
						0);
					assert_same_record(&got, &want);
					at += n;
				}
				assert_int_equal(ret, 0);
				assert_int_equal(at, ex.length);
				assert_true(crr_log_ended(in));
			}
		}
		crr_log_close(in);
		at = (size_t)lseek(ex.fd, 0, SEEK_END) -
		     sizeof(struct crr_footer);
		assert_int_equal(ftruncate(ex.fd, (off_t)at), 0);
	}
	free_example(&ex);
}

/* From anywhere to anywhere, by blocks, too; and what cannot be sought. */
static void test_seek_about(void **state)
{
	int fd = make_tiny(600, 0), to[2];
	struct crr_log_reader *in = open_at(fd, 0);
	struct crr_log_error error;
	struct crr_log_extent extent;
	struct crr_record rec;
	const void *records;
	size_t length, size;
	unsigned int i;

	/* In the middle of a block, at the end, back to the first. */
	assert_int_equal(crr_log_next(in, &rec, &error), 1);
	assert_int_equal(crr_log_next(in, &rec, &error), 1);
	check_seek(in, 600, CRR_LOG_SEQUENCE, 300);
	check_seek(in, 600, CRR_LOG_SEQUENCE, 600);
	check_seek(in, 600, CRR_LOG_SEQUENCE, 1);
	check_seek(in, 600, CRR_LOG_COUNTER, 0);
	/* Whole from there, the index as well. */
	assert_int_equal(crr_log_seek(in, CRR_LOG_SEQUENCE, 0), 0);
	for (i = 0; crr_log_next(in, &rec, &error) > 0; i++)
		;
	assert_int_equal(i, 600 + 150);
	/* A block with it, or one before. */
	for (i = 0; i < 600; i++) {
		assert_int_equal(crr_log_seek(in, CRR_LOG_SEQUENCE, i), 0);
		assert_int_equal(crr_log_block(in, &records, &length, &error),
				 1);
		assert_int_equal(crr_record_decode(records, length, &size,
						   &rec),
				 0);
		assert_in_range(rec.sequence, i ? i - 1 : 0, i);
	}
	errno = 0;
	assert_int_equal(crr_log_seek(in, CRR_LOG_TIME + 1, 0), -1);
	assert_int_equal(errno, EINVAL);
	crr_log_close(in);
	close(fd);

	/* A pipe, until something has been read. */
	for (i = 0; i < 3; i++) {
		fd = make_tiny(100, 0);
		assert_int_equal(pipe(to), 0);
		lseek(fd, 0, SEEK_SET);
		while ((length = (size_t)read(fd, &rec, sizeof(rec))))
			assert_int_equal(write(to[1], &rec, length), length);
		close(to[1]);
		close(fd);
		in = crr_log_open(to[0], &error);
		assert_non_null(in);
		errno = 0;
		assert_int_equal(crr_log_extent(in, &extent), -1);
		assert_int_equal(errno, ENODATA);
		errno = 0;
		assert_int_equal(crr_log_resync(in, 0), -1);
		assert_int_equal(errno, ESPIPE);
		check_seek(in, 100, i, tiny_value(i, 77));
		errno = 0;
		assert_int_equal(crr_log_seek(in, i, 0), -1);
		assert_int_equal(errno, ESPIPE);
		crr_log_close(in);
		close(to[0]);
	}
}

/* A time that is before all others is that of the first TIME record, too. */
static void test_seek_time_zero(void **state)
{
	int fd = make_tiny(10, 0);
	struct crr_log_reader *in = open_at(fd, 0);

	check_seek(in, 10, CRR_LOG_TIME, 1);
	check_seek(in, 10, CRR_LOG_TIME, 0);
	crr_log_close(in);
	close(fd);
}

/* Without a record, without a footer. */
static void test_extent(void **state)
{
	struct crr_log_error error;
	struct crr_log_extent extent;
	struct crr_log_reader *in;
	struct crr_record rec;
	struct example ex;
	unsigned int key;
	size_t cut;
	int fd;

	fd = make_tiny(0, 6);
	check_extent(fd, 6, 0, false);
	in = open_at(fd, 6);
	for (key = 0; key < 3; key++) {
		assert_int_equal(crr_log_seek(in, key, key), 0);
		assert_int_equal(crr_log_next(in, &rec, &error), 0);
	}
	crr_log_close(in);
	close(fd);

	make_example(&ex, 3, 5, true, 3);
	in = open_at(ex.fd, 0);
	assert_int_equal(crr_log_extent(in, &extent), 0);
	assert_int_equal(extent.records, ex.nrecords);
	assert_int_equal(extent.size, ex.size);
	assert_true(extent.ended);
	/* Neither is the reader elsewhere now. */
	for (cut = 0; crr_log_next(in, &rec, &error) > 0; cut++)
		;
	assert_int_equal(cut, ex.nrecords);
	assert_int_equal(extent.counter, rec.counter);
	for (cut = ex.size - 1; cut >= ex.header; cut--) {
		assert_int_equal(ftruncate(ex.fd, (off_t)cut), 0);
		errno = 0;
		assert_int_equal(crr_log_extent(in, &extent), -1);
		assert_int_equal(errno, ENODATA);
	}
	crr_log_close(in);
	free_example(&ex);
}

/* ---- An index that is wrong ---- */

/* 700 blocks: three nodes of the lowest level, the root above, a footer. */
#define FORGED_BLOCKS 700

struct forged_node {
	uint64_t offset;
	struct crr_block_header header;
	struct crr_index_entry entry[CRR_INDEX_FANOUT];
};

static void get_bytes(int fd, void *to, size_t length, uint64_t offset)
{
	assert_int_equal(pread(fd, to, length, (off_t)offset), length);
}

static void set_bytes(int fd, const void *from, size_t length, uint64_t offset)
{
	assert_int_equal(pwrite(fd, from, length, (off_t)offset), length);
}

static uint64_t get_footer(int fd, struct crr_footer *footer)
{
	uint64_t at = (uint64_t)lseek(fd, 0, SEEK_END) - sizeof(*footer);

	get_bytes(fd, footer, sizeof(*footer), at);
	assert_int_equal(le32toh(footer->magic), CRR_FOOTER_MAGIC);
	return at;
}

static void get_node(int fd, off_t base, uint64_t offset,
		     struct forged_node *node)
{
	node->offset = base + offset;
	get_bytes(fd, &node->header, sizeof(node->header), node->offset);
	assert_int_equal(le32toh(node->header.magic), CRR_INDEX_MAGIC);
	get_bytes(fd, node->entry, le32toh(node->header.stored),
		  node->offset + sizeof(node->header));
}

static void set_node(int fd, const struct forged_node *node)
{
	struct crr_block_header header = node->header;
	size_t length = le32toh(header.stored);

	if (length > sizeof(node->entry))
		length = sizeof(node->entry);
	header.crc32c = htole32(crr_record_crc(node->entry, length));
	crr_block_seal(&header);
	set_bytes(fd, &header, sizeof(header), node->offset);
	set_bytes(fd, node->entry, length, node->offset + sizeof(header));
}

/* Without what the index says: more reads, and the same records. */
static void assert_scanned(int fd, off_t base)
{
	unsigned int reads = seek_all(fd, base, FORGED_BLOCKS);

	assert_in_range(reads, 512, FORGED_BLOCKS + 20);
}

static void test_seek_no_footer(void **state)
{
	struct crr_footer footer;
	struct forged_node root;
	int fd = make_tiny(FORGED_BLOCKS, 0);
	uint64_t end = get_footer(fd, &footer);

	get_node(fd, 0, le64toh(footer.root), &root);
	assert_int_equal(le32toh(root.header.records), 3);
	damaged = true;
	/* In the footer, before it, in the root, in the node before that. */
	assert_int_equal(ftruncate(fd, (off_t)end + 47), 0);
	assert_scanned(fd, 0);
	damaged = false;
	assert_int_equal(ftruncate(fd, (off_t)end), 0);
	assert_scanned(fd, 0);
	assert_whole(fd, 0, FORGED_BLOCKS);
	damaged = true;
	assert_int_equal(ftruncate(fd, (off_t)end - 1), 0);
	assert_scanned(fd, 0);
	assert_int_equal(ftruncate(fd, (off_t)root.offset - 1), 0);
	assert_scanned(fd, 0);
	/* A footer, and something behind it. */
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	fd = make_tiny(FORGED_BLOCKS, 0);
	set_bytes(fd, "x", 1, end + sizeof(footer));
	assert_scanned(fd, 0);
	damaged = false;
	close(fd);
}

/* Every byte of the root, of a node's header, of the footer. */
static void test_seek_damaged(void **state)
{
	int fd = make_tiny(FORGED_BLOCKS, 0);
	struct crr_footer footer;
	uint64_t end = get_footer(fd, &footer), at;
	struct forged_node root, node;
	struct crr_log_reader *in = open_at(fd, 0);
	unsigned char byte;
	unsigned int i;

	get_node(fd, 0, le64toh(footer.root), &root);
	get_node(fd, 0, le64toh(root.entry[1].offset), &node);
	for (at = node.offset; at < end + sizeof(footer); at++) {
		/* The blocks that follow the node are not the index. */
		if (at == node.offset + sizeof(node.header) + 100)
			at = root.offset;
		get_bytes(fd, &byte, 1, at);
		byte ^= 0x20;
		set_bytes(fd, &byte, 1, at);
		/* In the middle of what the node leads to: by scanning. */
		for (i = 0; i < 3; i++)
			assert_in_range(check_seek(in, FORGED_BLOCKS, i,
						   tiny_value(i, 401)),
					i == CRR_LOG_TIME ? 1 : 400, 500);
		byte ^= 0x20;
		set_bytes(fd, &byte, 1, at);
	}
	assert_in_range(check_seek(in, FORGED_BLOCKS, 0, 401), 1, reads_of(2));
	crr_log_close(in);
	close(fd);
}

/* What the index says, under CRCs that are right, leads nowhere. */
static void test_seek_forged(void **state)
{
	const off_t base = 6;
	int fd = make_tiny(FORGED_BLOCKS, base);
	struct crr_footer footer, forged;
	uint64_t end = get_footer(fd, &footer);
	uint64_t begin, nowhere[] = {
		0, 1, INT64_MAX, INT64_MAX - 5, INT64_MIN, UINT64_MAX,
		UINT64_MAX - 47, end - base, end - base + 1, end + 1000, 0, 0,
	};
	struct forged_node root, node, bad;
	unsigned int i;

	get_node(fd, base, le64toh(footer.root), &root);
	get_node(fd, base, le64toh(root.entry[1].offset), &node);
	begin = root.offset - base;
	/* The root, by one byte; by one to the other side. */
	nowhere[N(nowhere) - 1] = begin - 1;
	nowhere[N(nowhere) - 2] = begin + 1;
	damaged = true;
	for (i = 0; i < N(nowhere); i++) {
		forged = footer;
		forged.root = htole64(nowhere[i]);
		crr_footer_seal(&forged);
		set_bytes(fd, &forged, sizeof(forged), end);
		assert_scanned(fd, base);
	}
	set_bytes(fd, &footer, sizeof(footer), end);
	/* The root leads there; to itself; to a block, not a node. */
	nowhere[0] = begin;
	nowhere[1] = le64toh(node.entry[0].offset);
	for (i = 0; i < N(nowhere); i++) {
		bad = root;
		bad.entry[0].offset = htole64(nowhere[i]);
		bad.entry[1].offset = htole64(nowhere[i]);
		bad.entry[2].offset = htole64(nowhere[i]);
		set_node(fd, &bad);
		assert_scanned(fd, base);
	}
	set_node(fd, &root);
	/* The node does: what it leads to is before it, and a block. */
	nowhere[1] = node.offset - base;
	for (i = 0; i < N(nowhere); i++) {
		unsigned int k;

		bad = node;
		for (k = 0; k < CRR_INDEX_FANOUT; k++)
			bad.entry[k].offset = htole64(nowhere[i]);
		set_node(fd, &bad);
		assert_scanned(fd, base);
	}
	set_node(fd, &node);
	/* Headers that are none. */
	for (i = 0; i < 7; i++) {
		bad = root;
		if (i == 0)
			bad.header.records = 0;
		if (i == 1)
			bad.header.stored = bad.header.records = 0;
		if (i == 2)
			bad.header.records = htole32(CRR_INDEX_FANOUT + 1);
		if (i == 3)
			bad.header.records = htole32(UINT32_MAX);
		if (i == 4)
			bad.header.codec = htole16(CRR_INDEX_LEVELS);
		if (i == 5)
			bad.header.codec = htole16(0);
		if (i == 6)
			bad.header.stored = htole32(64);
		set_node(fd, &bad);
		assert_scanned(fd, base);
	}
	set_node(fd, &root);
	/* One whose level is higher than that of what leads to it. */
	bad = node;
	bad.header.codec = htole16(1);
	set_node(fd, &bad);
	assert_scanned(fd, base);
	set_node(fd, &node);
	damaged = false;
	assert_in_range(seek_all(fd, base, FORGED_BLOCKS), 1, reads_of(2));
	close(fd);
}

/*
 * What the index says, under CRCs that are right, leads to blocks, but not to
 * the right ones: they tell so themselves. Their times they do not tell.
 */
static void test_seek_misled(void **state)
{
	int fd = make_tiny(FORGED_BLOCKS, 0);
	struct crr_footer footer, forged;
	uint64_t end = get_footer(fd, &footer);
	struct forged_node root, node, bad;
	unsigned int i, k;

	get_node(fd, 0, le64toh(footer.root), &root);
	get_node(fd, 0, le64toh(root.entry[2].offset), &node);
	damaged = true;
	/* A root that is only a part of it. */
	for (k = 0; k < 3; k++) {
		forged = footer;
		forged.root = root.entry[k].offset;
		crr_footer_seal(&forged);
		set_bytes(fd, &forged, sizeof(forged), end);
		seek_by(CRR_LOG_TIME, fd, 0, FORGED_BLOCKS);
	}
	/* One that is a block, though not the only one. */
	for (k = 0; k < 3; k++) {
		forged = footer;
		forged.root = node.entry[k].offset;
		crr_footer_seal(&forged);
		set_bytes(fd, &forged, sizeof(forged), end);
		seek_by(CRR_LOG_TIME, fd, 0, FORGED_BLOCKS);
	}
	set_bytes(fd, &footer, sizeof(footer), end);
	/* Entries that change places; keys that are too small, or too large. */
	for (i = 0; i < 4; i++) {
		bad = root;
		for (k = 0; k < 3; k++) {
			if (i == 0)
				bad.entry[k].offset = root.entry[2 - k].offset;
			if (i == 1)
				bad.entry[k].sequence = bad.entry[k].counter =
					bad.entry[k].time = 0;
			if (i == 2)
				bad.entry[k].sequence = bad.entry[k].counter =
					bad.entry[k].time = UINT64_MAX;
			if (i == 3)
				bad.entry[k] = root.entry[2 - k];
		}
		set_node(fd, &bad);
		seek_by(CRR_LOG_TIME, fd, 0, FORGED_BLOCKS);
	}
	set_node(fd, &root);
	bad = node;
	for (k = 0; k + 1 < le32toh(node.header.records); k++)
		bad.entry[k].offset = node.entry[k + 1].offset;
	set_node(fd, &bad);
	seek_by(CRR_LOG_TIME, fd, 0, FORGED_BLOCKS);
	damaged = false;
	close(fd);
}

/* Whoever reads the log from its beginning notices it in any case. */
static void test_forged_index(void **state)
{
	int fd = make_tiny(FORGED_BLOCKS, 0), err;
	struct crr_footer footer, bad_footer;
	uint64_t end = get_footer(fd, &footer), bad_at;
	struct forged_node root, node, bad;
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_record rec;
	unsigned int i;

	get_node(fd, 0, le64toh(footer.root), &root);
	get_node(fd, 0, le64toh(root.entry[1].offset), &node);
	for (i = 0; i < 14; i++) {
		bad = i < 7 ? node : root;
		bad_footer = footer;
		bad_at = bad.offset;
		switch (i) {
		case 0:
		case 7:
			bad.entry[1].offset ^= htole64(8);
			break;
		case 1:
		case 8:
			bad.entry[1].sequence ^= htole64(1);
			break;
		case 2:
		case 9:
			bad.entry[1].counter ^= htole64(1);
			break;
		case 3:
			bad.entry[100].time ^= htole64(1);
			break;
		case 4:
			bad.header.codec = htole16(1);
			break;
		case 5:
			bad.header.codec = htole16(CRR_INDEX_LEVELS);
			break;
		case 6:
			bad.header.records = htole32(255);
			break;
		case 10:
			bad_footer.root = root.entry[0].offset;
			break;
		case 11:
			bad_footer.sequence = htole64(FORGED_BLOCKS + 1);
			break;
		case 12:
			bad_footer.counter = htole64(1);
			break;
		case 13:
			bad_footer.flags = htole32(CRR_FOOTER_ENDED);
			break;
		}
		if (i >= 10) {
			crr_footer_seal(&bad_footer);
			set_bytes(fd, &bad_footer, sizeof(bad_footer), end);
			bad_at = end;
		} else {
			set_node(fd, &bad);
		}
		in = open_at(fd, 0);
		/* Sent back to the beginning it is as strict. */
		if (i % 2)
			assert_int_equal(crr_log_seek(in, CRR_LOG_SEQUENCE, 0),
					 0);
		while ((err = crr_log_next(in, &rec, &error)) > 0)
			;
		assert_int_equal(err, -1);
		assert_int_equal(errno, EBADMSG);
		if (error.offset != bad_at)
			fail_msg("%u: at %llu: %s", i,
				 (unsigned long long)error.offset, error.text);
		assert_int_equal(rec.sequence,
				 i < 7 ? 511 : FORGED_BLOCKS - 1);
		crr_log_close(in);
		set_node(fd, &node);
		set_node(fd, &root);
		set_bytes(fd, &footer, sizeof(footer), end);
	}
	assert_whole(fd, 0, FORGED_BLOCKS);
	close(fd);
}

/* The writer died between a block and the nodes that follow it, or in one. */
static void test_resume_index(void **state)
{
	static const uint64_t nblocks[] = { 256, 300, 512, 65536 };
	/* From the end of the last block that is written before the nodes. */
	static const size_t cuts[] = { 0, 1, 48, 49, 48 + 8191, 48 + 8192,
				       48 + 8192 + 47 };
	struct crr_log_error error;
	struct crr_log_writer *log;
	uint64_t next, n, kept;
	size_t i, k, at, size;
	unsigned char *bytes;
	int fd, whole;

	for (i = 0; i < N(nblocks); i++) {
		n = nblocks[i];
		if (too_long(n))
			continue;
		/* Where block 256 ends, say. */
		kept = n / 256 * 256;
		fd = make_tiny(kept, 0);
		log = crr_log_resume(fd, &next, &error);
		assert_non_null(log);
		at = crr_log_written(log);
		assert_int_equal(next, kept);
		assert_int_equal(crr_log_finish(log), 0);
		close(fd);
		whole = make_tiny(n + 10, 0);
		bytes = content(whole, &size);
		for (k = 0; k < N(cuts); k++) {
			/* Each of these reads all blocks. */
			if (n > 1000 && k % 3)
				continue;
			fd = temporary();
			set_bytes(fd, bytes, at + cuts[k], 0);
			log = crr_log_resume(fd, &next, &error);
			assert_non_null(log);
			if (next != kept)
				assert_int_equal(next, kept + 1);
			assert_int_equal(crr_log_compress(log, 0), 0);
			tiny_append(log, next, n + 10);
			assert_int_equal(crr_log_finish(log), 0);
			assert_same_content(fd, whole);
			close(fd);
		}
		free(bytes);
		close(whole);
	}
}

/* Finished, and gone on with, again and again: as if it had been one run. */
static void test_resume_finished(void **state)
{
	struct crr_log_error error;
	struct crr_log_writer *log;
	uint64_t next, n;
	int fd = make_tiny(250, 0), whole = make_tiny(265, 0);

	for (n = 250; n < 265; n++) {
		assert_whole(fd, 0, n);
		check_extent(fd, 0, n, false);
		log = crr_log_resume(fd, &next, &error);
		assert_non_null(log);
		assert_int_equal(next, n);
		assert_int_equal(crr_log_compress(log, 0), 0);
		/* From one that is there already, times included. */
		tiny_append(log, n - 1, n + 1);
		assert_int_equal(crr_log_finish(log), 0);
	}
	assert_same_content(fd, whole);
	seek_all(fd, 0, 265);
	close(fd);
	close(whole);
}

/* ---- Behind damage ---- */

static void test_resync(void **state)
{
	struct crr_log_error error;
	struct crr_log_reader *in;
	const void *records;
	unsigned char *bytes;
	struct example ex;
	size_t size, length, i, at, from;
	unsigned int hurt, n;
	uint64_t offset;
	int fd, ret;

	for (i = 0; i < N(levels); i++) {
		make_example(&ex, 6, 5, true, levels[i]);
		bytes = content(ex.fd, &size);
		fd = temporary();
		/* One block, or all but some; in the header, or behind it. */
		for (hurt = 1; hurt < 1U << ex.nblocks; hurt++) {
			set_bytes(fd, bytes, size, 0);
			for (n = 0; n < ex.nblocks; n++) {
				at = n ? ex.block[n - 1].end : ex.header;
				at += (hurt + n) % 3 ? hurt % 48 : 50;
				if (hurt & 1U << n)
					set_bytes(fd, "\376", 1, at);
				if (hurt & 1U << n && bytes[at] == 0xfe)
					set_bytes(fd, "\1", 1, at);
			}
			in = open_at(fd, 0);
			for (n = 0; n < ex.nblocks;) {
				offset = crr_log_offset(in);
				ret = crr_log_block(in, &records, &length,
						    &error);
				if (hurt & 1U << n) {
					assert_int_equal(ret, -1);
					assert_int_equal(errno, EBADMSG);
					ret = crr_log_resync(in, offset);
					/* Not only the CRC of the records. */
					n++;
					if (!ret)
						break;
					assert_int_equal(ret, 1);
					while (n < ex.nblocks &&
					       ex.block[n - 1].end !=
						       crr_log_offset(in))
						assert_true(hurt & 1U << n++);
					assert_in_range(n, 1, ex.nblocks - 1);
					continue;
				}
				assert_int_equal(ret, 1);
				from = n ? ex.block[n - 1].records_end : 0;
				assert_int_equal(length,
						 ex.block[n].records_end -
							 from);
				assert_memory_equal(records, ex.records + from,
						    length);
				n++;
			}
			/* It was the last, or those behind it are hurt, too. */
			for (; n < ex.nblocks; n++)
				assert_true(hurt & 1U << n);
			if (!(hurt & 1U << (ex.nblocks - 1))) {
				assert_int_equal(crr_log_block(in, &records,
							       &length, &error),
						 0);
				assert_true(crr_log_ended(in));
			}
			crr_log_close(in);
		}
		free(bytes);
		close(fd);
		free_example(&ex);
	}
}

/* It is far, and lies across whatever is read at once. */
static void test_resync_far(void **state)
{
	static const int around[] = { -49, -48, -47, -24, -4, -3, -1, 0, 1 };
	struct crr_log_error error;
	struct crr_log_reader *in;
	const void *records;
	unsigned char *bytes;
	struct example ex;
	size_t size, i, length;
	uint64_t gap;
	int fd, blocks;

	make_example(&ex, 2, 5, true, 3);
	bytes = content(ex.fd, &size);
	for (blocks = 1; blocks < 3; blocks++) {
		for (i = 0; i < N(around); i++) {
			/* What is read begins a byte behind the damage. */
			gap = (uint64_t)blocks * CRR_BLOCK_MAX + 1 + around[i];
			fd = temporary();
			set_bytes(fd, bytes, ex.header, 0);
			set_bytes(fd, bytes + ex.header, ex.size - ex.header,
				  ex.header + gap);
			in = open_at(fd, 0);
			assert_int_equal(crr_log_block(in, &records, &length,
						       &error),
					 -1);
			assert_int_equal(error.offset, ex.header);
			assert_int_equal(crr_log_resync(in, ex.header), 1);
			assert_int_equal(crr_log_offset(in), ex.header + gap);
			assert_int_equal(crr_log_block(in, &records, &length,
						       &error),
					 1);
			assert_int_equal(length, ex.block[0].records_end);
			assert_memory_equal(records, ex.records, length);
			/* Beyond the last, and beyond the end. */
			assert_int_equal(crr_log_resync(in,
							ex.block[0].end + gap),
					 0);
			assert_int_equal(crr_log_resync(in, ex.size + gap), 0);
			assert_int_equal(crr_log_resync(in, 1ULL << 40), 0);
			crr_log_close(in);
			close(fd);
		}
	}
	free(bytes);
	free_example(&ex);
}

/* ---- When it was, and whether it is on the disk ---- */

static void append_eof(struct crr_log_writer *log, uint64_t from, uint64_t to)
{
	unsigned char buf[64 * 128];
	size_t n = 0;
	struct crr_record rec;

	/* All at once: the stamps find their records by themselves. */
	for (; from < to; from++) {
		rec = (struct crr_record){
			.type = from ? CRR_TYPE_EOF : CRR_TYPE_STREAM,
			.sequence = from,
			.counter = from * 10,
			.data = from ? NULL : (const unsigned char *)"x",
			.data_length = !from,
		};
		n += crr_record_encode(buf + n, &rec);
	}
	assert_int_equal(crr_log_append(log, buf, n), 0);
}

struct stamp {
	uint64_t sequence;
	uint64_t ms;
};

static void assert_stamps(int fd, const struct stamp *stamp, size_t n,
			  uint64_t records)
{
	struct crr_log_reader *in = open_at(fd, 0);
	struct crr_log_error error;
	struct crr_record rec;
	uint64_t next = 0;
	int ret;

	while ((ret = crr_log_next(in, &rec, &error)) > 0) {
		if (n && stamp->sequence == next) {
			assert_int_equal(rec.type, CRR_TYPE_TIME);
			assert_int_equal(rec.sequence, next);
			assert_int_equal(rec.counter, next * 10);
			assert_int_equal(rec.time, BEGUN + stamp->ms * MS);
			stamp++;
			n--;
			continue;
		}
		assert_int_equal(rec.type, next ? CRR_TYPE_EOF :
						  CRR_TYPE_STREAM);
		assert_int_equal(rec.sequence, next);
		next++;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(n, 0);
	assert_int_equal(next, records);
	crr_log_close(in);
}

static void test_stamp(void **state)
{
	struct stamp expected[] = {
		{ 0, 1 },   { 1, 2 },  { 4, 3 },  { 6, 4 },
		{ 6, 6 },   { 8, 7 },  { 9, 8 },  { 12, 9 },
		{ 14, 12 }, { 15, 5 }, { 18, 6 }, { 19, 7 },
	};
	struct crr_log_error error;
	struct crr_log_writer *log;
	uint64_t next;
	int fd = temporary();

	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	crr_log_stamp(log, 0, BEGUN + 1 * MS);
	append_eof(log, 0, 1);
	/* In milliseconds; the same one is not said twice. */
	crr_log_stamp(log, 1, BEGUN + 2 * MS + 999999);
	append_eof(log, 1, 2);
	crr_log_stamp(log, 2, BEGUN + 2 * MS);
	crr_log_stamp(log, 2, BEGUN + 2 * MS + 1);
	append_eof(log, 2, 3);
	/* Not before its record has come. */
	crr_log_stamp(log, 4, BEGUN + 3 * MS + 1);
	append_eof(log, 3, 4);
	assert_int_equal(crr_log_flush(log), 0);
	append_eof(log, 4, 6);
	/* Nothing came between: the first and the last one tell that. */
	crr_log_stamp(log, 6, BEGUN + 4 * MS);
	crr_log_stamp(log, 6, BEGUN + 5 * MS);
	crr_log_stamp(log, 6, BEGUN + 6 * MS);
	append_eof(log, 6, 7);
	/* Several wait, for records that come at once. */
	crr_log_stamp(log, 8, BEGUN + 7 * MS);
	crr_log_stamp(log, 9, BEGUN + 8 * MS);
	crr_log_stamp(log, 12, BEGUN + 9 * MS);
	append_eof(log, 7, 14);
	/* Late: before what is next. */
	crr_log_stamp(log, 3, BEGUN + 11 * MS);
	crr_log_stamp(log, 4, BEGUN + 12 * MS);
	append_eof(log, 14, 15);
	/* Somebody has set the clock back. */
	crr_log_stamp(log, 15, BEGUN + 5 * MS);
	append_eof(log, 15, 16);
	/* TIME is no record of its own. */
	assert_int_equal(crr_log_records(log), 16);
	/* Nothing came afterwards. */
	crr_log_stamp(log, 16, BEGUN + 20 * MS);
	assert_int_equal(crr_log_finish(log), 0);
	assert_stamps(fd, expected, 10, 16);

	/* It goes on: not with what is there, and not before it. */
	log = crr_log_resume(fd, &next, &error);
	assert_non_null(log);
	assert_int_equal(next, 16);
	crr_log_stamp(log, 18, BEGUN + 6 * MS);
	append_eof(log, 14, 18);
	append_eof(log, 18, 19);
	crr_log_stamp(log, 19, BEGUN + 7 * MS);
	append_eof(log, 19, 20);
	assert_int_equal(crr_log_finish(log), 0);
	assert_stamps(fd, expected, 12, 20);

	/* The last time that the log has is not said again. */
	close(fd);
	fd = temporary();
	log = crr_log_create(fd, &plain_info);
	crr_log_stamp(log, 0, BEGUN + 1 * MS);
	append_eof(log, 0, 2);
	assert_int_equal(crr_log_finish(log), 0);
	log = crr_log_resume(fd, &next, &error);
	assert_non_null(log);
	crr_log_stamp(log, 2, BEGUN + 1 * MS + 5);
	append_eof(log, 0, 4);
	assert_int_equal(crr_log_finish(log), 0);
	assert_stamps(fd, expected, 1, 4);
	close(fd);
}

#define STAMPS_KEPT 1024

/*
 * More than it keeps. Those that remain are spread evenly, but for a pause,
 * whose beginning and end are kept.
 */
static void test_stamp_many(void **state)
{
	enum { N_STAMPS = 3 * STAMPS_KEPT, PAUSE_AT = 100, PAUSE = 5000 };
	unsigned int n = 0, widest = 0, pauses = 0, i;
	struct crr_log_writer *log;
	struct crr_log_reader *in;
	struct crr_log_error error;
	uint64_t ms, last = 0;
	struct crr_record rec;
	int fd = temporary();

	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	for (i = 1; i <= N_STAMPS; i++) {
		ms = i <= PAUSE_AT ? i : PAUSE + i;
		crr_log_stamp(log, i, BEGUN + ms * MS);
		/* Nothing came in the pause. */
		if (i == PAUSE_AT)
			crr_log_stamp(log, i, BEGUN + (PAUSE + i) * MS);
	}
	for (i = 0; i <= N_STAMPS; i += 50)
		append_eof(log, i, i + 50);
	assert_int_equal(crr_log_finish(log), 0);
	in = open_at(fd, 0);
	while (crr_log_next(in, &rec, &error) > 0) {
		if (rec.type != CRR_TYPE_TIME)
			continue;
		ms = (rec.time - BEGUN) / MS;
		assert_int_equal(rec.sequence, ms < PAUSE ? ms : ms - PAUSE);
		if (!n++)
			assert_int_equal(ms, 1);
		else if (ms - last == PAUSE)
			pauses++;
		else if (ms - last > widest)
			widest = (unsigned int)(ms - last);
		last = ms;
	}
	assert_int_equal(n, STAMPS_KEPT);
	assert_int_equal(last, PAUSE + N_STAMPS);
	assert_int_equal(pauses, 1);
	assert_in_range(widest, 3, 4);
	crr_log_close(in);
	close(fd);
}

/* A TIME that makes a block full goes, with its record, where there is room. */
static void test_stamp_full(void **state)
{
	struct source src = { .rng = { 43 } };
	unsigned char buf[CRR_RECORD_SIZE_MAX];
	struct crr_log_writer *log;
	struct crr_record rec;
	int i, fd = temporary();

	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	for (i = 0; i < 2000; i++) {
		source_record(&src, &rec);
		crr_log_stamp(log, rec.sequence, BEGUN + i * MS);
		assert_int_equal(crr_log_append(log, buf,
						crr_record_encode(buf, &rec)),
				 0);
	}
	assert_int_equal(crr_log_records(log), 2000);
	assert_int_equal(crr_log_finish(log), 0);
	assert_whole(fd, 0, 2000);
	assert_int_equal(read_records(fd), 4000);
	close(fd);
}

static void test_sync(void **state)
{
	struct crr_log_writer *log;
	unsigned char bytes[4096];
	int to[2], fd = temporary();

	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	assert_int_equal(crr_log_durable(log), 0);
	append_eof(log, 0, 5);
	assert_int_equal(crr_log_durable(log), 0);
	assert_int_equal(crr_log_flush(log), 0);
	assert_int_equal(crr_log_durable(log), 0);
	assert_int_equal(crr_log_sync(log), 0);
	assert_int_equal(crr_log_durable(log), 5);
	append_eof(log, 5, 7);
	assert_int_equal(crr_log_durable(log), 5);
	/* It flushes. */
	assert_int_equal(crr_log_sync(log), 0);
	assert_int_equal(crr_log_durable(log), 7);
	assert_int_equal(read_records(fd), 7);
	lseek(fd, 0, SEEK_END);
	/* The disk fails: what was durable is; more there will never be. */
	append_eof(log, 7, 8);
	assert_int_equal(crr_log_flush(log), 0);
	close(fd);
	errno = 0;
	assert_int_equal(crr_log_sync(log), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(crr_log_durable(log), 7);
	errno = 0;
	assert_int_equal(crr_log_append(log, bytes, 0), -1);
	assert_int_equal(errno, EBADF);
	errno = 0;
	assert_int_equal(crr_log_finish(log), -1);
	assert_int_equal(errno, EBADF);

	/* A pipe has no disk. */
	assert_int_equal(pipe(to), 0);
	log = crr_log_create(to[1], &plain_info);
	assert_non_null(log);
	append_eof(log, 0, 5);
	assert_int_equal(crr_log_sync(log), 0);
	assert_int_equal(crr_log_durable(log), 5);
	assert_int_equal(crr_log_finish(log), 0);
	close(to[0]);
	close(to[1]);
}

/* ---- Killed ---- */

/* Until somebody kills it: append, flush, sync, and tell what is durable. */
static void write_until_killed(int fd, int to, int round)
{
	struct source src = { .rng = { 1000 + round },
			      .largest = round % 3 ? 30 : 0 };
	unsigned char buf[CRR_RECORD_SIZE_MAX];
	struct rng rng = { round };
	struct crr_log_writer *log;
	struct crr_record rec;
	uint64_t durable;
	uint32_t often = round % 3 ? 2 : 200;

	log = crr_log_create(fd, &plain_info);
	if (!log || crr_log_compress(log, round % 2 ? 1 : 0))
		_exit(1);
	for (;;) {
		source_record(&src, &rec);
		if (crr_log_append(log, buf, crr_record_encode(buf, &rec)))
			_exit(2);
		if (!rng_below(&rng, often) && crr_log_flush(log))
			_exit(3);
		if (rng_below(&rng, 10 * often))
			continue;
		if (crr_log_sync(log))
			_exit(4);
		durable = crr_log_durable(log);
		if (write(to, &durable, sizeof(durable)) != sizeof(durable))
			_exit(5);
	}
}

/* What a round wrote is there, up to some record. */
static uint64_t read_killed(int fd, int round, struct source *src)
{
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_record rec, want;
	uint64_t n = 0;
	int ret;

	*src = (struct source){ .rng = { 1000 + round },
				.largest = round % 3 ? 30 : 0 };
	in = open_at(fd, 0);
	while ((ret = crr_log_next(in, &rec, &error)) > 0) {
		source_record(src, &want);
		assert_same_record(&rec, &want);
		n++;
	}
	if (ret) {
		assert_int_equal(errno, EBADMSG);
		assert_int_equal(error.offset, lseek(fd, 0, SEEK_END));
	}
	crr_log_close(in);
	return n;
}

static void test_killed(void **state)
{
	struct rng rng = { 47 };
	unsigned char buf[CRR_RECORD_SIZE_MAX];
	struct source src;
	struct crr_log_error error;
	struct crr_log_writer *log;
	struct crr_record rec;
	uint64_t durable, reported, n, next, all = 0, told = 0;
	int rounds = (int)often(300), round, fd, to[2], status;
	pid_t pid;

	for (round = 0; round < rounds; round++) {
		fd = temporary();
		assert_int_equal(pipe(to), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			close(to[0]);
			write_until_killed(fd, to[1], round);
		}
		close(to[1]);
		/* It has begun; what is in the pipe is read afterwards. */
		assert_int_equal(read(to[0], &reported, sizeof(reported)),
				 sizeof(reported));
		usleep(rng_below(&rng, 4000));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGKILL);
		while (read(to[0], &durable, sizeof(durable)) ==
		       sizeof(durable)) {
			assert_true(durable >= reported);
			reported = durable;
		}
		close(to[0]);

		n = read_killed(fd, round, &src);
		assert_true(n >= reported);
		all += n;
		told += reported;
		/* It goes on, to its end. */
		log = crr_log_resume(fd, &next, &error);
		assert_non_null(log);
		assert_int_equal(next, n);
		while (source_end(&src, &rec)) {
			size_t size = crr_record_encode(buf, &rec);

			assert_int_equal(crr_log_append(log, buf, size), 0);
		}
		n = crr_log_records(log);
		assert_int_equal(crr_log_finish(log), 0);
		assert_whole(fd, 0, n);
		close(fd);
	}
	/* It did write, and report. */
	assert_true(told > (uint64_t)rounds * 20 && all > told);
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
static void fill(const struct example *ex, size_t limit, int level)
{
	bool in_block = limit < tail_of(ex);
	struct crr_log_error error;
	struct crr_log_writer *log;
	uint64_t records = 0;
	size_t start;
	unsigned int i;
	int n, err, failures = 0, fd = temporary();

	limit_size(limit);
	log = crr_log_create(fd, &plain_info);
	assert_non_null(log);
	assert_int_equal(crr_log_compress(log, level), 0);
	for (i = 0; i < ex->nblocks; i++) {
		start = i ? ex->block[i - 1].records_end : 0;
		errno = 0;
		if (crr_log_append(log, ex->records + start,
				   ex->block[i].records_end - start) ||
		    crr_log_sync(log)) {
			assert_int_equal(errno, EFBIG);
			failures++;
			continue;
		}
		assert_int_equal(failures, 0);
		records = ex->block[i].nrecords;
	}
	assert_int_equal(failures > 0, in_block);
	assert_int_equal(crr_log_durable(log), records);
	/* Records, complete: of the log, not of what was tried. */
	assert_int_equal(crr_log_records(log), records);
	assert_int_equal(crr_log_complete(log), !in_block);
	if (in_block) {
		limit_size(RLIM_INFINITY);
		/* Room again, but the file's end is not what it should be. */
		errno = 0;
		assert_int_equal(crr_log_append(log, ex->records, 0), -1);
		assert_int_equal(errno, EFBIG);
		errno = 0;
		assert_int_equal(crr_log_flush(log), -1);
		assert_int_equal(errno, EFBIG);
		errno = 0;
		assert_int_equal(crr_log_sync(log), -1);
		assert_int_equal(errno, EFBIG);
		assert_int_equal(crr_log_written(log), limit);
	}
	errno = 0;
	assert_int_equal(crr_log_finish(log), -1);
	assert_int_equal(errno, EFBIG);
	limit_size(RLIM_INFINITY);
	assert_int_equal(lseek(fd, 0, SEEK_END), limit);

	n = read_blocks(ex, fd, &err, &error);
	assert_int_equal(n ? ex->block[n - 1].nrecords : 0, records);
	close(fd);
}

static void test_full(void **state)
{
	void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
	struct example ex;
	size_t limit, i;

	for (i = 0; i < N(levels); i++) {
		make_example(&ex, 3, 5, true, levels[i]);
		for (limit = ex.header; limit < ex.size; limit++)
			fill(&ex, limit, levels[i]);
		free_example(&ex);
	}
	signal(SIGXFSZ, old);
}

/* In a node of the index, of 256 blocks; and in those at the end. */
static void test_full_index(void **state)
{
	void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
	int fd, whole = make_tiny(258, 0), few = make_tiny(256, 0);
	int most = make_tiny(257, 0);
	struct crr_log_error error;
	struct crr_log_writer *log;
	struct crr_footer footer;
	uint64_t limit, node, next, again, end;
	unsigned char buf[128];
	struct crr_record rec = {
		.type = CRR_TYPE_EOF,
		.sequence = 256,
		.counter = tiny_counter(256),
	};
	size_t size = crr_record_encode(buf, &rec);

	(void)get_footer(few, &footer);
	node = le64toh(footer.root);
	/* Node, block, node, root, footer. */
	end = (uint64_t)lseek(most, 0, SEEK_END);
	close(most);
	for (limit = node; limit < end;
	     limit += limit < node + 48 || limit > node + 8230 ? 1 : 61) {
		fd = temporary();
		limit_size(limit);
		log = crr_log_create(fd, &plain_info);
		assert_non_null(log);
		assert_int_equal(crr_log_compress(log, 0), 0);
		tiny_append(log, 0, 256);
		errno = 0;
		if (crr_log_append(log, buf, size) || crr_log_flush(log)) {
			assert_int_equal(errno, EFBIG);
			assert_int_equal(crr_log_records(log), 256);
			assert_int_equal(crr_log_written(log), limit);
		} else {
			assert_true(limit >= node + 48 + 8192 + 48 + 32);
			assert_int_equal(crr_log_records(log), 257);
		}
		next = crr_log_records(log);
		errno = 0;
		assert_int_equal(crr_log_finish(log), -1);
		assert_int_equal(errno, EFBIG);
		limit_size(RLIM_INFINITY);
		assert_int_equal(lseek(fd, 0, SEEK_END), limit);
		/* Times are in 64 of the blocks. */
		assert_int_equal(read_records(fd), next + 64);
		log = crr_log_resume(fd, &again, &error);
		assert_non_null(log);
		assert_int_equal(again, next);
		assert_int_equal(crr_log_compress(log, 0), 0);
		tiny_append(log, next, 258);
		assert_int_equal(crr_log_finish(log), 0);
		assert_same_content(fd, whole);
		close(fd);
	}
	signal(SIGXFSZ, old);
	close(few);
	close(whole);
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

	make_example(&ex, 1, 5, true, 3);
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
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

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

void *__wrap_realloc(void *old, size_t size)
{
	return fails_now() ? NULL : __real_realloc(old, size);
}

/* A block that cannot be packed is written as it is: nothing is lost. */
static void test_no_memory_to_pack(void **state)
{
	struct crr_block_header header;
	struct crr_log_error error;
	struct crr_log_writer *log;
	struct crr_log_reader *in;
	const void *records;
	struct example ex;
	size_t begin, length;
	int n, fd, codec = CRR_CODEC_NONE;

	make_example(&ex, 1, 30, true, 3);
	for (n = 0; codec == CRR_CODEC_NONE; n++) {
		fd = temporary();
		log = crr_log_create(fd, &plain_info);
		assert_non_null(log);
		begin = crr_log_written(log);
		assert_int_equal(crr_log_append(log, ex.records, ex.length), 0);
		allocations = n;
		assert_int_equal(crr_log_flush(log), 0);
		allocations = -1;
		assert_int_equal(crr_log_finish(log), 0);
		assert_whole(fd, 0, ex.nrecords);
		get_bytes(fd, &header, sizeof(header), begin);
		codec = le16toh(header.codec);
		close(fd);
	}
	/* Its columns, and what they are packed into. */
	assert_in_range(n, 5, 20);

	/* To read it takes some, too. */
	in = open_at(ex.fd, 0);
	allocations = 0;
	errno = 0;
	assert_int_equal(crr_log_block(in, &records, &length, &error), -1);
	assert_int_equal(errno, ENOMEM);
	allocations = -1;
	crr_log_close(in);
	free_example(&ex);
}

static void test_no_memory(void **state)
{
	struct crr_log_error error;
	struct crr_log_writer *out;
	struct crr_log_reader *in;
	struct example ex;
	uint64_t next;
	int n, fd;

	make_example(&ex, 2, 4, false, 3);
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
	assert_in_range(n, 2, 12);
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
		cmocka_unit_test(test_golden_columns),
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
		cmocka_unit_test(test_flip_frames),
		cmocka_unit_test(test_shuffled),
		cmocka_unit_test(test_not_a_log),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_forged_blocks),
		cmocka_unit_test(test_codecs),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_one_byte),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_hostile_columns),
		cmocka_unit_test(test_random_columns),
		cmocka_unit_test(test_optional),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_resume_refused),
		cmocka_unit_test(test_resume_order),
		cmocka_unit_test(test_seek),
		cmocka_unit_test(test_seek_records),
		cmocka_unit_test(test_seek_about),
		cmocka_unit_test(test_seek_time_zero),
		cmocka_unit_test(test_extent),
		cmocka_unit_test(test_seek_no_footer),
		cmocka_unit_test(test_seek_damaged),
		cmocka_unit_test(test_seek_forged),
		cmocka_unit_test(test_seek_misled),
		cmocka_unit_test(test_forged_index),
		cmocka_unit_test(test_resume_index),
		cmocka_unit_test(test_resume_finished),
		cmocka_unit_test(test_resync),
		cmocka_unit_test(test_resync_far),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_stamp_many),
		cmocka_unit_test(test_stamp_full),
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_create_fails),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_blocks),
		cmocka_unit_test(test_full_index),
		cmocka_unit_test(test_closed_pipe),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_memory_to_pack),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
