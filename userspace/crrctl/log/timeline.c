// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Times of records.
 *
 * TIME records give the time at some places of a log: the records before a place
 * were made before that time, the records after it later. Two TIME records in a
 * row mean that nothing was recorded between them. From one place to the next the
 * time is interpolated by the counter or, if that does not move, as in recordings
 * of programs that supply none, by the number of records. The last record before
 * a place has the time of that place: crrctl record reads the clock as soon as
 * there are records.
 *
 * Before the first place the time is interpolated from the beginning of the log. After
 * the last place it does not move. Times never go back, even if the system's clock
 * was set back.
 *
 * A second reader is one place ahead of the first. So the memory needed does not
 * depend on the length of the log.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* Number of records to go back for a place; more if there is none. */
#define LOOK_BACK 4096

/* The readers share the file's offset: set it for the one that reads next. */
static void set_offset(const struct log_file *file)
{
	if (lseek(file->fd, file->begin + (off_t)crr_log_offset(file->log),
		  SEEK_SET) < 0)
		fail("%s: %s", file->path, strerror(errno));
}

/* Go to the next place. */
static void step(struct timeline *line)
{
	struct place *next = &line->next;
	struct crr_record rec;
	bool found = false;

	line->last = *next;
	while (log_file_next(&line->ahead, &rec)) {
		if (rec.type == CRR_TYPE_TIME) {
			if (rec.time > line->latest)
				line->latest = rec.time;
			if (!found)
				*next = (struct place){
					.known = line->last.known ||
						 rec.sequence !=
							 line->last.sequence,
					.sequence = rec.sequence,
					.counter = line->counter,
					.next_counter = rec.counter,
					.from = line->latest,
				};
			next->to = line->latest;
			found = true;
		} else if (!(rec.type & CRR_TYPE_OPTIONAL)) {
			line->counter = rec.counter;
			if (found)
				return;
		}
	}
	if (!found)
		*next = (struct place){ .sequence = UINT64_MAX };
}

/*
 * Begin at a record. The time is known there only if it is the first one of the
 * log; elsewhere not even the counter of the record before it is known.
 */
static void begin_with(struct timeline *line, uint64_t sequence)
{
	if (crr_log_seek(line->ahead.log, CRR_LOG_SEQUENCE, sequence))
		fail("%s: %s", line->ahead.path, strerror(errno));
	line->counter = 0;
	line->latest = line->begin;
	line->next = (struct place){
		.known = !sequence,
		.sequence = sequence,
		.from = line->begin,
		.to = line->begin,
	};
}

static void step_past(struct timeline *line, uint64_t sequence)
{
	while (line->next.sequence <= sequence &&
	       line->next.sequence != UINT64_MAX)
		step(line);
}

/* Find the places before and after a record that is not the next one. */
static void locate(struct timeline *line, uint64_t sequence)
{
	uint64_t back = LOOK_BACK, from;

	do {
		from = sequence > back ? sequence - back : 0;
		begin_with(line, from);
		step_past(line, sequence);
		back = back < UINT64_MAX / 16 ? 16 * back : UINT64_MAX;
	} while (from && !line->last.known);
}

/* The next record asked for may be any one. */
static void forget(struct timeline *line)
{
	line->last.sequence = UINT64_MAX;
	set_offset(line->file);
}

/**
 * timeline_open - prepare for the times of a log
 * @line: out
 * @file: the log; if it is a pipe, @hz must not be 0
 * @hz: counts per second; 0: use TIME records
 */
void timeline_open(struct timeline *line, const struct log_file *file,
		   double hz)
{
	struct crr_log_error error;

	*line = (struct timeline){ .file = file, .hz = hz };
	line->begin = crr_log_get_info(file->log)->created;
	if (file->begin < 0)
		return;
	log_file_all(&line->ahead, file);
	line->ahead.size = 0; /* no progress */
	line->ahead.quiet = true;
	if (lseek(file->fd, file->begin, SEEK_SET) < 0)
		fail("%s: %s", file->path, strerror(errno));
	line->ahead.log = crr_log_open(file->fd, &error);
	if (!line->ahead.log)
		log_damaged(file, &error);
	forget(line);
}

/**
 * timeline_counts - does the counter move while the emulator runs?
 * @line: the times
 *
 * The counters of STREAM and END are ignored.
 */
bool timeline_counts(struct timeline *line)
{
	struct crr_log_extent extent;
	bool begun = false, moves = false;
	struct crr_record rec;
	uint64_t first = 0;

	if (!line->ahead.log)
		return true;
	if (!crr_log_extent(line->ahead.log, &extent) && !extent.counter)
		return false;
	set_offset(&line->ahead);
	begin_with(line, 0);
	while (!moves && log_file_next(&line->ahead, &rec)) {
		if (rec.type & CRR_TYPE_OPTIONAL ||
		    rec.type == CRR_TYPE_STREAM || rec.type == CRR_TYPE_END)
			continue;
		moves = begun && rec.counter != first;
		first = rec.counter;
		begun = true;
	}
	forget(line);
	return moves;
}

/**
 * timeline_knows - are the times of records known?
 * @line: the times
 *
 * Call this before timeline_at() and timeline_since(), which need it to be true.
 */
bool timeline_knows(struct timeline *line)
{
	uint64_t first;

	if (line->hz && timeline_counts(line))
		return true;
	if (line->hz)
		warn("%s: its counter does not move: --hz has no effect",
		     line->file->path);
	line->hz = 0;
	set_offset(&line->ahead);
	begin_with(line, 0);
	line->latest = 0;
	step(line);
	first = line->next.from;
	/* The header of an imported or cut log may have another time, or none. */
	if (!line->begin || line->begin > first)
		line->begin = first;
	forget(line);
	return line->next.sequence != UINT64_MAX;
}

/* The counter may be so large that the time overflows. */
static uint64_t at_frequency(const struct timeline *line, uint64_t counter)
{
	const long double since = (long double)counter * 1e9L / line->hz + 0.5L;

	return since < (long double)(UINT64_MAX - line->begin) ?
		       line->begin + (uint64_t)since :
		       UINT64_MAX;
}

/* Interpolate between two places: @value lies from @from to @to. */
static uint64_t between(const struct timeline *line, uint64_t from,
			uint64_t to, uint64_t value)
{
	const uint64_t span = line->next.from - line->last.to;

	if (value <= from)
		return line->last.to;
	if (value >= to)
		return line->next.from;
	return line->last.to + (uint64_t)((long double)span *
					  (long double)(value - from) /
					  (long double)(to - from));
}

/* A TIME record belongs to the place before or the one after. */
static uint64_t at_place(const struct timeline *line,
			 const struct crr_record *rec)
{
	const struct place *place = rec->sequence == line->last.sequence ?
					    &line->last :
					    &line->next;

	return rec->time < place->from ? place->from :
	       rec->time > place->to   ? place->to :
					 rec->time;
}

static uint64_t at_record(const struct timeline *line,
			  const struct crr_record *rec, uint64_t count)
{
	const struct place *last = &line->last, *next = &line->next;
	uint64_t from;

	if (rec->type == CRR_TYPE_TIME)
		return at_place(line, rec);
	if (next->sequence == UINT64_MAX)
		return last->to;
	from = last->to > last->from ? last->next_counter : last->counter;
	if (next->counter > from)
		return between(line, from, next->counter, rec->counter);
	return between(line, last->sequence, next->sequence, count);
}

/**
 * timeline_at - the time of a record
 * @line: the times
 * @rec: the record; calls in the order of the records are cheap
 *
 * Returns nanoseconds since 1970.
 */
uint64_t timeline_at(struct timeline *line, const struct crr_record *rec)
{
	/* Number of records up to this one. */
	uint64_t count = rec->sequence + !(rec->type & CRR_TYPE_OPTIONAL);
	uint64_t time;

	if (line->hz)
		return at_frequency(line, rec->counter);
	if (rec->sequence < line->last.sequence) {
		set_offset(&line->ahead);
		locate(line, rec->sequence);
		set_offset(line->file);
		line->now = 0;
	} else if (count > line->next.sequence) {
		set_offset(&line->ahead);
		step_past(line, count - 1);
		set_offset(line->file);
	}
	/* Of several TIMEs at one place, one may be earlier than the one before. */
	time = at_record(line, rec, count);
	if (time > line->now)
		line->now = time;
	return line->now;
}

/**
 * timeline_since - time from the beginning of the log to a record
 * @line: the times
 * @rec: the record
 *
 * Returns nanoseconds.
 */
uint64_t timeline_since(struct timeline *line, const struct crr_record *rec)
{
	return timeline_at(line, rec) - line->begin;
}

void timeline_close(struct timeline *line)
{
	crr_log_close(line->ahead.log);
}
