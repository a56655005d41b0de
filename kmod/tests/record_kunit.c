// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of record.c: what a record's bytes may be, and what may follow what.
 *
 * Bytes are judged in allocations of their very size, so that KASAN sees who
 * reads further.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "../record.h"

/* Where the header's members are, and the payload's. */
#define TYPE_AT		0
#define FLAGS_AT	2
#define STREAM_AT	4
#define LENGTH_AT	6
#define PAYLOAD_AT	24

#define BYTES(text)	.data_length = sizeof(text) - 1, .data = (const u8 *)(text)

/* One of each type; the last byte of "check" is followed by padding. */
static const struct crr_record samples[] = {
	{ .type = CRR_TYPE_STREAM, .stream = 3, .sequence = 7, .counter = 1,
	  .termios = { 1, 2, 3, 4, 9600, 19200 }, BYTES("ttyS0") },
	{ .type = CRR_TYPE_READ, .empty_reads = 1ULL << 40, .counter = CRR_NEVER,
	  BYTES("check") },
	{ .type = CRR_TYPE_READ_ERROR, .empty_reads = 2, .error = EIO },
	{ .type = CRR_TYPE_EOF, .empty_reads = 3, .stream = CRR_STREAMS_MAX - 1 },
	{ .type = CRR_TYPE_PEER_CLOSED, .empty_reads = 4 },
	{ .type = CRR_TYPE_HANGUP, .sequence = CRR_NEVER },
	{ .type = CRR_TYPE_WRITE, .flags = CRR_FLAG_CUT, .refused = 5,
	  .requested = CRR_WRITE_MAX, .result = -EINTR, .crc32c = 0x12345678 },
	{ .type = CRR_TYPE_WRITE, .flags = CRR_FLAG_CAPTURED, .requested = 9,
	  .result = 9, .offset = 4, .crc32c = 0xe3069283,
	  BYTES("123456789") },
	{ .type = CRR_TYPE_STREAM_END, .empty_reads = 6, .refused = 7,
	  .flags = CRR_FLAG_INTERRUPTED, .reason = CRR_END_STOP },
	{ .type = CRR_TYPE_INQ, .empty_reads = 8, .value = 4095 },
	{ .type = CRR_TYPE_OUTQ, .refused = 9, .value = 0x7fffffff },
	{ .type = CRR_TYPE_MODEM, .refused = 10,
	  .modem = { .lines = 0x126, .facts = CRR_MODEM_COUNTS,
		     .counts = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 } } },
	{ .type = CRR_TYPE_MODEM, .modem = { .error = ENOTTY } },
	{ .type = CRR_TYPE_MARK, .refused = 11, BYTES("a label") },
	{ .type = CRR_TYPE_VALUE, .refused = 12, .kind = 0xfffffffe,
	  .number = CRR_NEVER - 1, .uses = 1ULL << 41 },
	{ .type = CRR_TYPE_TERMIOS, .stream = 2,
	  .termios = { 1, 2, 3, 4, 300, 1200 } },
	{ .type = CRR_TYPE_TIME, .time = 1ULL << 60 },
	{ .type = CRR_TYPE_END },
};

#define for_each_sample(sample)						\
	for (sample = samples; sample < samples + ARRAY_SIZE(samples); sample++)

/* Judge bytes that lie at the end of an allocation, at any alignment. */
static int judge(struct kunit *test, const void *from, size_t length,
		 size_t *size, struct crr_record *rec)
{
	u8 *bytes = kunit_kmalloc(test, length ?: 1, GFP_KERNEL);
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	memcpy(bytes, from, length);
	ret = crr_record_decode(bytes, length, size, rec);
	kunit_kfree(test, bytes);
	return ret;
}

/* A record's bytes, with room behind them, all zero. */
static u8 *encoded(struct kunit *test, const struct crr_record *rec)
{
	u8 *bytes = kunit_kzalloc(test, 2 * CRR_RECORD_SIZE_MAX, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	crr_record_encode(bytes, rec);
	return bytes;
}

/* What is thought of a record with members that encoding takes as they are. */
static int verdict_on(struct kunit *test, const struct crr_record *rec)
{
	u8 *bytes = encoded(test, rec);
	struct crr_record out;
	size_t size;
	int ret;

	ret = judge(test, bytes, crr_record_size(rec), &size, &out);
	kunit_kfree(test, bytes);
	return ret;
}

static void record_crc(struct kunit *test)
{
	/* The check value of CRC-32C's catalogue entry. */
	KUNIT_EXPECT_EQ(test, crr_record_crc("123456789", 9), 0xe3069283);
	KUNIT_EXPECT_EQ(test, crr_record_crc("", 0), 0);
}

static void record_bytes(struct kunit *test)
{
	static const u8 read[] = {
		2, 0, 0, 0, 0, 0, 13, 0, 9, 8, 7, 6, 5, 4, 3, 2,
		1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x10, 0, 0, 0, 0, 0, 0,
		'c', 'h', 'e', 'c', 'k', 0, 0, 0,
	};
	static const u8 write[] = {
		7, 0, 1, 0, 2, 1, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
		3, 0, 0, 0, 0xf5, 0xff, 0xff, 0xff, 2, 0, 0, 0, 4, 3, 2, 1,
	};
	static const u8 end[24] = { 9, };
	const struct crr_record recs[] = {
		{ .type = CRR_TYPE_READ, .sequence = 0x0203040506070809,
		  .counter = 0x0807060504030201, .empty_reads = 0x1011,
		  BYTES("check") },
		{ .type = CRR_TYPE_WRITE, .flags = CRR_FLAG_CUT,
		  .stream = 0x102, .refused = 5, .requested = 3,
		  .result = -EAGAIN, .offset = 2, .crc32c = 0x01020304 },
		{ .type = CRR_TYPE_END },
	};

	KUNIT_EXPECT_EQ(test, crr_record_size(&recs[0]), sizeof(read));
	KUNIT_EXPECT_MEMEQ(test, encoded(test, &recs[0]), read, sizeof(read));
	KUNIT_EXPECT_EQ(test, crr_record_size(&recs[1]), sizeof(write));
	KUNIT_EXPECT_MEMEQ(test, encoded(test, &recs[1]), write, sizeof(write));
	KUNIT_EXPECT_EQ(test, crr_record_size(&recs[2]), sizeof(end));
	KUNIT_EXPECT_MEMEQ(test, encoded(test, &recs[2]), end, sizeof(end));
}

static void record_round_trip(struct kunit *test)
{
	const struct crr_record *rec;

	for_each_sample(rec) {
		u8 *bytes = encoded(test, rec);
		u8 *again = encoded(test, rec);
		u16 own = get_unaligned_le16(bytes + LENGTH_AT);
		struct crr_record out;
		size_t size, i;

		KUNIT_EXPECT_EQ(test, crr_record_encode(bytes, rec),
				crr_record_size(rec));
		KUNIT_EXPECT_EQ(test, crr_record_skip(bytes),
				crr_record_size(rec));
		/* At any alignment, and whatever follows. */
		for (i = 0; i < CRR_RECORD_ALIGN; i++) {
			crr_record_encode(bytes + i, rec);
			memset(bytes + i + crr_record_size(rec), 0xff, 8);
			KUNIT_ASSERT_EQ(test, 0,
					crr_record_decode(bytes + i, 16384 - i,
							  &size, &out));
			KUNIT_EXPECT_EQ(test, size, crr_record_size(rec));
			KUNIT_EXPECT_EQ(test, size % CRR_RECORD_ALIGN, 0);
			KUNIT_EXPECT_PTR_EQ(test, out.data,
					    bytes + i + PAYLOAD_AT +
					    own -
					    rec->data_length);
			memset(again, 0xff, size);
			crr_record_encode(again, &out);
			KUNIT_EXPECT_MEMEQ(test, again, bytes + i, size);
		}
	}
}

static void record_direction(struct kunit *test)
{
	u32 type;

	for (type = 0; type <= U16_MAX; type++) {
		KUNIT_EXPECT_EQ(test, crr_type_is_inbound(type),
				type == CRR_TYPE_READ ||
				type == CRR_TYPE_READ_ERROR ||
				type == CRR_TYPE_EOF ||
				type == CRR_TYPE_PEER_CLOSED ||
				type == CRR_TYPE_HANGUP ||
				type == CRR_TYPE_INQ);
		KUNIT_EXPECT_EQ(test, crr_type_is_outbound(type),
				type == CRR_TYPE_WRITE ||
				type == CRR_TYPE_OUTQ ||
				type == CRR_TYPE_MODEM ||
				type == CRR_TYPE_MARK ||
				type == CRR_TYPE_VALUE);
	}
}

static void record_truncated(struct kunit *test)
{
	const struct crr_record *rec;

	for_each_sample(rec) {
		u8 *bytes = encoded(test, rec);
		struct crr_record out;
		size_t size, length;

		for (length = 0; length < crr_record_size(rec); length++)
			KUNIT_EXPECT_EQ(test, -EMSGSIZE,
					judge(test, bytes, length, &size,
					      &out));
		KUNIT_EXPECT_EQ(test, 0,
				judge(test, bytes, length, &size, &out));
	}
}

/* A length that is not the record's own. */
static void record_lying_length(struct kunit *test)
{
	const struct crr_record *rec;

	for_each_sample(rec) {
		u8 *bytes = encoded(test, rec);
		u16 own = get_unaligned_le16(bytes + LENGTH_AT);
		u32 lie;

		for (lie = 0; lie <= U16_MAX; lie++) {
			struct crr_record out;
			size_t size;
			int ret;

			put_unaligned_le16(lie, bytes + LENGTH_AT);
			ret = crr_record_decode(bytes, CRR_RECORD_SIZE_MAX,
						&size, &out);
			if (lie == own)
				KUNIT_EXPECT_EQ(test, ret, 0);
			else if (lie > CRR_RECORD_SIZE_MAX - PAYLOAD_AT)
				KUNIT_EXPECT_EQ(test, ret, CRR_REASON_LENGTH);
			else if (rec->type == CRR_TYPE_READ && lie > own &&
				 lie <= 8 + CRR_READ_MAX)
				KUNIT_EXPECT_EQ(test, ret, 0);
			else if (rec->type == CRR_TYPE_MARK && lie > own &&
				 lie <= 8 + CRR_MARK_MAX)
				KUNIT_EXPECT_EQ(test, ret, CRR_REASON_VALUE);
			else if (rec->type == CRR_TYPE_STREAM && lie > own &&
				 lie <= 24 + CRR_STREAM_NAME_MAX)
				KUNIT_EXPECT_EQ(test, ret, CRR_REASON_VALUE);
			else if (lie > own)
				KUNIT_EXPECT_EQ(test, ret, CRR_REASON_LENGTH);
			else
				/* What is cut off may look like padding. */
				KUNIT_EXPECT_TRUE(test,
						  ret == CRR_REASON_LENGTH ||
						  ret == CRR_REASON_PADDING);
		}
	}
}

/* Too large is known from the header alone; waiting would be for ever. */
static void record_too_large(struct kunit *test)
{
	u8 *bytes = encoded(test, &samples[0]);
	struct crr_record out;
	size_t size;

	put_unaligned_le16(CRR_RECORD_SIZE_MAX - PAYLOAD_AT + 1,
			   bytes + LENGTH_AT);
	KUNIT_EXPECT_EQ(test, CRR_REASON_LENGTH,
			judge(test, bytes, PAYLOAD_AT, &size, &out));
	put_unaligned_le16(CRR_RECORD_SIZE_MAX - PAYLOAD_AT, bytes + LENGTH_AT);
	KUNIT_EXPECT_EQ(test, -EMSGSIZE,
			judge(test, bytes, PAYLOAD_AT, &size, &out));
	put_unaligned_le16(U16_MAX, bytes + LENGTH_AT);
	put_unaligned_le16(CRR_TYPE_OPTIONAL, bytes + TYPE_AT);
	KUNIT_EXPECT_EQ(test, CRR_REASON_LENGTH,
			judge(test, bytes, PAYLOAD_AT, &size, &out));
}

static void record_unknown_type(struct kunit *test)
{
	u8 *bytes = encoded(test, &samples[ARRAY_SIZE(samples) - 1]);
	struct crr_record out;
	size_t size;
	u32 type;

	for (type = 0; type < CRR_TYPE_OPTIONAL; type++) {
		if (type >= CRR_TYPE_STREAM && type <= CRR_TYPE_VALUE)
			continue;
		put_unaligned_le16(type, bytes + TYPE_AT);
		KUNIT_EXPECT_EQ(test, CRR_REASON_TYPE,
				crr_record_decode(bytes, PAYLOAD_AT, &size,
						  &out));
	}
}

static void record_optional_type(struct kunit *test)
{
	const struct crr_record rec = {
		.type = CRR_TYPE_OPTIONAL, .flags = 0xffff, .stream = 0xffff,
		.sequence = 5, .counter = 6,
	};
	u8 *bytes = encoded(test, &rec);
	struct crr_record out;
	size_t size;
	u32 type;

	memset(bytes + PAYLOAD_AT, 0xff, 13);
	put_unaligned_le16(13, bytes + LENGTH_AT);
	for (type = CRR_TYPE_OPTIONAL; type <= U16_MAX; type++) {
		if (type == CRR_TYPE_TERMIOS || type == CRR_TYPE_TIME)
			continue;
		put_unaligned_le16(type, bytes + TYPE_AT);
		KUNIT_EXPECT_EQ(test, 0,
				crr_record_decode(bytes, 40, &size, &out));
		KUNIT_EXPECT_EQ(test, size, 40);
		KUNIT_EXPECT_EQ(test, out.type, type);
		KUNIT_EXPECT_EQ(test, out.sequence, 5);
		KUNIT_EXPECT_EQ(test, out.counter, 6);
		KUNIT_EXPECT_EQ(test, out.data_length, 13);
		KUNIT_EXPECT_PTR_EQ(test, out.data, bytes + PAYLOAD_AT);
	}
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, judge(test, bytes, 39, &size, &out));
	bytes[39] = 1;
	KUNIT_EXPECT_EQ(test, CRR_REASON_PADDING,
			judge(test, bytes, 40, &size, &out));
}

static void record_flags(struct kunit *test)
{
	const struct crr_record *rec;

	for_each_sample(rec) {
		u8 *bytes = encoded(test, rec);
		struct crr_record out;
		size_t size;
		u32 known = 0;
		u32 bit;

		if (rec->type == CRR_TYPE_WRITE)
			known = CRR_FLAG_CUT | CRR_FLAG_CAPTURED |
				CRR_FLAG_INTERRUPTED | CRR_FLAG_UNKNOWN;
		else if (crr_type_is_outbound(rec->type) ||
			 rec->type == CRR_TYPE_STREAM_END)
			known = CRR_FLAG_INTERRUPTED;
		for (bit = 1; bit <= U16_MAX; bit <<= 1) {
			if (bit & known)
				continue;
			put_unaligned_le16(rec->flags | bit, bytes + FLAGS_AT);
			KUNIT_EXPECT_EQ(test, CRR_REASON_FLAGS,
					judge(test, bytes,
					      crr_record_size(rec), &size,
					      &out));
		}
	}
}

static void record_stream_number(struct kunit *test)
{
	const struct crr_record *sample;

	for_each_sample(sample) {
		struct crr_record rec = *sample;
		bool end = rec.type == CRR_TYPE_END ||
			   rec.type == CRR_TYPE_TIME;

		rec.stream = CRR_STREAMS_MAX - 1;
		KUNIT_EXPECT_EQ(test, verdict_on(test, &rec),
				end ? CRR_REASON_VALUE : 0);
		rec.stream = CRR_STREAMS_MAX;
		KUNIT_EXPECT_EQ(test, verdict_on(test, &rec),
				CRR_REASON_VALUE);
	}
}

static void record_padding(struct kunit *test)
{
	static const u8 data[CRR_RECORD_ALIGN + 1];
	struct crr_record rec = { .type = CRR_TYPE_READ, .data = data };

	for (rec.data_length = 1; rec.data_length <= CRR_RECORD_ALIGN;
	     rec.data_length++) {
		u8 *bytes = encoded(test, &rec);
		size_t at = PAYLOAD_AT + sizeof(struct crr_record_in) +
			    rec.data_length;
		struct crr_record out;
		size_t size;

		for (; at < crr_record_size(&rec); at++) {
			bytes[at] = 0x80;
			KUNIT_EXPECT_EQ(test, CRR_REASON_PADDING,
					judge(test, bytes,
					      crr_record_size(&rec), &size,
					      &out));
			bytes[at] = 0;
		}
	}
}

static void record_reserved(struct kunit *test)
{
	const struct crr_record *rec;

	for_each_sample(rec) {
		u8 *bytes = encoded(test, rec);
		struct crr_record out;
		size_t size, at, end = crr_record_size(rec);

		if (rec->type != CRR_TYPE_READ_ERROR &&
		    rec->type != CRR_TYPE_STREAM_END &&
		    rec->type != CRR_TYPE_INQ && rec->type != CRR_TYPE_OUTQ &&
		    rec->type != CRR_TYPE_VALUE)
			continue;
		for (at = end - 4; at < end; at++) {
			bytes[at] = 1;
			KUNIT_EXPECT_EQ(test, CRR_REASON_PADDING,
					judge(test, bytes, end, &size, &out));
			bytes[at] = 0;
		}
	}
}

static void record_read_length(struct kunit *test)
{
	static const u8 data[CRR_READ_MAX + 1];
	struct crr_record rec = { .type = CRR_TYPE_READ, .data = data };

	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_LENGTH);
	rec.data_length = 1;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
	rec.data_length = CRR_READ_MAX;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
	rec.data_length = CRR_READ_MAX + 1;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_LENGTH);
}

static void record_stream_name(struct kunit *test)
{
	u8 name[CRR_STREAM_NAME_MAX + 1];
	struct crr_record rec = { .type = CRR_TYPE_STREAM, .data = name };
	u32 c;

	memset(name, 'a', sizeof(name));
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_LENGTH);
	rec.data_length = CRR_STREAM_NAME_MAX + 1;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_LENGTH);
	rec.data_length = CRR_STREAM_NAME_MAX;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
	for (c = 0; c <= U8_MAX; c++) {
		name[CRR_STREAM_NAME_MAX - 1] = c;
		KUNIT_EXPECT_EQ(test, verdict_on(test, &rec),
				c > ' ' && c <= '~' ? 0 : CRR_REASON_VALUE);
	}
}

static void record_error_value(struct kunit *test)
{
	struct crr_record rec = { .type = CRR_TYPE_READ_ERROR };

	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
	rec.error = 1;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
	rec.error = 511;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
	/* ERESTARTSYS: no system call gives it. */
	rec.error = 512;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
	rec.error = U32_MAX;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
}

static void record_end_reason(struct kunit *test)
{
	struct crr_record rec = { .type = CRR_TYPE_STREAM_END };

	for (rec.reason = 0; rec.reason < 8; rec.reason++)
		KUNIT_EXPECT_EQ(test, verdict_on(test, &rec),
				rec.reason >= CRR_END_STOP &&
				rec.reason <= CRR_END_HANGUP ?
				0 : CRR_REASON_VALUE);
	rec.reason = U32_MAX;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
}

static void record_answers(struct kunit *test)
{
	struct crr_record inq = { .type = CRR_TYPE_INQ };
	struct crr_record outq = { .type = CRR_TYPE_OUTQ };

	KUNIT_EXPECT_EQ(test, verdict_on(test, &inq), CRR_REASON_VALUE);
	KUNIT_EXPECT_EQ(test, verdict_on(test, &outq), 0);
	inq.value = 1U << 31;
	outq.value = 1U << 31;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &inq), CRR_REASON_VALUE);
	KUNIT_EXPECT_EQ(test, verdict_on(test, &outq), CRR_REASON_VALUE);
}

static void record_modem(struct kunit *test)
{
	struct crr_record rec = { .type = CRR_TYPE_MODEM };

	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
	rec.modem.counts[10] = 1;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
	rec.modem.facts = CRR_MODEM_COUNTS;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
	rec.modem.error = EIO;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
	rec.modem.facts = 0;
	rec.modem.counts[10] = 0;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
	rec.modem.lines = 1;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
	rec.modem.lines = 0;
	rec.modem.error = 512;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
	rec.modem.error = 0;
	rec.modem.facts = 2;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
}

static void record_label(struct kunit *test)
{
	u8 label[CRR_MARK_MAX + 1];
	struct crr_record rec = { .type = CRR_TYPE_MARK, .data = label };
	u32 c;

	memset(label, 'x', sizeof(label));
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_LENGTH);
	rec.data_length = CRR_MARK_MAX + 1;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_LENGTH);
	rec.data_length = CRR_MARK_MAX;
	for (c = 0; c <= U8_MAX; c++) {
		label[CRR_MARK_MAX - 1] = c;
		KUNIT_EXPECT_EQ(test, verdict_on(test, &rec),
				c >= ' ' && c <= '~' ? 0 : CRR_REASON_VALUE);
	}
}

static void record_write_values(struct kunit *test)
{
	static const struct {
		u32 requested;
		s32 result;
		u32 offset;
		int decision;
	} cases[] = {
		{ 1, 1, 1, 0 },
		{ 1, 1, 0, 0 },
		{ CRR_WRITE_MAX, CRR_WRITE_MAX, CRR_WRITE_MAX, 0 },
		{ CRR_WRITE_MAX, 1, CRR_WRITE_MAX, 0 },
		{ 8, -EINTR, 0, 0 },
		{ 8, -511, 8, 0 },
		{ 0, 1, 0, CRR_REASON_VALUE },
		{ 0, -EIO, 0, CRR_REASON_VALUE },
		{ CRR_WRITE_MAX + 1, 1, 1, CRR_REASON_VALUE },
		{ U32_MAX, 1, 1, CRR_REASON_VALUE },
		{ 8, 0, 0, CRR_REASON_VALUE },
		{ 8, 9, 8, CRR_REASON_VALUE },
		{ 8, -512, 0, CRR_REASON_VALUE },
		{ 8, S32_MIN, 0, CRR_REASON_VALUE },
		{ 8, 8, 9, CRR_REASON_VALUE },
		{ 8, 8, U32_MAX, CRR_REASON_VALUE },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct crr_record rec = {
			.type = CRR_TYPE_WRITE,
			.requested = cases[i].requested,
			.result = cases[i].result,
			.offset = cases[i].offset,
		};

		KUNIT_EXPECT_EQ_MSG(test, verdict_on(test, &rec),
				    cases[i].decision, "case %zu", i);
	}
}

/* An interrupted write is one that was refused. */
static void record_write_interrupted(struct kunit *test)
{
	struct crr_record rec = {
		.type = CRR_TYPE_WRITE, .flags = CRR_FLAG_INTERRUPTED,
		.requested = 1, .result = 1, .offset = 1,
	};

	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
	rec.refused = 1;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
}

/* Then nothing may be said of the bytes. */
static void record_write_unknown(struct kunit *test)
{
	struct crr_record rec = {
		.type = CRR_TYPE_WRITE, .flags = CRR_FLAG_UNKNOWN,
		.requested = 3, .result = 3, .offset = 3,
	};

	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
	rec.crc32c = 1;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
	rec.flags |= CRR_FLAG_CAPTURED;
	rec.data = (const u8 *)"abc";
	rec.data_length = 3;
	rec.crc32c = crr_record_crc("abc", 3);
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_VALUE);
}

static void record_write_capture(struct kunit *test)
{
	struct crr_record rec = {
		.type = CRR_TYPE_WRITE, .flags = CRR_FLAG_CAPTURED,
		.requested = 9, .result = 9, .offset = 9,
		.crc32c = 0xe3069283, BYTES("123456789"),
	};

	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
	rec.crc32c ^= 1;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_CRC);
	rec.crc32c ^= 1;
	rec.data = (const u8 *)"123456780";
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_CRC);
	rec.data_length = 8;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_LENGTH);
	rec.data_length = 0;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_LENGTH);
	/* Bytes, and no flag that says so. */
	rec.flags = 0;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), 0);
	rec.data_length = 9;
	KUNIT_EXPECT_EQ(test, verdict_on(test, &rec), CRR_REASON_LENGTH);
}

static struct kunit_case record_cases[] = {
	KUNIT_CASE(record_crc),
	KUNIT_CASE(record_bytes),
	KUNIT_CASE(record_round_trip),
	KUNIT_CASE(record_direction),
	KUNIT_CASE(record_truncated),
	KUNIT_CASE(record_lying_length),
	KUNIT_CASE(record_too_large),
	KUNIT_CASE(record_unknown_type),
	KUNIT_CASE(record_optional_type),
	KUNIT_CASE(record_flags),
	KUNIT_CASE(record_stream_number),
	KUNIT_CASE(record_padding),
	KUNIT_CASE(record_reserved),
	KUNIT_CASE(record_read_length),
	KUNIT_CASE(record_stream_name),
	KUNIT_CASE(record_error_value),
	KUNIT_CASE(record_end_reason),
	KUNIT_CASE(record_answers),
	KUNIT_CASE(record_modem),
	KUNIT_CASE(record_label),
	KUNIT_CASE(record_write_values),
	KUNIT_CASE(record_write_interrupted),
	KUNIT_CASE(record_write_unknown),
	KUNIT_CASE(record_write_capture),
	{}
};

static struct kunit_suite record_suite = {
	.name = "crr_record",
	.test_cases = record_cases,
};

/* ---- The order of records ---- */

static int order_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct crr_order), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

/* The next record of the log, if it is accepted. */
static int next_at(struct kunit *test, u16 type, u16 stream, u64 counter)
{
	struct crr_order *order = test->priv;
	const struct crr_record rec = {
		.type = type,
		.stream = stream,
		.sequence = order->sequence,
		.counter = counter,
	};
	int ret = crr_order_check(order, &rec);

	if (!ret)
		crr_order_add(order, &rec);
	return ret;
}

static int next(struct kunit *test, u16 type, u16 stream)
{
	struct crr_order *order = test->priv;

	return next_at(test, type, stream, order->counter);
}

static void order_whole_log(struct kunit *test)
{
	struct crr_order *order = test->priv;
	u16 type;

	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 0), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 1), 0);
	for (type = CRR_TYPE_READ; type <= CRR_TYPE_WRITE; type++)
		KUNIT_EXPECT_EQ(test, next(test, type, type == CRR_TYPE_HANGUP),
				0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM_END, 0), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM_END, 1), 0);
	KUNIT_EXPECT_FALSE(test, order->ended);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_END, 0), 0);
	KUNIT_EXPECT_TRUE(test, order->ended);
	KUNIT_EXPECT_EQ(test, order->sequence, 11);
}

static void order_sequence(struct kunit *test)
{
	struct crr_order *order = test->priv;
	struct crr_record rec = { .type = CRR_TYPE_STREAM };

	rec.sequence = 1;
	KUNIT_EXPECT_EQ(test, crr_order_check(order, &rec),
			CRR_REASON_SEQUENCE);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 0), 0);
	rec.type = CRR_TYPE_READ;
	for (rec.sequence = 0; rec.sequence < 4; rec.sequence++)
		KUNIT_EXPECT_EQ(test, crr_order_check(order, &rec),
				rec.sequence == 1 ? 0 : CRR_REASON_SEQUENCE);
}

static void order_counter(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, next_at(test, CRR_TYPE_STREAM, 0, 5), 0);
	KUNIT_EXPECT_EQ(test, next_at(test, CRR_TYPE_READ, 0, 4),
			CRR_REASON_COUNTER);
	KUNIT_EXPECT_EQ(test, next_at(test, CRR_TYPE_READ, 0, 5), 0);
	KUNIT_EXPECT_EQ(test, next_at(test, CRR_TYPE_WRITE, 0, CRR_NEVER), 0);
	/* Of all streams, and of END. */
	KUNIT_EXPECT_EQ(test, next_at(test, CRR_TYPE_STREAM, 1, 5),
			CRR_REASON_COUNTER);
	KUNIT_EXPECT_EQ(test, next_at(test, CRR_TYPE_STREAM_END, 0, CRR_NEVER),
			0);
	KUNIT_EXPECT_EQ(test, next_at(test, CRR_TYPE_END, 0, 5),
			CRR_REASON_COUNTER);
}

static void order_before_stream(struct kunit *test)
{
	u16 type;

	for (type = CRR_TYPE_READ; type <= CRR_TYPE_STREAM_END; type++)
		KUNIT_EXPECT_EQ(test, next(test, type, 0), CRR_REASON_STREAM);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 0), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_READ, 1), CRR_REASON_STREAM);
}

static void order_stream_once(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 0), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 0),
			CRR_REASON_STREAM);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_HANGUP, 0), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 0),
			CRR_REASON_STREAM);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM_END, 0), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 0),
			CRR_REASON_STREAM);
}

static void order_after_hangup(struct kunit *test)
{
	u16 type;

	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 0), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 1), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_HANGUP, 0), 0);
	for (type = CRR_TYPE_READ; type <= CRR_TYPE_WRITE; type++)
		KUNIT_EXPECT_EQ(test, next(test, type, 0), CRR_REASON_ORDER);
	/* The other stream goes on. */
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_READ, 1), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM_END, 0), 0);
}

static void order_after_stream_end(struct kunit *test)
{
	u16 type;

	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 0), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM_END, 0), 0);
	for (type = CRR_TYPE_STREAM; type <= CRR_TYPE_STREAM_END; type++)
		KUNIT_EXPECT_EQ(test, next(test, type, 0), CRR_REASON_STREAM);
}

static void order_end_too_early(struct kunit *test)
{
	const u16 last = CRR_STREAMS_MAX - 1;

	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 0), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, last), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM_END, 0), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_END, 0), CRR_REASON_ORDER);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_HANGUP, last), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_END, 0), CRR_REASON_ORDER);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM_END, last), 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_END, 0), 0);
}

static void order_after_end(struct kunit *test)
{
	u16 type;

	/* A log without streams is one. */
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_END, 0), 0);
	for (type = CRR_TYPE_STREAM; type <= CRR_TYPE_END; type++)
		KUNIT_EXPECT_EQ(test, next(test, type, 0), CRR_REASON_ORDER);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_OPTIONAL, 0),
			CRR_REASON_ORDER);
}

/* Put in anywhere, it leaves no trace but its stamp. */
static void order_optional(struct kunit *test)
{
	struct crr_order *order = test->priv;

	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_OPTIONAL, 0xffff), 0);
	KUNIT_EXPECT_EQ(test, order->sequence, 0);
	KUNIT_EXPECT_EQ(test, next(test, CRR_TYPE_STREAM, 0), 0);
	KUNIT_EXPECT_EQ(test, next_at(test, CRR_TYPE_OPTIONAL | 6, 0, 9), 0);
	KUNIT_EXPECT_EQ(test, order->sequence, 1);
	KUNIT_EXPECT_EQ(test, next_at(test, CRR_TYPE_READ, 0, 8),
			CRR_REASON_COUNTER);
	KUNIT_EXPECT_EQ(test, next_at(test, CRR_TYPE_READ, 0, 9), 0);
	KUNIT_EXPECT_EQ(test, next_at(test, CRR_TYPE_OPTIONAL, 0, 8),
			CRR_REASON_COUNTER);
}

static struct kunit_case order_cases[] = {
	KUNIT_CASE(order_whole_log),
	KUNIT_CASE(order_sequence),
	KUNIT_CASE(order_counter),
	KUNIT_CASE(order_before_stream),
	KUNIT_CASE(order_stream_once),
	KUNIT_CASE(order_after_hangup),
	KUNIT_CASE(order_after_stream_end),
	KUNIT_CASE(order_end_too_early),
	KUNIT_CASE(order_after_end),
	KUNIT_CASE(order_optional),
	{}
};

static struct kunit_suite order_suite = {
	.name = "crr_order",
	.init = order_init,
	.test_cases = order_cases,
};

kunit_test_suites(&record_suite, &order_suite);
