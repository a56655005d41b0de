// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log verify: check that logs are complete and undamaged. */
#include <inttypes.h>

#include "log.h"

static const struct option_help verify_options[] = {
	{ { "quiet", no_argument, NULL, 'q' }, NULL,
	  "do not report complete logs" },
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
		printf("%s: %" PRIu64 " records can be read; 'crrctl log repair' makes a complete log of %s\n",
		       path, records,
		       file.damaged ? "those before the damage" : "them");
	else if (!quiet)
		printf("%s: complete, %" PRIu64 " records\n", path, records);
	log_file_close(&file);
	return good;
}

static int run_verify(const struct command *cmd, int argc, char **argv)
{
	bool quiet = false, good = true;

	while (next_option(cmd, argc, argv) != -1)
		quiet = true;
	if (optind == argc)
		usage_error(cmd, "no FILE given");
	for (; optind < argc; optind++)
		good &= verify(argv[optind], quiet);
	return good ? 0 : EXIT_CRR_LOG;
}

const struct command cmd_log_verify = {
	.name = "log verify",
	.synopsis = "[OPTION]... FILE...",
	.summary = "check that logs are complete and undamaged",
	.run = run_verify,
	.options = verify_options,
	.failure = EXIT_CRR_FAILURE,
};
