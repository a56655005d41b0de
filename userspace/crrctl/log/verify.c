// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log verify, crrctl log repair: logs that were cut, or spoilt. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static const struct option_help verify_options[] = {
	{ { "quiet", no_argument, NULL, 'q' }, NULL,
	  "say nothing of logs that are whole" },
	OPTIONS_END,
};

static const struct option_help repair_options[] = {
	{ { "force", no_argument, NULL, 'f' }, NULL,
	  "replace OUT if it exists" },
	OPTIONS_END,
};

static bool verify(const char *path, bool quiet)
{
	struct crr_log_extent extent;
	struct log_file file;
	struct crr_record rec;
	uint64_t records = 0;
	bool good;

	log_file_init(&file);
	file.goes_on = true;
	log_file_open(&file, path);
	while (log_file_next(&file, &rec))
		records += !(rec.type & CRR_TYPE_OPTIONAL);
	good = !file.damaged && crr_log_ended(file.log);
	if (!file.damaged && !good)
		printf("%s %s\n", path, log_no_end(file.fd));
	if (good && file.size && crr_log_extent(file.log, &extent)) {
		printf("%s: the footer is missing\n", path);
		good = false;
	}
	if (!good)
		printf("%s: %" PRIu64 " records can be read; 'crrctl log repair' makes a whole log of %s\n",
		       path, records,
		       file.damaged ? "those before the damage" : "them");
	else if (!quiet)
		printf("%s: whole, %" PRIu64 " records\n", path, records);
	log_file_close(&file);
	return good;
}

static int run_verify(const struct command *cmd, int argc, char **argv)
{
	bool quiet = false, good = true;

	while (next_option(cmd, argc, argv) != -1)
		quiet = true;
	if (optind == argc)
		usage_error(cmd, "which log?");
	for (; optind < argc; optind++)
		good &= verify(argv[optind], quiet);
	return good ? 0 : EXIT_CRR_LOG;
}

/* What repair has done. @read: records of the old log; all others end the new. */
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
		warn("%s: records 0 to %" PRIu64 " can be read; what follows is not in %s",
		     file->path, read - 1, new);
	else if (!ended)
		warn("%s %s", file->path, log_no_end(file->fd));
	if (!read)
		warn("%s has 1 record, added to end it", new);
	else if (!ended)
		warn("%s has %" PRIu64 " records, %" PRIu64 " of them added to end it",
		     new, all, all - read);
	else if (damaged)
		warn("%s has all of its %" PRIu64 " records", new, all);
	else if (file->size && crr_log_extent(file->log, &extent))
		warn("%s lacks its footer; %s has all of its %" PRIu64 " records",
		     file->path, new, all);
	else
		warn("%s is whole; %s has its %" PRIu64 " records", file->path,
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
	if (optind != argc - 2)
		usage_error(cmd, "a log, please, and where to write");
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

const struct command cmd_log_verify = {
	.name = "log verify",
	.synopsis = "[OPTION]... FILE...",
	.summary = "is it whole? and if not, what is missing?",
	.run = run_verify,
	.options = verify_options,
	.failure = EXIT_CRR_FAILURE,
};

const struct command cmd_log_repair = {
	.name = "log repair",
	.synopsis = "[OPTION]... FILE OUT",
	.summary = "a whole log of what is readable of a damaged one",
	.run = run_repair,
	.options = repair_options,
	.failure = EXIT_CRR_FAILURE,
};
