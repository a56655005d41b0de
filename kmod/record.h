/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The encoding of records, and the rules for a sequence of records.
 *
 * Compiled into the module and into libcrr: each accepts what the other writes,
 * and refuses other bytes for the same reason.
 */
#ifndef _CRR_RECORD_H
#define _CRR_RECORD_H

#ifndef __KERNEL__
#include <stdbool.h>
#include <stddef.h>
#endif
#include <linux/crr.h>

/*
 * Errno values that a system call returns. Those above, such as ERESTARTSYS,
 * never leave the kernel and are never recorded.
 */
#define CRR_ERRNO_MAX 511

/* The number of 32-bit members that a record may have. */
#define CRR_WORDS (3 + CRR_MODEM_COUNT)

/**
 * struct crr_record - a record, decoded
 * @type: &enum crr_record_type
 * @flags: CRR_FLAG_*
 * @stream: the stream's number
 * @sequence: its number in the log
 * @counter: its stamp
 * @empty_reads: of inbound records and STREAM_END: &struct crr_record_in
 * @refused: of outbound records and STREAM_END: &struct crr_record_write
 * @requested: of WRITE
 * @result: likewise
 * @offset: likewise
 * @crc32c: likewise
 * @error: of READ_ERROR: the errno, positive
 * @reason: of STREAM_END: &enum crr_end
 * @value: of INQ and OUTQ: the answer
 * @modem: of MODEM: &struct crr_record_modem
 * @termios: of STREAM and TERMIOS
 * @time: of TIME: nanoseconds since 1970
 * @kind: of VALUE: what it is; its number is @number
 * @number: of VALUE
 * @uses: of VALUE: &struct crr_record_value
 * @words: the 32-bit members, in the order of the payload
 * @data_length: how many bytes @data has
 * @data: READ: what was read; WRITE: what was offered, if captured;
 *	STREAM: the name, MARK: the label, without a zero. Not a copy.
 */
struct crr_record {
	__u16 type;
	__u16 flags;
	__u16 stream;
	__u64 sequence;
	__u64 counter;
	__u64 empty_reads;
	__u64 refused;
	__u64 number;
	__u64 uses;
	union {
		struct {
			__u32 requested;
			__s32 result;
			__u32 offset;
			__u32 crc32c;
		};
		struct {
			__u32 iflag;
			__u32 oflag;
			__u32 cflag;
			__u32 lflag;
			__u32 ispeed;
			__u32 ospeed;
		} termios;
		struct {
			__u32 error;
			__u32 lines;
			__u32 facts;
			__u32 counts[CRR_MODEM_COUNT];
		} modem;
		__u32 error;
		__u32 reason;
		__u32 value;
		__u32 kind;
		__u64 time;
		__u32 words[CRR_WORDS];
	};
	__u32 data_length;
	const __u8 *data;
};

/* Records that reads, and queries like them, consume in order. */
static inline bool crr_type_is_inbound(__u16 type)
{
	return (type >= CRR_TYPE_READ && type <= CRR_TYPE_HANGUP) ||
	       type == CRR_TYPE_INQ;
}

/*
 * Records that writes, and all else that the emulator does by itself, consume.
 */
static inline bool crr_type_is_outbound(__u16 type)
{
	return type == CRR_TYPE_WRITE ||
	       (type >= CRR_TYPE_OUTQ && type <= CRR_TYPE_VALUE);
}

bool crr_label_is_valid(const __u8 *label, __u32 length);
__u32 crr_record_crc(const void *data, size_t length);
size_t crr_record_size(const struct crr_record *rec);
size_t crr_record_encode(void *to, const struct crr_record *rec);
size_t crr_record_skip(const void *from);
int crr_record_decode(const void *from, size_t length, size_t *size,
		      struct crr_record *rec);

/* What a log has said of a stream so far. */
enum crr_part {
	CRR_PART_NONE = 0,
	CRR_PART_OPEN,
	CRR_PART_HUNG_UP,
	CRR_PART_ENDED,
	CRR_PART_UNKNOWN, /* the log was not read from its beginning */
};

/**
 * struct crr_order - what the records of a log so far demand of the next one
 * @sequence: its number
 * @counter: the last stamp
 * @ended: there was END
 * @part: of each stream
 *
 * All zero at the beginning of a log.
 */
struct crr_order {
	__u64 sequence;
	__u64 counter;
	bool ended;
	__u8 part[CRR_STREAMS_MAX];	/* enum crr_part */
};

int crr_order_check(const struct crr_order *order, const struct crr_record *rec);
void crr_order_add(struct crr_order *order, const struct crr_record *rec);

#endif /* _CRR_RECORD_H */
