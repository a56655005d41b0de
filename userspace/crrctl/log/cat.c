// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log cat: join logs, each of which continues the one before it. */
#include <inttypes.h>
#include <string.h>

#include "log.h"

static const struct option_help cat_options[] = {
	{ { "output", required_argument, NULL, 'o' }, "OUT",
	  "log to write (default standard output)" },
	FORCE_OPTION,
	COMPRESS_OPTION,
	OPTIONS_END,
};

static struct stream_map map;

/*
 * STREAM_END records at the end of a log. They are dropped if another log
 * follows, in which the streams continue.
 */
static struct crr_record held[CRR_STREAMS_MAX];
static size_t nheld;

static void write_held(struct new_log *out)
{
	size_t i;

	for (i = 0; i < nheld; i++)
		new_log_add(out, &held[i]);
	nheld = 0;
}

/* Continue a stream of the previous log if there is one of this name. */
static void join_stream(struct new_log *out, struct old_stream *old,
			struct old_stream *before)
{
	size_t i;

	for (i = 0; i < CRR_STREAMS_MAX; i++) {
		if (before[i].number == NOT_IN_NEW_LOG ||
		    before[i].begin.data_length != old->begin.data_length ||
		    memcmp(before[i].name, old->name, old->begin.data_length))
			continue;
		old->number = before[i].number;
		before[i].number = NOT_IN_NEW_LOG;
		return;
	}
	streams_begin(&map, out, old);
}

static void append(struct log_file *file, struct new_log *out,
		   struct old_stream *before)
{
	struct crr_record rec;
	bool stopped;

	while (log_file_next(file, &rec)) {
		if (rec.type == CRR_TYPE_STREAM) {
			streams_follow(&map, &rec);
			join_stream(out, &map.old[rec.stream], before);
			continue;
		}
		if (rec.type == CRR_TYPE_END)
			break;
		/* A stopped stream may continue in the next log. */
		stopped = rec.type == CRR_TYPE_STREAM_END &&
			  rec.reason == CRR_END_STOP;
		if (!stopped)
			streams_follow(&map, &rec);
		if (!streams_renumber(&map, &rec))
			continue;
		if (rec.counter < out->order.counter)
			fail("%s has a record at @%" PRIu64
			     ", but the log before it ends at @%" PRIu64,
			     file->path, (uint64_t)rec.counter,
			     (uint64_t)out->order.counter);
		if (stopped) {
			held[nheld++] = rec;
			continue;
		}
		write_held(out);
		new_log_add(out, &rec);
	}
}

static void check_alike(const char *path, const struct crr_log_info *a,
			const struct crr_log_info *b)
{
	if (a->delivery != b->delivery)
		fail("%s: the delivery differs from that of the first log",
		     path);
	if (strcmp(a->counter, b->counter))
		fail("%s: the counter's unit differs from that of the first log",
		     path);
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
		usage_error(cmd, "no FILE given");
	for (i = optind; i < argc; i++)
		output_reads(argv[i]);
	streams_reset(&map);
	for (i = optind; i < argc; i++) {
		memcpy(before, map.old, sizeof(before));
		for (n = 0; n < CRR_STREAMS_MAX; n++)
			if (!before[n].open)
				before[n].number = NOT_IN_NEW_LOG;
		streams_reset(&map);
		nheld = 0;
		log_file_init(&file);
		log_file_open(&file, argv[i]);
		if (i == optind) {
			info = *crr_log_get_info(file.log);
			new_log_open(&out, path, force, level, &info);
		} else {
			check_alike(argv[i], &info, crr_log_get_info(file.log));
		}
		append(&file, &out, before);
		counter = out.order.counter;
		if (nheld && held[nheld - 1].counter > counter)
			counter = held[nheld - 1].counter;
		log_file_close(&file);
		status |= log_file_status(&file);
	}
	write_held(&out);
	new_log_end(&out, counter);
	new_log_close(&out);
	return status;
}

const struct command cmd_log_cat = {
	.name = "log cat",
	.synopsis = "[OPTION]... FILE...",
	.summary = "join logs, each of which continues the one before it",
	.run = run_cat,
	.options = cat_options,
	.failure = EXIT_CRR_FAILURE,
};
