// SPDX-License-Identifier: GPL-2.0-or-later
/* Options that several log commands have, and their arguments. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

/**
 * parse_colour - parse the argument of --color
 * @cmd: the command
 * @text: the argument
 *
 * Returns the argument for use_colours().
 */
const char *parse_colour(const struct command *cmd, const char *text)
{
	if (!strcmp(text, "auto"))
		return NULL;
	if (strcmp(text, "always") && strcmp(text, "never"))
		usage_error(cmd, "'%s' is not one of always, never, auto", text);
	return text;
}

/**
 * use_colours - shall output be coloured?
 * @out: where the output goes
 * @when: "always", "never", or NULL: on a terminal
 */
bool use_colours(FILE *out, const char *when)
{
	const char *term = getenv("TERM");

	if (when)
		return !strcmp(when, "always");
	return isatty(fileno(out)) && !getenv("NO_COLOR") && term &&
	       strcmp(term, "dumb");
}

uint64_t parse_number(const struct command *cmd, const char *text)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *text == '-' || *end)
		usage_error(cmd, "'%s' is not a number", text);
	return n;
}

/**
 * parse_hz - parse the argument of --hz
 * @cmd: the command
 * @text: the argument
 *
 * Returns counts per second.
 */
double parse_hz(const struct command *cmd, const char *text)
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
		usage_error(cmd, "'%s' is not a frequency, such as 16000000 or 16M",
			    text);
	return hz;
}

/* Returns nanoseconds since 1970, or a relative time, see TIME_OF_DAY. */
static uint64_t parse_time(const struct command *cmd, const char *text)
{
	struct tm tm = { .tm_isdst = -1 };
	double seconds = 0;
	uint64_t ns;
	char *end;

	if (*text == '+') {
		seconds = strtod(text + 1, &end);
		if (end == text + 1 || *end || !(seconds >= 0) || seconds > 1e9)
			usage_error(cmd, "'%s' is not a number of seconds", text);
		return TIME_SINCE_BEGIN | (uint64_t)(seconds * 1e9);
	}
	end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	if (end) {
		ns = (uint64_t)mktime(&tm) * 1000000000;
	} else {
		end = strptime(text, "%H:%M:%S", &tm);
		if (!end)
			usage_error(cmd, "'%s' is not a time: HH:MM:SS, YYYY-MM-DD HH:MM:SS or +SECONDS",
				    text);
		ns = (uint64_t)(tm.tm_hour * 3600 + tm.tm_min * 60 +
				tm.tm_sec) * 1000000000 | TIME_OF_DAY;
	}
	if (*end == '.')
		seconds = strtod(end, &end);
	if (*end)
		usage_error(cmd, "'%s' is not a time", text);
	return ns + (uint64_t)(seconds * 1e9);
}

static struct range parse_range(const struct command *cmd, const char *text,
				uint64_t (*parse)(const struct command *cmd,
						  const char *text))
{
	struct range range = ALL;
	char from[64];
	const char *dots = strstr(text, "..");
	size_t length = dots ? (size_t)(dots - text) : strlen(text);

	if (!length && (!dots || !dots[2]))
		usage_error(cmd, "'%s' is not a range: A..B, A.., ..B or A", text);
	snprintf(from, sizeof(from), "%.*s", (int)length, text);
	if (length)
		range.from = parse(cmd, from);
	if (!dots)
		range.to = range.from;
	else if (dots[2])
		range.to = parse(cmd, dots + 2);
	if (range.from > range.to)
		usage_error(cmd, "'%s' is an empty range", text);
	return range;
}

static noreturn void list_types(void)
{
	const struct record_type *type;

	for (type = record_types; type->type; type++)
		printf("%s\n", crr_type_name(type->type));
	flush_output();
	exit(0);
}

static uint64_t parse_types(const struct command *cmd, char *text)
{
	const struct record_type *type;
	uint64_t types = 0;
	const char *word;

	if (!strcmp(text, "help"))
		list_types();
	for (word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		type = record_type_named(word);
		if (!type)
			usage_error(cmd, "'%s' is not a type of record; '--type help' lists them",
				    word);
		types |= record_bit(type->type);
	}
	return types;
}

/**
 * log_file_option - handle RANGE_OPTIONS and --type
 * @file: the log
 * @cmd: the command
 * @c: the option, from next_option()
 *
 * Returns false for any other option.
 */
bool log_file_option(struct log_file *file, const struct command *cmd, int c)
{
	switch (c) {
	case 'r':
		file->sequence = parse_range(cmd, optarg, parse_number);
		return true;
	case 'c':
		file->counter = parse_range(cmd, optarg, parse_number);
		return true;
	case 't':
		file->time = parse_range(cmd, optarg, parse_time);
		return true;
	case 's':
		file->stream = parse_range(cmd, optarg, parse_number);
		return true;
	case 'T':
		file->types = parse_types(cmd, optarg);
		return true;
	default:
		return false;
	}
}

