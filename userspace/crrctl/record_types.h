/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types of records and their members, in one table. Dumps, JSON, the text
 * format, the report page and completion are all made from it.
 */
#ifndef CRRCTL_RECORD_TYPES_H
#define CRRCTL_RECORD_TYPES_H

#include <crr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a record looks: on a terminal and on the report page. */
enum look {
	LOOK_PLAIN,
	LOOK_IN,
	LOOK_OUT,
	LOOK_BAD,
	LOOK_MARK,
	LOOK_FAINT,
};

/**
 * struct record_type - a type that has a name, see crr_type_name()
 * @type: enum crr_record_type
 * @look: how it looks, as long as it is no error
 * @data: name of the record's bytes in JSON; NULL: it has none
 * @text: the bytes are text
 */
struct record_type {
	uint16_t type;
	enum look look;
	const char *data;
	bool text;
};

enum kind {
	KIND_NUMBER,
	KIND_SHOWN,	/* a number that is printed with the member's name */
	KIND_EMPTIES,	/* empty reads before the record */
	KIND_REFUSED,	/* refused chunks of output before the record */
	KIND_REQUESTED, /* number of bytes that a write offered */
	KIND_RESULT,	/* number of bytes that it took, or minus an errno */
	KIND_BYTES,	/* the answer to a query: a number of bytes */
	KIND_ERRNO,	/* positive; 0 is no error */
	KIND_HEX,
	KIND_CRC,
	KIND_NAME,	/* one of @names */
	KIND_BITS,	/* some of @names */
	KIND_FACTS,	/* whether members of KIND_COUNT are known */
	KIND_COUNT,
	KIND_SPEED,	/* output speed in bits per second */
	KIND_TIME,	/* nanoseconds since 1970 */
};

/* Name of a value, or of a bit. */
struct value_name {
	uint32_t value;
	const char *name;
};

/**
 * struct member - a member of struct crr_record
 * @name: its name, the same everywhere
 * @types: record_bit() of the types that have it
 * @offset: its offset in struct crr_record, in bytes
 * @size: its size: 4 or 8 bytes
 * @kind: how its value is written
 * @names: of values or bits; ends with a NULL name
 */
struct member {
	const char *name;
	uint64_t types;
	size_t offset;
	size_t size;
	enum kind kind;
	const struct value_name *names;
};

/**
 * struct record_flag - a flag of a record
 * @name: its name in text
 * @json: its name in JSON
 * @inverted: in JSON, true means that the flag is clear
 * @flag: CRR_FLAG_*
 * @types: record_bit() of the types that have it
 */
struct record_flag {
	const char *name;
	const char *json;
	bool inverted;
	uint16_t flag;
	uint64_t types;
};

/* These tables end with a NULL name, or with type 0. */
extern const struct record_type record_types[];
extern const struct member record_members[];
extern const struct record_flag record_flags[];

#define for_each_member(_member, _type)                                        \
	for ((_member) = record_members; (_member)->name; (_member)++)         \
		if ((_member)->types & record_bit(_type))

#define for_each_flag(_flag, _type)                                            \
	for ((_flag) = record_flags; (_flag)->name; (_flag)++)                 \
		if ((_flag)->types & record_bit(_type))

uint64_t record_bit(uint16_t type);
const struct record_type *record_type_find(uint16_t type);
const struct record_type *record_type_named(const char *name);
enum look record_look(const struct crr_record *rec);
bool record_has_bytes(const struct crr_record *rec);
uint64_t member_get(const struct member *member, const struct crr_record *rec);
void member_set(const struct member *member, struct crr_record *rec,
		uint64_t value);
const char *member_value_name(const struct member *member, uint64_t value);

#endif /* CRRCTL_RECORD_TYPES_H */
