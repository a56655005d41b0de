// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Log files: reading them. Whatever the file says is checked before it is
 * believed, and what is wrong is told with its offset.
 */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

/*
 * struct crr_log_reader
 * @fd: the file
 * @base: where in the file the log begins; -1: it is a pipe
 * @begin: where the first block begins, from there
 * @offset: where the next block begins, from there
 * @order: of the records so far
 * @index: as it is in the file so far; no longer looked at after a seek
 * @sought: somebody has sought
 * @closed: there was a footer
 * @stored: what a block's header is followed by
 * @block: the records, decoded
 * @length: in bytes
 * @done: bytes of them that crr_log_next() has given
 * @passes_over: crr_log_next() does so with what is before @from, of @key
 */
struct crr_log_reader {
	int fd;
	off_t base;
	uint64_t begin;
	uint64_t offset;
	struct crr_order order;
	struct crr_index index;
	bool sought;
	bool closed;
	struct crr_log_info info;
	struct crr_columns *columns;
	unsigned char *stored;
	unsigned char *block;
	size_t length;
	size_t done;
	bool passes_over;
	enum crr_log_key key;
	uint64_t from;
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

/* One "key=value\n" of the header. Of two with the same key the last one counts. */
static void crr_parse_text(struct crr_log_info *info, const char *line,
			   size_t length)
{
	const struct crr_header_text *text = crr_header_texts;
	size_t i, key;
	char *value;

	for (i = 0; i < CRR_HEADER_TEXTS; i++, text++) {
		key = strlen(text->key);
		if (length <= key || line[key] != '=' ||
		    memcmp(line, text->key, key))
			continue;
		length -= key + 1;
		if (length >= text->size)
			return;
		value = (char *)info + text->offset;
		memset(value, 0, text->size);
		memcpy(value, line + key + 1, length);
		return;
	}
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
	reader->begin = reader->offset;
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
	reader->base = lseek(fd, 0, SEEK_CUR);
	reader->columns = crr_columns_new();
	reader->stored = malloc(CRR_BLOCK_MAX);
	reader->block = malloc(CRR_BLOCK_MAX);
	if (reader->columns && reader->stored && reader->block &&
	    !crr_read_header(reader, error))
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
	crr_columns_free(reader->columns);
	free(reader->stored);
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

struct crr_index *crr_log_get_index(struct crr_log_reader *reader)
{
	return &reader->index;
}

/* ---- Blocks, one after the other ---- */

static int crr_check_block_header(const struct crr_block_header *header,
				  uint64_t offset, struct crr_log_error *error)
{
	uint32_t length = le32toh(header->length);
	uint32_t stored = le32toh(header->stored);
	uint16_t codec = le16toh(header->codec);

	if (!crr_block_is_sealed(header))
		return crr_log_fail(error, offset,
				    "the block's header is damaged (CRC)");
	if (codec > CRR_CODEC_JOINED)
		return crr_log_fail(error, offset,
				    "the block is stored in a way that this crr does not know");
	if (!length || length > CRR_BLOCK_MAX || length % CRR_RECORD_ALIGN ||
	    !stored || stored > CRR_BLOCK_MAX ||
	    (codec == CRR_CODEC_NONE && stored != length))
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
			return crr_log_fail(error, offset, "record %llu: %s",
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

static int crr_read_records(struct crr_log_reader *reader,
			    const struct crr_block_header *header,
			    uint64_t offset, struct crr_log_error *error)
{
	bool columns = le16toh(header->codec) != CRR_CODEC_NONE;

	if (crr_check_block_header(header, offset, error) ||
	    crr_read_whole(reader, columns ? reader->stored : reader->block,
			   le32toh(header->stored), "a block", error))
		return -1;
	if (columns &&
	    crr_columns_unpack(reader->columns, reader->stored,
			       le32toh(header->stored), header,
			       reader->block)) {
		if (errno != EBADMSG)
			return -1;
		return crr_log_fail(error, offset,
				    "the block is damaged (columns)");
	}
	if (crr_check_records(reader, header, offset, error))
		return -1;
	if (!reader->sought) {
		if (reader->index.count[0] == CRR_INDEX_FANOUT)
			return crr_log_fail(error, offset,
					    "a node of the index is missing");
		crr_index_add_block(&reader->index, offset, header,
				    reader->block);
	}
	reader->length = le32toh(header->length);
	return 1;
}

/* A node that is passed by must say what the blocks before it have said. */
static int crr_read_node(struct crr_log_reader *reader,
			 const struct crr_block_header *header, uint64_t offset,
			 struct crr_log_error *error)
{
	unsigned int level = le16toh(header->codec);
	struct crr_index *index = &reader->index;
	struct crr_block_header expected;

	if (!crr_block_is_sealed(header))
		return crr_log_fail(error, offset,
				    "the block's header is damaged (CRC)");
	if (level >= CRR_INDEX_LEVELS ||
	    le32toh(header->records) > CRR_INDEX_FANOUT ||
	    le32toh(header->stored) !=
		    le32toh(header->records) * sizeof(struct crr_index_entry))
		return crr_log_fail(error, offset,
				    "the node has an impossible length");
	if (crr_read_whole(reader, reader->stored, le32toh(header->stored),
			   "the index", error))
		return -1;
	if (reader->sought)
		return 0;
	if (!index->count[level] ||
	    (level + 1 < CRR_INDEX_LEVELS &&
	     index->count[level + 1] == CRR_INDEX_FANOUT))
		return crr_log_fail(error, offset,
				    "the index has a node too many");
	crr_index_node(index, level, &expected);
	if (memcmp(header, &expected, sizeof(expected)) ||
	    memcmp(reader->stored, index->entry[level],
		   le32toh(header->stored)))
		return crr_log_fail(error, offset,
				    "the index is not that of the blocks");
	crr_index_close(index, level, offset);
	return 0;
}

static int crr_read_footer(struct crr_log_reader *reader,
			   const struct crr_footer *footer, uint64_t offset,
			   struct crr_log_error *error)
{
	uint32_t flags = reader->order.ended ? CRR_FOOTER_ENDED : 0;

	if (!crr_footer_is_sealed(footer, offset))
		return crr_log_fail(error, offset,
				    "the footer is damaged (CRC)");
	if (le32toh(footer->flags) != flags ||
	    le64toh(footer->sequence) != reader->order.sequence ||
	    le64toh(footer->counter) != reader->order.counter ||
	    (!reader->sought && le64toh(footer->root) != reader->index.root))
		return crr_log_fail(error, offset,
				    "the footer is not that of the blocks");
	reader->closed = true;
	return 0;
}

int crr_log_block(struct crr_log_reader *reader, const void **records,
		  size_t *length, struct crr_log_error *error)
{
	union {
		struct crr_block_header header;
		struct crr_footer footer;
	} u;
	uint64_t offset;
	ssize_t n;
	int ret;

	reader->length = 0;
	reader->done = 0;
	do {
		offset = reader->offset;
		n = crr_read_all(reader, &u, sizeof(u));
		if (n == 0)
			return 0;
		if (n < 0) {
			int saved = errno;

			crr_log_fail(error, offset, "%s", strerror(saved));
			errno = saved;
			return -1;
		}
		if (reader->closed)
			return crr_log_fail(error, offset,
					    "something follows the footer");
		if ((size_t)n < sizeof(u))
			return crr_log_fail(error, reader->offset,
					    "the file ends in the middle of a block's header");
		switch (le32toh(u.header.magic)) {
		case CRR_BLOCK_MAGIC:
			ret = crr_read_records(reader, &u.header, offset,
					       error);
			break;
		case CRR_INDEX_MAGIC:
			ret = crr_read_node(reader, &u.header, offset, error);
			break;
		case CRR_FOOTER_MAGIC:
			ret = crr_read_footer(reader, &u.footer, offset,
					      error);
			break;
		default:
			return crr_log_fail(error, offset,
					    "no block begins here");
		}
	} while (!ret);
	if (ret < 0)
		return ret;
	*records = reader->block;
	*length = reader->length;
	return 1;
}

/* What of a record, or of an entry of the index, the key compares. */
static uint64_t crr_key_of(enum crr_log_key key, uint64_t sequence,
			   uint64_t counter, uint64_t time)
{
	switch (key) {
	case CRR_LOG_COUNTER:
		return counter;
	case CRR_LOG_TIME:
		return time;
	default:
		return sequence;
	}
}

/* Is it before what was sought? Of times only a TIME record tells. */
static bool crr_is_before(const struct crr_log_reader *reader,
			  const struct crr_record *record)
{
	if (reader->key == CRR_LOG_TIME && record->type != CRR_TYPE_TIME)
		return true;
	return crr_key_of(reader->key, record->sequence, record->counter,
			  record->time) < reader->from;
}

int crr_log_next(struct crr_log_reader *reader, struct crr_record *record,
		 struct crr_log_error *error)
{
	const void *records;
	size_t length, size;
	int ret;

	do {
		if (reader->done == reader->length) {
			ret = crr_log_block(reader, &records, &length, error);
			if (ret <= 0)
				return ret;
		}
		/* Valid: crr_log_block() has looked at it. */
		(void)crr_record_decode(reader->block + reader->done,
					reader->length - reader->done, &size,
					record);
		reader->done += size;
	} while (reader->passes_over && crr_is_before(reader, record));
	reader->passes_over = false;
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

/* ---- Going to a place ---- */

static bool crr_pread(const struct crr_log_reader *reader, uint64_t offset,
		      void *to, size_t length)
{
	size_t done = 0;
	ssize_t n;

	if (offset > (uint64_t)INT64_MAX - (uint64_t)reader->base - length)
		return false;
	while (done < length) {
		n = pread(reader->fd, (char *)to + done, length - done,
			  reader->base + (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool crr_get_footer(const struct crr_log_reader *reader,
			   struct crr_footer *footer)
{
	struct stat st;
	uint64_t size;

	if (reader->base < 0 || fstat(reader->fd, &st) ||
	    st.st_size < reader->base + (off_t)sizeof(*footer))
		return false;
	size = (uint64_t)(st.st_size - reader->base) - sizeof(*footer);
	return crr_pread(reader, size, footer, sizeof(*footer)) &&
	       crr_footer_is_sealed(footer, size);
}

int crr_log_extent(const struct crr_log_reader *reader,
		   struct crr_log_extent *extent)
{
	struct crr_footer footer;

	if (!crr_get_footer(reader, &footer)) {
		errno = ENODATA;
		return -1;
	}
	*extent = (struct crr_log_extent){
		.records = le64toh(footer.sequence),
		.counter = le64toh(footer.counter),
		.size = le64toh(footer.offset) + sizeof(footer),
		.ended = le32toh(footer.flags) & CRR_FOOTER_ENDED,
	};
	return 0;
}

/* Read and judge a block's header at some place. */
static bool crr_look(const struct crr_log_reader *reader, uint64_t offset,
		     uint32_t magic, struct crr_block_header *header)
{
	return crr_pread(reader, offset, header, sizeof(*header)) &&
	       le32toh(header->magic) == magic && crr_block_is_sealed(header);
}

static uint64_t crr_entry_key(const struct crr_index_entry *entry,
			      enum crr_log_key key)
{
	return crr_key_of(key, le64toh(entry->sequence),
			  le64toh(entry->counter), le64toh(entry->time));
}

/*
 * From the root to the last block that begins before the value. What the index
 * says is a hint: the block itself is looked at before it is believed.
 */
static bool crr_descend(struct crr_log_reader *reader, uint64_t node,
			enum crr_log_key key, uint64_t value, uint64_t *offset)
{
	const struct crr_index_entry *entry = (const void *)reader->stored;
	struct crr_block_header header;
	unsigned int level = CRR_INDEX_LEVELS, low, high, middle;

	*offset = reader->begin;
	/* The only block, which is the first one. */
	if (node == reader->begin)
		return true;
	for (;;) {
		if (!crr_look(reader, node, CRR_INDEX_MAGIC, &header) ||
		    le16toh(header.codec) >= level ||
		    le32toh(header.records) > CRR_INDEX_FANOUT ||
		    !header.records ||
		    le32toh(header.stored) !=
			    le32toh(header.records) * sizeof(*entry) ||
		    !crr_pread(reader, node + sizeof(header), reader->stored,
			       le32toh(header.stored)) ||
		    crr_record_crc(reader->stored, le32toh(header.stored)) !=
			    le32toh(header.crc32c))
			return false;
		level = le16toh(header.codec);
		low = 0;
		high = le32toh(header.records);
		while (high - low > 1) {
			middle = low + (high - low) / 2;
			if (crr_entry_key(&entry[middle], key) < value)
				low = middle;
			else
				high = middle;
		}
		/* Whatever an entry leads to is before it. */
		if (le64toh(entry[low].offset) >= node)
			return false;
		node = le64toh(entry[low].offset);
		if (!level)
			break;
	}
	*offset = node;
	return crr_look(reader, node, CRR_BLOCK_MAGIC, &header) &&
	       (node == reader->begin || key == CRR_LOG_TIME ||
		crr_key_of(key, le64toh(header.sequence),
			   le64toh(header.counter), 0) < value);
}

/* Without a footer: from header to header. Times they do not tell. */
static uint64_t crr_scan(struct crr_log_reader *reader, uint64_t begin,
			 enum crr_log_key key, uint64_t value)
{
	struct crr_block_header header;
	uint64_t offset = begin, found = begin;

	while (key != CRR_LOG_TIME &&
	       crr_pread(reader, offset, &header, sizeof(header)) &&
	       crr_block_is_sealed(&header)) {
		if (le32toh(header.magic) == CRR_BLOCK_MAGIC) {
			if (crr_key_of(key, le64toh(header.sequence),
				       le64toh(header.counter), 0) >= value)
				break;
			found = offset;
		}
		offset += sizeof(header) + le32toh(header.stored);
	}
	return found;
}

/* Go on there, as if from nowhere. */
static int crr_go(struct crr_log_reader *reader, uint64_t offset)
{
	struct crr_block_header header;

	if (lseek(reader->fd, reader->base + (off_t)offset, SEEK_SET) < 0)
		return -1;
	reader->offset = offset;
	reader->order = (struct crr_order){ 0 };
	reader->length = 0;
	reader->done = 0;
	reader->closed = false;
	reader->sought = offset != reader->begin;
	if (!reader->sought) {
		reader->index = (struct crr_index){ 0 };
		return 0;
	}
	memset(reader->order.part, CRR_PART_UNKNOWN,
	       sizeof(reader->order.part));
	if (crr_look(reader, offset, CRR_BLOCK_MAGIC, &header)) {
		reader->order.sequence = le64toh(header.sequence);
		reader->order.counter = le64toh(header.counter);
	}
	return 0;
}

int crr_log_seek(struct crr_log_reader *reader, enum crr_log_key key,
		 uint64_t value)
{
	struct crr_footer footer;
	uint64_t offset;

	if (key > CRR_LOG_TIME) {
		errno = EINVAL;
		return -1;
	}
	/* A pipe is read up to there, if it is not past it. */
	if (reader->base >= 0) {
		if (!crr_get_footer(reader, &footer) || !footer.root ||
		    !crr_descend(reader, le64toh(footer.root), key, value,
				 &offset))
			offset = crr_scan(reader, reader->begin, key, value);
		if (crr_go(reader, offset))
			return -1;
	} else if (reader->offset != reader->begin) {
		errno = ESPIPE;
		return -1;
	}
	reader->passes_over = true;
	reader->key = key;
	reader->from = value;
	return 0;
}

int crr_log_resync(struct crr_log_reader *reader, uint64_t offset)
{
	struct crr_block_header header;
	unsigned char *p;
	ssize_t n;

	if (reader->base < 0) {
		errno = ESPIPE;
		return -1;
	}
	for (offset++;; offset += (uint64_t)n - sizeof(header) + 1) {
		n = pread(reader->fd, reader->stored, CRR_BLOCK_MAX,
			  reader->base + (off_t)offset);
		if (n < 0)
			return -1;
		if ((size_t)n < sizeof(header))
			return 0;
		for (p = reader->stored;
		     p + sizeof(header) <= reader->stored + n; p++) {
			memcpy(&header, p, sizeof(header));
			if (le32toh(header.magic) != CRR_BLOCK_MAGIC ||
			    !crr_block_is_sealed(&header))
				continue;
			offset += (uint64_t)(p - reader->stored);
			return crr_go(reader, offset) ? -1 : 1;
		}
	}
}
