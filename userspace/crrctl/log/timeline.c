// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A log's clock: when each of its records was made.
 *
 * TIME records tell it at some places: what precedes one was made before that
 * time, what follows it later. Where the line was idle there are two in a row:
 * nothing was made between them. From one place to the next the time moves as
 * the counter does. If the counter stands still, as in the recording of a
 * program that supplies none, the time moves by the same amount with each
 * record. The last record before a place has that place's time: crrctl record
 * looks at the clock as soon as there is something to be read.
 *
 * Before the first place the clock begins with the log, and behind the last one
 * it stands still. It never goes back, though somebody may have set the wall
 * clock back.
 *
 * The log is read by a second reader that is one place ahead, so that a log of
 * any length needs the same little memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* A place is looked for among so many records before a record, then among more. */
#define LOOK_BACK 4096

/**
 * parse_hz - the argument of --hz
 * @cmd: the command
 * @text: the argument
 *
 * Returns counts a second.
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
		usage_error(cmd, "'%s' is no frequency, such as 16000000 or 16M",
			    text);
	return hz;
}

/* Both readers have one file: let one of them go on where it was. */
static void let_read(const struct log_file *file)
{
	if (lseek(file->fd, file->begin + (off_t)crr_log_offset(file->log),
		  SEEK_SET) < 0)
		fail("%s: %s", file->path, strerror(errno));
}

/* Go on to the next place. */
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
 * Begin with a record. The log begins at a known time; elsewhere not even the
 * counter of the record before is known.
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

/* Find the places before and after a record. */
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

/* The next one to be asked for may be any record. */
static void forget(struct timeline *line)
{
	line->last.sequence = UINT64_MAX;
	let_read(line->file);
}

/**
 * timeline_open - begin with a log
 * @line: out
 * @file: the log; if it is a pipe, @hz must be given
 * @hz: what the counter counts in a second; 0: let TIME records tell
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
 * @line: the clock
 *
 * STREAM may precede it, and END may follow it.
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
	let_read(&line->ahead);
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
 * @line: the clock
 *
 * Only then they may be asked for.
 */
bool timeline_knows(struct timeline *line)
{
	uint64_t first;

	if (line->hz && timeline_counts(line))
		return true;
	if (line->hz)
		warn("%s: its counter does not move: --hz is of no use",
		     line->file->path);
	line->hz = 0;
	let_read(&line->ahead);
	begin_with(line, 0);
	line->latest = 0;
	step(line);
	first = line->next.from;
	/* What the header says may be missing, or another log's. */
	if (!line->begin || line->begin > first)
		line->begin = first;
	forget(line);
	return line->next.sequence != UINT64_MAX;
}

/* A counter that was not counted may be any number. */
static uint64_t at_frequency(const struct timeline *line, uint64_t counter)
{
	const long double since = (long double)counter * 1e9L / line->hz + 0.5L;

	return since < (long double)(UINT64_MAX - line->begin) ?
		       line->begin + (uint64_t)since :
		       UINT64_MAX;
}

/* Between two places: how far, from @from to @to, @value is. */
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

/* TIME itself belongs to the one place or the other. */
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
 * @line: the clock; timeline_knows() has been asked
 * @rec: the record; asking is cheap as long as records are asked for in their
 *	order
 *
 * Returns nanoseconds since 1970.
 */
uint64_t timeline_at(struct timeline *line, const struct crr_record *rec)
{
	/* How many records there are up to it. */
	uint64_t count = rec->sequence + !(rec->type & CRR_TYPE_OPTIONAL);
	uint64_t time;

	if (line->hz)
		return at_frequency(line, rec->counter);
	if (rec->sequence < line->last.sequence) {
		let_read(&line->ahead);
		locate(line, rec->sequence);
		let_read(line->file);
		line->now = 0;
	} else if (count > line->next.sequence) {
		let_read(&line->ahead);
		step_past(line, count - 1);
		let_read(line->file);
	}
	/* Of several TIMEs at one place, one may be earlier than that before. */
	time = at_record(line, rec, count);
	if (time > line->now)
		line->now = time;
	return line->now;
}

/**
 * timeline_since - the time of a record, since the log began
 * @line: the clock; timeline_knows() has been asked
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
