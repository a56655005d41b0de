// SPDX-License-Identifier: GPL-2.0-or-later
/* What a log and each of its streams contain, for info and stat. */
#include <string.h>

#include "log.h"

static unsigned int gap_class(uint64_t gap)
{
	return gap ? 64U - (unsigned int)__builtin_clzll(gap) : 0;
}

/**
 * totals_place - place of a record on the axis that gaps are measured on
 * @totals: of the log
 * @rec: the record
 *
 * Returns counter units or, if @totals->timed, nanoseconds since the recording
 * began.
 */
uint64_t totals_place(struct totals *totals, const struct crr_record *rec)
{
	return totals->timed ? timeline_since(&totals->line, rec) :
			       rec->counter;
}

static void add_gap(struct stream_totals *stream, uint64_t place)
{
	uint64_t gap = place - stream->last;

	if (stream->records > 1) {
		stream->gaps[gap_class(gap)]++;
		if (gap > stream->longest) {
			stream->longest = gap;
			stream->longest_at = stream->last;
		}
	}
	stream->last = place;
}

/**
 * totals_add - count a record
 * @totals: of the log
 * @rec: the record; optional ones are ignored
 */
void totals_add(struct totals *totals, const struct crr_record *rec)
{
	struct stream_totals *stream = &totals->streams[rec->stream];

	if (rec->type & CRR_TYPE_OPTIONAL)
		return;
	if (!totals->records++)
		totals->first = rec->counter;
	totals->last = rec->counter;
	if (rec->type == CRR_TYPE_END)
		return;
	stream->known = true;
	if (rec->stream >= totals->nstreams)
		totals->nstreams = rec->stream + 1U;
	stream->records++;
	add_gap(stream, totals_place(totals, rec));
	switch (rec->type) {
	case CRR_TYPE_STREAM:
		memcpy(stream->name, rec->data, rec->data_length);
		break;
	case CRR_TYPE_READ:
		stream->reads++;
		stream->bytes_in += rec->data_length;
		break;
	case CRR_TYPE_WRITE:
		stream->writes++;
		stream->bytes_out += rec->offset;
		if (rec->flags & CRR_FLAG_CAPTURED)
			totals->captured = true;
		else
			totals->uncaptured = true;
		break;
	}
}

/**
 * totals_stream_json - what info and stat both print of a stream
 * @i: its number
 * @stream: its totals
 */
json_t *totals_stream_json(uint32_t i, const struct stream_totals *stream)
{
	json_t *object = json_object();

	json_set(object, "stream", json_integer(i));
	json_set(object, "name",
		 json_text(stream->name, strlen(stream->name)));
	json_set(object, "records", json_u64(stream->records));
	json_set(object, "bytes_in", json_u64(stream->bytes_in));
	json_set(object, "bytes_out", json_u64(stream->bytes_out));
	return object;
}
