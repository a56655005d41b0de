/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log file, version 1, as crr-log(5) tells: a header, blocks of records
 * with blocks of the index between them, and a footer. All numbers are
 * little-endian. A block bears what its records are, and the CRC of them and of
 * itself: whatever was written whole can be read.
 */
#ifndef CRR_LOG_H
#define CRR_LOG_H

#include <crr.h>
#include <sys/types.h>

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

/* One of those texts: a member of struct crr_log_info. */
struct crr_header_text {
	const char *key;
	size_t offset;
	size_t size; /* of the member, with its final 0 */
};

#define CRR_HEADER_TEXTS 3

extern const struct crr_header_text crr_header_texts[CRR_HEADER_TEXTS];

#define CRR_BLOCK_MAGIC 0x4b4c4243U /* "CBLK": records */
#define CRR_INDEX_MAGIC 0x58444943U /* "CIDX": a node of the index */
#define CRR_BLOCK_MAX	(1U << 20)  /* bytes of records in a block */

/* How a block's records are stored. */
enum crr_codec {
	CRR_CODEC_NONE = 0,
	CRR_CODEC_COLUMNS = 1, /* log_codec.c */
	CRR_CODEC_JOINED = 2,  /* columns, all in one frame of zstd */
};

/* What is stored follows. */
struct crr_block_header {
	__le32 magic;
	__le16 codec; /* enum crr_codec; of a node: its level, 0 above blocks */
	__le16 __reserved;
	__le32 stored;	 /* bytes that follow */
	__le32 length;	 /* bytes of the records, decoded */
	__le64 sequence; /* of the first record */
	__le64 counter;	 /* likewise */
	__le32 records;	 /* how many; of a node: entries */
	__le32 crc32c;	 /* of the records, decoded; of a node: of the entries */
	__le32 header_crc32c; /* of this header up to here */
	__le32 __reserved2;
};

/* A node has so many of these at most, and is written when it is full. */
#define CRR_INDEX_FANOUT 256
#define CRR_INDEX_LEVELS 8

/* One block, or one node of the level below. */
struct crr_index_entry {
	__le64 offset;	 /* where it begins, from the file header's begin */
	__le64 sequence; /* of its first record */
	__le64 counter;	 /* likewise */
	__le64 time;	 /* the latest TIME before it, in ns since 1970; or 0 */
};

#define CRR_FOOTER_MAGIC 0x52544643U /* "CFTR" */
#define CRR_FOOTER_ENDED 0x1	     /* the last record is END */

/* The file's last bytes. */
struct crr_footer {
	__le32 magic;
	__le32 flags;
	__le64 root;	 /* the index's highest node, or the only block; 0: none */
	__le64 sequence; /* how many records there are, without optional ones */
	__le64 counter;	 /* of the last one */
	__le64 offset;	 /* where the footer begins */
	__le32 crc32c;	 /* of this footer up to here */
	__le32 __reserved;
};

_Static_assert(sizeof(struct crr_footer) == sizeof(struct crr_block_header),
	       "whoever reads from a pipe reads either");

/*
 * The nodes that are being filled, one of each level. Writer and reader keep
 * it alike: the writer writes what the reader expects.
 */
struct crr_index {
	unsigned int count[CRR_INDEX_LEVELS];
	uint64_t root; /* the last node, or the only block */
	uint64_t time; /* the latest so far */
	struct crr_index_entry entry[CRR_INDEX_LEVELS][CRR_INDEX_FANOUT];
};

struct crr_columns;

/* All of these are hidden: shared by the log_*.c. */
#pragma GCC visibility push(hidden)

int crr_log_fail(struct crr_log_error *error, uint64_t offset,
		 const char *format, ...)
	__attribute__((format(printf, 3, 4)));
const struct crr_order *crr_log_get_order(const struct crr_log_reader *reader);
struct crr_index *crr_log_get_index(struct crr_log_reader *reader);

void crr_block_seal(struct crr_block_header *header);
bool crr_block_is_sealed(const struct crr_block_header *header);

void crr_index_add(struct crr_index *index, unsigned int level,
		   uint64_t offset, uint64_t sequence, uint64_t counter,
		   uint64_t time);
void crr_index_add_block(struct crr_index *index, uint64_t offset,
			 const struct crr_block_header *header,
			 const void *records);
void crr_index_node(const struct crr_index *index, unsigned int level,
		    struct crr_block_header *header);
void crr_index_close(struct crr_index *index, unsigned int level,
		     uint64_t offset);
bool crr_index_is_block(const struct crr_index *index);
bool crr_index_is_root(const struct crr_index *index, unsigned int level);
void crr_footer_seal(struct crr_footer *footer);
bool crr_footer_is_sealed(const struct crr_footer *footer, uint64_t offset);

struct crr_columns *crr_columns_new(void);
void crr_columns_free(struct crr_columns *columns);
ssize_t crr_columns_pack(struct crr_columns *columns, int level,
			 const void *records, size_t length, const void **stored,
			 enum crr_codec *codec);
int crr_columns_unpack(struct crr_columns *columns, const void *stored,
		       size_t stored_length,
		       const struct crr_block_header *header, void *records);

#pragma GCC visibility pop

#endif /* CRR_LOG_H */
