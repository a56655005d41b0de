// SPDX-License-Identifier: GPL-2.0-or-later
/* Export as asciicast v2: what a terminal on the line would have shown. */
#include <inttypes.h>
#include <string.h>

#include "log.h"

/* The longest beginning of a character that a write can leave off at. */
#define SPLIT_MAX 3

/**
 * struct piece - a direction's bytes, some of which wait for their next ones
 * @split: the beginning of a character
 * @length: how many bytes of it
 */
struct piece {
	unsigned char split[SPLIT_MAX];
	size_t length;
};

/**
 * struct cast - one that is being written
 * @out: where to
 * @begin: the time of the first record; events count from there
 * @time: of the last event, which none precedes
 * @in: the input
 * @output: the output
 * @captured: WRITEs whose bytes are there
 * @lost: WRITEs whose bytes are not
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

/* How many bytes a character has that begins so; 1 for what is none. */
static size_t character_length(unsigned char first)
{
	return first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 :
	       first < 0xf5 ? 4 : 1;
}

/* Bytes at the end that may be the beginning of a character. */
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
	uint64_t since = cast->time - cast->begin;

	if (!length)
		return;
	fprintf(cast->out, "[%" PRIu64 ".%06u, \"%s\", ", since / 1000000000,
		(unsigned int)(since / 1000 % 1000000), code);
	print_json_string(cast->out, bytes, length);
	fputs("]\n", cast->out);
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

/* Nothing follows that would make it a character. */
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

	fputs("{\"version\": 2, \"width\": 80, \"height\": 24", cast->out);
	if (info->created)
		fprintf(cast->out, ", \"timestamp\": %" PRIu64,
			cast->begin / 1000000000);
	if (*info->command) {
		fputs(", \"title\": ", cast->out);
		print_json_string(cast->out, info->command,
				  strlen(info->command));
	}
	fputs("}\n", cast->out);
}

static void write_output(struct cast *cast, const struct crr_record *rec)
{
	/* What the device did not take was never on the line. */
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

	/* END has stream 0, and perhaps a counter far off. */
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

/* The time of the first record; those that are for people do not count. */
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

/* struct export */
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
		fail("%s: its output was not captured", ex->file->path);
	if (cast.lost)
		warn("%s: %" PRIu64
		     " writes were not captured: they are missing",
		     ex->file->path, cast.lost);
}
