// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Log files: a block's records as columns. Like members of all records lie
 * together, as numbers of few bytes, and each column is compressed by itself:
 * what is regular in it vanishes. A column of zeros alone is left out.
 *
 * crr-log(5) has the columns, exactly. Unpacking gives back the very bytes of
 * records that crr_record_decode() accepts.
 */
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "log.h"

#define HEADER_TEXT(member) \
	{ #member, offsetof(struct crr_log_info, member), \
	  sizeof(((struct crr_log_info *)0)->member) }

const struct crr_header_text crr_header_texts[CRR_HEADER_TEXTS] = {
	HEADER_TEXT(counter),
	HEADER_TEXT(command),
	HEADER_TEXT(run),
};

enum column_id {
	COLUMN_TYPE,
	COLUMN_FLAGS,
	COLUMN_STREAM,
	COLUMN_COUNTER,
	COLUMN_EMPTIES,
	COLUMN_REFUSED,
	COLUMN_LENGTH,
	COLUMN_RESULT,
	COLUMN_OFFSET,
	COLUMN_VALUE,
	COLUMN_IN,
	COLUMN_OUT,
	COLUMN_CRC,
	COLUMN_TEXT,
	N_COLUMNS,
};

/*
 * In COLUMN_FLAGS: a WRITE of one byte that was not captured, and whose CRC is
 * that of no byte. For all others the byte is stored, which tells its CRC.
 */
#define FLAG_NO_BYTE 0x10000U

/* Flags are told as what differs from the last record's of the same type. */
#define FLAG_TYPES 16

/* Shorter ones are not worth a frame of zstd. */
#define COMPRESS_FROM 24

/* Of so many bytes in all, columns may be better off in one frame. */
#define JOIN_FROM 128
#define JOIN_TO	  (8U << 10)
/* Of so few a better compression costs less than the write(2). */
#define JOIN_LEVEL 19

/* Behind a column's end, for put_number(). */
#define NUMBER_MAX 10

/* Being packed: bytes grows. Being unpacked: it points into the arena. */
struct column {
	unsigned char *bytes;
	size_t length;
	size_t room;
	size_t done;	   /* unpacked so far */
	unsigned char any; /* all bytes, ORed */
};

struct crr_columns {
	struct column column[N_COLUMNS];
	unsigned char *arena; /* packed: what is stored; unpacked: columns */
	size_t room;
	unsigned char *joined; /* packed: all in one; unpacked: what was */
	ZSTD_CCtx *compressor;
	ZSTD_DCtx *decompressor;
	uint32_t crc[256];	    /* of each byte */
	unsigned char byte_of[256]; /* by the highest byte of its CRC */
	uint32_t flags[FLAG_TYPES]; /* of the last record of each type */
	bool packing;
	bool failed; /* no memory, or the column has no more */
};

struct crr_columns *crr_columns_new(void)
{
	struct crr_columns *c = calloc(1, sizeof(*c));
	unsigned char byte = 0;

	if (!c)
		return NULL;
	do {
		c->crc[byte] = crr_record_crc(&byte, 1);
		c->byte_of[c->crc[byte] >> 24] = byte;
	} while (++byte);
	return c;
}

/* Columns may hold what was typed. */
void crr_columns_free(struct crr_columns *c)
{
	int i;

	if (!c)
		return;
	for (i = 0; c->packing && i < N_COLUMNS; i++) {
		if (c->column[i].bytes)
			explicit_bzero(c->column[i].bytes, c->column[i].room);
		free(c->column[i].bytes);
	}
	if (c->arena)
		explicit_bzero(c->arena, c->room);
	if (c->joined)
		explicit_bzero(c->joined, CRR_BLOCK_MAX);
	free(c->arena);
	free(c->joined);
	ZSTD_freeCCtx(c->compressor);
	ZSTD_freeDCtx(c->decompressor);
	free(c);
}

static uint64_t zigzag(uint64_t n)
{
	return n << 1 ^ -(n >> 63);
}

static uint64_t unzigzag(uint64_t n)
{
	return n >> 1 ^ -(n & 1);
}

/* The types that are optional share a place. */
static uint32_t *last_flags(struct crr_columns *c, uint16_t type)
{
	return &c->flags[type < FLAG_TYPES ? type : 0];
}

static bool crr_arena(struct crr_columns *c, size_t room)
{
	unsigned char *arena;

	if (room <= c->room)
		return true;
	arena = realloc(c->arena, room);
	if (!arena)
		return false;
	c->arena = arena;
	c->room = room;
	return true;
}

/* ---- Packing ---- */

static bool column_room(struct crr_columns *c, struct column *col, size_t more)
{
	size_t room = col->room ? col->room : 4096;
	unsigned char *bytes;

	if (col->length + more <= col->room)
		return true;
	while (room < col->length + more)
		room *= 2;
	bytes = realloc(col->bytes, room);
	if (!bytes) {
		c->failed = true;
		return false;
	}
	col->bytes = bytes;
	col->room = room;
	return true;
}

/* Seven bits a byte, the lowest first; the top bit says that there are more. */
static unsigned char *put_number(unsigned char *p, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		*p++ = (unsigned char)(n | 0x80);
	*p++ = (unsigned char)n;
	return p;
}

static void put(struct crr_columns *c, enum column_id id, uint64_t n)
{
	struct column *col = &c->column[id];

	if (!column_room(c, col, NUMBER_MAX))
		return;
	col->any |= n != 0;
	col->length = (size_t)(put_number(col->bytes + col->length, n) -
			       col->bytes);
}

static void put_bytes(struct crr_columns *c, enum column_id id,
		      const void *bytes, size_t length)
{
	struct column *col = &c->column[id];
	const unsigned char *p = bytes;
	size_t i;

	if (!column_room(c, col, length))
		return;
	for (i = 0; !col->any && i < length; i++)
		col->any |= p[i];
	if (length)
		memcpy(col->bytes + col->length, bytes, length);
	col->length += length;
}

static void put_flags(struct crr_columns *c, uint16_t type, uint32_t flags)
{
	uint32_t *last = last_flags(c, type);

	put(c, COLUMN_FLAGS, flags ^ *last);
	*last = flags;
}

static void pack_write(struct crr_columns *c, const struct crr_record *rec)
{
	int32_t most = rec->result > 0 ? rec->result : 0;
	uint8_t byte = c->byte_of[rec->crc32c >> 24];
	__le32 crc = htole32(rec->crc32c);
	uint32_t flags = rec->flags;

	put(c, COLUMN_LENGTH, rec->requested);
	put(c, COLUMN_RESULT,
	    zigzag((uint64_t)((int64_t)rec->requested - rec->result)));
	put(c, COLUMN_OFFSET,
	    zigzag((uint64_t)((int64_t)most - (int64_t)rec->offset)));
	if (flags & CRR_FLAG_CAPTURED) {
		put_bytes(c, COLUMN_OUT, rec->data, rec->data_length);
	} else if (flags & CRR_FLAG_UNKNOWN) {
		/* Nor is there a CRC. */
	} else if (rec->requested == 1 && c->crc[byte] == rec->crc32c) {
		put_bytes(c, COLUMN_OUT, &byte, 1);
	} else {
		if (rec->requested == 1)
			flags |= FLAG_NO_BYTE;
		put_bytes(c, COLUMN_CRC, &crc, sizeof(crc));
	}
	put_flags(c, rec->type, flags);
}

static void pack_numbers(struct crr_columns *c, const uint32_t *n,
			 unsigned int count)
{
	while (count--)
		put(c, COLUMN_VALUE, *n++);
}

/* The optional types that are stored member by member will ever be these. */
static bool is_raw(uint16_t type)
{
	return type & CRR_TYPE_OPTIONAL && type != CRR_TYPE_TERMIOS &&
	       type != CRR_TYPE_TIME;
}

static void pack_record(struct crr_columns *c, const struct crr_record *rec,
			uint64_t *counter, uint64_t *time)
{
	uint16_t type = rec->type;

	put(c, COLUMN_TYPE, (type & 0x7fffU) << 1 | type >> 15);
	put(c, COLUMN_STREAM, rec->stream);
	put(c, COLUMN_COUNTER, rec->counter - *counter);
	*counter = rec->counter;
	if (type == CRR_TYPE_WRITE)
		pack_write(c, rec);
	else
		put_flags(c, type, rec->flags);
	if (crr_type_is_inbound(type) || type == CRR_TYPE_STREAM_END)
		put(c, COLUMN_EMPTIES, rec->empty_reads);
	if (crr_type_is_outbound(type) || type == CRR_TYPE_STREAM_END)
		put(c, COLUMN_REFUSED, rec->refused);

	switch (type) {
	case CRR_TYPE_READ:
		put(c, COLUMN_LENGTH, rec->data_length);
		put_bytes(c, COLUMN_IN, rec->data, rec->data_length);
		break;
	case CRR_TYPE_STREAM:
	case CRR_TYPE_TERMIOS:
		pack_numbers(c, &rec->termios.iflag,
			     sizeof(rec->termios) / sizeof(uint32_t));
		break;
	case CRR_TYPE_MODEM:
		pack_numbers(c, &rec->modem.error,
			     sizeof(rec->modem) / sizeof(uint32_t));
		break;
	case CRR_TYPE_READ_ERROR:
		put(c, COLUMN_VALUE, rec->error);
		break;
	case CRR_TYPE_STREAM_END:
		put(c, COLUMN_VALUE, rec->reason);
		break;
	case CRR_TYPE_INQ:
	case CRR_TYPE_OUTQ:
		put(c, COLUMN_VALUE, rec->value);
		break;
	case CRR_TYPE_VALUE:
		put(c, COLUMN_VALUE, rec->kind);
		put(c, COLUMN_VALUE, rec->number);
		put(c, COLUMN_VALUE, rec->uses);
		break;
	case CRR_TYPE_TIME:
		put(c, COLUMN_VALUE, zigzag(rec->time - *time));
		*time = rec->time;
		break;
	}
	if (type == CRR_TYPE_STREAM || type == CRR_TYPE_MARK || is_raw(type)) {
		put(c, COLUMN_LENGTH, rec->data_length);
		put_bytes(c, COLUMN_TEXT, rec->data, rec->data_length);
	}
}

/* Each column: its length, twice, and one more if a frame of zstd follows. */
static ssize_t pack_columns(struct crr_columns *c, int level)
{
	unsigned char *p;
	size_t need = 0, n;
	int i;

	for (i = 0; i < N_COLUMNS; i++)
		need += 2 * NUMBER_MAX + ZSTD_compressBound(c->column[i].length);
	if (!crr_arena(c, need))
		return -1;
	p = c->arena;
	for (i = 0; i < N_COLUMNS; i++) {
		struct column *col = &c->column[i];

		if (!col->any) {
			*p++ = 0;
			continue;
		}
		if (col->length >= COMPRESS_FROM) {
			/* Behind where the two lengths end, at the latest. */
			n = ZSTD_compressCCtx(c->compressor, p + 2 * NUMBER_MAX,
					      ZSTD_compressBound(col->length),
					      col->bytes, col->length, level);
			if (!ZSTD_isError(n) && n < col->length) {
				unsigned char *frame = p + 2 * NUMBER_MAX;

				p = put_number(p, col->length << 1 | 1);
				p = put_number(p, n);
				memmove(p, frame, n);
				p += n;
				continue;
			}
		}
		p = put_number(p, col->length << 1);
		memcpy(p, col->bytes, col->length);
		p += col->length;
	}
	return p - c->arena;
}

static bool crr_joined(struct crr_columns *c)
{
	if (!c->joined)
		c->joined = malloc(CRR_BLOCK_MAX);
	return c->joined;
}

/* All columns as they are, and a frame of that. 0: it would be no better. */
static size_t join_columns(struct crr_columns *c, int level, size_t separate)
{
	unsigned char plain[JOIN_TO], *p = plain;
	size_t all = 0, n;
	int i;

	for (i = 0; i < N_COLUMNS; i++)
		all += NUMBER_MAX + c->column[i].length;
	if (all < JOIN_FROM || all > sizeof(plain) || !crr_joined(c))
		return 0;
	for (i = 0; i < N_COLUMNS; i++) {
		struct column *col = &c->column[i];

		p = put_number(p, col->any ? (uint64_t)col->length << 1 : 0);
		if (!col->any)
			continue;
		memcpy(p, col->bytes, col->length);
		p += col->length;
	}
	n = ZSTD_compressCCtx(c->compressor, c->joined, CRR_BLOCK_MAX, plain,
			      (size_t)(p - plain),
			      level > JOIN_LEVEL ? level : JOIN_LEVEL);
	explicit_bzero(plain, sizeof(plain));
	return ZSTD_isError(n) || n >= separate ? 0 : n;
}

/**
 * crr_columns_pack - make columns of records
 * @c: columns, used for packing only
 * @level: of zstd
 * @records: valid ones
 * @length: in bytes
 * @stored: out: what is to be stored; good until the next call
 * @codec: out: CRR_CODEC_COLUMNS or _JOINED
 *
 * Returns how many bytes that are, or -1 with ENOMEM.
 */
ssize_t crr_columns_pack(struct crr_columns *c, int level, const void *records,
			 size_t length, const void **stored,
			 enum crr_codec *codec)
{
	const unsigned char *p = records;
	uint64_t counter = 0, time = 0;
	size_t joined;
	struct crr_record rec;
	size_t size, done;
	ssize_t n = -1;
	int i;

	c->packing = true;
	c->failed = false;
	memset(c->flags, 0, sizeof(c->flags));
	if (!c->compressor)
		c->compressor = ZSTD_createCCtx();
	for (i = 0; i < N_COLUMNS; i++) {
		c->column[i].length = 0;
		c->column[i].any = 0;
	}
	for (done = 0; done < length; done += size) {
		(void)crr_record_decode(p + done, length - done, &size, &rec);
		/* The block's header has the first one's. */
		if (!done)
			counter = rec.counter;
		pack_record(c, &rec, &counter, &time);
	}
	if (!c->failed && c->compressor)
		n = pack_columns(c, level);
	if (n < 0)
		errno = ENOMEM;
	*stored = c->arena;
	*codec = CRR_CODEC_COLUMNS;
	joined = n < 0 ? 0 : join_columns(c, level, (size_t)n);
	if (joined) {
		*stored = c->joined;
		*codec = CRR_CODEC_JOINED;
		n = (ssize_t)joined;
	}
	return n;
}

/* ---- Unpacking: nothing is believed ---- */

static const unsigned char *get_number(const unsigned char *p,
				       const unsigned char *end, uint64_t *n)
{
	unsigned int shift;

	*n = 0;
	for (shift = 0; shift < 64 && p < end; shift += 7) {
		/* The tenth byte has one bit left. */
		if (shift == 63 && *p > 1)
			return NULL;
		*n |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p++ & 0x80))
			return p;
	}
	return NULL;
}

static uint64_t get(struct crr_columns *c, enum column_id id)
{
	struct column *col = &c->column[id];
	const unsigned char *p = col->bytes + col->done;
	uint64_t n;

	if (!col->length)
		return 0;
	/* Most are small. */
	if (col->done < col->length && *p < 0x80) {
		col->done++;
		return *p;
	}
	p = get_number(p, col->bytes + col->length, &n);
	if (!p) {
		c->failed = true;
		return 0;
	}
	col->done = (size_t)(p - col->bytes);
	return n;
}

static uint32_t get_u32(struct crr_columns *c, enum column_id id)
{
	uint64_t n = get(c, id);

	if (n > UINT32_MAX)
		c->failed = true;
	return (uint32_t)n;
}

/* Valid until the next block; for a column of zeros, zeros. */
static const unsigned char *get_bytes(struct crr_columns *c, enum column_id id,
				      size_t length)
{
	static const unsigned char zeros[CRR_RECORD_SIZE_MAX];
	struct column *col = &c->column[id];
	const unsigned char *p = col->bytes + col->done;

	if (length > sizeof(zeros) ||
	    (col->length && length > col->length - col->done)) {
		c->failed = true;
		return zeros;
	}
	if (!col->length)
		return zeros;
	col->done += length;
	return p;
}

static void get_data(struct crr_columns *c, enum column_id id,
		     struct crr_record *rec)
{
	rec->data = get_bytes(c, id, rec->data_length);
}

static void unpack_numbers(struct crr_columns *c, uint32_t *n,
			   unsigned int count)
{
	while (count--)
		*n++ = get_u32(c, COLUMN_VALUE);
}

static void unpack_write(struct crr_columns *c, struct crr_record *rec,
			 uint32_t flags)
{
	int64_t result, offset;
	__le32 crc;

	rec->requested = get_u32(c, COLUMN_LENGTH);
	result = (int64_t)rec->requested -
		 (int64_t)unzigzag(get(c, COLUMN_RESULT) & UINT32_MAX);
	offset = (result > 0 ? result : 0) -
		 (int64_t)unzigzag(get(c, COLUMN_OFFSET) & UINT32_MAX);
	rec->result = (int32_t)result;
	rec->offset = (uint32_t)offset;
	if (rec->flags & CRR_FLAG_CAPTURED) {
		rec->data_length = rec->requested;
		get_data(c, COLUMN_OUT, rec);
		if (!c->failed)
			rec->crc32c = crr_record_crc(rec->data,
						     rec->data_length);
	} else if (flags & CRR_FLAG_UNKNOWN) {
		rec->crc32c = 0;
	} else if (rec->requested == 1 && !(flags & FLAG_NO_BYTE)) {
		rec->crc32c = c->crc[*get_bytes(c, COLUMN_OUT, 1)];
	} else {
		memcpy(&crc, get_bytes(c, COLUMN_CRC, sizeof(crc)),
		       sizeof(crc));
		rec->crc32c = le32toh(crc);
	}
}

static void unpack_record(struct crr_columns *c, struct crr_record *rec,
			  uint64_t *counter, uint64_t *time)
{
	uint32_t type = get_u32(c, COLUMN_TYPE);
	uint32_t flags;

	*rec = (struct crr_record){
		.type = (uint16_t)((type & 1) << 15 | (type >> 1 & 0x7fff)),
		.stream = (uint16_t)get(c, COLUMN_STREAM),
		.counter = *counter + get(c, COLUMN_COUNTER),
	};
	*counter = rec->counter;
	flags = get_u32(c, COLUMN_FLAGS) ^ *last_flags(c, rec->type);
	*last_flags(c, rec->type) = flags;
	rec->flags = (uint16_t)flags;
	if (rec->type == CRR_TYPE_WRITE)
		unpack_write(c, rec, flags);
	if (crr_type_is_inbound(rec->type) || rec->type == CRR_TYPE_STREAM_END)
		rec->empty_reads = get(c, COLUMN_EMPTIES);
	if (crr_type_is_outbound(rec->type) || rec->type == CRR_TYPE_STREAM_END)
		rec->refused = get(c, COLUMN_REFUSED);

	switch (rec->type) {
	case CRR_TYPE_READ:
		rec->data_length = get_u32(c, COLUMN_LENGTH);
		get_data(c, COLUMN_IN, rec);
		break;
	case CRR_TYPE_STREAM:
	case CRR_TYPE_TERMIOS:
		unpack_numbers(c, &rec->termios.iflag,
			       sizeof(rec->termios) / sizeof(uint32_t));
		break;
	case CRR_TYPE_MODEM:
		unpack_numbers(c, &rec->modem.error,
			       sizeof(rec->modem) / sizeof(uint32_t));
		break;
	case CRR_TYPE_READ_ERROR:
		rec->error = get_u32(c, COLUMN_VALUE);
		break;
	case CRR_TYPE_STREAM_END:
		rec->reason = get_u32(c, COLUMN_VALUE);
		break;
	case CRR_TYPE_INQ:
	case CRR_TYPE_OUTQ:
		rec->value = get_u32(c, COLUMN_VALUE);
		break;
	case CRR_TYPE_VALUE:
		rec->kind = get_u32(c, COLUMN_VALUE);
		rec->number = get(c, COLUMN_VALUE);
		rec->uses = get(c, COLUMN_VALUE);
		break;
	case CRR_TYPE_TIME:
		rec->time = *time + unzigzag(get(c, COLUMN_VALUE));
		*time = rec->time;
		break;
	}
	if (rec->type == CRR_TYPE_STREAM || rec->type == CRR_TYPE_MARK ||
	    is_raw(rec->type)) {
		rec->data_length = get_u32(c, COLUMN_LENGTH);
		get_data(c, COLUMN_TEXT, rec);
	}
}

/* Find, and decompress, the columns. False: they are not what they should be. */
static bool unpack_columns(struct crr_columns *c, const unsigned char *p,
			   const unsigned char *end)
{
	size_t used = 0;
	int i;

	for (i = 0; i < N_COLUMNS; i++) {
		struct column *col = &c->column[i];
		uint64_t length, frame;

		*col = (struct column){ 0 };
		p = get_number(p, end, &length);
		if (!p)
			return false;
		/* All together are shorter than what they make. */
		if (length >> 1 > CRR_BLOCK_MAX - used)
			return false;
		col->length = (size_t)(length >> 1);
		col->bytes = c->arena + used;
		used += col->length;
		if (!(length & 1)) {
			if (col->length > (size_t)(end - p))
				return false;
			memcpy(col->bytes, p, col->length);
			p += col->length;
			continue;
		}
		p = get_number(p, end, &frame);
		if (!p || frame > (size_t)(end - p))
			return false;
		if (ZSTD_decompressDCtx(c->decompressor, col->bytes,
					col->length, p, (size_t)frame) !=
		    col->length)
			return false;
		p += frame;
	}
	return p == end;
}

/**
 * crr_columns_unpack - make records of columns
 * @c: columns, used for unpacking only
 * @stored: what was stored
 * @stored_length: in bytes
 * @header: the block's; its length is checked
 * @records: out: as many bytes as @header says
 *
 * Returns 0; or -1: EBADMSG if they are no columns of such records; ENOMEM.
 * Whether the records are valid remains to be seen.
 */
int crr_columns_unpack(struct crr_columns *c, const void *stored,
		       size_t stored_length,
		       const struct crr_block_header *header, void *records)
{
	size_t length = le32toh(header->length), done = 0, size;
	uint64_t sequence = le64toh(header->sequence);
	uint64_t counter = le64toh(header->counter);
	uint32_t records_left = le32toh(header->records);
	uint64_t time = 0;
	size_t n;
	struct crr_record rec;
	int i;

	c->failed = false;
	memset(c->flags, 0, sizeof(c->flags));
	if (!c->decompressor)
		c->decompressor = ZSTD_createDCtx();
	if (!c->decompressor || !crr_arena(c, CRR_BLOCK_MAX) ||
	    !crr_joined(c)) {
		errno = ENOMEM;
		return -1;
	}
	if (le16toh(header->codec) == CRR_CODEC_JOINED) {
		n = ZSTD_decompressDCtx(c->decompressor, c->joined,
					CRR_BLOCK_MAX, stored, stored_length);
		if (ZSTD_isError(n))
			goto bad;
		stored = c->joined;
		stored_length = n;
	}
	if (!unpack_columns(c, stored,
			    (const unsigned char *)stored + stored_length))
		goto bad;
	for (; records_left; records_left--) {
		unpack_record(c, &rec, &counter, &time);
		rec.sequence = sequence;
		if (!(rec.type & CRR_TYPE_OPTIONAL))
			sequence++;
		size = crr_record_size(&rec);
		if (c->failed || size > length - done)
			goto bad;
		done += crr_record_encode((unsigned char *)records + done, &rec);
	}
	for (i = 0; i < N_COLUMNS; i++)
		if (c->column[i].done != c->column[i].length)
			goto bad;
	if (done == length)
		return 0;
bad:
	errno = EBADMSG;
	return -1;
}
