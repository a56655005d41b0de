// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Log files: reading them. Whatever the file says is checked before it is
 * believed, and what is wrong is told with its offset.
 */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

struct crr_log_reader {
	int fd;
	uint64_t offset;
	struct crr_order order;
	struct crr_log_info info;
	unsigned char *block;
	size_t length;
	size_t done; /* bytes that crr_log_next() has given */
};

/* Always -1, with EBADMSG. */
int crr_log_fail(struct crr_log_error *error, uint64_t offset,
		  const char *format, ...)
{
	va_list args;

	error->offset = offset;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	errno = EBADMSG;
	return -1;
}

/* Read until length or the end: returns how many bytes, or -1. */
static ssize_t crr_read_all(struct crr_log_reader *reader, void *to,
			    size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = read(reader->fd, (char *)to + done, length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	reader->offset += done;
	return (ssize_t)done;
}

/* The same, where an end is an error, at the offset where the file ends. */
static int crr_read_whole(struct crr_log_reader *reader, void *to,
			  size_t length, const char *what,
			  struct crr_log_error *error)
{
	ssize_t n = crr_read_all(reader, to, length);

	if (n < 0) {
		int saved = errno;

		crr_log_fail(error, reader->offset, "%s", strerror(saved));
		errno = saved;
		return -1;
	}
	if ((size_t)n < length)
		return crr_log_fail(error, reader->offset,
				     "the file ends in the middle of %s", what);
	return 0;
}

/* One "key=value\n" of the header. */
static void crr_parse_text(struct crr_log_info *info, const char *line,
			   size_t length)
{
	static const char counter[] = "counter=";
	static const char command[] = "command=";
	const size_t key = sizeof(counter) - 1;

	if (length < key)
		return;
	length -= key;
	if (!memcmp(line, counter, key) && length < sizeof(info->counter))
		memcpy(info->counter, line + key, length);
	if (!memcmp(line, command, key) && length < sizeof(info->command))
		memcpy(info->command, line + key, length);
}

static int crr_read_header(struct crr_log_reader *reader,
			   struct crr_log_error *error)
{
	struct crr_file_header header;
	uint32_t length, version, crc;
	char *bytes, *p, *end;
	size_t magic;
	int ret;

	ret = crr_read_whole(reader, &header, sizeof(header), "the header",
			     error);
	if (ret && errno != EBADMSG)
		return -1;
	/* A short file is the beginning of a log, or none at all. */
	magic = reader->offset < sizeof(header.magic) ? reader->offset :
							sizeof(header.magic);
	if (memcmp(header.magic, CRR_FILE_MAGIC, magic))
		return crr_log_fail(error, 0, "not a crr log");
	if (ret)
		return -1;
	version = le32toh(header.version);
	if (version != CRR_FILE_VERSION)
		return crr_log_fail(error, 8,
				     "log version %u: this crr reads version %u; a %s crr reads this log",
				     version, CRR_FILE_VERSION,
				     version > CRR_FILE_VERSION ? "newer" :
								  "different");
	length = le32toh(header.length);
	if (length < sizeof(header) || length > CRR_FILE_HEADER_MAX ||
	    length % 8)
		return crr_log_fail(error, 12,
				     "the header has an impossible length");

	bytes = calloc(1, length);
	if (!bytes)
		return -1;
	ret = -1;
	if (crr_read_whole(reader, bytes + sizeof(header),
			   length - sizeof(header), "the header", error))
		goto free;
	crc = le32toh(header.crc32c);
	header.crc32c = 0;
	memcpy(bytes, &header, sizeof(header));
	if (crr_record_crc(bytes, length) != crc) {
		crr_log_fail(error, 0, "the header is damaged (CRC)");
		goto free;
	}
	if (le32toh(header.delivery) > CRR_DELIVERY_GATED) {
		crr_log_fail(error, 16, "delivery %u is not known",
			      le32toh(header.delivery));
		goto free;
	}
	reader->info.created = le64toh(header.created);
	reader->info.delivery = le32toh(header.delivery);
	p = bytes + sizeof(header);
	while ((end = memchr(p, '\n', (size_t)(bytes + length - p)))) {
		crr_parse_text(&reader->info, p, (size_t)(end - p));
		p = end + 1;
	}
	ret = 0;
free:
	free(bytes);
	return ret;
}

struct crr_log_reader *crr_log_open(int fd, struct crr_log_error *error)
{
	struct crr_log_reader *reader = calloc(1, sizeof(*reader));
	int saved;

	if (!reader)
		return NULL;
	reader->fd = fd;
	reader->block = malloc(CRR_BLOCK_MAX);
	if (reader->block && !crr_read_header(reader, error))
		return reader;
	saved = errno;
	crr_log_close(reader);
	errno = saved;
	return NULL;
}

void crr_log_close(struct crr_log_reader *reader)
{
	if (!reader)
		return;
	free(reader->block);
	free(reader);
}

const struct crr_log_info *crr_log_get_info(const struct crr_log_reader *reader)
{
	return &reader->info;
}

const struct crr_order *crr_log_get_order(const struct crr_log_reader *reader)
{
	return &reader->order;
}

static int crr_check_block_header(const struct crr_block_header *header,
				  uint64_t offset, struct crr_log_error *error)
{
	uint32_t length = le32toh(header->length);

	if (le32toh(header->magic) != CRR_BLOCK_MAGIC)
		return crr_log_fail(error, offset, "no block begins here");
	if (le32toh(header->header_crc32c) !=
	    crr_record_crc(header, offsetof(struct crr_block_header,
					    header_crc32c)) ||
	    header->__reserved2)
		return crr_log_fail(error, offset,
				     "the block's header is damaged (CRC)");
	if (le16toh(header->codec) != CRR_CODEC_NONE || header->__reserved)
		return crr_log_fail(error, offset,
				     "the block is stored in a way that this crr does not know");
	if (!length || length > CRR_BLOCK_MAX || length % CRR_RECORD_ALIGN ||
	    header->stored != header->length)
		return crr_log_fail(error, offset,
				     "the block has an impossible length");
	return 0;
}

/* Are these the records that the block's header tells of? */
static int crr_check_records(struct crr_log_reader *reader,
			     const struct crr_block_header *header,
			     uint64_t offset, struct crr_log_error *error)
{
	size_t length = le32toh(header->length);
	/* Of a block that is refused nothing counts, not even an END. */
	struct crr_order order = reader->order;
	struct crr_record rec;
	uint32_t records = 0;
	size_t done, size;
	int reason;

	if (crr_record_crc(reader->block, length) != le32toh(header->crc32c))
		return crr_log_fail(error, offset,
				     "the block is damaged (CRC)");
	for (done = 0; done < length; done += size) {
		reason = crr_record_decode(reader->block + done, length - done,
					   &size, &rec);
		if (reason < 0)
			reason = CRR_REASON_LENGTH;
		if (!reason)
			reason = crr_order_check(&order, &rec);
		if (reason)
			return crr_log_fail(error,
					     offset + sizeof(*header) + done,
					     "record %llu: %s",
					     (unsigned long long)order.sequence,
					     crr_reason_text((unsigned int)
								     reason));
		if (!done && (rec.sequence != le64toh(header->sequence) ||
			      rec.counter != le64toh(header->counter)))
			return crr_log_fail(error, offset,
					     "the block does not begin with the record it says");
		crr_order_add(&order, &rec);
		records++;
	}
	if (records != le32toh(header->records))
		return crr_log_fail(error, offset,
				     "the block has %u records and says %u",
				     records, le32toh(header->records));
	reader->order = order;
	return 0;
}

int crr_log_block(struct crr_log_reader *reader, const void **records,
		  size_t *length, struct crr_log_error *error)
{
	struct crr_block_header header;
	uint64_t offset = reader->offset;
	ssize_t n;

	reader->length = 0;
	reader->done = 0;
	n = crr_read_all(reader, &header, sizeof(header));
	if (n == 0)
		return 0;
	if (n < 0) {
		int saved = errno;

		crr_log_fail(error, offset, "%s", strerror(saved));
		errno = saved;
		return -1;
	}
	if ((size_t)n < sizeof(header))
		return crr_log_fail(error, reader->offset,
				     "the file ends in the middle of a block's header");
	if (crr_check_block_header(&header, offset, error))
		return -1;
	if (crr_read_whole(reader, reader->block, le32toh(header.length),
			   "a block", error))
		return -1;
	if (crr_check_records(reader, &header, offset, error))
		return -1;
	reader->length = le32toh(header.length);
	*records = reader->block;
	*length = reader->length;
	return 1;
}

int crr_log_next(struct crr_log_reader *reader, struct crr_record *record,
		 struct crr_log_error *error)
{
	const void *records;
	size_t length, size;
	int ret;

	if (reader->done == reader->length) {
		ret = crr_log_block(reader, &records, &length, error);
		if (ret <= 0)
			return ret;
	}
	/* Valid: crr_log_block() has looked at it. */
	(void)crr_record_decode(reader->block + reader->done,
				reader->length - reader->done, &size, record);
	reader->done += size;
	return 1;
}

bool crr_log_ended(const struct crr_log_reader *reader)
{
	return reader->order.ended;
}

uint64_t crr_log_offset(const struct crr_log_reader *reader)
{
	return reader->offset;
}
