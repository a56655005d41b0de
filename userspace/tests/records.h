/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random records that make a valid log, the same in every run, for the tests
 * of libcrr.
 */
#ifndef RECORDS_H
#define RECORDS_H

#include <crr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct rng {
	uint64_t state;
};

/* splitmix64 */
static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline uint32_t rng_below(struct rng *rng, uint32_t n)
{
	return (uint32_t)(rng_next(rng) % n);
}

/* Numbers as they are in logs: mostly small, sometimes anything. */
static inline uint64_t rng_number(struct rng *rng)
{
	uint64_t n = rng_next(rng);

	/* One after the other, or each compiler makes another log. */
	return n >> rng_below(rng, 64);
}

/**
 * struct source - where the records of a log come from
 * @rng: what they are made from
 * @order: of those made so far
 * @bytes: the data of the last record
 * @largest: bytes that a READ or WRITE has at most
 * @optional: one record of so many is an optional one; 0: none is
 */
struct source {
	struct rng rng;
	struct crr_order order;
	unsigned char bytes[CRR_READ_MAX];
	uint32_t largest;
	uint32_t optional;
};

static inline uint32_t source_bytes(struct source *src, uint32_t max)
{
	uint32_t limit = src->largest && src->largest < max ? src->largest
							    : max;
	uint32_t length = 1 + rng_below(&src->rng, limit);
	uint32_t i;

	/* Now and then the largest that there is. */
	if (!rng_below(&src->rng, 16))
		length = limit;
	for (i = 0; i < length; i++)
		src->bytes[i] = (unsigned char)rng_next(&src->rng);
	return length;
}

/* A record of this type, with members that crr_record_decode() accepts. */
static inline void source_fill(struct source *src, uint16_t type,
			       struct crr_record *rec)
{
	struct rng *rng = &src->rng;
	uint32_t i;

	*rec = (struct crr_record){ .type = type, .data = src->bytes };
	switch (type) {
	case CRR_TYPE_STREAM:
	case CRR_TYPE_MARK:
		rec->data_length = 1 + rng_below(rng, CRR_STREAM_NAME_MAX);
		for (i = 0; i < rec->data_length; i++)
			src->bytes[i] =
				(unsigned char)('!' + rng_below(rng, 94));
		if (type == CRR_TYPE_MARK) {
			rec->refused = rng_number(rng);
			break;
		}
		/* fall through */
	case CRR_TYPE_TERMIOS:
		rec->termios.iflag = (uint32_t)rng_number(rng);
		rec->termios.oflag = (uint32_t)rng_number(rng);
		rec->termios.cflag = (uint32_t)rng_number(rng);
		rec->termios.lflag = (uint32_t)rng_number(rng);
		rec->termios.ispeed = (uint32_t)rng_number(rng);
		rec->termios.ospeed = (uint32_t)rng_number(rng);
		break;
	case CRR_TYPE_READ:
		rec->empty_reads = rng_number(rng);
		rec->data_length = source_bytes(src, CRR_READ_MAX);
		break;
	case CRR_TYPE_READ_ERROR:
		rec->empty_reads = rng_number(rng);
		rec->error = 1 + rng_below(rng, 511);
		break;
	case CRR_TYPE_EOF:
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
		rec->empty_reads = rng_number(rng);
		break;
	case CRR_TYPE_WRITE:
		rec->refused = rng_number(rng);
		rec->requested = source_bytes(src, CRR_WRITE_MAX);
		rec->result = (int32_t)rng_below(rng, rec->requested) + 1;
		rec->offset = (uint32_t)rec->result;
		if (!rng_below(rng, 4)) {
			rec->result = -1 - (int32_t)rng_below(rng, 511);
			rec->offset = 0;
		}
		rec->crc32c = crr_record_crc(src->bytes, rec->requested);
		rec->flags = (uint16_t)rng_below(rng, rec->refused ? 8 : 4);
		if (rec->flags & CRR_FLAG_CAPTURED)
			rec->data_length = rec->requested;
		break;
	case CRR_TYPE_STREAM_END:
		rec->empty_reads = rng_number(rng);
		rec->refused = rng_number(rng);
		rec->reason = 1 + rng_below(rng, 3);
		break;
	case CRR_TYPE_INQ:
		rec->empty_reads = rng_number(rng);
		rec->value = 1 + rng_below(rng, CRR_READ_MAX);
		break;
	case CRR_TYPE_OUTQ:
		rec->refused = rng_number(rng);
		rec->value = rng_below(rng, 1U << 31);
		break;
	case CRR_TYPE_VALUE:
		rec->refused = rng_number(rng);
		rec->kind = (uint32_t)rng_number(rng);
		rec->number = rng_number(rng);
		rec->uses = rng_number(rng);
		break;
	case CRR_TYPE_MODEM:
		rec->refused = rng_number(rng);
		rec->modem.error = rng_below(rng, 3);
		if (rec->modem.error)
			break;
		rec->modem.lines = (uint32_t)rng_number(rng);
		rec->modem.facts = rng_below(rng, 2);
		for (i = 0; rec->modem.facts && i < CRR_MODEM_COUNT; i++)
			rec->modem.counts[i] = (uint32_t)rng_number(rng);
		break;
	case CRR_TYPE_TIME:
		rec->time = rng_number(rng);
		break;
	}
	if (!rec->data_length)
		rec->data = NULL;
}

/* Give the record its place in the log. */
static inline void source_add(struct source *src, struct crr_record *rec)
{
	rec->sequence = src->order.sequence;
	rec->counter = src->order.counter;
	/* Often several at one counter. */
	if (rng_below(&src->rng, 2))
		rec->counter += rng_below(&src->rng, 100000);
	crr_order_add(&src->order, rec);
}

/* A record that is optional: TIME, TERMIOS, or a type that nobody knows. */
static inline void source_optional(struct source *src, struct crr_record *rec)
{
	struct rng *rng = &src->rng;

	switch (rng_below(rng, 3)) {
	case 0:
		source_fill(src, CRR_TYPE_TIME, rec);
		break;
	case 1:
		source_fill(src, CRR_TYPE_TERMIOS, rec);
		rec->stream = (uint16_t)rng_below(rng, CRR_STREAMS_MAX);
		break;
	default:
		/* Of those nothing is judged but the length. */
		*rec = (struct crr_record){
			.type = (uint16_t)(CRR_TYPE_OPTIONAL |
					   (3 + rng_below(rng, 0x7ffd))),
			.flags = (uint16_t)rng_number(rng),
			.stream = (uint16_t)rng_number(rng),
			.data = src->bytes,
		};
		if (rng_below(rng, 4))
			rec->data_length = source_bytes(src, CRR_READ_MAX);
		break;
	}
	source_add(src, rec);
}

/**
 * source_record - the next record of a log
 * @src: where it comes from
 * @rec: out; its data are good until the next call
 *
 * Any number of streams, begun and ended at random; never END, and none that
 * is optional unless @src says so.
 */
static inline void source_record(struct source *src, struct crr_record *rec)
{
	static const uint16_t types[] = {
		CRR_TYPE_READ,	     CRR_TYPE_READ,   CRR_TYPE_READ,
		CRR_TYPE_WRITE,	     CRR_TYPE_WRITE,  CRR_TYPE_WRITE,
		CRR_TYPE_READ_ERROR, CRR_TYPE_EOF,    CRR_TYPE_PEER_CLOSED,
		CRR_TYPE_STREAM_END, CRR_TYPE_HANGUP, CRR_TYPE_INQ,
		CRR_TYPE_OUTQ,	     CRR_TYPE_MODEM,  CRR_TYPE_MARK,
		CRR_TYPE_VALUE,
	};
	uint16_t stream, type;

	if (src->optional && !rng_below(&src->rng, src->optional)) {
		source_optional(src, rec);
		return;
	}
	stream = (uint16_t)rng_below(&src->rng, 8);
	type = types[rng_below(&src->rng, sizeof(types) / sizeof(types[0]))];
	/* One goes on to the end. */
	if (!stream && (type == CRR_TYPE_STREAM_END || type == CRR_TYPE_HANGUP))
		type = CRR_TYPE_READ;
	switch (src->order.part[stream]) {
	case CRR_PART_NONE:
		type = CRR_TYPE_STREAM;
		break;
	case CRR_PART_HUNG_UP:
		type = CRR_TYPE_STREAM_END;
		break;
	case CRR_PART_ENDED:
		stream = 0;
		type = src->order.part[0] ? CRR_TYPE_READ : CRR_TYPE_STREAM;
		break;
	}
	source_fill(src, type, rec);
	rec->stream = stream;
	source_add(src, rec);
}

/**
 * source_end - the last records of a log: STREAM_END for all, END
 * @src: where they come from
 * @rec: out
 *
 * Returns false after END.
 */
static inline bool source_end(struct source *src, struct crr_record *rec)
{
	uint16_t type = CRR_TYPE_END;
	uint16_t stream;

	if (src->order.ended)
		return false;
	for (stream = 0; stream < 8; stream++) {
		if (src->order.part[stream] == CRR_PART_OPEN ||
		    src->order.part[stream] == CRR_PART_HUNG_UP) {
			type = CRR_TYPE_STREAM_END;
			break;
		}
	}
	source_fill(src, type, rec);
	rec->stream = type == CRR_TYPE_END ? 0 : stream;
	source_add(src, rec);
	return true;
}

/* Member by member: what a union has besides is nobody's business. */
static inline void assert_same_record(const struct crr_record *a,
				      const struct crr_record *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->stream, b->stream);
	assert_true(a->sequence == b->sequence);
	assert_true(a->counter == b->counter);
	assert_int_equal(a->data_length, b->data_length);
	if (a->data_length)
		assert_memory_equal(a->data, b->data, a->data_length);
	switch (a->type) {
	case CRR_TYPE_STREAM:
	case CRR_TYPE_TERMIOS:
		assert_memory_equal(&a->termios, &b->termios,
				    sizeof(a->termios));
		break;
	case CRR_TYPE_READ:
	case CRR_TYPE_EOF:
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
		assert_true(a->empty_reads == b->empty_reads);
		break;
	case CRR_TYPE_READ_ERROR:
		assert_true(a->empty_reads == b->empty_reads);
		assert_int_equal(a->error, b->error);
		break;
	case CRR_TYPE_WRITE:
		assert_true(a->refused == b->refused);
		assert_int_equal(a->requested, b->requested);
		assert_int_equal(a->result, b->result);
		assert_int_equal(a->offset, b->offset);
		assert_int_equal(a->crc32c, b->crc32c);
		break;
	case CRR_TYPE_STREAM_END:
		assert_true(a->empty_reads == b->empty_reads);
		assert_true(a->refused == b->refused);
		assert_int_equal(a->reason, b->reason);
		break;
	case CRR_TYPE_INQ:
	case CRR_TYPE_OUTQ:
		assert_true(a->empty_reads == b->empty_reads);
		assert_true(a->refused == b->refused);
		assert_int_equal(a->value, b->value);
		break;
	case CRR_TYPE_MODEM:
		assert_true(a->refused == b->refused);
		assert_memory_equal(&a->modem, &b->modem, sizeof(a->modem));
		break;
	case CRR_TYPE_MARK:
		assert_true(a->refused == b->refused);
		break;
	case CRR_TYPE_VALUE:
		assert_true(a->refused == b->refused);
		assert_int_equal(a->kind, b->kind);
		assert_true(a->number == b->number);
		assert_true(a->uses == b->uses);
		break;
	case CRR_TYPE_TIME:
		assert_true(a->time == b->time);
		break;
	}
}

#endif /* RECORDS_H */
