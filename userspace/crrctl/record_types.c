// SPDX-License-Identifier: GPL-2.0-or-later
/* The types of records and their members. */
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>

#include "record_types.h"

const struct record_type record_types[] = {
	{ CRR_TYPE_STREAM, LOOK_PLAIN, "name", true },
	{ CRR_TYPE_READ, LOOK_IN, "data", false },
	{ CRR_TYPE_READ_ERROR, LOOK_BAD, NULL, false },
	{ CRR_TYPE_EOF, LOOK_PLAIN, NULL, false },
	{ CRR_TYPE_PEER_CLOSED, LOOK_BAD, NULL, false },
	{ CRR_TYPE_HANGUP, LOOK_BAD, NULL, false },
	{ CRR_TYPE_WRITE, LOOK_OUT, "data", false },
	{ CRR_TYPE_STREAM_END, LOOK_PLAIN, NULL, false },
	{ CRR_TYPE_END, LOOK_PLAIN, NULL, false },
	{ CRR_TYPE_INQ, LOOK_PLAIN, NULL, false },
	{ CRR_TYPE_OUTQ, LOOK_PLAIN, NULL, false },
	{ CRR_TYPE_MODEM, LOOK_PLAIN, NULL, false },
	{ CRR_TYPE_MARK, LOOK_MARK, "label", true },
	{ CRR_TYPE_VALUE, LOOK_PLAIN, NULL, false },
	{ CRR_TYPE_TERMIOS, LOOK_FAINT, NULL, false },
	{ CRR_TYPE_TIME, LOOK_FAINT, NULL, false },
	{ 0 },
};

static const struct value_name reasons[] = {
	{ CRR_END_STOP, "stopped" },
	{ CRR_END_CLOSED, "closed" },
	{ CRR_END_HANGUP, "hung-up" },
	{ 0, NULL },
};

static const struct value_name lines[] = {
	{ TIOCM_DTR, "DTR" }, { TIOCM_RTS, "RTS" }, { TIOCM_CTS, "CTS" },
	{ TIOCM_CAR, "DCD" }, { TIOCM_RNG, "RI" },  { TIOCM_DSR, "DSR" },
	{ 0, NULL },
};

#define OPTIONAL_BIT 32

#define T(_type) (1ULL << CRR_TYPE_##_type)
#define T_OPTIONAL(_type)                                                      \
	(1ULL << (OPTIONAL_BIT + (CRR_TYPE_##_type & ~CRR_TYPE_OPTIONAL)))
#define T_IN                                                                   \
	(T(READ) | T(READ_ERROR) | T(EOF) | T(PEER_CLOSED) | T(HANGUP) |       \
	 T(INQ) | T(STREAM_END))
#define T_OUT                                                                  \
	(T(WRITE) | T(OUTQ) | T(MODEM) | T(MARK) | T(VALUE) | T(STREAM_END))
#define T_SETTINGS (T(STREAM) | T_OPTIONAL(TERMIOS))

#define NAMED(_name, _types, _member, _kind, _names)                           \
	{ _name, _types, offsetof(struct crr_record, _member),                 \
	  sizeof(((struct crr_record *)0)->_member), _kind, _names }
#define MEMBER(_name, _types, _member, _kind)                                  \
	NAMED(_name, _types, _member, _kind, NULL)
#define COUNT(_name, _i)                                                       \
	MEMBER(_name, T(MODEM), modem.counts[_i], KIND_COUNT)

/* In the order in which the text format has them. */
const struct member record_members[] = {
	MEMBER("empty_reads", T_IN, empty_reads, KIND_EMPTIES),
	MEMBER("refused", T_OUT, refused, KIND_REFUSED),
	MEMBER("requested", T(WRITE), requested, KIND_REQUESTED),
	MEMBER("result", T(WRITE), result, KIND_RESULT),
	MEMBER("offset", T(WRITE), offset, KIND_NUMBER),
	MEMBER("crc32c", T(WRITE), crc32c, KIND_CRC),
	MEMBER("error", T(READ_ERROR) | T(MODEM), error, KIND_ERRNO),
	NAMED("reason", T(STREAM_END), reason, KIND_NAME, reasons),
	MEMBER("value", T(INQ) | T(OUTQ), value, KIND_BYTES),
	MEMBER("kind", T(VALUE), kind, KIND_SHOWN),
	MEMBER("number", T(VALUE), number, KIND_SHOWN),
	MEMBER("uses", T(VALUE), uses, KIND_SHOWN),
	MEMBER("iflag", T_SETTINGS, termios.iflag, KIND_HEX),
	MEMBER("oflag", T_SETTINGS, termios.oflag, KIND_HEX),
	MEMBER("cflag", T_SETTINGS, termios.cflag, KIND_HEX),
	MEMBER("lflag", T_SETTINGS, termios.lflag, KIND_HEX),
	MEMBER("ispeed", T_SETTINGS, termios.ispeed, KIND_NUMBER),
	MEMBER("ospeed", T_SETTINGS, termios.ospeed, KIND_SPEED),
	NAMED("lines", T(MODEM), modem.lines, KIND_BITS, lines),
	MEMBER("facts", T(MODEM), modem.facts, KIND_FACTS),
	COUNT("cts", 0),
	COUNT("dsr", 1),
	COUNT("rng", 2),
	COUNT("dcd", 3),
	COUNT("rx", 4),
	COUNT("tx", 5),
	COUNT("frame", 6),
	COUNT("overrun", 7),
	COUNT("parity", 8),
	COUNT("brk", 9),
	COUNT("buf_overrun", 10),
	MEMBER("nanoseconds", T_OPTIONAL(TIME), time, KIND_TIME),
	{ 0 },
};

const struct record_flag record_flags[] = {
	{ "cut", "cut", false, CRR_FLAG_CUT, T(WRITE) },
	{ "interrupted", "interrupted", false, CRR_FLAG_INTERRUPTED, T_OUT },
	{ "unknown", "known", true, CRR_FLAG_UNKNOWN, T(WRITE) },
	{ 0 },
};

/**
 * record_bit - a type as a bit of a set
 * @type: the type; the unnamed types above 30 share a bit, and so do the unnamed
 *	optional ones
 */
uint64_t record_bit(uint16_t type)
{
	unsigned int bit = type & ~CRR_TYPE_OPTIONAL;

	if (bit >= OPTIONAL_BIT)
		bit = OPTIONAL_BIT - 1;
	if (type & CRR_TYPE_OPTIONAL)
		bit += OPTIONAL_BIT;
	return 1ULL << bit;
}

/**
 * record_type_find - look a type up
 * @type: its number
 *
 * Returns NULL if it has no name.
 */
const struct record_type *record_type_find(uint16_t type)
{
	const struct record_type *t;

	for (t = record_types; t->type; t++)
		if (t->type == type)
			return t;
	return NULL;
}

/**
 * record_type_named - look a type up by its name
 * @name: its name, in upper or lower case
 *
 * Returns NULL if there is none.
 */
const struct record_type *record_type_named(const char *name)
{
	const struct record_type *t;

	for (t = record_types; t->type; t++)
		if (!strcasecmp(crr_type_name(t->type), name))
			return t;
	return NULL;
}

/**
 * record_look - how a record looks
 * @rec: the record
 */
enum look record_look(const struct crr_record *rec)
{
	const struct record_type *type = record_type_find(rec->type);

	if (rec->type == CRR_TYPE_WRITE && rec->result < 0)
		return LOOK_BAD;
	return type ? type->look : LOOK_FAINT;
}

/**
 * record_has_bytes - does the record have bytes, perhaps none of them?
 * @rec: the record
 */
bool record_has_bytes(const struct crr_record *rec)
{
	const struct record_type *type = record_type_find(rec->type);

	if (rec->type == CRR_TYPE_WRITE)
		return rec->flags & CRR_FLAG_CAPTURED;
	return !type || type->data;
}

uint64_t member_get(const struct member *member, const struct crr_record *rec)
{
	const void *p = (const char *)rec + member->offset;
	uint32_t small;
	uint64_t large;

	if (member->size == sizeof(large)) {
		memcpy(&large, p, sizeof(large));
		return large;
	}
	memcpy(&small, p, sizeof(small));
	return small;
}

void member_set(const struct member *member, struct crr_record *rec,
		uint64_t value)
{
	void *p = (char *)rec + member->offset;
	uint32_t small = (uint32_t)value;

	if (member->size == sizeof(value))
		memcpy(p, &value, sizeof(value));
	else
		memcpy(p, &small, sizeof(small));
}

/**
 * member_value_name - name of a value
 * @member: the member
 * @value: of KIND_ERRNO, KIND_RESULT or KIND_NAME
 *
 * Returns NULL if it has none.
 */
const char *member_value_name(const struct member *member, uint64_t value)
{
	const struct value_name *name;
	int32_t result = (int32_t)(uint32_t)value;

	if (member->kind == KIND_RESULT)
		return result < 0 ? strerrorname_np(-result) : NULL;
	if (member->kind == KIND_ERRNO)
		return strerrorname_np(result);
	for (name = member->names; name && name->name; name++)
		if (name->value == value)
			return name->name;
	return NULL;
}
