// SPDX-License-Identifier: LGPL-2.1-or-later
/* Log files: writing them. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

/* A block is written when it has this many bytes, or when asked for. */
#define CRR_BLOCK_TARGET (64U << 10)

struct crr_log_writer {
	int fd;
	int failed; /* errno of a write that failed: the file's end is unsure */
	struct crr_order order;
	struct crr_order whole; /* as it was behind the last whole block */
	uint64_t written;
	bool resumed; /* records that the log has already may come again */
	unsigned char *last; /* resumed: the records of the last block */
	size_t last_length;
	size_t length;
	uint32_t records;
	uint64_t sequence; /* of the block's first record */
	uint64_t counter;
	uint64_t stamp; /* to go before the next record; 0: none */
	uint64_t stamped; /* the last one that went */
	unsigned char block[CRR_BLOCK_TARGET + CRR_RECORD_SIZE_MAX];
};

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

static bool crr_is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
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

	if (!crr_is_plain(info->counter) || !crr_is_plain(info->command)) {
		errno = EINVAL;
		return NULL;
	}
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return NULL;
	writer->fd = fd;

	n = snprintf(u.bytes + sizeof(u.header),
		     sizeof(u.bytes) - sizeof(u.header),
		     "counter=%s\ncommand=%s\n", info->counter, info->command);
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
		free(writer);
		errno = saved;
		return NULL;
	}
	return writer;
}

/* Read the records of the last whole block once more, from begin to end. */
static int crr_read_last(struct crr_log_writer *writer, uint64_t begin,
			 uint64_t end)
{
	size_t length, done;
	ssize_t n;

	if (begin == end)
		return 0;
	begin += sizeof(struct crr_block_header);
	length = (size_t)(end - begin);
	writer->last = malloc(length);
	if (!writer->last)
		return -1;
	for (done = 0; done < length; done += (size_t)n) {
		n = pread(writer->fd, writer->last + done, length - done,
			  (off_t)(begin + done));
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -1;
		else if (!n) {
			errno = EIO;
			return -1;
		}
	}
	writer->last_length = length;
	return 0;
}

/* They may hold what was typed, passwords too. */
static void crr_writer_free(struct crr_log_writer *writer)
{
	if (writer->last)
		explicit_bzero(writer->last, writer->last_length);
	free(writer->last);
	explicit_bzero(writer->block, sizeof(writer->block));
	free(writer);
}

struct crr_log_writer *crr_log_resume(int fd, uint64_t *next,
				      struct crr_log_error *error)
{
	struct crr_log_writer *writer;
	struct crr_log_reader *reader;
	uint64_t begin = 0, end = 0;
	const void *records;
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
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		goto fail;
	writer->fd = fd;

	begin = end = crr_log_offset(reader);
	while ((ret = crr_log_block(reader, &records, &length, error)) > 0) {
		begin = end;
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
	if (crr_read_last(writer, begin, end) || ftruncate(fd, (off_t)end) ||
	    lseek(fd, (off_t)end, SEEK_SET) < 0)
		goto fail;
	writer->order = *crr_log_get_order(reader);
	writer->whole = writer->order;
	writer->written = end;
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
	int ret;

	if (writer->failed) {
		errno = writer->failed;
		return -1;
	}
	if (!writer->length)
		return 0;
	header.crc32c = htole32(crr_record_crc(writer->block, writer->length));
	header.header_crc32c = htole32(
		crr_record_crc(&header,
			       offsetof(struct crr_block_header,
					header_crc32c)));
	ret = crr_write_all(writer, iov, 2);
	if (ret)
		writer->order = writer->whole;
	else
		writer->whole = writer->order;
	writer->length = 0;
	writer->records = 0;
	return ret;
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

/* Before this record, the time that crr_log_stamp() has left. */
static int crr_append_time(struct crr_log_writer *writer,
			   const struct crr_record *rec)
{
	unsigned char bytes[64];
	struct crr_record time = {
		.type = CRR_TYPE_TIME,
		.sequence = rec->sequence,
		.counter = rec->counter,
		.time = writer->stamp,
	};

	writer->stamp = 0;
	writer->stamped = time.time;
	return crr_append_one(writer, &time, bytes,
			      crr_record_encode(bytes, &time));
}

void crr_log_stamp(struct crr_log_writer *writer, uint64_t nanoseconds)
{
	if (nanoseconds - writer->stamped >= 1000000)
		writer->stamp = nanoseconds;
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
		if ((writer->stamp && crr_append_time(writer, &rec)) ||
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
	saved = errno;
	crr_writer_free(writer);
	errno = saved;
	return ret;
}
