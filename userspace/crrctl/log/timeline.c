// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When a record was made. TIME records tell it at some places: what precedes
 * one was made before it. Between two of them the counter is taken to count
 * evenly.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static void add_point(struct timeline *line, uint64_t counter, uint64_t time)
{
	struct timeline_point *last = line->at + line->n;

	/* Clocks are set back now and then; records are not. */
	if (line->n && (time < last[-1].time))
		time = last[-1].time;
	if (line->n && counter == last[-1].counter) {
		last[-1].time = time;
		return;
	}
	if (!(line->n & (line->n - 1))) {
		last = realloc(line->at, (line->n ? 2 * line->n : 1) *
						 sizeof(*line->at));
		if (!last)
			fail("%s", strerror(errno));
		line->at = last;
	}
	line->at[line->n++] = (struct timeline_point){ counter, time };
}

/**
 * timeline_make - go through a log, and find the times
 * @line: out
 * @file: the log, which is then at its beginning
 * @hz: what the counter counts in a second; 0: let TIME records tell
 */
void timeline_make(struct timeline *line, struct log_file *file, double hz)
{
	const struct crr_log_info *info = crr_log_get_info(file->log);
	struct log_file all;
	struct crr_record rec;
	uint64_t counter = 0;

	*line = (struct timeline){ .hz = hz };
	line->begin = info->created;
	if (hz)
		return;
	log_file_all(&all, file);
	log_file_rewind(&all);
	add_point(line, 0, info->created);
	while (log_file_next(&all, &rec)) {
		if (rec.type == CRR_TYPE_TIME)
			add_point(line, counter, rec.time);
		else
			counter = rec.counter;
	}
	file->damaged |= all.damaged;
	if (line->n < 2)
		fail("%s tells no times: --hz says how fast its counter counts",
		     file->path);
	log_file_rewind(file);
}

/* A counter that was not counted may be any number. */
static uint64_t at_frequency(const struct timeline *line, uint64_t counter)
{
	const long double since = (long double)counter * 1e9L / line->hz + 0.5L;

	return since < (long double)(UINT64_MAX - line->begin) ?
		       line->begin + (uint64_t)since :
		       UINT64_MAX;
}

/**
 * timeline_at - the time of a record
 * @line: the times
 * @counter: the record's
 *
 * Returns nanoseconds since 1970.
 */
uint64_t timeline_at(const struct timeline *line, uint64_t counter)
{
	const struct timeline_point *a, *b;
	size_t low = 0, high = line->n, middle;

	if (line->hz)
		return at_frequency(line, counter);
	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (line->at[middle].counter <= counter)
			low = middle;
		else
			high = middle;
	}
	a = &line->at[low];
	if (high == line->n)
		return a->time;
	b = &line->at[high];
	return a->time + (uint64_t)((double)(b->time - a->time) *
				    (double)(counter - a->counter) /
				    (double)(b->counter - a->counter));
}

void timeline_free(struct timeline *line)
{
	free(line->at);
}
