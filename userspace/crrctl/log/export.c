// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log export: convert a log for other programs. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

enum clock {
	CLOCK_NONE,
	CLOCK_COUNTER, /* the counter; times if it does not move */
	CLOCK_TIME,
};

static const struct {
	const char *name;
	const char *suffix;
	void (*write)(struct export *ex);
	enum clock times;
} formats[] = {
	{ "text", ".txt", export_text, CLOCK_NONE },
	{ "cast", ".cast", export_cast, CLOCK_TIME },
	{ "pcapng", ".pcapng", export_pcapng, CLOCK_TIME },
	{ "vcd", ".vcd", export_vcd, CLOCK_COUNTER },
};

#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static const struct option_help export_options[] = {
	{ { "format", required_argument, NULL, 'F' }, "FORMAT",
	  "text, cast, pcapng, vcd (default: suffix of OUT)" },
	FORCE_OPTION,
	{ { "hz", required_argument, NULL, 'z' }, "HZ",
	  "counts per second of the counter" },
	RANGE_OPTIONS,
	OPTIONS_END,
};

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
		usage_error(cmd, "'%s' is not a format: text, cast, pcapng or vcd",
			    name);
	usage_error(cmd, "no format given: --format text, cast, pcapng or vcd");
}

static void find_times(struct export *ex, enum clock times, double hz)
{
	struct timeline *line = &ex->line;

	if (times == CLOCK_NONE)
		return;
	timeline_open(line, ex->file, hz);
	if (times == CLOCK_COUNTER && !hz && timeline_counts(line))
		return;
	ex->timed = timeline_knows(line);
	if (ex->timed || times == CLOCK_COUNTER)
		return;
	if (timeline_counts(line))
		fail("%s has no times: give the counter's frequency with --hz",
		     ex->file->path);
	fail("%s has no times, and its counter does not move",
	     ex->file->path);
}

/**
 * write_export - write the output file of an export
 * @ex: the export
 * @write: writes its contents
 * @path: path of the file, whose mode is 0600 as that of logs; "-" for standard
 *	output
 * @force: overwrite a file
 *
 * Returns the exit status.
 */
int write_export(struct export *ex, void (*write)(struct export *ex),
		 const char *path, bool force)
{
	struct output out;

	output_open(&out, path, force, NULL);
	ex->out = fdopen(out.fd, "w");
	if (!ex->out)
		fail("%s: %s", path, strerror(errno));
	write(ex);
	if (fflush(ex->out) || ferror(ex->out))
		fail("%s: %s", path, strerror(errno));
	output_finish(&out);
	if (fclose(ex->out))
		fail("%s: %s", path, strerror(errno));
	timeline_close(&ex->line);
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
	if (argc - optind != 1)
		need_arguments(cmd, argc, 2);
	in = argv[optind];
	out = optind == argc - 2 ? argv[optind + 1] : "-";
	format = find_format(cmd, name, out);
	if (!strcmp(out, "-") && formats[format].write == export_pcapng &&
	    isatty(STDOUT_FILENO))
		usage_error(cmd, "will not write pcapng to a terminal: give OUT");

	output_reads(in);
	/* Times that are computed from the counter need no second reader. */
	file.twice = formats[format].times == CLOCK_COUNTER ||
		     (formats[format].times == CLOCK_TIME && !hz);
	log_file_open(&file, in);
	if (file.stream.from < CRR_STREAMS_MAX)
		ex.stream = (uint16_t)file.stream.from;
	find_times(&ex, formats[format].times, hz);
	return write_export(&ex, formats[format].write, out, force);
}

const struct command cmd_log_export = {
	.name = "log export",
	.synopsis = "[OPTION]... FILE [OUT]",
	.summary = "convert a log to text, asciicast, pcapng or VCD",
	.run = run_export,
	.options = export_options,
	.failure = EXIT_CRR_FAILURE,
};
