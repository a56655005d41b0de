// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log info: how a log was recorded, and what it contains. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "log.h"

static const struct option_help info_options[] = {
	JSON_OPTION,
	OPTIONS_END,
};

const char *delivery_name(const struct crr_log_info *info)
{
	return info->delivery == CRR_DELIVERY_GATED ? "gated" : "free";
}

static void print_date(const char *what, uint64_t nanoseconds)
{
	time_t seconds = (time_t)(nanoseconds / 1000000000);
	char date[64];

	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S %z",
		 localtime(&seconds));
	printf("%s: %s\n", what, date);
}

static void print_output(const struct totals *totals)
{
	printf("output: %s\n",
	       totals->captured ? totals->uncaptured ? "captured in part" :
						       "captured" :
	       totals->uncaptured ? "not captured" :
				    "nothing was written");
}

static void print_info(const struct log_file *file,
		       const struct totals *totals, bool ended)
{
	const struct crr_log_info *info = crr_log_get_info(file->log);
	const struct stream_totals *stream;
	uint32_t i;

	/* An imported log may not have the time. */
	if (info->created)
		print_date("recorded", info->created);
	else
		printf("recorded: unknown\n");
	if (*info->command) {
		printf("command: ");
		print_text(stdout, info->command);
		putchar('\n');
	}
	printf("delivery: %s\n", delivery_name(info));
	printf("counter: %" PRIu64 " to %" PRIu64 "%s", totals->first,
	       totals->last, *info->counter ? " " : "");
	print_text(stdout, info->counter);
	putchar('\n');
	printf("records: %" PRIu64 "%s%s\n", totals->records,
	       ended ? "" : "; the log ", ended ? "" : log_no_end(file->fd));
	if (file->size)
		printf("size: %" PRIu64 " bytes, %.2f per record\n", file->size,
		       totals->records ? (double)file->size /
						 (double)totals->records :
					 0);
	print_output(totals);
	for (i = 0; i < totals->nstreams; i++) {
		stream = &totals->streams[i];
		if (stream->known)
			printf("stream %u: %s, %" PRIu64 " records, %" PRIu64
			       " bytes in, %" PRIu64 " out\n",
			       i, stream->name, stream->records,
			       stream->bytes_in, stream->bytes_out);
	}
}

static void print_info_json(const struct log_file *file,
			    const struct totals *totals, bool ended)
{
	const struct crr_log_info *info = crr_log_get_info(file->log);
	json_t *object = json_object(), *streams = json_array();
	json_t *run = stored_json(info);
	uint32_t i;

	for (i = 0; i < totals->nstreams; i++)
		if (totals->streams[i].known)
			json_add(streams,
				 totals_stream_json(i, &totals->streams[i]));
	json_set(object, "created",
		 info->created ? json_u64(info->created) : json_null());
	json_set(object, "command",
		 json_text(info->command, strlen(info->command)));
	if (run)
		json_set(object, "run", run);
	json_set(object, "delivery", json_string(delivery_name(info)));
	json_set(object, "counter",
		 json_text(info->counter, strlen(info->counter)));
	json_set(object, "first_counter", json_u64(totals->first));
	json_set(object, "last_counter", json_u64(totals->last));
	json_set(object, "records", json_u64(totals->records));
	json_set(object, "size", json_u64(file->size));
	json_set(object, "complete", json_boolean(ended));
	json_set(object, "output",
		 json_string(totals->captured ?
				     totals->uncaptured ? "partial" :
							  "captured" :
			     totals->uncaptured ? "uncaptured" :
						  "none"));
	json_set(object, "streams", streams);
	json_print(stdout, object, JSON_LINE);
}

static int run_info(const struct command *cmd, int argc, char **argv)
{
	static struct totals totals;
	struct log_file file;
	struct crr_record rec;
	bool json = false, ended;
	int c;

	log_file_init(&file);
	file.goes_on = true;
	while ((c = next_option(cmd, argc, argv)) != -1)
		json = c == 'j';
	need_arguments(cmd, argc, 1);
	log_file_open(&file, argv[optind]);
	while (log_file_next(&file, &rec))
		totals_add(&totals, &rec);
	ended = crr_log_ended(file.log);
	if (json)
		print_info_json(&file, &totals, ended);
	else
		print_info(&file, &totals, ended);
	log_file_close(&file);
	return ended && !file.damaged ? 0 : EXIT_CRR_LOG;
}

const struct command cmd_log_info = {
	.name = "log info",
	.synopsis = "[OPTION]... FILE",
	.summary = "show how a log was recorded, and what it contains",
	.run = run_info,
	.options = info_options,
	.failure = EXIT_CRR_FAILURE,
};
