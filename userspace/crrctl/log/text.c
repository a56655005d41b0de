// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Logs as text that can be edited: written, and read. One table tells the
 * members of records for both ways.
 *
 *	@COUNTER STREAM TYPE ["BYTES"] [MEMBER=VALUE]... [FLAG]...
 *
 * Sequence numbers are not in it: a line can be put in or taken out. What can
 * be told from the bytes is left out, too: their number, CRC, and a WRITE's
 * result, if it took them all.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "log.h"

static const char first_line[] = "# crr log as text, version 1: crrctl-log(1)";

enum form {
	FORM_NUMBER,
	FORM_HEX,
	FORM_ERRNO,	 /* positive */
	FORM_RESULT,	 /* bytes, or minus an errno */
	FORM_REASON,
};

#define T(_type) (1U << CRR_TYPE_##_type)
#define T_TERMIOS (1U << 30)
#define T_TIME	  (1U << 31)
#define T_IN                                                                 \
	(T(READ) | T(READ_ERROR) | T(EOF) | T(PEER_CLOSED) | T(HANGUP) |     \
	 T(INQ) | T(STREAM_END))
#define T_OUT (T(WRITE) | T(OUTQ) | T(MODEM) | T(MARK) | T(STREAM_END))
#define T_SETTINGS (T(STREAM) | T_TERMIOS)

#define MEMBER(_name, _types, _member, _form)                                \
	{ _name, _types, offsetof(struct crr_record, _member),               \
	  sizeof(((struct crr_record *)0)->_member), _form }

static const struct member {
	const char *name;
	uint32_t types;
	size_t offset;
	size_t size;
	enum form form;
} members[] = {
	MEMBER("empties", T_IN, empties, FORM_NUMBER),
	MEMBER("refused", T_OUT, refused, FORM_NUMBER),
	MEMBER("requested", T(WRITE), requested, FORM_NUMBER),
	MEMBER("result", T(WRITE), result, FORM_RESULT),
	MEMBER("offset", T(WRITE), offset, FORM_NUMBER),
	MEMBER("crc32c", T(WRITE), crc32c, FORM_HEX),
	MEMBER("error", T(READ_ERROR) | T(MODEM), error, FORM_ERRNO),
	MEMBER("reason", T(STREAM_END), reason, FORM_REASON),
	MEMBER("value", T(INQ) | T(OUTQ), value, FORM_NUMBER),
	MEMBER("iflag", T_SETTINGS, termios.iflag, FORM_HEX),
	MEMBER("oflag", T_SETTINGS, termios.oflag, FORM_HEX),
	MEMBER("cflag", T_SETTINGS, termios.cflag, FORM_HEX),
	MEMBER("lflag", T_SETTINGS, termios.lflag, FORM_HEX),
	MEMBER("ispeed", T_SETTINGS, termios.ispeed, FORM_NUMBER),
	MEMBER("ospeed", T_SETTINGS, termios.ospeed, FORM_NUMBER),
	MEMBER("lines", T(MODEM), modem.lines, FORM_HEX),
	MEMBER("facts", T(MODEM), modem.facts, FORM_HEX),
	MEMBER("cts", T(MODEM), modem.counts[0], FORM_NUMBER),
	MEMBER("dsr", T(MODEM), modem.counts[1], FORM_NUMBER),
	MEMBER("rng", T(MODEM), modem.counts[2], FORM_NUMBER),
	MEMBER("dcd", T(MODEM), modem.counts[3], FORM_NUMBER),
	MEMBER("rx", T(MODEM), modem.counts[4], FORM_NUMBER),
	MEMBER("tx", T(MODEM), modem.counts[5], FORM_NUMBER),
	MEMBER("frame", T(MODEM), modem.counts[6], FORM_NUMBER),
	MEMBER("overrun", T(MODEM), modem.counts[7], FORM_NUMBER),
	MEMBER("parity", T(MODEM), modem.counts[8], FORM_NUMBER),
	MEMBER("brk", T(MODEM), modem.counts[9], FORM_NUMBER),
	MEMBER("buf_overrun", T(MODEM), modem.counts[10], FORM_NUMBER),
	MEMBER("nanoseconds", T_TIME, time, FORM_NUMBER),
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static const struct {
	const char *name;
	uint16_t flag;
} flags[] = {
	{ "cut", CRR_FLAG_CUT },
	{ "interrupted", CRR_FLAG_INTERRUPTED },
	{ "unknown", CRR_FLAG_UNKNOWN },
};

#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

static const char *const reasons[] = {
	[CRR_END_STOP] = "stopped",
	[CRR_END_CLOSED] = "closed",
	[CRR_END_HANGUP] = "hung-up",
};

#define N_REASONS (sizeof(reasons) / sizeof(reasons[0]))

/* Why a stream has ended: the name of an enum crr_end. */
const char *end_reason_name(uint32_t reason)
{
	return reason < N_REASONS && reasons[reason] ? reasons[reason] :
						       "unknown";
}

static uint32_t type_bit(uint16_t type)
{
	if (type == CRR_TYPE_TERMIOS)
		return T_TERMIOS;
	if (type == CRR_TYPE_TIME)
		return T_TIME;
	return type < 30 ? 1U << type : 0;
}

static uint64_t get_member(const struct member *member,
			   const struct crr_record *rec)
{
	uint32_t small;
	uint64_t large;

	if (member->size == sizeof(large)) {
		memcpy(&large, (const char *)rec + member->offset,
		       sizeof(large));
		return large;
	}
	memcpy(&small, (const char *)rec + member->offset, sizeof(small));
	return small;
}

static void set_member(const struct member *member, struct crr_record *rec,
		       uint64_t value)
{
	uint32_t small = (uint32_t)value;

	if (member->size == sizeof(value))
		memcpy((char *)rec + member->offset, &value, sizeof(value));
	else
		memcpy((char *)rec + member->offset, &small, sizeof(small));
}

static bool has_bytes(const struct crr_record *rec)
{
	return rec->type == CRR_TYPE_READ || rec->type == CRR_TYPE_STREAM ||
	       rec->type == CRR_TYPE_MARK ||
	       (rec->type == CRR_TYPE_WRITE &&
		rec->flags & CRR_FLAG_CAPTURED) ||
	       !type_bit(rec->type);
}

/* What a WRITE's members are unless its line says otherwise. */
static void fill_write(struct crr_record *rec, bool requested, bool result,
		       bool offset, bool crc32c)
{
	if (rec->flags & CRR_FLAG_CAPTURED && !requested)
		rec->requested = rec->data_length;
	if (rec->flags & CRR_FLAG_CAPTURED && !crc32c)
		rec->crc32c = crr_record_crc(rec->data, rec->data_length);
	if (!result)
		rec->result = (int32_t)rec->requested;
	if (!offset)
		rec->offset = rec->result > 0 ? (uint32_t)rec->result : 0;
}

/* ---- Writing ---- */

static void write_member(FILE *out, const struct member *member, uint64_t value)
{
	int32_t result = (int32_t)(uint32_t)value;
	const char *name = NULL;

	fprintf(out, " %s=", member->name);
	switch (member->form) {
	case FORM_HEX:
		fprintf(out, "0x%" PRIx64, value);
		return;
	case FORM_RESULT:
		if (result >= 0)
			break;
		name = strerrorname_np(-result);
		if (name)
			fprintf(out, "-%s", name);
		else
			fprintf(out, "%d", result);
		return;
	case FORM_ERRNO:
		name = strerrorname_np((int)value);
		break;
	case FORM_REASON:
		if (value < N_REASONS)
			name = reasons[value];
		break;
	default:
		break;
	}
	if (name)
		fputs(name, out);
	else
		fprintf(out, "%" PRIu64, value);
}

static void write_record(FILE *out, const struct crr_record *rec)
{
	struct crr_record plain = { .type = rec->type, .flags = rec->flags,
				    .data = rec->data,
				    .data_length = rec->data_length };
	const char *name = crr_type_name(rec->type);
	uint32_t bit = type_bit(rec->type);
	size_t i;

	fprintf(out, "@%" PRIu64 " %u ", (uint64_t)rec->counter, rec->stream);
	if (name)
		fputs(name, out);
	else
		fprintf(out, "0x%x", rec->type);
	if (has_bytes(rec)) {
		fputc(' ', out);
		print_bytes(out, rec->data, rec->data_length);
	}
	if (rec->type == CRR_TYPE_WRITE) {
		plain.requested = rec->flags & CRR_FLAG_CAPTURED ?
					  rec->data_length :
					  0;
		plain.result = (int32_t)rec->requested;
		plain.offset = rec->result > 0 ? (uint32_t)rec->result : 0;
		if (rec->flags & CRR_FLAG_CAPTURED)
			plain.crc32c = rec->crc32c;
	}
	for (i = 0; i < N_MEMBERS; i++)
		if (members[i].types & bit &&
		    get_member(&members[i], rec) !=
			    get_member(&members[i], &plain))
			write_member(out, &members[i],
				     get_member(&members[i], rec));
	for (i = 0; i < N_FLAGS; i++)
		if (bit && rec->flags & flags[i].flag)
			fprintf(out, " %s", flags[i].name);
	if (!bit && rec->flags)
		fprintf(out, " flags=0x%x", rec->flags);
	fputc('\n', out);
}

/* struct export */
void export_text(struct export *ex)
{
	const struct crr_log_info *info = crr_log_get_info(ex->file->log);
	struct crr_record rec;

	fprintf(ex->out, "%s\n", first_line);
	fprintf(ex->out, "created %" PRIu64 "\n", info->created);
	fprintf(ex->out, "delivery %s\n",
		info->delivery == CRR_DELIVERY_GATED ? "gated" : "free");
	fputs("counter ", ex->out);
	print_bytes(ex->out, info->counter, strlen(info->counter));
	fputs("\ncommand ", ex->out);
	print_bytes(ex->out, info->command, strlen(info->command));
	fputs("\n\n", ex->out);
	while (log_file_next(ex->file, &rec))
		write_record(ex->out, &rec);
}

/* ---- Reading ---- */

/**
 * struct text - text that is read
 * @in: what it is for
 * @p: the byte that comes next
 * @end: of the text
 * @line: its number
 * @data: of the record's bytes, decoded
 * @length: how many
 */
struct text {
	struct import *in;
	const char *p;
	const char *end;
	uint64_t line;
	unsigned char data[CRR_RECORD_SIZE_MAX];
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

/* To the next line that says something. False: there is none. */
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
			return text_fail(text, "a word is too long");
		word[n++] = *text->p++;
	}
	word[n] = '\0';
	return n ? 0 : text_fail(text, "the line ends too early");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* After a backslash: what print_bytes() writes, and zeros in octal. */
static int get_escape(struct text *text, unsigned char *byte)
{
	static const char letters[] = "abtnvfr";
	const char *letter;
	int high, low;
	char c;

	if (text->p == text->end)
		return text_fail(text, "the string does not end");
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
	return text_fail(text, "an escape that is not known: \\%c",
			 isprint((unsigned char)c) ? c : '?');
}

static int get_string(struct text *text)
{
	unsigned char byte;

	skip_blanks(text);
	text->length = 0;
	if (text->p == text->end || *text->p != '"')
		return text_fail(text, "a string is expected, in quotes");
	for (text->p++;; text->data[text->length++] = byte) {
		if (text->p == text->end || *text->p == '\n')
			return text_fail(text, "the string does not end");
		byte = (unsigned char)*text->p++;
		if (byte == '"')
			return 0;
		if (byte == '\\' && get_escape(text, &byte))
			return -1;
		if (text->length == sizeof(text->data))
			return text_fail(text, "the string is too long");
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

static bool parse_errno(const char *word, uint64_t *n)
{
	const char *name;
	int i;

	for (i = 1; i <= CRR_ERRNO_MAX; i++) {
		name = strerrorname_np(i);
		if (name && !strcmp(name, word)) {
			*n = (uint64_t)i;
			return true;
		}
	}
	return parse_u64(word, UINT32_MAX, n);
}

static bool parse_member(const struct member *member, const char *word,
			 uint64_t *n)
{
	switch (member->form) {
	case FORM_ERRNO:
		return parse_errno(word, n);
	case FORM_RESULT:
		if (*word != '-')
			return parse_u64(word, INT32_MAX, n);
		if (!parse_errno(word + 1, n) || *n > INT32_MAX)
			return false;
		*n = (uint32_t)-(int32_t)*n;
		return true;
	case FORM_REASON:
		for (*n = CRR_END_STOP; *n < N_REASONS; ++*n)
			if (!strcmp(reasons[*n], word))
				return true;
		return parse_u64(word, UINT32_MAX, n);
	default:
		return parse_u64(word,
				 member->size == 8 ? UINT64_MAX : UINT32_MAX,
				 n);
	}
}

static int parse_type(const char *word)
{
	const char *name;
	uint64_t n;
	int type;

	if (parse_u64(word, UINT16_MAX, &n))
		return n & CRR_TYPE_OPTIONAL && !type_bit((uint16_t)n) ?
			       (int)n :
			       -1;
	for (type = 1; type <= UINT16_MAX; type++) {
		name = crr_type_name((unsigned int)type);
		if (name && !strcmp(name, word))
			return type;
	}
	return -1;
}

/* One of the words behind a record's bytes. Sets a bit for a member. */
static int take_word(struct text *text, struct crr_record *rec, char *word,
		     uint64_t *told)
{
	uint32_t bit = type_bit(rec->type);
	char *value = strchr(word, '=');
	uint64_t n;
	size_t i;

	for (i = 0; !value && bit && i < N_FLAGS; i++) {
		if (!strcmp(word, flags[i].name)) {
			rec->flags |= flags[i].flag;
			return 0;
		}
	}
	if (!value)
		return text_fail(text, "'%s' is no flag of this record", word);
	*value++ = '\0';
	if (!bit && !strcmp(word, "flags") && parse_u64(value, UINT16_MAX, &n)) {
		rec->flags = (uint16_t)n;
		return 0;
	}
	for (i = 0; i < N_MEMBERS; i++) {
		if (strcmp(word, members[i].name) || !(members[i].types & bit))
			continue;
		if (!parse_member(&members[i], value, &n))
			return text_fail(text, "'%s' is no value of %s", value,
					 word);
		set_member(&members[i], rec, n);
		*told |= 1ULL << i;
		return 0;
	}
	return text_fail(text, "'%s' is no member of this record", word);
}

/* The members, by their place in the table. */
static bool is_told(uint64_t told, const char *name)
{
	size_t i;

	for (i = 0; i < N_MEMBERS; i++)
		if (!strcmp(members[i].name, name))
			return told >> i & 1;
	return false;
}

/* @COUNTER STREAM TYPE ... */
static int get_record(struct text *text)
{
	struct crr_record rec = { 0 };
	char word[WORD_MAX];
	uint64_t counter, stream, told = 0;
	int type;

	if (get_word(text, word))
		return -1;
	if (*word != '@' || !parse_u64(word + 1, UINT64_MAX, &counter))
		return text_fail(text, "'%s' is no counter, such as @123",
				 word);
	if (get_word(text, word))
		return -1;
	if (!parse_u64(word, UINT16_MAX, &stream))
		return text_fail(text, "'%s' is no number of a stream", word);
	if (get_word(text, word))
		return -1;
	type = parse_type(word);
	if (type < 0)
		return text_fail(text, "'%s' is no type of record", word);
	rec.type = (uint16_t)type;
	rec.stream = (uint16_t)stream;
	rec.counter = counter;
	if (!at_end_of_line(text) && *text->p == '"') {
		if (get_string(text))
			return -1;
		if (type == CRR_TYPE_WRITE)
			rec.flags = CRR_FLAG_CAPTURED;
		else if (!has_bytes(&rec))
			return text_fail(text, "%s has no bytes", word);
		rec.data = text->data;
		rec.data_length = (uint32_t)text->length;
	}
	while (!at_end_of_line(text))
		if (get_word(text, word) || take_word(text, &rec, word, &told))
			return -1;
	if (type == CRR_TYPE_WRITE)
		fill_write(&rec, is_told(told, "requested"),
			   is_told(told, "result"), is_told(told, "offset"),
			   is_told(told, "crc32c"));
	return import_put(text->in, &rec, text->line);
}

/* KEY VALUE, before the first record. */
static int get_info(struct text *text)
{
	struct crr_log_info *info = &text->in->info;
	char word[WORD_MAX], *to;
	size_t room;

	if (get_word(text, word))
		return -1;
	if (!strcmp(word, "created")) {
		if (get_word(text, word))
			return -1;
		return parse_u64(word, UINT64_MAX, &info->created) ?
			       0 :
			       text_fail(text, "'%s' is no number", word);
	}
	if (!strcmp(word, "delivery")) {
		if (get_word(text, word))
			return -1;
		info->delivery = !strcmp(word, "gated") ? CRR_DELIVERY_GATED :
							  CRR_DELIVERY_FREE;
		return !strcmp(word, "gated") || !strcmp(word, "free") ?
			       0 :
			       text_fail(text, "'%s' is no delivery", word);
	}
	if (strcmp(word, "counter") && strcmp(word, "command"))
		return text_fail(text, "'%s' is neither a record nor known",
				 word);
	to = word[2] == 'u' ? info->counter : info->command;
	room = word[2] == 'u' ? sizeof(info->counter) : sizeof(info->command);
	if (get_string(text))
		return -1;
	if (text->length >= room)
		return text_fail(text, "the %s is too long", word);
	memcpy(to, text->data, text->length);
	to[text->length] = '\0';
	/* As crr_log_create() demands. */
	for (; *to; to++)
		if ((unsigned char)*to < ' ' || *to == 0x7f)
			return text_fail(text,
					 "the %s has a control character",
					 word);
	return 0;
}

/**
 * import_text - a log as export_text() writes it, edited perhaps
 * @in: the text
 *
 * Returns 0, or -1 with @in->error, at a line.
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
					 "something follows what the line is for");
	}
	return 0;
}
