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
	{ { "gap", required_argument, NULL, 'g' }, "GAP",
	  "what parts bursts: counts, or a time such as 20ms" },
	RANGE_OPTIONS,
	OPTIONS_END,
};

/* Gaps by their length: of 2^n to 2^(n+1) - 1 units, and of none. */
#define GAP_CLASSES 65

/**
 * struct stream_sum - what a stream had. Where a record was, and how far it is
 *	from another one, is counted by the counter; or, if the log has none, in
 *	nanoseconds since the recording began.
 * @name: as its STREAM record says
 * @known: something of it has been seen
 * @records: how many
 * @reads: READs; @bytes_in: in them
 * @writes: WRITEs; @bytes_out: of them, that went to the device
 * @last: where the last one was
 * @longest: gap between two
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
 * @line: the log's clock
 * @timed: what is counted in is time
 * @seconds: from the first record to the last one; 0: that is not known
 * @captured: a WRITE's bytes were
 * @uncaptured: a WRITE's bytes were not
 * @nstreams: how many streams may be known
 * @streams: by number
 */
struct log_sum {
	uint64_t records;
	uint64_t first;
	uint64_t last;
	struct timeline line;
	bool timed;
	double seconds;
	bool captured;
	bool uncaptured;
	uint32_t nstreams;
	struct stream_sum streams[CRR_STREAMS_MAX];
};

static unsigned int gap_class(uint64_t gap)
{
	return gap ? 64U - (unsigned int)__builtin_clzll(gap) : 0;
}

static uint64_t place_of(struct log_sum *sum, const struct crr_record *rec)
{
	return sum->timed ? timeline_since(&sum->line, rec) : rec->counter;
}

static void add_gap(struct stream_sum *stream, uint64_t place)
{
	uint64_t gap = place - stream->last;

	if (stream->records > 1) {
		stream->gaps[gap_class(gap)]++;
		if (gap > stream->longest) {
			stream->longest = gap;
			stream->longest_at = stream->last;
		}
	}
	stream->last = place;
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

	if (rec->type & CRR_TYPE_OPTIONAL)
		return;
	if (!sum->records++)
		sum->first = rec->counter;
	sum->last = rec->counter;
	if (rec->type == CRR_TYPE_END)
		return;
	stream = stream_of(sum, rec);
	stream->records++;
	add_gap(stream, place_of(sum, rec));
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
	printf("records: %" PRIu64 "%s%s\n", sum->records,
	       ended ? "" : "; the log ", ended ? "" : log_no_end(file->fd));
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
		      uint64_t place, uint64_t gap)
{
	if (place - stream->last > gap || !stream->burst_records) {
		end_burst(stream, stream->last);
		stream->burst_records = 0;
		stream->burst_bytes = 0;
		stream->burst_at = place;
	}
	stream->last = place;
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
				  place_of(sum, &rec), gaps[rec.stream]);
	for (i = 0; i < sum->nstreams; i++)
		end_burst(&sum->streams[i], sum->streams[i].last);
}

/* So much a second, where times are known, or a million counts. */
static double rate(const struct log_sum *sum, uint64_t n)
{
	double span = sum->seconds > 0 ?
			      sum->seconds :
			      (double)(sum->last - sum->first) / 1e6;

	return span > 0 ? (double)n / span : 0;
}

static void print_span(const struct log_sum *sum, uint64_t span)
{
	if (sum->timed)
		printf("%.6f s", (double)span / 1e9);
	else
		printf("%" PRIu64, span);
}

static void print_place(const struct log_sum *sum, uint64_t place)
{
	if (sum->timed)
		printf("+%.6f s", (double)place / 1e9);
	else
		printf("@%" PRIu64, place);
}

static void print_gaps(const struct log_sum *sum,
		       const struct stream_sum *stream)
{
	printf("  gaps: median about ");
	print_span(sum, median_gap(stream));
	printf(", longest ");
	print_span(sum, stream->longest);
	printf(" at ");
	print_place(sum, stream->longest_at);
	putchar('\n');
	if (!stream->bursts)
		return;
	printf("  bursts: %" PRIu64 ", the largest of %" PRIu64
	       " bytes in %" PRIu64 " records at ",
	       stream->bursts, stream->most_bytes, stream->most_records);
	print_place(sum, stream->most_at);
	printf(" to ");
	print_place(sum, stream->most_end);
	putchar('\n');
}

static void print_stat(const struct log_sum *sum)
{
	const char *per = sum->seconds > 0 ? "second" : "million counts";
	const struct stream_sum *stream;
	uint32_t i;

	if (sum->seconds > 0)
		printf("time: %.3f s\n", sum->seconds);
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
		print_gaps(sum, stream);
	}
}

static void print_member(const struct log_sum *sum, const char *name,
			 uint64_t value)
{
	if (sum->timed)
		printf("\"%s\":%.6f", name, (double)value / 1e9);
	else
		printf("\"%s\":" JSON_U64, name, value);
}

static void print_gaps_json(const struct log_sum *sum,
			    const struct stream_sum *stream)
{
	putchar(',');
	print_member(sum, "median_gap", median_gap(stream));
	putchar(',');
	print_member(sum, "longest_gap", stream->longest);
	putchar(',');
	print_member(sum, "longest_gap_at", stream->longest_at);
	printf(",\"bursts\":" JSON_U64, stream->bursts);
	if (!stream->bursts)
		return;
	printf(",\"largest_burst\":{\"bytes\":" JSON_U64
	       ",\"records\":" JSON_U64 ",",
	       stream->most_bytes, stream->most_records);
	print_member(sum, "from", stream->most_at);
	putchar(',');
	print_member(sum, "to", stream->most_end);
	putchar('}');
}

static void print_stat_json(const struct log_sum *sum)
{
	const struct stream_sum *stream;
	const char *comma = "";
	uint32_t i;

	printf("{\"seconds\":%.3f,\"first_counter\":" JSON_U64
	       ",\"last_counter\":" JSON_U64 ",\"unit\":\"%s\",\"streams\":[",
	       sum->seconds, sum->first, sum->last,
	       sum->timed ? "second" : "count");
	for (i = 0; i < sum->nstreams; i++) {
		stream = &sum->streams[i];
		if (!stream->known)
			continue;
		fputs(comma, stdout);
		print_stream_json(i, stream);
		printf(",\"reads\":" JSON_U64 ",\"writes\":" JSON_U64,
		       stream->reads, stream->writes);
		print_gaps_json(sum, stream);
		putchar('}');
		comma = ",";
	}
	printf("]}\n");
}

/**
 * struct gap - the argument of --gap
 * @told: there was one
 * @timed: it is a time
 * @length: counts, or nanoseconds
 */
struct gap {
	bool told;
	bool timed;
	uint64_t length;
};

static struct gap parse_gap(const struct command *cmd, const char *text)
{
	static const struct {
		const char *suffix;
		double nanoseconds;
	} units[] = { { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 } };
	struct gap gap = { .told = true, .timed = true };
	double number;
	char *end;
	size_t i;

	number = strtod(text, &end);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end == text || strcmp(end, units[i].suffix))
			continue;
		number *= units[i].nanoseconds;
		if (!(number >= 0) || number > 1e18)
			usage_error(cmd, "'%s' is no gap", text);
		gap.length = (uint64_t)number;
		return gap;
	}
	gap.timed = false;
	gap.length = parse_number(cmd, text);
	return gap;
}

/* By the counter, unless it does not move, or the gap is given as a time. */
static void choose_unit(struct log_sum *sum, const char *path,
			const struct gap *gap)
{
	if (timeline_counts(&sum->line) && !gap->timed)
		return;
	sum->timed = timeline_knows(&sum->line);
	if (gap->timed && !sum->timed)
		fail("%s tells no times: --gap wants counts", path);
	if (gap->told && !gap->timed && sum->timed)
		fail("%s has no counter: --gap wants a time, such as 20ms",
		     path);
}

/* How long it took. */
static void add_seconds(struct log_sum *sum, const struct crr_record *first,
			const struct crr_record *last)
{
	uint64_t begin;

	if (!sum->timed && !timeline_knows(&sum->line))
		return;
	begin = timeline_at(&sum->line, first);
	sum->seconds = (double)(timeline_at(&sum->line, last) - begin) / 1e9;
}

static int run_stat(const struct command *cmd, int argc, char **argv)
{
	static struct log_sum sum;
	struct crr_record rec, first, last;
	struct gap gap = { 0 };
	struct log_file file;
	bool json = false;
	int c;

	log_file_init(&file);
	while ((c = next_option(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'g':
			gap = parse_gap(cmd, optarg);
			break;
		default:
			log_file_option(&file, cmd, c);
			break;
		}
	}
	if (optind != argc - 1)
		usage_error(cmd, "one log, please");
	file.twice = true;
	log_file_open(&file, argv[optind]);
	timeline_open(&sum.line, &file, 0);
	choose_unit(&sum, file.path, &gap);
	while (log_file_next(&file, &rec)) {
		add_record(&sum, &rec);
		if (rec.type & CRR_TYPE_OPTIONAL)
			continue;
		if (sum.records == 1)
			first = rec;
		last = rec;
	}
	if (sum.records)
		add_seconds(&sum, &first, &last);
	find_bursts(&file, &sum, gap.length, gap.told);
	if (json)
		print_stat_json(&sum);
	else
		print_stat(&sum);
	flush_output();
	timeline_close(&sum.line);
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
