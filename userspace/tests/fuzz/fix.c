// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mutated logs: put the CRCs right again, so that what lies behind them is
 * reached. For libFuzzer; and a library of which AFL++ has every input
 * postprocessed.
 */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "../../lib/log.h"
#include "fix.h"

#define AFL_INPUT_MAX (1U << 20)

void *afl_custom_init(void *afl, unsigned int seed);
size_t afl_custom_post_process(void *data, uint8_t *in, size_t size,
			       uint8_t **out);
void afl_custom_deinit(void *data);

static size_t fix_header(uint8_t *data, size_t size)
{
	struct crr_file_header header;
	uint32_t length;

	if (size < sizeof(header))
		return size;
	memcpy(&header, data, sizeof(header));
	length = le32toh(header.length);
	if (length < sizeof(header) || length > size)
		return size;
	header.crc32c = 0;
	memcpy(data, &header, sizeof(header));
	header.crc32c = htole32(crr_record_crc(data, length));
	memcpy(data, &header, sizeof(header));
	return length;
}

/* The CRC of what a block says when it is decoded; its length, too. */
static void fix_records(struct crr_block_header *header, const uint8_t *stored)
{
	static unsigned char records[CRR_BLOCK_MAX];
	struct crr_columns *columns = crr_columns_new();
	uint32_t length = le32toh(header->length);

	assert(columns);
	if (le16toh(header->codec) != CRR_CODEC_NONE &&
	    le32toh(header->magic) == CRR_BLOCK_MAGIC) {
		if (length <= sizeof(records) &&
		    !crr_columns_unpack(columns, stored,
					le32toh(header->stored), header,
					records))
			header->crc32c = htole32(crr_record_crc(records,
								length));
	} else {
		header->length = header->stored;
		header->crc32c = htole32(
			crr_record_crc(stored, le32toh(header->stored)));
	}
	crr_columns_free(columns);
}

void fix_log(uint8_t *data, size_t size)
{
	union {
		struct crr_block_header header;
		struct crr_footer footer;
	} u;
	size_t at = fix_header(data, size);

	while (at + sizeof(u) <= size) {
		memcpy(&u, data + at, sizeof(u));
		if (le32toh(u.header.magic) == CRR_FOOTER_MAGIC) {
			u.footer.offset = htole64(at);
			crr_footer_seal(&u.footer);
			memcpy(data + at, &u, sizeof(u));
			break;
		}
		if (le32toh(u.header.stored) > size - at - sizeof(u))
			break;
		fix_records(&u.header, data + at + sizeof(u));
		crr_block_seal(&u.header);
		memcpy(data + at, &u, sizeof(u));
		at += sizeof(u) + le32toh(u.header.stored);
	}
}

void *afl_custom_init(void *afl, unsigned int seed)
{
	static uint8_t buf[AFL_INPUT_MAX];

	return buf;
}

size_t afl_custom_post_process(void *data, uint8_t *in, size_t size,
			       uint8_t **out)
{
	if (size > AFL_INPUT_MAX)
		size = AFL_INPUT_MAX;
	memcpy(data, in, size);
	fix_log(data, size);
	*out = data;
	return size;
}

void afl_custom_deinit(void *data)
{
}
