// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log cut: make a complete log of a part of a log. */
#include "log.h"

static const struct option_help cut_options[] = {
	FORCE_OPTION,
	COMPRESS_OPTION,
	RANGE_OPTIONS,
	OPTIONS_END,
};

static struct stream_map map;

/* Write the time at which the part begins, and the streams that are open there. */
static void begin_part(struct new_log *out, const struct log_file *file)
{
	struct crr_record time = { .type = CRR_TYPE_TIME, .time = file->now };
	size_t i;

	if (file->now)
		new_log_add(out, &time);
	for (i = 0; i < CRR_STREAMS_MAX; i++)
		if (map.old[i].open && map.old[i].number == NOT_IN_NEW_LOG &&
		    i >= file->stream.from && i <= file->stream.to)
			streams_begin(&map, out, &map.old[i]);
}

static void cut(struct log_file *file, struct new_log *out)
{
	uint64_t counter = 0;
	struct log_file all;
	struct crr_record rec;
	bool begun = false;

	streams_reset(&map);
	log_file_all(&all, file);
	while (log_file_next(&all, &rec)) {
		file->now = all.now;
		if (log_file_is_past(file, &rec))
			break;
		if (!log_file_wants(file, &rec)) {
			streams_follow(&map, &rec);
			continue;
		}
		if (!begun)
			begin_part(out, file);
		begun = true;
		streams_follow(&map, &rec);
		counter = rec.counter;
		if (rec.type == CRR_TYPE_STREAM)
			streams_begin(&map, out, &map.old[rec.stream]);
		else if (rec.type != CRR_TYPE_END &&
			 streams_renumber(&map, &rec))
			new_log_add(out, &rec);
	}
	if (!begun)
		fail("%s: no record is in the given range", file->path);
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
	need_arguments(cmd, argc, 2);
	output_reads(argv[optind]);
	log_file_open_whole(&file, argv[optind]);
	new_log_open(&out, argv[optind + 1], force, level,
		     crr_log_get_info(file.log));
	cut(&file, &out);
	new_log_close(&out);
	log_file_close(&file);
	return log_file_status(&file);
}

const struct command cmd_log_cut = {
	.name = "log cut",
	.synopsis = "[OPTION]... FILE OUT",
	.summary = "make a complete log of a part of a log",
	.run = run_cut,
	.options = cut_options,
	.failure = EXIT_CRR_FAILURE,
};
