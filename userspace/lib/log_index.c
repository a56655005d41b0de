// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Log files: the index, a tree that grows from its leaves. A node is written
 * as soon as it is full, behind the last block that it leads to, and takes a
 * place in the node above: a log of any length needs one node of each level in
 * memory while it is written, and as many reads to seek in it.
 */
#include <endian.h>
#include <string.h>

#include "log.h"

void crr_block_seal(struct crr_block_header *header)
{
	header->header_crc32c = htole32(
		crr_record_crc(header, offsetof(struct crr_block_header,
						header_crc32c)));
}

bool crr_block_is_sealed(const struct crr_block_header *header)
{
	return le32toh(header->header_crc32c) ==
		       crr_record_crc(header,
				      offsetof(struct crr_block_header,
					       header_crc32c)) &&
	       !header->__reserved && !header->__reserved2;
}

/* A block, or a node of the level below, has been written there. */
void crr_index_add(struct crr_index *index, unsigned int level,
		   uint64_t offset, uint64_t sequence, uint64_t counter,
		   uint64_t time)
{
	index->entry[level][index->count[level]++] = (struct crr_index_entry){
		.offset = htole64(offset),
		.sequence = htole64(sequence),
		.counter = htole64(counter),
		.time = htole64(time),
	};
}

/* A block of records, which may tell the time. */
void crr_index_add_block(struct crr_index *index, uint64_t offset,
			 const struct crr_block_header *header,
			 const void *records)
{
	size_t length = le32toh(header->length), done, size;
	const unsigned char *p = records;
	struct crr_record rec;

	/* One block needs no node to be found. */
	if (!index->root)
		index->root = offset;
	crr_index_add(index, 0, offset, le64toh(header->sequence),
		      le64toh(header->counter), index->time);
	for (done = 0; done < length; done += size) {
		/* Valid: reader and writer have looked at it. */
		(void)crr_record_decode(p + done, length - done, &size, &rec);
		if (rec.type == CRR_TYPE_TIME && rec.time > index->time)
			index->time = rec.time;
	}
}

/* The header of the node that is being filled. */
void crr_index_node(const struct crr_index *index, unsigned int level,
		    struct crr_block_header *header)
{
	const struct crr_index_entry *entry = index->entry[level];
	uint32_t length = (uint32_t)(index->count[level] * sizeof(*entry));

	*header = (struct crr_block_header){
		.magic = htole32(CRR_INDEX_MAGIC),
		.codec = htole16((uint16_t)level),
		.stored = htole32(length),
		.length = htole32(length),
		.sequence = entry->sequence,
		.counter = entry->counter,
		.records = htole32(index->count[level]),
		.crc32c = htole32(crr_record_crc(entry, length)),
	};
	crr_block_seal(header);
}

/* The node is in the file: begin another one. */
void crr_index_close(struct crr_index *index, unsigned int level,
		     uint64_t offset)
{
	struct crr_index_entry first = index->entry[level][0];

	index->root = offset;
	index->count[level] = 0;
	if (level + 1 < CRR_INDEX_LEVELS)
		crr_index_add(index, level + 1, offset,
			      le64toh(first.sequence), le64toh(first.counter),
			      le64toh(first.time));
}

/* Is there no block but one? */
bool crr_index_is_block(const struct crr_index *index)
{
	return index->count[0] == 1 &&
	       index->root == le64toh(index->entry[0][0].offset);
}

/* Does this node lead to all that there is? */
bool crr_index_is_root(const struct crr_index *index, unsigned int level)
{
	for (level++; level < CRR_INDEX_LEVELS; level++)
		if (index->count[level])
			return false;
	return true;
}

void crr_footer_seal(struct crr_footer *footer)
{
	footer->magic = htole32(CRR_FOOTER_MAGIC);
	footer->crc32c = htole32(crr_record_crc(
		footer, offsetof(struct crr_footer, crc32c)));
}

/* Is it a footer, and was it made for this place? */
bool crr_footer_is_sealed(const struct crr_footer *footer, uint64_t offset)
{
	return le32toh(footer->magic) == CRR_FOOTER_MAGIC &&
	       le32toh(footer->crc32c) ==
		       crr_record_crc(footer,
				      offsetof(struct crr_footer, crc32c)) &&
	       le64toh(footer->offset) == offset && !footer->__reserved;
}
