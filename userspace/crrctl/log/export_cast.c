// SPDX-License-Identifier: GPL-2.0-or-later
/* Export as asciicast v2: what a terminal on the line shows. */
#include <inttypes.h>
#include <string.h>

#include "log.h"

/* Maximum length of an incomplete UTF-8 character. */
#define SPLIT_MAX 3

/**
 * struct piece - one direction: the character that a record has split
 * @split: its first bytes
 * @length: their number
 */
struct piece {
	unsigned char split[SPLIT_MAX];
	size_t length;
};

/**
 * struct cast - an asciicast being written
 * @out: where to write
 * @begin: time of the first record, from which events are counted
 * @time: time of the last event; times must not go back
 * @in: the input
 * @output: the output
 * @captured: number of WRITEs with their bytes
 * @lost: number of WRITEs without
 */
struct cast {
	FILE *out;
	uint64_t begin;
	uint64_t time;
	struct piece in;
	struct piece output;
	uint64_t captured;
	uint64_t lost;
};

/* Length of a character by its first byte; 1 if that is invalid. */
static size_t character_length(unsigned char first)
{
	return first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 :
	       first < 0xf5 ? 4 : 1;
}

/* Number of bytes at the end that may begin a character. */
static size_t unfinished(const unsigned char *p, size_t length)
{
	size_t n;

	for (n = 1; n <= SPLIT_MAX && n <= length; n++) {
		if ((p[length - n] & 0xc0) == 0x80)
			continue;
		return character_length(p[length - n]) > n ? n : 0;
	}
	return 0;
}

static void write_event(struct cast *cast, const char *code,
			const void *bytes, size_t length)
{
	json_t *event;

	if (!length)
		return;
	event = json_array();
	json_add(event, json_seconds(cast->time - cast->begin));
	json_add(event, json_string(code));
	json_add(event, json_text(bytes, length));
	json_print(cast->out, event, 0);
}

static void write_piece(struct cast *cast, const char *code,
			struct piece *piece, const unsigned char *bytes,
			size_t length)
{
	unsigned char all[SPLIT_MAX + CRR_READ_MAX];
	size_t rest;

	memcpy(all, piece->split, piece->length);
	memcpy(all + piece->length, bytes, length);
	length += piece->length;
	rest = unfinished(all, length);
	length -= rest;
	memcpy(piece->split, all + length, rest);
	piece->length = rest;
	write_event(cast, code, all, length);
}

/* The log ends within a character. */
static void end_piece(struct cast *cast, const char *code,
		      const struct piece *piece)
{
	static const char replacement[] = "\xef\xbf\xbd";

	if (piece->length)
		write_event(cast, code, replacement, strlen(replacement));
}

static void write_header(struct export *ex, const struct cast *cast)
{
	const struct crr_log_info *info = crr_log_get_info(ex->file->log);
	json_t *header = json_object();

	json_set(header, "version", json_integer(2));
	json_set(header, "width", json_integer(80));
	json_set(header, "height", json_integer(24));
	if (info->created)
		json_set(header, "timestamp",
			 json_integer((json_int_t)(cast->begin / 1000000000)));
	if (*info->command)
		json_set(header, "title",
			 json_text(info->command, strlen(info->command)));
	json_print(cast->out, header, 0);
}

static void write_output(struct cast *cast, const struct crr_record *rec)
{
	/* Bytes that the device did not take were never on the line. */
	if (!rec->offset)
		return;
	if (!(rec->flags & CRR_FLAG_CAPTURED)) {
		cast->lost++;
		return;
	}
	cast->captured++;
	write_piece(cast, "o", &cast->output, rec->data, rec->offset);
}

static void write_record(struct export *ex, struct cast *cast,
			 const struct crr_record *rec)
{
	uint64_t time;

	/* Not END, which has stream 0. */
	if (rec->stream != ex->stream ||
	    (rec->type != CRR_TYPE_READ && rec->type != CRR_TYPE_WRITE &&
	     rec->type != CRR_TYPE_MARK))
		return;
	time = timeline_at(&ex->line, rec);
	if (time > cast->time)
		cast->time = time;
	if (rec->type == CRR_TYPE_READ)
		write_piece(cast, "i", &cast->in, rec->data, rec->data_length);
	else if (rec->type == CRR_TYPE_WRITE)
		write_output(cast, rec);
	else
		write_event(cast, "m", rec->data, rec->data_length);
}

/* Read the first record that is not optional, and take its time. */
static bool begin_cast(struct export *ex, struct cast *cast,
		       struct crr_record *rec)
{
	cast->begin = ex->line.begin;
	do {
		if (!log_file_next(ex->file, rec))
			return false;
	} while (rec->type & CRR_TYPE_OPTIONAL);
	cast->begin = timeline_at(&ex->line, rec);
	return true;
}

/* See struct export. */
void export_cast(struct export *ex)
{
	struct cast cast = { .out = ex->out };
	struct crr_record rec;
	bool more = begin_cast(ex, &cast, &rec);

	cast.time = cast.begin;
	write_header(ex, &cast);
	for (; more; more = log_file_next(ex->file, &rec))
		write_record(ex, &cast, &rec);
	end_piece(&cast, "i", &cast.in);
	end_piece(&cast, "o", &cast.output);
	if (cast.lost && !cast.captured)
		fail("%s: the output was not captured", ex->file->path);
	if (cast.lost)
		warn("%s: %" PRIu64
		     " writes were not captured and are missing",
		     ex->file->path, cast.lost);
}
