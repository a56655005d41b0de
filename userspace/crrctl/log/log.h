/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crrctl log: what its commands share. Files only, without module or root. */
#ifndef CRRCTL_LOG_H
#define CRRCTL_LOG_H

#include "../crrctl.h"

/* ---- file.c: logs that are read, and parts of them ---- */

/**
 * struct range - from a value to another one, both included
 */
struct range {
	uint64_t from;
	uint64_t to;
};

/**
 * struct log_file - a log that is read
 * @path: its name; "-" for standard input
 * @fd: the file
 * @begin: where the log begins in it
 * @log: its reader
 * @size: of the file, in bytes; 0 if it is a pipe
 * @twice: it is read more than once: of a pipe a copy is made
 * @goes_on: damage is told, and passed by; else it ends the program
 * @quiet: nothing is told, and damage that is not passed by is an end
 * @damaged: there was some
 * @unended: it was read to its end, and has no END
 * @sequence: only these records are given; all are, unless told
 * @counter: likewise
 * @time: likewise
 * @stream: likewise
 * @types: likewise: a bit for each, the optional ones from TYPE_OPTIONAL_BIT on
 * @now: what the last TIME said
 * @next: number of the record that is to come
 * @told: when progress was last shown
 * @shown: it was
 */
struct log_file {
	const char *path;
	int fd;
	off_t begin;
	struct crr_log_reader *log;
	uint64_t size;
	bool twice;
	bool goes_on;
	bool quiet;
	bool damaged;
	bool unended;
	struct range sequence;
	struct range counter;
	struct range time;
	struct range stream;
	uint64_t types;
	uint64_t now;
	uint64_t next;
	uint64_t told;
	bool shown;
};

#define TYPE_OPTIONAL_BIT 32

/* Into a command's table, for log_file_option(). */
#define RANGE_OPTIONS                                                        \
	{ { "record", required_argument, NULL, 'r' }, "A..B",                \
	  "only records with these numbers" },                               \
	{ { "counter", required_argument, NULL, 'c' }, "A..B",               \
	  "only those at these values of the counter" },                     \
	{ { "time", required_argument, NULL, 't' }, "A..B",                  \
	  "only those of these times: HH:MM:SS or +SECONDS" },               \
	{ { "stream", required_argument, NULL, 's' }, "A..B",                \
	  "only those of these streams" }

#define TYPE_OPTION                                                          \
	{ { "type", required_argument, NULL, 'T' }, "TYPE,...",              \
	  "only those of these types, such as READ,WRITE" }

#define OPTIONS_END { { NULL, 0, NULL, 0 }, NULL, NULL }

void log_file_init(struct log_file *file);
bool log_file_option(struct log_file *file, const struct command *cmd, int c);
void log_file_open(struct log_file *file, const char *path);
void log_file_open_whole(struct log_file *file, const char *path);
void log_file_all(struct log_file *all, const struct log_file *file);
bool log_file_is_whole(const struct log_file *file);
bool log_file_is_past(const struct log_file *file,
		      const struct crr_record *rec);
bool log_file_wants(const struct log_file *file, const struct crr_record *rec);
void log_file_seek(struct log_file *file);
void log_file_rewind(struct log_file *file);
bool log_file_next(struct log_file *file, struct crr_record *rec);
int log_file_status(const struct log_file *file);
void log_file_close(struct log_file *file);
noreturn void log_damaged(const struct log_file *file,
			  const struct crr_log_error *error);
const char *parse_colour(const struct command *cmd, const char *text);
uint64_t parse_number(const struct command *cmd, const char *text);

/* ---- diff.c ---- */

/**
 * struct departure - where another log is no longer the same
 * @known: it is not
 * @sequence: number of the first record that differs
 * @counter: of that
 * @text: for people
 */
struct departure {
	bool known;
	uint64_t sequence;
	uint64_t counter;
	char text[160];
};

int find_departure(struct log_file *file, const char *other,
		    struct departure *departure);

/* ---- out.c: files that are made ---- */

FILE *out_open(struct output *out, const char *path, bool force);
void out_close(struct output *out, FILE *file);
bool out_colours(FILE *out, const char *when);

/**
 * struct new_log - a log that is made of another one's records
 * @out: its file
 * @log: its writer
 * @order: of what it has so far
 */
struct new_log {
	struct output out;
	struct crr_log_writer *log;
	struct crr_order order;
};

void new_log_open(struct new_log *log, const char *path, bool force, int level,
		  const struct crr_log_info *info);
void new_log_add(struct new_log *log, struct crr_record *rec);
void new_log_end(struct new_log *log, uint64_t counter);
void new_log_close(struct new_log *log);

/* ---- timeline.c: when a record was made ---- */

/**
 * struct place - between two records, where the time is known
 * @known: it is
 * @sequence: number of the record that follows; UINT64_MAX for the log's end
 * @counter: of the record that precedes
 * @next_counter: of the one that follows
 * @from: what precedes was made before this time: nanoseconds since 1970
 * @to: what follows was made after this one
 */
struct place {
	bool known;
	uint64_t sequence;
	uint64_t counter;
	uint64_t next_counter;
	uint64_t from;
	uint64_t to;
};

/**
 * struct timeline - a log's clock
 * @file: the log
 * @hz: what the counter counts in a second; 0: TIME records tell
 * @begin: the time at which the log begins, in nanoseconds since 1970
 * @ahead: the log once more, read a little further
 * @counter: of the last record there
 * @latest: time of the last place there
 * @now: the time that was told last
 * @last: the place before the record that was asked for last
 * @next: the one after it
 */
struct timeline {
	const struct log_file *file;
	double hz;
	uint64_t begin;
	struct log_file ahead;
	uint64_t counter;
	uint64_t latest;
	uint64_t now;
	struct place last;
	struct place next;
};

void timeline_open(struct timeline *line, const struct log_file *file,
		   double hz);
bool timeline_counts(struct timeline *line);
bool timeline_knows(struct timeline *line);
uint64_t timeline_at(struct timeline *line, const struct crr_record *rec);
uint64_t timeline_since(struct timeline *line, const struct crr_record *rec);
void timeline_close(struct timeline *line);
double parse_hz(const struct command *cmd, const char *text);

/* ---- dump.c, json.c ---- */

void print_coloured(FILE *out, const struct crr_record *rec, bool colours);

void print_json_string(FILE *out, const void *text, size_t length);
void print_record_json(FILE *out, const struct crr_record *rec,
		       const uint64_t *elapsed);

/* ---- The formats of export and import ---- */

/**
 * struct export - what a format is made of
 * @file: the log; its records in the range asked for are read with
 *	log_file_next(), and once more after log_file_rewind()
 * @out: where to
 * @line: the time of a record
 * @timed: @line knows it
 * @stream: for formats that hold one stream only
 * @divergence: where another run departed from the log, if it did
 */
struct export {
	struct log_file *file;
	FILE *out;
	struct timeline line;
	bool timed;
	uint16_t stream;
	struct departure divergence;
};

const char *end_reason_name(uint32_t reason);
void export_text(struct export *ex);
void export_cast(struct export *ex);
void export_pcapng(struct export *ex);
void export_vcd(struct export *ex);
void export_html(struct export *ex);

#endif /* CRRCTL_LOG_H */
