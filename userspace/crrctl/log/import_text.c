// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Import text as export_text() writes it, perhaps edited:
 *
 *	@COUNTER STREAM TYPE ["BYTES"] [MEMBER=VALUE]... [FLAG]...
 *
 * Sequence numbers are not in it, so lines can be added and removed. Values that
 * follow from the bytes have them as a default: their number, their CRC, and the
 * result of a WRITE.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../record_types.h"
#include "import.h"

/**
 * struct text - state of the parser
 * @in: the import
 * @p: the next byte
 * @end: end of the text
 * @line: number of the line
 * @data: the last string, without its escapes
 * @length: its length in bytes
 */
struct text {
	struct import *in;
	const char *p;
	const char *end;
	uint64_t line;
	/* Of a record, or of the header. */
	unsigned char data[sizeof(struct crr_log_info)];
	size_t length;
};

#define WORD_MAX 64

static void skip_blanks(struct text *text)
{
	while (text->p < text->end && (*text->p == ' ' || *text->p == '\t'))
		text->p++;
}

static bool at_end_of_line(struct text *text)
{
	skip_blanks(text);
	return text->p == text->end || *text->p == '\n' || *text->p == '#' ||
	       *text->p == '\r';
}

/* Skip blank lines and comments. Returns false at the end of the text. */
static bool next_line(struct text *text)
{
	while (text->p < text->end) {
		if (!at_end_of_line(text))
			return true;
		while (text->p < text->end && *text->p != '\n')
			text->p++;
		if (text->p < text->end) {
			text->p++;
			text->line++;
		}
	}
	return false;
}

#define text_fail(_text, ...) import_fail((_text)->in, (_text)->line, __VA_ARGS__)

static int get_word(struct text *text, char *word)
{
	size_t n = 0;

	skip_blanks(text);
	while (text->p < text->end && !isspace((unsigned char)*text->p)) {
		if (n == WORD_MAX - 1)
			return text_fail(text, "word too long");
		word[n++] = *text->p++;
	}
	word[n] = '\0';
	return n ? 0 : text_fail(text, "the line is incomplete");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What follows a backslash: the escapes that print_bytes() writes, and \0. */
static int get_escape(struct text *text, unsigned char *byte)
{
	static const char letters[] = "abtnvfr";
	const char *letter;
	int high, low;
	char c;

	if (text->p == text->end)
		return text_fail(text, "unterminated string");
	c = *text->p++;
	letter = c ? strchr(letters, c) : NULL;
	if (letter) {
		*byte = (unsigned char)('\a' + (letter - letters));
		return 0;
	}
	if (c == '"' || c == '\\') {
		*byte = (unsigned char)c;
		return 0;
	}
	if (c == '0') {
		*byte = 0;
		return 0;
	}
	if (c == 'x' && text->end - text->p >= 2) {
		high = hex_digit(text->p[0]);
		low = hex_digit(text->p[1]);
		if (high >= 0 && low >= 0) {
			text->p += 2;
			*byte = (unsigned char)(high << 4 | low);
			return 0;
		}
	}
	return text_fail(text, "unknown escape: \\%c",
			 isprint((unsigned char)c) ? c : '?');
}

static int get_string(struct text *text)
{
	unsigned char byte;

	skip_blanks(text);
	text->length = 0;
	if (text->p == text->end || *text->p != '"')
		return text_fail(text, "expected a string in double quotes");
	for (text->p++;; text->data[text->length++] = byte) {
		if (text->p == text->end || *text->p == '\n')
			return text_fail(text, "unterminated string");
		byte = (unsigned char)*text->p++;
		if (byte == '"')
			return 0;
		if (byte == '\\' && get_escape(text, &byte))
			return -1;
		if (text->length == sizeof(text->data))
			return text_fail(text, "string too long");
	}
}

static bool parse_u64(const char *word, uint64_t max, uint64_t *n)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(word, &end, 0);
	*n = value;
	return isdigit((unsigned char)*word) && !*end && !errno && value <= max;
}

/* The number of an errno or a reason, by name or as a number. */
static bool parse_named(const struct member *member, const char *word,
			uint64_t *n)
{
	const char *name;

	for (*n = 1; *n <= CRR_ERRNO_MAX; ++*n) {
		name = member_value_name(member, *n);
		if (name && !strcmp(name, word))
			return true;
	}
	return parse_u64(word, UINT32_MAX, n);
}

static bool parse_member(const struct member *member, const char *word,
			 uint64_t *n)
{
	static const struct member error = { .kind = KIND_ERRNO };

	switch (member->kind) {
	case KIND_ERRNO:
	case KIND_NAME:
		return parse_named(member, word, n);
	case KIND_RESULT:
		if (*word != '-')
			return parse_u64(word, INT32_MAX, n);
		if (!parse_named(&error, word + 1, n) || *n > INT32_MAX)
			return false;
		*n = (uint32_t)-(int32_t)*n;
		return true;
	default:
		return parse_u64(word,
				 member->size == 8 ? UINT64_MAX : UINT32_MAX,
				 n);
	}
}

/* Returns -1 if there is no such type. Types without a name must be optional. */
static int parse_type(const char *word)
{
	const struct record_type *type = record_type_named(word);
	uint64_t n;

	if (type)
		return type->type;
	if (parse_u64(word, UINT16_MAX, &n) && n & CRR_TYPE_OPTIONAL &&
	    !record_type_find((uint16_t)n))
		return (int)n;
	return -1;
}

static int take_flag(struct text *text, struct crr_record *rec,
		     const char *word)
{
	const struct record_flag *flag;

	for_each_flag(flag, rec->type) {
		if (!strcmp(word, flag->name)) {
			rec->flags |= flag->flag;
			return 0;
		}
	}
	return text_fail(text, "'%s' is not a flag of this record", word);
}

/* Takes MEMBER=VALUE or a flag, and sets the bit of the member in @given. */
static int take_word(struct text *text, struct crr_record *rec, char *word,
		     uint64_t *given)
{
	char *value = strchr(word, '=');
	const struct member *member;
	uint64_t n;

	if (!value)
		return take_flag(text, rec, word);
	*value++ = '\0';
	if (!record_type_find(rec->type) && !strcmp(word, "flags") &&
	    parse_u64(value, UINT16_MAX, &n)) {
		rec->flags = (uint16_t)n;
		return 0;
	}
	for_each_member(member, rec->type) {
		if (strcmp(word, member->name))
			continue;
		if (!parse_member(member, value, &n))
			return text_fail(text, "'%s' is not a value of %s",
					 value, word);
		member_set(member, rec, n);
		*given |= 1ULL << (member - record_members);
		return 0;
	}
	return text_fail(text, "'%s' is not a member of this record", word);
}

static bool is_given(uint64_t given, const char *name)
{
	const struct member *member;

	for (member = record_members; member->name; member++)
		if (!strcmp(member->name, name))
			return given >> (member - record_members) & 1;
	return false;
}

/* Set those members of a WRITE that its line does not give. */
static void fill_write(struct crr_record *rec, uint64_t given)
{
	if (rec->flags & CRR_FLAG_CAPTURED && !is_given(given, "requested"))
		rec->requested = rec->data_length;
	if (rec->flags & CRR_FLAG_CAPTURED && !is_given(given, "crc32c"))
		rec->crc32c = crr_record_crc(rec->data, rec->data_length);
	if (!is_given(given, "result"))
		rec->result = (int32_t)rec->requested;
	if (!is_given(given, "offset"))
		rec->offset = rec->result > 0 ? (uint32_t)rec->result : 0;
}

/* @COUNTER STREAM TYPE ... */
static int get_record(struct text *text)
{
	struct crr_record rec = { 0 };
	char word[WORD_MAX];
	uint64_t counter, stream, given = 0;
	int type;

	if (get_word(text, word))
		return -1;
	if (*word != '@' || !parse_u64(word + 1, UINT64_MAX, &counter))
		return text_fail(text, "'%s' is not a counter, such as @123",
				 word);
	if (get_word(text, word))
		return -1;
	if (!parse_u64(word, UINT16_MAX, &stream))
		return text_fail(text, "'%s' is not a stream number", word);
	if (get_word(text, word))
		return -1;
	type = parse_type(word);
	if (type < 0)
		return text_fail(text, "'%s' is not a type of record", word);
	rec.type = (uint16_t)type;
	rec.stream = (uint16_t)stream;
	rec.counter = counter;
	if (!at_end_of_line(text) && *text->p == '"') {
		if (get_string(text))
			return -1;
		if (type == CRR_TYPE_WRITE)
			rec.flags = CRR_FLAG_CAPTURED;
		else if (!record_has_bytes(&rec))
			return text_fail(text, "a %s record has no bytes", word);
		rec.data = text->data;
		rec.data_length = (uint32_t)text->length;
	}
	while (!at_end_of_line(text))
		if (get_word(text, word) || take_word(text, &rec, word, &given))
			return -1;
	if (type == CRR_TYPE_WRITE)
		fill_write(&rec, given);
	return import_put(text->in, &rec, text->line);
}

/* KEY VALUE, before the first record. */
static int get_info(struct text *text)
{
	struct crr_log_info *info = &text->in->info;
	char word[WORD_MAX], *to;
	size_t size;

	if (get_word(text, word))
		return -1;
	if (!strcmp(word, "created")) {
		if (get_word(text, word))
			return -1;
		return parse_u64(word, UINT64_MAX, &info->created) ?
			       0 :
			       text_fail(text, "'%s' is not a number", word);
	}
	if (!strcmp(word, "delivery")) {
		if (get_word(text, word))
			return -1;
		info->delivery = !strcmp(word, "gated") ? CRR_DELIVERY_GATED :
							  CRR_DELIVERY_FREE;
		return !strcmp(word, "gated") || !strcmp(word, "free") ?
			       0 :
			       text_fail(text, "'%s' is not a delivery: free or gated", word);
	}
	if (!strcmp(word, "counter")) {
		to = info->counter;
		size = sizeof(info->counter);
	} else if (!strcmp(word, "command")) {
		to = info->command;
		size = sizeof(info->command);
	} else if (!strcmp(word, "run")) {
		to = info->run;
		size = sizeof(info->run);
	} else {
		return text_fail(text, "'%s' is neither a record nor a known key",
				 word);
	}
	if (get_string(text))
		return -1;
	if (text->length >= size)
		return text_fail(text, "%s too long", word);
	memcpy(to, text->data, text->length);
	to[text->length] = '\0';
	/* crr_log_create() refuses control characters. */
	for (; *to; to++)
		if ((unsigned char)*to < ' ' || *to == 0x7f)
			return text_fail(text,
					 "control character in the %s",
					 word);
	return 0;
}

/**
 * import_text - import text as export_text() writes it, perhaps edited
 * @in: the import
 *
 * Returns 0, or -1 with @in->error, and the number of the line in @in->where.
 */
int import_text(struct import *in)
{
	static struct text text;
	bool records = false;

	text = (struct text){
		.in = in,
		.p = (const char *)in->bytes,
		.end = (const char *)in->bytes + in->length,
		.line = 1,
	};
	while (next_line(&text)) {
		records |= *text.p == '@';
		if (records ? get_record(&text) : get_info(&text))
			return -1;
		if (!at_end_of_line(&text))
			return text_fail(&text,
					 "unexpected text at the end of the line");
	}
	return 0;
}
