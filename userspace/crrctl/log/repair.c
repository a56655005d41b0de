// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log repair: make a complete log of the readable part of a damaged one. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "log.h"

static const struct option_help repair_options[] = {
	FORCE_OPTION,
	OPTIONS_END,
};

/* @read: number of records from the damaged log; the others were added. */
static void report_repair(const struct log_file *file,
			  const struct new_log *out, bool ended, bool damaged,
			  uint64_t read)
{
	const char *new = out->out.path;
	uint64_t all = out->order.sequence;
	struct crr_log_extent extent;

	if (damaged && !read)
		warn("%s: no record can be read", file->path);
	else if (damaged && !ended)
		warn("%s: records 0 to %" PRIu64 " can be read; the rest is not in %s",
		     file->path, read - 1, new);
	else if (!ended)
		warn("%s %s", file->path, log_no_end(file->fd));
	if (!read)
		warn("%s has 1 record, added to end it", new);
	else if (!ended)
		warn("%s has %" PRIu64 " records, %" PRIu64 " of them added to end it",
		     new, all, all - read);
	else if (damaged)
		warn("%s has all %" PRIu64 " records", new, all);
	else if (file->size && crr_log_extent(file->log, &extent))
		warn("%s has no footer; %s has all %" PRIu64 " records",
		     file->path, new, all);
	else
		warn("%s is complete; %s has all %" PRIu64 " records", file->path,
		     new, all);
}

static int run_repair(const struct command *cmd, int argc, char **argv)
{
	struct crr_log_error error;
	bool force = false, ended = false;
	uint64_t counter = 0, read;
	struct log_file file;
	struct crr_record rec;
	struct new_log out;
	int ret;

	log_file_init(&file);
	while (next_option(cmd, argc, argv) != -1)
		force = true;
	need_arguments(cmd, argc, 2);
	output_reads(argv[optind]);
	log_file_open(&file, argv[optind]);
	new_log_open(&out, argv[optind + 1], force, -1,
		     crr_log_get_info(file.log));
	while ((ret = crr_log_next(file.log, &rec, &error)) > 0) {
		counter = rec.counter;
		ended |= rec.type == CRR_TYPE_END;
		new_log_add(&out, &rec);
	}
	if (ret < 0 && errno != EBADMSG)
		log_damaged(&file, &error);
	if (ret < 0)
		warn("%s: at byte %" PRIu64 ": %s", file.path, error.offset,
		     error.text);
	read = out.order.sequence;
	new_log_end(&out, counter);
	new_log_close(&out);
	report_repair(&file, &out, ended, ret < 0, read);
	log_file_close(&file);
	return 0;
}

const struct command cmd_log_repair = {
	.name = "log repair",
	.synopsis = "[OPTION]... FILE OUT",
	.summary = "make a complete log of the readable part of a damaged log",
	.run = run_repair,
	.options = repair_options,
	.failure = EXIT_CRR_FAILURE,
};
