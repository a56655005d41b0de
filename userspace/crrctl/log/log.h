/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of crrctl log share. They need neither the module nor root. */
#ifndef CRRCTL_LOG_H
#define CRRCTL_LOG_H

#include "../crrctl.h"
#include "../json.h"
#include "../record_types.h"

/* ---- ../stored.c: how COMMAND was run ---- */

json_t *stored_json(const struct crr_log_info *info);

/* ---- log_file.c: logs that are read, and parts of them ---- */

/**
 * struct range - a range of values, both ends included
 */
struct range {
	uint64_t from;
	uint64_t to;
};

#define ALL ((struct range){ 0, UINT64_MAX })

/*
 * Relative times: a time on the day of the recording, and a time since the
 * recording began, in nanoseconds. log_file_open_whole() makes them absolute.
 */
#define TIME_OF_DAY	 (1ULL << 63)
#define TIME_SINCE_BEGIN (1ULL << 62)

/**
 * struct log_file - a log that is read
 * @path: its path; "-" for standard input
 * @fd: the file
 * @begin: offset of the log in the file, in bytes; -1 if the file is a pipe
 * @log: its reader
 * @size: of the file, in bytes; 0 if it is a pipe
 * @twice: the log is read more than once: a pipe must be copied
 * @goes_on: report damage and continue after it; else damage is fatal
 * @quiet: report nothing; damage that is not skipped ends the log
 * @damaged: damage was found
 * @unended: the log was read to its end, and has no END
 * @sequence: select records with these sequence numbers
 * @counter: select records at these counter values
 * @time: select records with these times, in nanoseconds since 1970
 * @stream: select records of these streams
 * @types: select records of these types: record_bit() of each
 * @now: time of the last TIME record
 * @next: sequence number of the next record
 * @progress_at: when progress was last printed, as now_ms()
 * @shown: progress is on the terminal
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
	uint64_t progress_at;
	bool shown;
};

void log_file_init(struct log_file *file);
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

/* ---- log_options.c: options that several commands have ---- */

/* For log_file_option() */
#define RANGE_OPTIONS                                                          \
	{ { "record", required_argument, NULL, 'r' }, "A..B",                  \
	  "only records with these sequence numbers" },                        \
	{ { "counter", required_argument, NULL, 'c' }, "A..B",                 \
	  "only records at these counter values" },                            \
	{ { "time", required_argument, NULL, 't' }, "A..B",                    \
	  "only records of these times: HH:MM:SS or +SECONDS" },               \
	{ { "stream", required_argument, NULL, 's' }, "A..B",                  \
	  "only records of these streams" }

#define JSON_OPTION { { "json", no_argument, NULL, 'j' }, NULL, "print JSON" }

#define FORCE_OPTION                                                           \
	{ { "force", no_argument, NULL, 'f' }, NULL, "overwrite OUT" }

/* For parse_level() */
#define COMPRESS_OPTION                                                        \
	{ { "compress", required_argument, NULL, 'z' }, "LEVEL",               \
	  "zstd level (0-19, 0: none, default 3)" }

/* For parse_colour() */
#define COLOUR_OPTION                                                          \
	{ { "color", required_argument, NULL, 'C' }, "WHEN",                   \
	  "always, never or auto (default)" }

#define OPTIONS_END { { NULL, 0, NULL, 0 }, NULL, NULL }

bool log_file_option(struct log_file *file, const struct command *cmd, int c);
const char *parse_colour(const struct command *cmd, const char *text);
bool use_colours(FILE *out, const char *when);
uint64_t parse_number(const struct command *cmd, const char *text);
double parse_hz(const struct command *cmd, const char *text);

/* ---- diff.c ---- */

/**
 * struct difference - the first difference between two logs
 * @known: there is one
 * @sequence: sequence number of the first record that differs
 * @counter: its counter value
 * @text: description
 */
struct difference {
	bool known;
	uint64_t sequence;
	uint64_t counter;
	char text[160];
};

int find_difference(struct log_file *file, const char *other,
		    struct difference *difference);

/* ---- new_log.c: logs that are written ---- */

/**
 * struct new_log - a log that is written
 * @out: its file
 * @log: its writer
 * @order: state of its records so far
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

/* ---- streams.c: streams of logs that a new log is made of ---- */

#define NOT_IN_NEW_LOG UINT16_MAX

/**
 * struct old_stream - a stream of an existing log
 * @begin: its STREAM record, with @name as its data
 * @name: name of its tty
 * @open: it has begun, and has neither ended nor been hung up
 * @number: its number in the new log, or NOT_IN_NEW_LOG
 */
struct old_stream {
	struct crr_record begin;
	unsigned char name[CRR_STREAM_NAME_MAX];
	bool open;
	uint16_t number;
};

/**
 * struct stream_map - streams and their numbers in the new log
 * @old: the streams of the log that is being read, by number
 * @count: number of streams that the new log has
 */
struct stream_map {
	struct old_stream old[CRR_STREAMS_MAX];
	uint16_t count;
};

void streams_reset(struct stream_map *map);
void streams_follow(struct stream_map *map, const struct crr_record *rec);
void streams_begin(struct stream_map *map, struct new_log *out,
		   struct old_stream *old);
bool streams_renumber(const struct stream_map *map, struct crr_record *rec);

/* ---- timeline.c: times of records ---- */

/**
 * struct place - a place between two records where the time is known
 * @known: it is; false at the beginning of a part
 * @sequence: sequence number of the record after it; UINT64_MAX at the log's end
 * @counter: counter of the record before it
 * @next_counter: counter of the record after it
 * @from: the records before it were made before this time, in nanoseconds since
 *	1970
 * @to: the records after it were made after this time
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
 * struct timeline - the times of a log's records
 * @file: the log
 * @hz: counts per second; 0: use TIME records
 * @begin: time at which the log begins, in nanoseconds since 1970
 * @ahead: a second reader, which is ahead of @file
 * @counter: counter of the last record that @ahead has read
 * @latest: time of the last place that @ahead has read
 * @now: the last time returned
 * @last: the place before the last record asked for
 * @next: the place after it
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

/* ---- totals.c, info.c: what a log contains ---- */

/* Classes of gaps: 0, and 2^n to 2^(n+1) - 1. */
#define GAP_CLASSES 65

/**
 * struct burst - READs and WRITEs that follow each other closely
 * @records: number of records
 * @bytes: number of bytes
 * @from: place of the first record
 * @to: place of the last record
 */
struct burst {
	uint64_t records;
	uint64_t bytes;
	uint64_t from;
	uint64_t to;
};

/**
 * struct stream_totals - what a stream contains; for places and gaps see
 *	totals_place()
 * @name: name of its tty
 * @known: it has records
 * @records: number of records, without optional ones
 * @reads: number of READs
 * @bytes_in: number of bytes in them
 * @writes: number of WRITEs
 * @bytes_out: number of bytes that went to the device
 * @last: place of the last record
 * @longest: longest gap
 * @longest_at: place where it begins
 * @gaps: number of gaps of each class
 * @bursts: number of bursts
 * @burst: the present burst
 * @largest: the burst with the most bytes
 */
struct stream_totals {
	char name[CRR_STREAM_NAME_MAX + 1];
	bool known;
	uint64_t records;
	uint64_t reads;
	uint64_t bytes_in;
	uint64_t writes;
	uint64_t bytes_out;
	uint64_t last;
	uint64_t longest;
	uint64_t longest_at;
	uint64_t gaps[GAP_CLASSES];
	uint64_t bursts;
	struct burst burst;
	struct burst largest;
};

/**
 * struct totals - what a log contains
 * @records: number of records, without optional ones
 * @first: counter of the first
 * @last: counter of the last
 * @line: times of its records
 * @timed: places are times
 * @duration: from the first record to the last, in nanoseconds; 0: unknown
 * @captured: there are WRITEs with their bytes
 * @uncaptured: there are WRITEs without their bytes
 * @nstreams: the highest stream number, plus 1
 * @streams: by number
 */
struct totals {
	uint64_t records;
	uint64_t first;
	uint64_t last;
	struct timeline line;
	bool timed;
	uint64_t duration;
	bool captured;
	bool uncaptured;
	uint32_t nstreams;
	struct stream_totals streams[CRR_STREAMS_MAX];
};

void totals_add(struct totals *totals, const struct crr_record *rec);
uint64_t totals_place(struct totals *totals, const struct crr_record *rec);
json_t *totals_stream_json(uint32_t i, const struct stream_totals *stream);
const char *delivery_name(const struct crr_log_info *info);

/* ---- export.c: log export and log report ---- */

/**
 * struct export - an export in progress
 * @file: the log; its selected records are read with log_file_next(), and again
 *	after log_file_rewind()
 * @out: where to write
 * @line: times of records
 * @timed: @line knows them
 * @stream: for formats that hold a single stream
 */
struct export {
	struct log_file *file;
	FILE *out;
	struct timeline line;
	bool timed;
	uint16_t stream;
};

int write_export(struct export *ex, void (*write)(struct export *ex),
		 const char *path, bool force);
void export_text(struct export *ex);
void export_cast(struct export *ex);
void export_pcapng(struct export *ex);
void export_vcd(struct export *ex);

#endif /* CRRCTL_LOG_H */
