// SPDX-License-Identifier: LGPL-2.1-or-later
/* Log files: writing them. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

/* A block is written when it has this many bytes, or when asked for. */
#define CRR_BLOCK_TARGET (256U << 10)

/* Of zstd: more takes longer, and gains little on columns. */
#define CRR_LEVEL_DEFAULT 3
#define CRR_LEVEL_MAX	  19

/* Times that wait for their records: those of ten seconds, at one each 10 ms. */
#define CRR_STAMPS_MAX 1024

/*
 * struct crr_log_writer
 * @fd: the file
 * @failed: errno of a write that failed: the file's end is unsure
 * @level: of zstd; 0: not compressed
 * @columns: packs blocks
 * @order: of the records so far
 * @whole: as it was behind the last whole block
 * @durable: how many records fdatasync(2) has been called for
 * @written: bytes, which is where the next block begins
 * @index: of the blocks written
 * @resumed: records that the log has already may come again
 * @last: resumed: the records of the last block
 * @last_length: in bytes
 * @length: of @block
 * @records: in it
 * @sequence: of its first record
 * @counter: likewise
 * @stamp: times to go before records with these numbers, in order
 * @nstamps: how many
 * @stamped: the last one that went
 * @block: being filled
 */
struct crr_log_writer {
	int fd;
	int failed;
	int level;
	struct crr_columns *columns;
	struct crr_order order;
	struct crr_order whole;
	uint64_t durable;
	uint64_t written;
	struct crr_index index;
	bool resumed;
	unsigned char *last;
	size_t last_length;
	size_t length;
	uint32_t records;
	uint64_t sequence;
	uint64_t counter;
	struct {
		uint64_t sequence;
		uint64_t time;
	} stamp[CRR_STAMPS_MAX];
	unsigned int nstamps;
	uint64_t stamped;
	unsigned char block[CRR_BLOCK_TARGET + CRR_RECORD_SIZE_MAX];
};

/* They may hold what was typed, passwords too. */
static void crr_writer_free(struct crr_log_writer *writer)
{
	if (writer->last)
		explicit_bzero(writer->last, writer->last_length);
	free(writer->last);
	crr_columns_free(writer->columns);
	explicit_bzero(writer->block, sizeof(writer->block));
	free(writer);
}

static struct crr_log_writer *crr_writer_new(int fd)
{
	struct crr_log_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return NULL;
	writer->fd = fd;
	writer->level = CRR_LEVEL_DEFAULT;
	writer->columns = crr_columns_new();
	if (writer->columns)
		return writer;
	crr_writer_free(writer);
	errno = ENOMEM;
	return NULL;
}

int crr_log_compress(struct crr_log_writer *writer, int level)
{
	if (level < 0 || level > CRR_LEVEL_MAX) {
		errno = EINVAL;
		return -1;
	}
	writer->level = level;
	return 0;
}

static int crr_write_all(struct crr_log_writer *writer, struct iovec *iov,
			 int count)
{
	if (writer->failed) {
		errno = writer->failed;
		return -1;
	}
	while (count) {
		ssize_t n = writev(writer->fd, iov, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			writer->failed = errno;
			return -1;
		}
		writer->written += (uint64_t)n;
		while (count && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

/* The header's texts are lines: nothing in them may end one. */
static bool crr_is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* Returns the length of the lines, or -1: a text has a control character. */
static int crr_put_texts(char *to, size_t size, const struct crr_log_info *info)
{
	const struct crr_header_text *text = crr_header_texts;
	const char *value;
	size_t n = 0, i;

	for (i = 0; i < CRR_HEADER_TEXTS; i++, text++) {
		value = (const char *)info + text->offset;
		if (!crr_is_plain(value))
			return -1;
		/* The first two have always been there. */
		if (*value || i < 2)
			n += (size_t)snprintf(to + n, size - n, "%s=%s\n",
					      text->key, value);
	}
	return (int)n;
}

struct crr_log_writer *crr_log_create(int fd, const struct crr_log_info *info)
{
	union {
		struct crr_file_header header;
		char bytes[sizeof(struct crr_file_header) + sizeof(*info) + 64];
	} u = { 0 };
	struct crr_log_writer *writer;
	struct iovec iov;
	size_t length;
	int n, saved;

	_Static_assert(sizeof(u) <= CRR_FILE_HEADER_MAX,
		       "a header that no reader takes");
	n = crr_put_texts(u.bytes + sizeof(u.header),
			  sizeof(u.bytes) - sizeof(u.header), info);
	if (n < 0) {
		errno = EINVAL;
		return NULL;
	}
	writer = crr_writer_new(fd);
	if (!writer)
		return NULL;

	length = (sizeof(u.header) + (size_t)n + 7) & ~(size_t)7;
	memcpy(u.header.magic, CRR_FILE_MAGIC, sizeof(u.header.magic));
	u.header.version = htole32(CRR_FILE_VERSION);
	u.header.length = htole32((uint32_t)length);
	u.header.delivery = htole32(info->delivery);
	u.header.created = htole64(info->created);
	u.header.crc32c = htole32(crr_record_crc(&u, length));

	iov = (struct iovec){ .iov_base = &u, .iov_len = length };
	if (crr_write_all(writer, &iov, 1)) {
		saved = errno;
		crr_writer_free(writer);
		errno = saved;
		return NULL;
	}
	return writer;
}

/* Keep the records of the last block. */
static int crr_keep(struct crr_log_writer *writer, const void *records,
		    size_t length)
{
	unsigned char *last = realloc(writer->last, length);

	if (!last)
		return -1;
	memcpy(last, records, length);
	writer->last = last;
	writer->last_length = length;
	return 0;
}

struct crr_log_writer *crr_log_resume(int fd, uint64_t *next,
				      struct crr_log_error *error)
{
	struct crr_log_writer *writer;
	struct crr_log_reader *reader;
	const void *records;
	uint64_t end;
	size_t length;
	off_t size;
	int ret;

	*error = (struct crr_log_error){ 0 };
	size = lseek(fd, 0, SEEK_END);
	if (size < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return NULL;
	reader = crr_log_open(fd, error);
	if (!reader)
		return NULL;
	writer = crr_writer_new(fd);
	if (!writer)
		goto fail;

	end = crr_log_offset(reader);
	while ((ret = crr_log_block(reader, &records, &length, error)) > 0) {
		if (crr_keep(writer, records, length))
			goto fail;
		/* Nodes that follow it are written once more. */
		writer->index = *crr_log_get_index(reader);
		end = crr_log_offset(reader);
	}
	/* Only a block that the file's end has cut may be dropped. */
	if (ret < 0 && (errno != EBADMSG || error->offset < (uint64_t)size))
		goto fail;
	if (!ret && crr_log_ended(reader)) {
		crr_log_fail(error, end, "the log is complete");
		errno = EEXIST;
		goto fail;
	}
	if (ftruncate(fd, (off_t)end) || lseek(fd, (off_t)end, SEEK_SET) < 0)
		goto fail;
	writer->order = *crr_log_get_order(reader);
	writer->whole = writer->order;
	writer->written = end;
	writer->stamped = writer->index.time;
	writer->resumed = true;
	*next = writer->order.sequence;
	crr_log_close(reader);
	return writer;

fail:
	ret = errno;
	if (writer)
		crr_writer_free(writer);
	crr_log_close(reader);
	errno = ret;
	return NULL;
}

static int crr_write_node(struct crr_log_writer *writer, unsigned int level)
{
	struct crr_block_header header;
	struct iovec iov[] = {
		{ .iov_base = &header, .iov_len = sizeof(header) },
		{ .iov_base = writer->index.entry[level],
		  .iov_len = writer->index.count[level] *
			     sizeof(struct crr_index_entry) },
	};
	uint64_t offset = writer->written;

	crr_index_node(&writer->index, level, &header);
	if (crr_write_all(writer, iov, 2))
		return -1;
	crr_index_close(&writer->index, level, offset);
	return 0;
}

/* Those that are full, before the next block. */
static int crr_write_index(struct crr_log_writer *writer)
{
	unsigned int level;

	for (level = 0; level < CRR_INDEX_LEVELS; level++) {
		if (writer->index.count[level] < CRR_INDEX_FANOUT)
			break;
		if (crr_write_node(writer, level))
			return -1;
	}
	return 0;
}

/* What is left of the index, from the blocks up to the root; and the footer. */
static int crr_write_footer(struct crr_log_writer *writer)
{
	struct crr_footer footer = { 0 };
	struct iovec iov = { .iov_base = &footer, .iov_len = sizeof(footer) };
	struct crr_index *index = &writer->index;
	bool root = crr_index_is_block(index);
	unsigned int level;

	for (level = 0; level < CRR_INDEX_LEVELS && !root; level++) {
		root = crr_index_is_root(index, level);
		if (index->count[level] && crr_write_node(writer, level))
			return -1;
	}
	if (writer->order.ended)
		footer.flags = htole32(CRR_FOOTER_ENDED);
	footer.root = htole64(index->root);
	footer.sequence = htole64(writer->order.sequence);
	footer.counter = htole64(writer->order.counter);
	footer.offset = htole64(writer->written);
	crr_footer_seal(&footer);
	return crr_write_all(writer, &iov, 1);
}

/* Write the block that is being filled; what cannot be written is given up. */
int crr_log_flush(struct crr_log_writer *writer)
{
	struct crr_block_header header = {
		.magic = htole32(CRR_BLOCK_MAGIC),
		.codec = htole16(CRR_CODEC_NONE),
		.stored = htole32((uint32_t)writer->length),
		.length = htole32((uint32_t)writer->length),
		.sequence = htole64(writer->sequence),
		.counter = htole64(writer->counter),
		.records = htole32(writer->records),
	};
	struct iovec iov[] = {
		{ .iov_base = &header, .iov_len = sizeof(header) },
		{ .iov_base = writer->block, .iov_len = writer->length },
	};
	const void *stored;
	enum crr_codec codec;
	uint64_t offset;
	ssize_t n;
	int ret;

	if (writer->failed) {
		errno = writer->failed;
		return -1;
	}
	if (!writer->length)
		return 0;
	header.crc32c = htole32(crr_record_crc(writer->block, writer->length));
	if (writer->level) {
		n = crr_columns_pack(writer->columns, writer->level,
				     writer->block, writer->length, &stored,
				     &codec);
		/* Without memory, or gain, it is written as it is. */
		if (n >= 0 && (size_t)n < writer->length) {
			header.codec = htole16((uint16_t)codec);
			header.stored = htole32((uint32_t)n);
			iov[1].iov_base = (void *)(uintptr_t)stored;
			iov[1].iov_len = (size_t)n;
		}
	}
	crr_block_seal(&header);
	ret = crr_write_index(writer);
	offset = writer->written;
	if (!ret)
		ret = crr_write_all(writer, iov, 2);
	if (ret) {
		writer->order = writer->whole;
	} else {
		writer->whole = writer->order;
		crr_index_add_block(&writer->index, offset, &header,
				    writer->block);
	}
	writer->length = 0;
	writer->records = 0;
	return ret;
}

int crr_log_sync(struct crr_log_writer *writer)
{
	if (crr_log_flush(writer))
		return -1;
	/* A pipe cannot be synced, and need not be. */
	if (fdatasync(writer->fd) && errno != EINVAL && errno != EROFS) {
		writer->failed = errno;
		return -1;
	}
	writer->durable = writer->order.sequence;
	return 0;
}

/*
 * A record that the log has already: is it the same one? Those before the last
 * block are not at hand; whoever comes again with them comes with that, too.
 */
static bool crr_same_as_last(const struct crr_log_writer *writer,
			     const struct crr_record *rec,
			     const unsigned char *bytes, size_t size)
{
	struct crr_record old;
	size_t at, old_size;

	if (rec->type & CRR_TYPE_OPTIONAL)
		return true;
	for (at = 0; at < writer->last_length; at += old_size) {
		/* Valid: the reader has looked at it. */
		(void)crr_record_decode(writer->last + at,
					writer->last_length - at, &old_size,
					&old);
		/* Those may have been put in, or taken out. */
		if (old.sequence < rec->sequence ||
		    (old.type & CRR_TYPE_OPTIONAL))
			continue;
		return old.sequence > rec->sequence ||
		       (old_size == size &&
			!memcmp(writer->last + at, bytes, size));
	}
	return true;
}

/* One record, judged, into the block that is being filled. */
static int crr_append_one(struct crr_log_writer *writer,
			  const struct crr_record *rec, const void *bytes,
			  size_t size)
{
	if (writer->length + size > sizeof(writer->block) &&
	    crr_log_flush(writer))
		return -1;
	if (!writer->length) {
		writer->sequence = rec->sequence;
		writer->counter = rec->counter;
	}
	memcpy(writer->block + writer->length, bytes, size);
	writer->length += size;
	writer->records++;
	crr_order_add(&writer->order, rec);
	return 0;
}

/*
 * Before this record, the times that crr_log_stamp() has left for it: one, or
 * where the line was idle two. Those for earlier records come too late.
 */
static int crr_append_times(struct crr_log_writer *writer,
			    const struct crr_record *rec)
{
	unsigned char bytes[64];
	struct crr_record time = {
		.type = CRR_TYPE_TIME,
		.sequence = rec->sequence,
		.counter = rec->counter,
	};
	unsigned int first = 0, n;
	int ret = 0;

	for (n = 0; n < writer->nstamps &&
		    writer->stamp[n].sequence <= rec->sequence; n++)
		if (writer->stamp[n].sequence != writer->stamp[first].sequence)
			first = n;
	for (; first < n && !ret; first++) {
		time.time = writer->stamp[first].time;
		writer->stamped = time.time;
		ret = crr_append_one(writer, &time, bytes,
				     crr_record_encode(bytes, &time));
	}
	writer->nstamps -= n;
	memmove(writer->stamp, writer->stamp + n,
		writer->nstamps * sizeof(*writer->stamp));
	return ret;
}

/* The time that is missed least: its neighbours are the closest together. */
static void crr_drop_stamp(struct crr_log_writer *writer)
{
	unsigned int least = 1, i;
	uint64_t span, shortest = UINT64_MAX;

	for (i = 1; i + 1 < writer->nstamps; i++) {
		span = writer->stamp[i + 1].time - writer->stamp[i - 1].time;
		if (span >= shortest)
			continue;
		shortest = span;
		least = i;
	}
	writer->nstamps--;
	memmove(writer->stamp + least, writer->stamp + least + 1,
		(writer->nstamps - least) * sizeof(*writer->stamp));
}

void crr_log_stamp(struct crr_log_writer *writer, uint64_t sequence,
		   uint64_t nanoseconds)
{
	unsigned int n = writer->nstamps;
	uint64_t last = n ? writer->stamp[n - 1].time : writer->stamped;

	/* Finer ones would take more room than they are worth. */
	nanoseconds -= nanoseconds % 1000000;
	if (nanoseconds == last)
		return;
	/*
	 * Nothing has come since the last one. The first one tells when what
	 * precedes had come, the last one when the next had not: one in
	 * between tells nothing.
	 */
	if (n > 1 && writer->stamp[n - 1].sequence == sequence &&
	    writer->stamp[n - 2].sequence == sequence)
		writer->nstamps--;
	else if (n == CRR_STAMPS_MAX)
		crr_drop_stamp(writer);
	n = writer->nstamps++;
	writer->stamp[n].sequence = sequence;
	writer->stamp[n].time = nanoseconds;
}

int crr_log_append(struct crr_log_writer *writer, const void *records,
		   size_t length)
{
	const unsigned char *p = records;
	struct crr_record rec;
	size_t size;

	if (writer->failed) {
		errno = writer->failed;
		return -1;
	}
	for (; length; p += size, length -= size) {
		if (crr_record_decode(p, length, &size, &rec))
			goto invalid;
		if (writer->resumed && rec.sequence < writer->order.sequence) {
			if (!crr_same_as_last(writer, &rec, p, size))
				goto invalid;
			continue;
		}
		if (crr_order_check(&writer->order, &rec))
			goto invalid;
		writer->resumed = false;
		if ((writer->nstamps && crr_append_times(writer, &rec)) ||
		    crr_append_one(writer, &rec, p, size))
			return -1;
		if (writer->length >= CRR_BLOCK_TARGET && crr_log_flush(writer))
			return -1;
	}
	return 0;

invalid:
	errno = EBADMSG;
	return -1;
}

uint64_t crr_log_records(const struct crr_log_writer *writer)
{
	return writer->order.sequence;
}

uint64_t crr_log_durable(const struct crr_log_writer *writer)
{
	return writer->durable;
}

uint64_t crr_log_written(const struct crr_log_writer *writer)
{
	return writer->written;
}

bool crr_log_complete(const struct crr_log_writer *writer)
{
	return writer->order.ended;
}

int crr_log_finish(struct crr_log_writer *writer)
{
	int ret, saved;

	if (!writer)
		return 0;
	ret = crr_log_flush(writer);
	if (!ret)
		ret = crr_write_footer(writer);
	saved = errno;
	crr_writer_free(writer);
	errno = saved;
	return ret;
}
