// SPDX-License-Identifier: GPL-2.0-or-later
/* A record's bytes, and the order of records: crr_record_*, crr_order_*. */
#include <errno.h>
#include <stdlib.h>

#include "records.h"

static const uint16_t all_types[] = {
	CRR_TYPE_STREAM, CRR_TYPE_READ,	       CRR_TYPE_READ_ERROR,
	CRR_TYPE_EOF,	 CRR_TYPE_PEER_CLOSED, CRR_TYPE_HANGUP,
	CRR_TYPE_WRITE,	 CRR_TYPE_STREAM_END,  CRR_TYPE_END,
	CRR_TYPE_INQ,	 CRR_TYPE_OUTQ,	       CRR_TYPE_MODEM,
	CRR_TYPE_MARK,	 CRR_TYPE_VALUE,       CRR_TYPE_TERMIOS,
	CRR_TYPE_TIME,
};

#define N_TYPES (sizeof(all_types) / sizeof(all_types[0]))

/* What was encoded is decoded, wherever it lies and whatever follows. */
static void test_round_trip(void **state)
{
	static unsigned char buf[CRR_RECORD_SIZE_MAX + 16];
	struct source src = { .rng = { 1 } };
	struct crr_record rec, again;
	size_t size, got, at;
	unsigned int i;

	for (i = 0; i < 200 * N_TYPES; i++) {
		source_fill(&src, all_types[i % N_TYPES], &rec);
		if (rec.type != CRR_TYPE_END && rec.type != CRR_TYPE_TIME)
			rec.stream =
				(uint16_t)rng_below(&src.rng, CRR_STREAMS_MAX);
		rec.sequence = rng_number(&src.rng);
		rec.counter = rng_number(&src.rng);
		at = i % 8;

		memset(buf, 0xaa, sizeof(buf));
		size = crr_record_encode(buf + at, &rec);
		assert_int_equal(size, crr_record_size(&rec));
		assert_int_equal(size % CRR_RECORD_ALIGN, 0);
		assert_in_range(size, sizeof(struct crr_record_header),
				CRR_RECORD_SIZE_MAX);
		assert_int_equal(buf[at + size], 0xaa);
		assert_int_equal(crr_record_skip(buf + at), size);

		got = 0;
		assert_int_equal(
			crr_record_decode(buf + at, size, &got, &again), 0);
		assert_int_equal(got, size);
		assert_same_record(&rec, &again);
		if (rec.data_length)
			assert_true(again.data >= buf + at &&
				    again.data + again.data_length <=
					    buf + at + size);
		assert_int_equal(
			crr_record_decode(buf + at, size + 5, &got, &again), 0);
		assert_int_equal(got, size);
	}
}

/* A record of which the end is not there is never read past what is there. */
static void test_cut(void **state)
{
	struct source src = { .rng = { 2 }, .largest = 40 };
	unsigned char buf[CRR_RECORD_SIZE_MAX];
	struct crr_record rec;
	size_t size, got, length;
	unsigned char *exact;
	unsigned int i;

	for (i = 0; i < N_TYPES; i++) {
		source_fill(&src, all_types[i], &rec);
		size = crr_record_encode(buf, &rec);
		for (length = 0; length < size; length++) {
			/* Its own allocation: a sanitizer sees its end. */
			exact = malloc(length ? length : 1);
			assert_non_null(exact);
			memcpy(exact, buf, length);
			assert_int_equal(crr_record_decode(exact, length, &got,
							   &rec),
					 -EMSGSIZE);
			free(exact);
		}
	}
}

/*
 * Whatever is accepted has one way only to be written: a bit that decoding
 * does not look at would be one that nobody checks.
 */
static void test_canonical(void **state)
{
	struct source src = { .rng = { 3 }, .largest = 24 };
	unsigned char buf[CRR_RECORD_SIZE_MAX], again[CRR_RECORD_SIZE_MAX];
	unsigned int i, flip, accepted = 0, refused = 0;
	size_t size, got, bit;
	struct crr_record rec;
	int ret;

	for (i = 0; i < 4000; i++) {
		source_fill(&src, all_types[i % N_TYPES], &rec);
		rec.sequence = rng_number(&src.rng);
		rec.counter = rng_number(&src.rng);
		size = crr_record_encode(buf, &rec);
		for (flip = rng_below(&src.rng, 4); flip; flip--) {
			bit = rng_below(&src.rng, (uint32_t)size * 8);
			buf[bit / 8] ^= (unsigned char)(1 << bit % 8);
		}
		ret = crr_record_decode(buf, size, &got, &rec);
		if (ret) {
			refused++;
			assert_true(ret == -EMSGSIZE ||
				    (ret >= CRR_REASON_TYPE &&
				     ret <= CRR_REASON_CRC));
			continue;
		}
		/* Nobody can tell what an unknown record's bytes mean. */
		if (rec.type & CRR_TYPE_OPTIONAL)
			continue;
		accepted++;
		memset(again, 0x55, sizeof(again));
		assert_int_equal(crr_record_encode(again, &rec), got);
		assert_memory_equal(again, buf, got);
	}
	/* Else it has tested nothing. */
	assert_true(accepted > 1000 && refused > 1000);
}

/* ---- What is refused, and why ---- */

/* Write a 16, 32 or 64 bit number, little-endian. */
static void put(unsigned char *to, uint64_t value, size_t bytes)
{
	for (; bytes; bytes--, value >>= 8)
		*to++ = (unsigned char)value;
}

struct refusal {
	uint16_t type;
	size_t offset; /* in the record */
	size_t bytes;
	uint64_t value;
	int reason;
};

/* Offsets as the interface's header has them. */
#define H(member) offsetof(struct crr_record_header, member)
#define P(type, member)                     \
	(sizeof(struct crr_record_header) + \
	 offsetof(struct crr_record_##type, member))

static const struct refusal refusals[] = {
	{ CRR_TYPE_READ, H(type), 2, 0, CRR_REASON_TYPE },
	{ CRR_TYPE_READ, H(type), 2, 15, CRR_REASON_TYPE },
	{ CRR_TYPE_READ, H(type), 2, 0x7fff, CRR_REASON_TYPE },
	{ CRR_TYPE_READ, H(type), 2, 0x8000, 0 },
	{ CRR_TYPE_READ, H(type), 2, 0xffff, 0 },
	{ CRR_TYPE_STREAM, H(flags), 2, 1, CRR_REASON_FLAGS },
	{ CRR_TYPE_READ, H(flags), 2, 1, CRR_REASON_FLAGS },
	{ CRR_TYPE_READ, H(flags), 2, 2, CRR_REASON_FLAGS },
	{ CRR_TYPE_END, H(flags), 2, 0x8000, CRR_REASON_FLAGS },
	{ CRR_TYPE_WRITE, H(flags), 2, 16, CRR_REASON_FLAGS },
	/* Interrupted, and nothing was refused. */
	{ CRR_TYPE_WRITE, H(flags), 2, 6, CRR_REASON_VALUE },
	{ CRR_TYPE_READ, H(stream), 2, 1023, 0 },
	{ CRR_TYPE_READ, H(stream), 2, 1024, CRR_REASON_VALUE },
	{ CRR_TYPE_END, H(stream), 2, 1, CRR_REASON_VALUE },
	/* Lengths: 16 data bytes each, or none. */
	{ CRR_TYPE_READ, H(length), 2, 0, CRR_REASON_LENGTH },
	{ CRR_TYPE_READ, H(length), 2, 7, CRR_REASON_LENGTH },
	{ CRR_TYPE_READ, H(length), 2, 8, CRR_REASON_LENGTH },
	{ CRR_TYPE_READ, H(length), 2, 23, CRR_REASON_PADDING },
	{ CRR_TYPE_READ, H(length), 2, 25, -EMSGSIZE },
	{ CRR_TYPE_READ, H(length), 2, 8168, -EMSGSIZE },
	{ CRR_TYPE_READ, H(length), 2, 8169, CRR_REASON_LENGTH },
	{ CRR_TYPE_READ, H(length), 2, 0xffff, CRR_REASON_LENGTH },
	{ CRR_TYPE_READ_ERROR, H(length), 2, 8, CRR_REASON_LENGTH },
	{ CRR_TYPE_STREAM, H(length), 2, 24, CRR_REASON_LENGTH },
	{ CRR_TYPE_STREAM_END, H(length), 2, 8, CRR_REASON_LENGTH },
	{ CRR_TYPE_WRITE, H(length), 2, 24, CRR_REASON_LENGTH },
	/* Payloads. */
	{ CRR_TYPE_READ_ERROR, P(read_error, error), 4, 0, CRR_REASON_VALUE },
	{ CRR_TYPE_READ_ERROR, P(read_error, error), 4, 511, 0 },
	/* ERESTARTSYS: never seen by a program. */
	{ CRR_TYPE_READ_ERROR, P(read_error, error), 4, 512, CRR_REASON_VALUE },
	{ CRR_TYPE_READ_ERROR, P(read_error, error), 4, 0xffffffff,
	  CRR_REASON_VALUE },
	{ CRR_TYPE_READ_ERROR, P(read_error, __reserved), 4, 1,
	  CRR_REASON_PADDING },
	{ CRR_TYPE_STREAM_END, P(stream_end, reason), 4, 0, CRR_REASON_VALUE },
	{ CRR_TYPE_STREAM_END, P(stream_end, reason), 4, 4, CRR_REASON_VALUE },
	{ CRR_TYPE_STREAM_END, P(stream_end, __reserved), 4, 1,
	  CRR_REASON_PADDING },
	{ CRR_TYPE_WRITE, P(write, requested), 4, 0, CRR_REASON_VALUE },
	{ CRR_TYPE_WRITE, P(write, requested), 4, 2049, CRR_REASON_VALUE },
	{ CRR_TYPE_WRITE, P(write, requested), 4, 15, CRR_REASON_VALUE },
	{ CRR_TYPE_WRITE, P(write, requested), 4, 17, CRR_REASON_LENGTH },
	{ CRR_TYPE_WRITE, P(write, result), 4, 0, CRR_REASON_VALUE },
	{ CRR_TYPE_WRITE, P(write, result), 4, 17, CRR_REASON_VALUE },
	{ CRR_TYPE_WRITE, P(write, result), 4, (uint32_t)-511, 0 },
	{ CRR_TYPE_WRITE, P(write, result), 4, (uint32_t)-512,
	  CRR_REASON_VALUE },
	{ CRR_TYPE_WRITE, P(write, result), 4, 0x80000000, CRR_REASON_VALUE },
	{ CRR_TYPE_WRITE, P(write, offset), 4, 17, CRR_REASON_VALUE },
	{ CRR_TYPE_WRITE, P(write, crc32c), 4, 0, CRR_REASON_CRC },
	{ CRR_TYPE_WRITE, P(write, crc32c) + 4, 1, 0, CRR_REASON_CRC },
	{ CRR_TYPE_STREAM, P(termios, ospeed) + 4, 1, ' ', CRR_REASON_VALUE },
	{ CRR_TYPE_STREAM, P(termios, ospeed) + 4, 1, '\n', CRR_REASON_VALUE },
	{ CRR_TYPE_STREAM, P(termios, ospeed) + 4, 1, 0x7f, CRR_REASON_VALUE },
	{ CRR_TYPE_STREAM, P(termios, ospeed) + 4, 1, 0xe4, CRR_REASON_VALUE },
	{ CRR_TYPE_STREAM, P(termios, ospeed) + 4, 1, '~', 0 },
};

/* Records with 16 bytes of data, all of them 'x'. */
static size_t plain_record(uint16_t type, unsigned char *buf)
{
	static const unsigned char text[] = "xxxxxxxxxxxxxxxx";
	struct crr_record rec = { .type = type };

	switch (type) {
	case CRR_TYPE_READ_ERROR:
		rec.error = EIO;
		break;
	case CRR_TYPE_STREAM_END:
		rec.reason = CRR_END_STOP;
		break;
	case CRR_TYPE_WRITE:
		rec.requested = 16;
		rec.result = 16;
		rec.offset = 16;
		rec.flags = CRR_FLAG_CAPTURED;
		rec.crc32c = crr_record_crc(text, 16);
		break;
	}
	if (type == CRR_TYPE_STREAM || type == CRR_TYPE_READ ||
	    type == CRR_TYPE_WRITE) {
		rec.data = text;
		rec.data_length = 16;
	}
	return crr_record_encode(buf, &rec);
}

static void test_refusals(void **state)
{
	unsigned char buf[CRR_RECORD_SIZE_MAX];
	const struct refusal *r;
	struct crr_record rec;
	size_t size, got, i;
	int ret;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		r = &refusals[i];
		size = plain_record(r->type, buf);
		assert_int_equal(crr_record_decode(buf, size, &got, &rec), 0);
		put(buf + r->offset, r->value, r->bytes);
		ret = crr_record_decode(buf, size, &got, &rec);
		if (ret != r->reason)
			fail_msg("row %zu: %d (%s) instead of %d (%s)", i, ret,
				 crr_reason_text((unsigned int)ret), r->reason,
				 crr_reason_text((unsigned int)r->reason));
	}
}

/* Data where there must be none, and more than there may be. */
static void test_data_lengths(void **state)
{
	static const struct {
		uint16_t type;
		uint32_t length;
		int reason;
	} rows[] = {
		{ CRR_TYPE_STREAM, 64, 0 },
		{ CRR_TYPE_STREAM, 65, CRR_REASON_LENGTH },
		{ CRR_TYPE_READ, 1, 0 },
		{ CRR_TYPE_READ, CRR_READ_MAX, 0 },
		{ CRR_TYPE_READ, CRR_READ_MAX + 1, CRR_REASON_LENGTH },
		{ CRR_TYPE_EOF, 1, CRR_REASON_LENGTH },
		{ CRR_TYPE_PEER_CLOSED, 8, CRR_REASON_LENGTH },
		{ CRR_TYPE_HANGUP, 1, CRR_REASON_LENGTH },
		{ CRR_TYPE_READ_ERROR, 1, CRR_REASON_LENGTH },
		{ CRR_TYPE_STREAM_END, 1, CRR_REASON_LENGTH },
		{ CRR_TYPE_END, 1, CRR_REASON_LENGTH },
	};
	unsigned char buf[CRR_RECORD_SIZE_MAX], data[CRR_READ_MAX + 1];
	struct crr_record rec;
	size_t i, size, got;

	memset(data, 'x', sizeof(data));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rec = (struct crr_record){
			.type = rows[i].type,
			.data = data,
			.data_length = rows[i].length,
		};
		if (rec.type == CRR_TYPE_READ_ERROR)
			rec.error = EIO;
		if (rec.type == CRR_TYPE_STREAM_END)
			rec.reason = CRR_END_STOP;
		size = crr_record_encode(buf, &rec);
		assert_int_equal(crr_record_decode(buf, size, &got, &rec),
				 rows[i].reason);
	}
	/* WRITE without CAPTURED has none; with it, all. */
	rec = (struct crr_record){
		.type = CRR_TYPE_WRITE,
		.requested = 8,
		.result = 8,
		.offset = 8,
		.crc32c = crr_record_crc(data, 8),
		.data = data,
		.data_length = 8,
	};
	size = crr_record_encode(buf, &rec);
	assert_int_equal(crr_record_decode(buf, size, &got, &rec),
			 CRR_REASON_LENGTH);
}

/* Padding of every length has to be zero. */
static void test_padding(void **state)
{
	unsigned char buf[CRR_RECORD_SIZE_MAX];
	struct crr_record rec;
	uint32_t length;
	size_t size, got, at;

	for (length = 1; length <= 8; length++) {
		rec = (struct crr_record){
			.type = CRR_TYPE_READ,
			.data = (const unsigned char *)"abcdefgh",
			.data_length = length,
		};
		size = crr_record_encode(buf, &rec);
		for (at = sizeof(struct crr_record_header) + 8 + length;
		     at < size; at++) {
			assert_int_equal(buf[at], 0);
			buf[at] = 0x80;
			assert_int_equal(crr_record_decode(buf, size, &got,
							   &rec),
					 CRR_REASON_PADDING);
			buf[at] = 0;
		}
	}
}

/* An optional record is passed over whatever it holds. */
static void test_optional(void **state)
{
	unsigned char buf[64];
	struct crr_record rec;
	size_t size;

	memset(buf, 0xff, sizeof(buf));
	put(buf + H(type), CRR_TYPE_OPTIONAL | 5, 2);
	put(buf + H(length), 32, 2);
	assert_int_equal(crr_record_decode(buf, sizeof(buf), &size, &rec), 0);
	assert_int_equal(size, sizeof(struct crr_record_header) + 32);
	assert_int_equal(rec.type, CRR_TYPE_OPTIONAL | 5);
	assert_ptr_equal(rec.data, buf + sizeof(struct crr_record_header));
	assert_int_equal(rec.data_length, 32);
	/* Its padding and its end are judged, as all records' are. */
	put(buf + H(length), 31, 2);
	assert_int_equal(crr_record_decode(buf, sizeof(buf), &size, &rec),
			 CRR_REASON_PADDING);
	put(buf + H(length), 48, 2);
	assert_int_equal(crr_record_decode(buf, sizeof(buf), &size, &rec),
			 -EMSGSIZE);
}

/* CRC32C, by its published check value and those of RFC 3720, B.4. */
static void test_crc(void **state)
{
	unsigned char bytes[32];
	unsigned int i;

	assert_int_equal(crr_record_crc("123456789", 9), 0xe3069283);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crr_record_crc(bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crr_record_crc(bytes, 32), 0x62a8ab43);
	for (i = 0; i < 32; i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(crr_record_crc(bytes, 32), 0x46dd794e);
	assert_int_equal(crr_record_crc(bytes, 0), 0);
}

/* ---- The order of records ---- */

struct step {
	uint16_t type;
	uint16_t stream;
	uint64_t sequence;
	uint64_t counter;
	int reason; /* 0: it is added */
};

static void walk(const struct step *steps, size_t n)
{
	struct crr_order order = { 0 };
	struct crr_record rec;
	size_t i;
	int ret;

	for (i = 0; i < n; i++) {
		rec = (struct crr_record){
			.type = steps[i].type,
			.stream = steps[i].stream,
			.sequence = steps[i].sequence,
			.counter = steps[i].counter,
		};
		ret = crr_order_check(&order, &rec);
		if (ret != steps[i].reason)
			fail_msg("step %zu: %d (%s) instead of %d", i, ret,
				 crr_reason_text((unsigned int)ret),
				 steps[i].reason);
		if (!ret)
			crr_order_add(&order, &rec);
	}
}

#define WALK(steps) walk(steps, sizeof(steps) / sizeof((steps)[0]))

static void test_order_numbers(void **state)
{
	static const struct step steps[] = {
		{ CRR_TYPE_STREAM, 0, 1, 0, CRR_REASON_SEQUENCE },
		{ CRR_TYPE_STREAM, 0, 0, 7, 0 },
		{ CRR_TYPE_READ, 0, 0, 7, CRR_REASON_SEQUENCE },
		{ CRR_TYPE_READ, 0, 2, 7, CRR_REASON_SEQUENCE },
		{ CRR_TYPE_READ, 0, 1, 6, CRR_REASON_COUNTER },
		{ CRR_TYPE_READ, 0, 1, 7, 0 },
		{ CRR_TYPE_READ, 0, 2, CRR_NEVER, 0 },
		{ CRR_TYPE_READ, 0, 3, 0, CRR_REASON_COUNTER },
		{ CRR_TYPE_READ, 0, 3, CRR_NEVER, 0 },
	};

	WALK(steps);
}

static void test_order_streams(void **state)
{
	static const struct step steps[] = {
		{ CRR_TYPE_READ, 0, 0, 0, CRR_REASON_STREAM },
		{ CRR_TYPE_STREAM_END, 0, 0, 0, CRR_REASON_STREAM },
		{ CRR_TYPE_STREAM, 1023, 0, 0, 0 },
		{ CRR_TYPE_STREAM, 1023, 1, 0, CRR_REASON_STREAM },
		{ CRR_TYPE_WRITE, 1022, 1, 0, CRR_REASON_STREAM },
		{ CRR_TYPE_WRITE, 1023, 1, 0, 0 },
		{ CRR_TYPE_STREAM, 0, 2, 0, 0 },
		/* After a hangup nothing but the end. */
		{ CRR_TYPE_HANGUP, 0, 3, 0, 0 },
		{ CRR_TYPE_READ, 0, 4, 0, CRR_REASON_ORDER },
		{ CRR_TYPE_WRITE, 0, 4, 0, CRR_REASON_ORDER },
		{ CRR_TYPE_HANGUP, 0, 4, 0, CRR_REASON_ORDER },
		{ CRR_TYPE_STREAM, 0, 4, 0, CRR_REASON_STREAM },
		{ CRR_TYPE_END, 0, 4, 0, CRR_REASON_ORDER },
		{ CRR_TYPE_STREAM_END, 0, 4, 0, 0 },
		{ CRR_TYPE_STREAM_END, 0, 5, 0, CRR_REASON_STREAM },
		{ CRR_TYPE_READ, 0, 5, 0, CRR_REASON_STREAM },
		{ CRR_TYPE_STREAM, 0, 5, 0, CRR_REASON_STREAM },
		/* END only when all have ended, and then nothing. */
		{ CRR_TYPE_END, 0, 5, 0, CRR_REASON_ORDER },
		{ CRR_TYPE_STREAM_END, 1023, 5, 0, 0 },
		{ CRR_TYPE_END, 0, 6, 0, 0 },
		{ CRR_TYPE_END, 0, 7, 0, CRR_REASON_ORDER },
		{ CRR_TYPE_STREAM, 5, 7, 0, CRR_REASON_ORDER },
		{ CRR_TYPE_OPTIONAL, 0, 7, 0, CRR_REASON_ORDER },
	};

	WALK(steps);
}

/* An unknown optional record may be put in and taken out without a trace. */
static void test_order_optional(void **state)
{
	static const struct step steps[] = {
		{ CRR_TYPE_OPTIONAL | 1, 500, 0, 3, 0 },
		{ CRR_TYPE_OPTIONAL | 1, 0, 1, 3, CRR_REASON_SEQUENCE },
		{ CRR_TYPE_STREAM, 0, 0, 2, CRR_REASON_COUNTER },
		{ CRR_TYPE_STREAM, 0, 0, 3, 0 },
		{ CRR_TYPE_OPTIONAL | 2, 0, 1, 3, 0 },
		{ CRR_TYPE_OPTIONAL | 2, 0xffff, 1, 4, 0 },
		{ CRR_TYPE_READ, 0, 1, 4, 0 },
	};

	WALK(steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_data_lengths),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_optional),
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_order_numbers),
		cmocka_unit_test(test_order_streams),
		cmocka_unit_test(test_order_optional),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
