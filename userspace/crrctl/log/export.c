// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log export, crrctl log report: logs, as other programs read them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static const struct {
	const char *name;
	const char *suffix;
	void (*write)(struct export *ex);
	bool timed; /* in seconds, not by the counter */
} formats[] = {
	{ "text", ".txt", export_text, false },
	{ "cast", ".cast", export_cast, true },
	{ "pcapng", ".pcapng", export_pcapng, true },
	{ "vcd", ".vcd", export_vcd, false },
};

#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static const struct option_help export_options[] = {
	{ { "format", required_argument, NULL, 'F' }, "FORMAT",
	  "text, cast, pcapng or vcd; else by OUT's suffix" },
	{ { "force", no_argument, NULL, 'f' }, NULL,
	  "replace OUT if it exists" },
	{ { "hz", required_argument, NULL, 'z' }, "HZ",
	  "the counter counts so much a second" },
	RANGE_OPTIONS,
	OPTIONS_END,
};

static const struct option_help report_options[] = {
	{ { "against", required_argument, NULL, 'a' }, "OTHER",
	  "mark where this log departs from it" },
	{ { "force", no_argument, NULL, 'f' }, NULL,
	  "replace OUT if it exists" },
	RANGE_OPTIONS,
	OPTIONS_END,
};

static double parse_hz(const struct command *cmd, const char *text)
{
	double hz;
	char *end;

	errno = 0;
	hz = strtod(text, &end);
	if (*end == 'k' || *end == 'K')
		hz *= 1e3;
	else if (*end == 'M')
		hz *= 1e6;
	else if (*end == 'G')
		hz *= 1e9;
	if (strchr("kKMG", *end) && *end)
		end++;
	if (errno || end == text || *end || !(hz >= 1e-3) || hz > 1e15)
		usage_error(cmd, "'%s' is no frequency, such as 16000000 or 16M",
			    text);
	return hz;
}

static bool ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), n = strlen(suffix);

	return length > n && !strcmp(text + length - n, suffix);
}

static size_t find_format(const struct command *cmd, const char *name,
			  const char *path)
{
	size_t i;

	for (i = 0; i < N_FORMATS; i++)
		if (name ? !strcmp(name, formats[i].name) :
			   ends_with(path, formats[i].suffix))
			return i;
	if (name)
		usage_error(cmd, "'%s' is no format: text, cast, pcapng or vcd",
			    name);
	usage_error(cmd, "which format? --format text, cast, pcapng or vcd");
}

static int write_export(struct export *ex, void (*write)(struct export *ex),
			const char *path, bool force)
{
	struct output out;

	ex->out = out_open(&out, path, force);
	write(ex);
	out_close(&out, ex->out);
	timeline_free(&ex->line);
	log_file_close(ex->file);
	return log_file_status(ex->file);
}

static int run_export(const struct command *cmd, int argc, char **argv)
{
	const char *name = NULL, *in, *out;
	struct log_file file;
	struct export ex = { .file = &file };
	bool force = false;
	double hz = 0;
	size_t format;
	int c;

	log_file_init(&file);
	while ((c = next_option(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'F':
			name = optarg;
			break;
		case 'f':
			force = true;
			break;
		case 'z':
			hz = parse_hz(cmd, optarg);
			break;
		default:
			log_file_option(&file, cmd, c);
			break;
		}
	}
	if (optind != argc - 1 && optind != argc - 2)
		usage_error(cmd, "a log, please, and where to write");
	in = argv[optind];
	out = optind == argc - 2 ? argv[optind + 1] : "-";
	format = find_format(cmd, name, out);
	if (!strcmp(out, "-") && formats[format].write == export_pcapng &&
	    isatty(STDOUT_FILENO))
		usage_error(cmd, "pcapng is not for a terminal: give a file");

	output_reads(in);
	log_file_open(&file, in);
	if (file.stream.from < CRR_STREAMS_MAX)
		ex.stream = (uint16_t)file.stream.from;
	if (formats[format].timed)
		timeline_make(&ex.line, &file, hz);
	return write_export(&ex, formats[format].write, out, force);
}

static int run_report(const struct command *cmd, int argc, char **argv)
{
	struct log_file file;
	struct export ex = { .file = &file };
	const char *other = NULL;
	int c, status = 0;
	bool force = false;

	log_file_init(&file);
	file.goes_on = true;
	while ((c = next_option(cmd, argc, argv)) != -1) {
		if (c == 'a')
			other = optarg;
		else if (c == 'f')
			force = true;
		else
			log_file_option(&file, cmd, c);
	}
	if (optind != argc - 2)
		usage_error(cmd, "a log, please, and where to write");
	output_reads(argv[optind]);
	log_file_open(&file, argv[optind]);
	if (other) {
		output_reads(other);
		status = find_departure(&file, other, &ex.divergence);
	}
	return write_export(&ex, export_html, argv[optind + 1], force) |
	       status;
}

const struct command cmd_log_export = {
	.name = "log export",
	.synopsis = "[OPTION]... FILE [OUT]",
	.summary = "as text, asciicast, pcapng or VCD",
	.run = run_export,
	.options = export_options,
	.failure = EXIT_CRR_FAILURE,
};

const struct command cmd_log_report = {
	.name = "log report",
	.synopsis = "[OPTION]... FILE OUT",
	.summary = "a page for the browser, with a timeline",
	.run = run_report,
	.options = report_options,
	.failure = EXIT_CRR_FAILURE,
};
