/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log file, version 1: a header, and blocks of records until the file
 * ends. All numbers are little-endian. A block bears what its records are, and
 * the CRC of them and of itself: whatever was written whole can be read.
 */
#ifndef CRR_LOG_H
#define CRR_LOG_H

#include <crr.h>

/* Not text, and spoilt by whatever takes it for text. */
#define CRR_FILE_MAGIC	    "\211CRR\r\n\032\n"
#define CRR_FILE_VERSION    1
#define CRR_FILE_HEADER_MAX (16U << 10)

/*
 * Texts follow, "key=value\n" each, and zeros up to length. Keys that are not
 * known are passed over.
 */
struct crr_file_header {
	uint8_t magic[8];
	__le32 version;
	__le32 length;	 /* of the whole header; a multiple of 8 */
	__le32 delivery; /* enum crr_delivery */
	__le32 crc32c;	 /* of the whole header, with zero here */
	__le64 created;	 /* nanoseconds since 1970 */
};

#define CRR_BLOCK_MAGIC 0x4b4c4243U /* "CBLK" */
#define CRR_BLOCK_MAX	(1U << 20)  /* bytes of records in a block */

/* How a block's records are stored. */
enum crr_codec {
	CRR_CODEC_NONE = 0,
};

/* The stored records follow. */
struct crr_block_header {
	__le32 magic;
	__le16 codec; /* enum crr_codec */
	__le16 __reserved;
	__le32 stored;	 /* bytes that follow */
	__le32 length;	 /* bytes of the records, decoded */
	__le64 sequence; /* of the first record */
	__le64 counter;	 /* likewise */
	__le32 records;	 /* how many */
	__le32 crc32c;	 /* of the records, decoded */
	__le32 header_crc32c; /* of this header up to here */
	__le32 __reserved2;
};

/* Hidden: shared by reader and writer. */
int crr_log_fail(struct crr_log_error *error, uint64_t offset,
		  const char *format, ...)
	__attribute__((format(printf, 3, 4), visibility("hidden")));
const struct crr_order *crr_log_get_order(const struct crr_log_reader *reader)
	__attribute__((visibility("hidden")));

#endif /* CRR_LOG_H */
