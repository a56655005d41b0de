// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log info, crrctl log stat: what a log holds, at a glance and at length. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

static const struct option_help info_options[] = {
	{ { "json", no_argument, NULL, 'j' }, NULL, "as JSON" },
	OPTIONS_END,
};

static const struct option_help stat_options[] = {
	{ { "json", no_argument, NULL, 'j' }, NULL, "as JSON" },
	{ { "gap", required_argument, NULL, 'g' }, "COUNT",
	  "what parts bursts; else 8 times the median gap" },
	RANGE_OPTIONS,
	OPTIONS_END,
};

/* Gaps by their length: of 2^n to 2^(n+1) - 1 counts, and of none. */
#define GAP_CLASSES 65

/**
 * struct stream_sum - what a stream had
 * @name: as its STREAM record says
 * @known: something of it has been seen
 * @records: how many
 * @reads: READs; @bytes_in: in them
 * @writes: WRITEs; @bytes_out: of them, that went to the device
 * @last: counter of the last one
 * @longest: gap between two, in counts
 * @longest_at: where that began
 * @gaps: how many of each length
 * @bursts: how many
 * @burst_records: in the one that goes on; likewise @burst_bytes, @burst_at
 * @most_records: in the largest one; likewise @most_bytes, @most_at, @most_end
 */
struct stream_sum {
	char name[CRR_STREAM_NAME_MAX + 1];
	bool known;
	uint64_t records;
	uint64_t reads;
	uint64_t bytes_in;
	uint64_t writes;
	uint64_t bytes_out;
	uint64_t last;
	uint64_t longest;
	uint64_t longest_at;
	uint64_t gaps[GAP_CLASSES];
	uint64_t bursts;
	uint64_t burst_records;
	uint64_t burst_bytes;
	uint64_t burst_at;
	uint64_t most_records;
	uint64_t most_bytes;
	uint64_t most_at;
	uint64_t most_end;
};

/**
 * struct log_sum - what a log had
 * @records: without optional ones
 * @first: counter of the first
 * @last: of the last
 * @begin: of the first TIME, in nanoseconds since 1970
 * @end: of the last
 * @captured: a WRITE's bytes were
 * @uncaptured: a WRITE's bytes were not
 * @nstreams: how many streams may be known
 * @streams: by number
 */
struct log_sum {
	uint64_t records;
	uint64_t first;
	uint64_t last;
	uint64_t begin;
	uint64_t end;
	bool captured;
	bool uncaptured;
	uint32_t nstreams;
	struct stream_sum streams[CRR_STREAMS_MAX];
};

static unsigned int gap_class(uint64_t gap)
{
	return gap ? 64U - (unsigned int)__builtin_clzll(gap) : 0;
}

static void add_gap(struct stream_sum *stream, const struct crr_record *rec)
{
	uint64_t gap = rec->counter - stream->last;

	if (stream->records > 1) {
		stream->gaps[gap_class(gap)]++;
		if (gap > stream->longest) {
			stream->longest = gap;
			stream->longest_at = stream->last;
		}
	}
	stream->last = rec->counter;
}

/* The stream of a record that belongs to one; made known. */
static struct stream_sum *stream_of(struct log_sum *sum,
				    const struct crr_record *rec)
{
	struct stream_sum *stream = &sum->streams[rec->stream];

	stream->known = true;
	if (rec->stream >= sum->nstreams)
		sum->nstreams = rec->stream + 1U;
	if (rec->type == CRR_TYPE_STREAM)
		memcpy(stream->name, rec->data, rec->data_length);
	return stream;
}

static void add_record(struct log_sum *sum, const struct crr_record *rec)
{
	struct stream_sum *stream;

	if (rec->type == CRR_TYPE_TIME) {
		if (!sum->begin)
			sum->begin = rec->time;
		sum->end = rec->time;
	}
	if (rec->type & CRR_TYPE_OPTIONAL)
		return;
	if (!sum->records++)
		sum->first = rec->counter;
	sum->last = rec->counter;
	if (rec->type == CRR_TYPE_END)
		return;
	stream = stream_of(sum, rec);
	stream->records++;
	add_gap(stream, rec);
	switch (rec->type) {
	case CRR_TYPE_READ:
		stream->reads++;
		stream->bytes_in += rec->data_length;
		break;
	case CRR_TYPE_WRITE:
		stream->writes++;
		stream->bytes_out += rec->offset;
		if (rec->flags & CRR_FLAG_CAPTURED)
			sum->captured = true;
		else
			sum->uncaptured = true;
		break;
	}
}

static const char *delivery_name(const struct crr_log_info *info)
{
	return info->delivery == CRR_DELIVERY_GATED ? "gated" : "free";
}

static const char *output_name(const struct log_sum *sum)
{
	if (!sum->captured && !sum->uncaptured)
		return "nothing was written";
	if (!sum->captured)
		return "not captured";
	return sum->uncaptured ? "captured in part" : "captured";
}

/* The same for programs. */
static const char *output_word(const struct log_sum *sum)
{
	if (sum->captured)
		return sum->uncaptured ? "partial" : "captured";
	return sum->uncaptured ? "uncaptured" : "none";
}

/* ---- info ---- */

static void print_date(const char *what, uint64_t nanoseconds)
{
	time_t seconds = (time_t)(nanoseconds / 1000000000);
	char date[64];

	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S %z",
		 localtime(&seconds));
	printf("%s: %s\n", what, date);
}

static double bytes_per_record(const struct log_file *file,
			       const struct log_sum *sum)
{
	return sum->records ? (double)file->size / (double)sum->records : 0;
}

static void print_info(const struct log_file *file, const struct log_sum *sum,
		       bool ended)
{
	const struct crr_log_info *info = crr_log_get_info(file->log);
	uint32_t i;

	/* An imported log need not tell. */
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
	printf("counter: %" PRIu64 " to %" PRIu64 "%s", sum->first, sum->last,
	       *info->counter ? " " : "");
	print_text(stdout, info->counter);
	putchar('\n');
	printf("records: %" PRIu64 "%s\n", sum->records,
	       ended ? "" : ", and no end: the recording was killed");
	if (file->size)
		printf("size: %" PRIu64 " bytes, %.2f a record\n", file->size,
		       bytes_per_record(file, sum));
	printf("output: %s\n", output_name(sum));
	for (i = 0; i < sum->nstreams; i++)
		if (sum->streams[i].known)
			printf("stream %u: %s, %" PRIu64 " records, %" PRIu64
			       " bytes in, %" PRIu64 " out\n",
			       i, sum->streams[i].name,
			       sum->streams[i].records,
			       sum->streams[i].bytes_in,
			       sum->streams[i].bytes_out);
}

static void print_stream_json(uint32_t i, const struct stream_sum *stream)
{
	printf("{\"stream\":%u,\"name\":", i);
	print_json_string(stdout, stream->name, strlen(stream->name));
	printf(",\"records\":" JSON_U64 ",\"bytes_in\":" JSON_U64
	       ",\"bytes_out\":" JSON_U64,
	       stream->records, stream->bytes_in, stream->bytes_out);
}

static void print_info_json(const struct log_file *file,
			    const struct log_sum *sum, bool ended)
{
	const struct crr_log_info *info = crr_log_get_info(file->log);
	const char *comma = "";
	uint32_t i;

	if (info->created)
		printf("{\"created\":" JSON_U64, info->created);
	else
		printf("{\"created\":null");
	printf(",\"command\":");
	print_json_string(stdout, info->command, strlen(info->command));
	printf(",\"delivery\":\"%s\",\"counter\":", delivery_name(info));
	print_json_string(stdout, info->counter, strlen(info->counter));
	printf(",\"first_counter\":" JSON_U64 ",\"last_counter\":" JSON_U64
	       ",\"records\":" JSON_U64 ",\"size\":" JSON_U64
	       ",\"complete\":%s,\"output\":\"%s\",\"streams\":[",
	       sum->first, sum->last, sum->records, file->size,
	       ended ? "true" : "false", output_word(sum));
	for (i = 0; i < sum->nstreams; i++) {
		if (!sum->streams[i].known)
			continue;
		fputs(comma, stdout);
		print_stream_json(i, &sum->streams[i]);
		putchar('}');
		comma = ",";
	}
	printf("]}\n");
}

static int run_info(const struct command *cmd, int argc, char **argv)
{
	static struct log_sum sum;
	struct log_file file;
	struct crr_record rec;
	bool json = false, ended;
	int c;

	log_file_init(&file);
	file.goes_on = true;
	while ((c = next_option(cmd, argc, argv)) != -1)
		json = c == 'j';
	if (optind != argc - 1)
		usage_error(cmd, "one log, please");
	log_file_open(&file, argv[optind]);
	while (log_file_next(&file, &rec))
		add_record(&sum, &rec);
	ended = crr_log_ended(file.log);
	if (json)
		print_info_json(&file, &sum, ended);
	else
		print_info(&file, &sum, ended);
	log_file_close(&file);
	return ended && !file.damaged ? 0 : EXIT_CRR_LOG;
}

/* ---- stat ---- */

/* The shortest gap of the class in which the middle one is. */
static uint64_t median_gap(const struct stream_sum *stream)
{
	uint64_t all = 0, n = 0;
	unsigned int i;

	for (i = 0; i < GAP_CLASSES; i++)
		all += stream->gaps[i];
	for (i = 0; i < GAP_CLASSES - 1; i++) {
		n += stream->gaps[i];
		if (2 * n >= all)
			break;
	}
	return i ? 1ULL << (i - 1) : 0;
}

static void end_burst(struct stream_sum *stream, uint64_t end)
{
	if (stream->burst_records < 2)
		return;
	stream->bursts++;
	if (stream->burst_bytes < stream->most_bytes)
		return;
	stream->most_records = stream->burst_records;
	stream->most_bytes = stream->burst_bytes;
	stream->most_at = stream->burst_at;
	stream->most_end = end;
}

static void add_burst(struct stream_sum *stream, const struct crr_record *rec,
		      uint64_t gap)
{
	if (rec->counter - stream->last > gap || !stream->burst_records) {
		end_burst(stream, stream->last);
		stream->burst_records = 0;
		stream->burst_bytes = 0;
		stream->burst_at = rec->counter;
	}
	stream->last = rec->counter;
	stream->burst_records++;
	stream->burst_bytes += rec->type == CRR_TYPE_READ ? rec->data_length :
							    rec->offset;
}

/* Go through it once more: what a gap is has become known. */
static void find_bursts(struct log_file *file, struct log_sum *sum,
			uint64_t gap, bool gap_told)
{
	static uint64_t gaps[CRR_STREAMS_MAX];
	struct crr_record rec;
	uint32_t i;

	for (i = 0; i < sum->nstreams; i++) {
		gaps[i] = gap_told ? gap : 8 * median_gap(&sum->streams[i]);
		sum->streams[i].last = 0;
	}
	log_file_rewind(file);
	while (log_file_next(file, &rec))
		if (rec.type == CRR_TYPE_READ || rec.type == CRR_TYPE_WRITE)
			add_burst(&sum->streams[rec.stream], &rec,
				  gaps[rec.stream]);
	for (i = 0; i < sum->nstreams; i++)
		end_burst(&sum->streams[i], sum->streams[i].last);
}

/* So much a second, where times are known, or a million counts. */
static double rate(const struct log_sum *sum, uint64_t n)
{
	double span = sum->end > sum->begin ?
			      (double)(sum->end - sum->begin) / 1e9 :
			      (double)(sum->last - sum->first) / 1e6;

	return span > 0 ? (double)n / span : 0;
}

static void print_stat(const struct log_sum *sum)
{
	const char *per = sum->end > sum->begin ? "second" : "million counts";
	const struct stream_sum *stream;
	uint32_t i;

	if (sum->end > sum->begin)
		printf("time: %.3f s\n", (double)(sum->end - sum->begin) / 1e9);
	printf("counter: %" PRIu64 " to %" PRIu64 "\n", sum->first, sum->last);
	for (i = 0; i < sum->nstreams; i++) {
		stream = &sum->streams[i];
		if (!stream->known)
			continue;
		printf("stream %u: %s\n", i, stream->name);
		printf("  records: %" PRIu64 ", %.1f a %s\n", stream->records,
		       rate(sum, stream->records), per);
		printf("  in: %" PRIu64 " bytes in %" PRIu64
		       " reads, %.1f bytes a %s\n",
		       stream->bytes_in, stream->reads,
		       rate(sum, stream->bytes_in), per);
		printf("  out: %" PRIu64 " bytes in %" PRIu64
		       " writes, %.1f bytes a %s\n",
		       stream->bytes_out, stream->writes,
		       rate(sum, stream->bytes_out), per);
		printf("  gaps: median about %" PRIu64 ", longest %" PRIu64
		       " at @%" PRIu64 "\n",
		       median_gap(stream), stream->longest,
		       stream->longest_at);
		if (!stream->bursts)
			continue;
		printf("  bursts: %" PRIu64 ", the largest of %" PRIu64
		       " bytes in %" PRIu64 " records at @%" PRIu64
		       " to @%" PRIu64 "\n",
		       stream->bursts, stream->most_bytes,
		       stream->most_records, stream->most_at,
		       stream->most_end);
	}
}

static void print_stat_json(const struct log_sum *sum)
{
	const struct stream_sum *stream;
	const char *comma = "";
	uint32_t i;

	printf("{\"seconds\":%.3f,\"first_counter\":" JSON_U64
	       ",\"last_counter\":" JSON_U64 ",\"streams\":[",
	       (double)(sum->end - sum->begin) / 1e9, sum->first, sum->last);
	for (i = 0; i < sum->nstreams; i++) {
		stream = &sum->streams[i];
		if (!stream->known)
			continue;
		fputs(comma, stdout);
		print_stream_json(i, stream);
		printf(",\"reads\":" JSON_U64 ",\"writes\":" JSON_U64
		       ",\"median_gap\":" JSON_U64 ",\"longest_gap\":" JSON_U64
		       ",\"longest_gap_at\":" JSON_U64 ",\"bursts\":" JSON_U64,
		       stream->reads, stream->writes, median_gap(stream),
		       stream->longest, stream->longest_at, stream->bursts);
		if (stream->bursts)
			printf(",\"largest_burst\":{\"bytes\":" JSON_U64
			       ",\"records\":" JSON_U64 ",\"from\":" JSON_U64
			       ",\"to\":" JSON_U64 "}",
			       stream->most_bytes, stream->most_records,
			       stream->most_at, stream->most_end);
		putchar('}');
		comma = ",";
	}
	printf("]}\n");
}

static int run_stat(const struct command *cmd, int argc, char **argv)
{
	static struct log_sum sum;
	bool json = false, gap_told = false;
	struct log_file file;
	struct crr_record rec;
	uint64_t gap = 0;
	int c;

	log_file_init(&file);
	while ((c = next_option(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'g':
			gap = parse_number(cmd, optarg);
			gap_told = true;
			break;
		default:
			log_file_option(&file, cmd, c);
			break;
		}
	}
	if (optind != argc - 1)
		usage_error(cmd, "one log, please");
	log_file_open(&file, argv[optind]);
	while (log_file_next(&file, &rec))
		add_record(&sum, &rec);
	/* Of a pipe there is no second look. */
	if (file.size)
		find_bursts(&file, &sum, gap, gap_told);
	if (json)
		print_stat_json(&sum);
	else
		print_stat(&sum);
	flush_output();
	log_file_close(&file);
	return log_file_status(&file);
}

const struct command cmd_log_info = {
	.name = "log info",
	.synopsis = "[OPTION]... FILE",
	.summary = "how a log was made, and what it holds",
	.run = run_info,
	.options = info_options,
	.failure = EXIT_CRR_FAILURE,
};

const struct command cmd_log_stat = {
	.name = "log stat",
	.synopsis = "[OPTION]... FILE",
	.summary = "bytes, rates, gaps and bursts of each stream",
	.run = run_stat,
	.options = stat_options,
	.failure = EXIT_CRR_FAILURE,
};
