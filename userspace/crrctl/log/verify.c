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
	if (!good && !crr_log_ended(file.log))
		printf("%s: no end: what came after record %" PRIu64
		       " is missing\n",
		       path, file.next ? file.next - 1 : 0);
	if (good && file.size && crr_log_extent(file.log, &extent)) {
		printf("%s: the footer is missing\n", path);
		good = false;
	}
	if (!good)
		printf("%s: %" PRIu64 " records can be read; 'crrctl log repair' makes a whole log of those before the damage\n",
		       path, records);
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

static int run_repair(const struct command *cmd, int argc, char **argv)
{
	struct crr_log_error error;
	uint64_t counter = 0, records;
	bool force = false, ended = false;
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
	if (!ended)
		warn("%s: everything from record %" PRIu64 " on is lost",
		     file.path, (uint64_t)out.order.sequence);
	new_log_end(&out, counter);
	records = new_log_close(&out);
	log_file_close(&file);
	warn("%" PRIu64 " records in %s", records, out.out.path);
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
