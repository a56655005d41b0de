// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log dump: print the records of a log, as text or as JSON. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static const struct option_help dump_options[] = {
	JSON_OPTION,
	{ { "hex", no_argument, NULL, 'x' }, NULL,
	  "also print bytes in hexadecimal" },
	COLOUR_OPTION,
	{ { "elapsed", no_argument, NULL, 'e' }, NULL,
	  "also print seconds since the recording began" },
	{ { "hz", required_argument, NULL, 'z' }, "HZ",
	  "likewise, with HZ counts per second" },
	RANGE_OPTIONS,
	{ { "type", required_argument, NULL, 'T' }, "TYPE,...",
	  "only records of these types; 'help' lists them" },
	OPTIONS_END,
};

#define HEX_COLUMNS 16

static void print_hex(FILE *out, const unsigned char *p, size_t length)
{
	size_t at, i;

	for (at = 0; at < length; at += HEX_COLUMNS) {
		fprintf(out, "%30s%04zx ", "", at);
		for (i = at; i < at + HEX_COLUMNS; i++) {
			if (i < length)
				fprintf(out, " %02x", p[i]);
			else
				fputs("   ", out);
		}
		fputs("  ", out);
		for (i = at; i < at + HEX_COLUMNS && i < length; i++)
			fputc(isprint(p[i]) ? p[i] : '.', out);
		fputc('\n', out);
	}
}

static void print_coloured(FILE *out, const struct crr_record *rec,
			   bool colours)
{
	static const char *const codes[] = {
		[LOOK_PLAIN] = "",	    [LOOK_IN] = "\033[32m",
		[LOOK_OUT] = "\033[36m",    [LOOK_BAD] = "\033[31m",
		[LOOK_MARK] = "\033[33m",   [LOOK_FAINT] = "\033[2m",
	};
	const char *code = colours ? codes[record_look(rec)] : "";

	fputs(code, out);
	print_record(out, rec, CRR_READ_MAX);
	fputs(*code ? "\033[0m\n" : "\n", out);
}

/* ---- JSON ---- */

/* Errors by name; one that has no name as a string of digits. */
static json_t *error_json(int err)
{
	const char *name = strerrorname_np(err);

	return name ? json_string(name) : json_sprintf("%d", err);
}

static void set_member(json_t *object, const struct member *member,
		       const struct crr_record *rec)
{
	uint64_t value = member_get(member, rec);

	if (member->kind == KIND_FACTS ||
	    (member->kind == KIND_COUNT &&
	     !(rec->modem.facts & CRR_MODEM_COUNTS)))
		return;
	switch (member->kind) {
	case KIND_ERRNO:
		if (value)
			json_set(object, "error", error_json((int)value));
		break;
	case KIND_RESULT:
		if (rec->result < 0)
			json_set(object, "error", error_json(-rec->result));
		json_set(object, member->name,
			 json_integer(rec->result < 0 ? -1 : rec->result));
		break;
	case KIND_CRC:
		json_set(object, member->name,
			 json_sprintf("%08x", (unsigned int)value));
		break;
	case KIND_NAME:
		json_set(object, member->name,
			 json_string(member_value_name(member, value)));
		break;
	default:
		json_set(object, member->name,
			 member->size == sizeof(value) ?
				 json_u64(value) :
				 json_integer((json_int_t)value));
		break;
	}
}

/* READ and WRITE; an optional type that is not known. */
static bool has_data(const struct crr_record *rec)
{
	const struct record_type *type = record_type_find(rec->type);

	return record_has_bytes(rec) && !(type && type->text);
}

/* @elapsed: nanoseconds since the recording began, or NULL. */
static void print_json(FILE *out, const struct crr_record *rec,
		       const uint64_t *elapsed)
{
	const struct record_type *type = record_type_find(rec->type);
	const struct record_flag *flag;
	const struct member *member;
	json_t *object = json_object();

	if (elapsed)
		json_set(object, "elapsed", json_seconds(*elapsed));
	json_set(object, "seq", json_u64(rec->sequence));
	json_set(object, "counter", json_u64(rec->counter));
	json_set(object, "stream", json_integer(rec->stream));
	json_set(object, "type",
		 type ? json_string(crr_type_name(rec->type)) :
			json_sprintf("0x%x", rec->type));
	if (type && type->text)
		json_set(object, type->data,
			 json_text(rec->data, rec->data_length));
	for_each_member(member, rec->type)
		set_member(object, member, rec);
	for_each_flag(flag, rec->type)
		json_set(object, flag->json,
			 json_boolean(!(rec->flags & flag->flag) ==
				      flag->inverted));
	if (type && has_data(rec))
		json_set(object, type->data,
			 json_hex(rec->data, rec->data_length));
	json_print(out, object, JSON_LINE);
}

static void open_clock(struct timeline *line, const struct log_file *file,
		       double hz)
{
	timeline_open(line, file, hz);
	if (!timeline_knows(line))
		fail("%s has no times: give the counter's frequency with --hz",
		     file->path);
}

static int run_dump(const struct command *cmd, int argc, char **argv)
{
	bool json = false, hex = false, elapsed = false, colours;
	const char *when = NULL;
	struct timeline line;
	struct log_file file;
	struct crr_record rec;
	uint64_t since = 0;
	double hz = 0;
	int c;

	log_file_init(&file);
	file.goes_on = true;
	while ((c = next_option(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'x':
			hex = true;
			break;
		case 'C':
			when = parse_colour(cmd, optarg);
			break;
		case 'e':
			elapsed = true;
			break;
		case 'z':
			elapsed = true;
			hz = parse_hz(cmd, optarg);
			break;
		default:
			log_file_option(&file, cmd, c);
			break;
		}
	}
	need_arguments(cmd, argc, 1);
	colours = use_colours(stdout, when);
	file.twice = elapsed && !hz;
	log_file_open(&file, argv[optind]);
	if (elapsed)
		open_clock(&line, &file, hz);
	while (log_file_next(&file, &rec)) {
		if (elapsed)
			since = timeline_since(&line, &rec);
		if (json) {
			print_json(stdout, &rec, elapsed ? &since : NULL);
			continue;
		}
		if (elapsed)
			printf("%14.6f ", (double)since / 1e9);
		print_coloured(stdout, &rec, colours);
		if (hex && has_data(&rec))
			print_hex(stdout, rec.data, rec.data_length);
	}
	flush_output();
	if (elapsed)
		timeline_close(&line);
	log_file_close(&file);
	return log_file_status(&file);
}

const struct command cmd_log_dump = {
	.name = "log dump",
	.synopsis = "[OPTION]... FILE",
	.summary = "print the records of a log, one per line",
	.run = run_dump,
	.options = dump_options,
	.failure = EXIT_CRR_FAILURE,
};
