// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log cut, crrctl log cat: logs made of parts of others. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static const struct option_help cut_options[] = {
	{ { "force", no_argument, NULL, 'f' }, NULL,
	  "replace OUT if it exists" },
	{ { "compress", required_argument, NULL, 'z' }, "LEVEL",
	  "of zstd, 1 to 19; 0 for none (default 3)" },
	RANGE_OPTIONS,
	OPTIONS_END,
};

static const struct option_help cat_options[] = {
	{ { "output", required_argument, NULL, 'o' }, "OUT",
	  "the log that is made; else standard output" },
	{ { "force", no_argument, NULL, 'f' }, NULL,
	  "replace OUT if it exists" },
	{ { "compress", required_argument, NULL, 'z' }, "LEVEL",
	  "of zstd, 1 to 19; 0 for none (default 3)" },
	OPTIONS_END,
};

#define NOT_THERE UINT16_MAX

/**
 * struct old_stream - a stream of a log that is read
 * @begin: its STREAM record, with @name for its data
 * @open: it has begun, and has neither ended nor been hung up
 * @number: in the new log, or NOT_THERE
 */
struct old_stream {
	struct crr_record begin;
	unsigned char name[CRR_STREAM_NAME_MAX];
	bool open;
	uint16_t number;
};

static struct old_stream streams[CRR_STREAMS_MAX];
static uint16_t nstreams; /* of the new log */

static void forget_streams(void)
{
	size_t i;

	for (i = 0; i < CRR_STREAMS_MAX; i++)
		streams[i] = (struct old_stream){ .number = NOT_THERE };
}

/* What a record does to its stream, in the log that it comes from. */
static void follow(const struct crr_record *rec)
{
	struct old_stream *old;

	switch (rec->type) {
	case CRR_TYPE_STREAM:
		old = &streams[rec->stream];
		old->begin = *rec;
		memcpy(old->name, rec->data, rec->data_length);
		old->begin.data = old->name;
		old->open = true;
		break;
	case CRR_TYPE_HANGUP:
	case CRR_TYPE_STREAM_END:
		streams[rec->stream].open = false;
		break;
	}
}

static void begin_stream(struct new_log *out, struct old_stream *old)
{
	struct crr_record rec = old->begin;

	old->number = nstreams++;
	rec.stream = old->number;
	/* One that an earlier log did not have. */
	if (rec.counter < out->order.counter)
		rec.counter = out->order.counter;
	new_log_add(out, &rec);
}

/* False: its stream is not in the new log. */
static bool renumber(struct crr_record *rec)
{
	if (rec->type == CRR_TYPE_TIME || rec->stream >= CRR_STREAMS_MAX)
		return true;
	rec->stream = streams[rec->stream].number;
	return rec->stream != NOT_THERE;
}

/* ---- cut ---- */

/* The time at which the part begins, and the streams that are open there. */
static void begin_part(struct new_log *out, const struct log_file *file)
{
	struct crr_record time = { .type = CRR_TYPE_TIME, .time = file->now };
	size_t i;

	if (file->now)
		new_log_add(out, &time);
	for (i = 0; i < CRR_STREAMS_MAX; i++)
		if (streams[i].open && streams[i].number == NOT_THERE &&
		    i >= file->stream.from && i <= file->stream.to)
			begin_stream(out, &streams[i]);
}

static void cut(struct log_file *file, struct new_log *out)
{
	uint64_t counter = 0;
	struct log_file all;
	struct crr_record rec;
	bool begun = false;

	forget_streams();
	log_file_all(&all, file);
	while (log_file_next(&all, &rec)) {
		file->now = all.now;
		if (log_file_is_past(file, &rec))
			break;
		if (!log_file_wants(file, &rec)) {
			follow(&rec);
			continue;
		}
		if (!begun)
			begin_part(out, file);
		begun = true;
		follow(&rec);
		counter = rec.counter;
		if (rec.type == CRR_TYPE_STREAM)
			begin_stream(out, &streams[rec.stream]);
		else if (rec.type != CRR_TYPE_END && renumber(&rec))
			new_log_add(out, &rec);
	}
	if (!begun)
		fail("%s: none of its records is wanted", file->path);
	new_log_end(out, counter);
	file->unended = all.unended;
}

static int run_cut(const struct command *cmd, int argc, char **argv)
{
	struct log_file file;
	struct new_log out;
	bool force = false;
	int level = -1, c;

	log_file_init(&file);
	while ((c = next_option(cmd, argc, argv)) != -1) {
		if (c == 'f')
			force = true;
		else if (c == 'z')
			level = parse_level(cmd, optarg);
		else
			log_file_option(&file, cmd, c);
	}
	if (optind != argc - 2)
		usage_error(cmd, "a log, please, and where to write");
	output_reads(argv[optind]);
	log_file_open_whole(&file, argv[optind]);
	new_log_open(&out, argv[optind + 1], force, level,
		     crr_log_get_info(file.log));
	cut(&file, &out);
	new_log_close(&out);
	log_file_close(&file);
	return log_file_status(&file);
}

/* ---- cat ---- */

/* STREAM_ENDs that came just before the end: if another log follows, none. */
static struct crr_record held[CRR_STREAMS_MAX];
static size_t nheld;

static void let_go(struct new_log *out)
{
	size_t i;

	for (i = 0; i < nheld; i++)
		new_log_add(out, &held[i]);
	nheld = 0;
}

/* Does the stream go on that an earlier log has left? */
static void join_stream(struct new_log *out, struct old_stream *old,
			struct old_stream *before, size_t nbefore)
{
	size_t i;

	for (i = 0; i < nbefore; i++) {
		if (before[i].number == NOT_THERE ||
		    before[i].begin.data_length != old->begin.data_length ||
		    memcmp(before[i].name, old->name, old->begin.data_length))
			continue;
		old->number = before[i].number;
		before[i].number = NOT_THERE;
		return;
	}
	begin_stream(out, old);
}

static void append(struct log_file *file, struct new_log *out,
		   struct old_stream *before, size_t nbefore)
{
	struct crr_record rec;

	while (log_file_next(file, &rec)) {
		if (rec.type == CRR_TYPE_STREAM) {
			follow(&rec);
			join_stream(out, &streams[rec.stream], before,
				    nbefore);
			continue;
		}
		if (rec.type == CRR_TYPE_END)
			break;
		/* Stopped, it may go on in the next log. */
		if (rec.type != CRR_TYPE_STREAM_END ||
		    rec.reason != CRR_END_STOP)
			follow(&rec);
		if (!renumber(&rec))
			continue;
		if (rec.counter < out->order.counter)
			fail("%s has a record at @%" PRIu64
			     ", and what comes before it ends at @%" PRIu64,
			     file->path, (uint64_t)rec.counter,
			     (uint64_t)out->order.counter);
		if (rec.type == CRR_TYPE_STREAM_END &&
		    rec.reason == CRR_END_STOP) {
			held[nheld++] = rec;
			continue;
		}
		let_go(out);
		new_log_add(out, &rec);
	}
}

static void check_alike(const char *path, const struct crr_log_info *a,
			const struct crr_log_info *b)
{
	if (a->delivery != b->delivery)
		fail("%s has another delivery than the first log", path);
	if (strcmp(a->counter, b->counter))
		fail("%s counts something else than the first log", path);
}

static int run_cat(const struct command *cmd, int argc, char **argv)
{
	static struct old_stream before[CRR_STREAMS_MAX];
	const char *path = "-";
	uint64_t counter = 0;
	struct crr_log_info info;
	struct log_file file;
	struct new_log out;
	bool force = false;
	int level = -1, status = 0, c, i;
	size_t n;

	while ((c = next_option(cmd, argc, argv)) != -1) {
		if (c == 'f')
			force = true;
		else if (c == 'z')
			level = parse_level(cmd, optarg);
		else
			path = optarg;
	}
	if (optind == argc)
		usage_error(cmd, "which logs?");
	for (i = optind; i < argc; i++)
		output_reads(argv[i]);
	forget_streams();
	for (i = optind; i < argc; i++) {
		memcpy(before, streams, sizeof(before));
		for (n = 0; n < CRR_STREAMS_MAX; n++)
			if (!before[n].open)
				before[n].number = NOT_THERE;
		forget_streams();
		nheld = 0;
		log_file_init(&file);
		log_file_open(&file, argv[i]);
		if (i == optind) {
			info = *crr_log_get_info(file.log);
			new_log_open(&out, path, force, level, &info);
		} else {
			check_alike(argv[i], &info, crr_log_get_info(file.log));
		}
		append(&file, &out, before, CRR_STREAMS_MAX);
		counter = out.order.counter;
		if (nheld && held[nheld - 1].counter > counter)
			counter = held[nheld - 1].counter;
		log_file_close(&file);
		status |= log_file_status(&file);
	}
	let_go(&out);
	new_log_end(&out, counter);
	new_log_close(&out);
	return status;
}

const struct command cmd_log_cut = {
	.name = "log cut",
	.synopsis = "[OPTION]... FILE OUT",
	.summary = "a whole log of a part of one",
	.run = run_cut,
	.options = cut_options,
	.failure = EXIT_CRR_FAILURE,
};

const struct command cmd_log_cat = {
	.name = "log cat",
	.synopsis = "[OPTION]... FILE...",
	.summary = "one log of several, each of which goes on where the last ended",
	.run = run_cat,
	.options = cat_options,
	.failure = EXIT_CRR_FAILURE,
};
