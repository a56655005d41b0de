// SPDX-License-Identifier: GPL-2.0-or-later
/* Streams of an existing log, renumbered for a new log: for cut and cat. */
#include <string.h>

#include "log.h"

/**
 * streams_reset - forget the streams of the previous log
 * @map: the streams; the number of streams in the new log stays
 */
void streams_reset(struct stream_map *map)
{
	size_t i;

	for (i = 0; i < CRR_STREAMS_MAX; i++)
		map->old[i] = (struct old_stream){ .number = NOT_IN_NEW_LOG };
}

/**
 * streams_follow - note what a record does to its stream
 * @map: the streams
 * @rec: a record of the existing log
 */
void streams_follow(struct stream_map *map, const struct crr_record *rec)
{
	struct old_stream *old;

	switch (rec->type) {
	case CRR_TYPE_STREAM:
		old = &map->old[rec->stream];
		old->begin = *rec;
		memcpy(old->name, rec->data, rec->data_length);
		old->begin.data = old->name;
		old->open = true;
		break;
	case CRR_TYPE_HANGUP:
	case CRR_TYPE_STREAM_END:
		map->old[rec->stream].open = false;
		break;
	}
}

/**
 * streams_begin - begin a stream in the new log
 * @map: the streams
 * @out: the new log
 * @old: the stream
 */
void streams_begin(struct stream_map *map, struct new_log *out,
		   struct old_stream *old)
{
	struct crr_record rec = old->begin;

	old->number = map->count++;
	rec.stream = old->number;
	/* cat: the stream may be missing from the earlier logs. */
	if (rec.counter < out->order.counter)
		rec.counter = out->order.counter;
	new_log_add(out, &rec);
}

/**
 * streams_renumber - give a record the number of its stream in the new log
 * @map: the streams
 * @rec: the record
 *
 * Returns false if the new log does not have the stream.
 */
bool streams_renumber(const struct stream_map *map, struct crr_record *rec)
{
	if (rec->type == CRR_TYPE_TIME || rec->stream >= CRR_STREAMS_MAX)
		return true;
	rec->stream = map->old[rec->stream].number;
	return rec->stream != NOT_IN_NEW_LOG;
}
