// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log dump: the records themselves. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static const struct option_help dump_options[] = {
	{ { "json", no_argument, NULL, 'j' }, NULL, "as JSON" },
	{ { "hex", no_argument, NULL, 'x' }, NULL,
	  "bytes as hexadecimal numbers, too" },
	{ { "color", required_argument, NULL, 'C' }, "WHEN",
	  "always, never, or auto: on a terminal" },
	{ { "elapsed", no_argument, NULL, 'e' }, NULL,
	  "seconds since the recording began, too" },
	{ { "hz", required_argument, NULL, 'z' }, "HZ",
	  "likewise; the counter counts so much in a second" },
	RANGE_OPTIONS,
	TYPE_OPTION,
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

/* What comes in, what goes out, what is wrong. */
static const char *colour_of(const struct crr_record *rec)
{
	switch (rec->type) {
	case CRR_TYPE_READ:
		return "\033[32m";
	case CRR_TYPE_WRITE:
		return rec->result < 0 ? "\033[31m" : "\033[36m";
	case CRR_TYPE_READ_ERROR:
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
		return "\033[31m";
	case CRR_TYPE_MARK:
		return "\033[33m";
	default:
		return rec->type & CRR_TYPE_OPTIONAL ? "\033[2m" : "";
	}
}

/**
 * print_coloured - print_record(), and the line's end
 * @out: where to
 * @rec: the record
 * @colours: with colours
 */
void print_coloured(FILE *out, const struct crr_record *rec, bool colours)
{
	const char *colour = colours ? colour_of(rec) : "";

	fputs(colour, out);
	print_record(out, rec, CRR_READ_MAX);
	fputs(*colour ? "\033[0m\n" : "\n", out);
}

static bool has_bytes(const struct crr_record *rec)
{
	return rec->type == CRR_TYPE_READ ||
	       (rec->type == CRR_TYPE_WRITE &&
		rec->flags & CRR_FLAG_CAPTURED) ||
	       (rec->type & CRR_TYPE_OPTIONAL && !crr_type_name(rec->type));
}

static void open_clock(struct timeline *line, const struct log_file *file,
		       double hz)
{
	timeline_open(line, file, hz);
	if (!timeline_knows(line))
		fail("%s tells no times: --hz says how fast its counter counts",
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
	if (optind != argc - 1)
		usage_error(cmd, "one log, please");
	colours = out_colours(stdout, when);
	file.twice = elapsed && !hz;
	log_file_open(&file, argv[optind]);
	if (elapsed)
		open_clock(&line, &file, hz);
	while (log_file_next(&file, &rec)) {
		if (elapsed)
			since = timeline_since(&line, &rec);
		if (json) {
			print_record_json(stdout, &rec,
					  elapsed ? &since : NULL);
			continue;
		}
		if (elapsed)
			printf("%14.6f ", (double)since / 1e9);
		print_coloured(stdout, &rec, colours);
		if (hex && has_bytes(&rec))
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
	.summary = "a log's records, a line each",
	.run = run_dump,
	.options = dump_options,
	.failure = EXIT_CRR_FAILURE,
};
