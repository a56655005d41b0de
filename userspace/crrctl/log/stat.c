// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log stat: bytes, rates, gaps and bursts of each stream. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static const struct option_help stat_options[] = {
	JSON_OPTION,
	{ { "gap", required_argument, NULL, 'g' }, "GAP",
	  "longest gap in a burst: counts or a time like 20ms" },
	RANGE_OPTIONS,
	OPTIONS_END,
};

/* Lower bound of the class that the median gap belongs to. */
static uint64_t median_gap(const struct stream_totals *stream)
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

static void end_burst(struct stream_totals *stream)
{
	if (stream->burst.records < 2)
		return;
	stream->bursts++;
	if (stream->burst.bytes < stream->largest.bytes)
		return;
	stream->largest = stream->burst;
	stream->largest.to = stream->last;
}

static void add_burst(struct stream_totals *stream,
		      const struct crr_record *rec, uint64_t place,
		      uint64_t gap)
{
	if (place - stream->last > gap || !stream->burst.records) {
		end_burst(stream);
		stream->burst = (struct burst){ .from = place };
	}
	stream->last = place;
	stream->burst.records++;
	stream->burst.bytes += rec->type == CRR_TYPE_READ ? rec->data_length :
							    rec->offset;
}

/**
 * struct gap - the argument of --gap
 * @given: the option was given
 * @timed: it is a time
 * @length: counts, or nanoseconds
 */
struct gap {
	bool given;
	bool timed;
	uint64_t length;
};

/* A second pass: the default gap depends on the median of all gaps. */
static void find_bursts(struct log_file *file, struct totals *totals,
			const struct gap *gap)
{
	static uint64_t gaps[CRR_STREAMS_MAX];
	struct stream_totals *stream;
	struct crr_record rec;
	uint32_t i;

	for (i = 0; i < totals->nstreams; i++) {
		stream = &totals->streams[i];
		gaps[i] = gap->given ? gap->length : 8 * median_gap(stream);
		stream->last = 0;
	}
	log_file_rewind(file);
	while (log_file_next(file, &rec))
		if (rec.type == CRR_TYPE_READ || rec.type == CRR_TYPE_WRITE)
			add_burst(&totals->streams[rec.stream], &rec,
				  totals_place(totals, &rec),
				  gaps[rec.stream]);
	for (i = 0; i < totals->nstreams; i++)
		end_burst(&totals->streams[i]);
}

/* Per second if times are known, else per million counts. */
static double rate(const struct totals *totals, uint64_t n)
{
	double span = totals->duration ?
			      (double)totals->duration / 1e9 :
			      (double)(totals->last - totals->first) / 1e6;

	return span > 0 ? (double)n / span : 0;
}

static void print_span(const struct totals *totals, uint64_t span)
{
	if (totals->timed)
		printf("%.6f s", (double)span / 1e9);
	else
		printf("%" PRIu64, span);
}

static void print_place(const struct totals *totals, uint64_t place)
{
	putchar(totals->timed ? '+' : '@');
	print_span(totals, place);
}

static void print_gaps(const struct totals *totals,
		       const struct stream_totals *stream)
{
	printf("  gaps: median about ");
	print_span(totals, median_gap(stream));
	printf(", longest ");
	print_span(totals, stream->longest);
	printf(" at ");
	print_place(totals, stream->longest_at);
	putchar('\n');
	if (!stream->bursts)
		return;
	printf("  bursts: %" PRIu64 ", largest %" PRIu64 " bytes in %" PRIu64
	       " records from ",
	       stream->bursts, stream->largest.bytes, stream->largest.records);
	print_place(totals, stream->largest.from);
	printf(" to ");
	print_place(totals, stream->largest.to);
	putchar('\n');
}

static void print_stat(const struct totals *totals)
{
	const char *per = totals->duration ? "second" : "million counts";
	const struct stream_totals *stream;
	uint32_t i;

	if (totals->duration)
		printf("time: %.3f s\n", (double)totals->duration / 1e9);
	printf("counter: %" PRIu64 " to %" PRIu64 "\n", totals->first,
	       totals->last);
	for (i = 0; i < totals->nstreams; i++) {
		stream = &totals->streams[i];
		if (!stream->known)
			continue;
		printf("stream %u: %s\n", i, stream->name);
		printf("  records: %" PRIu64 ", %.1f per %s\n", stream->records,
		       rate(totals, stream->records), per);
		printf("  in: %" PRIu64 " bytes in %" PRIu64
		       " reads, %.1f bytes per %s\n",
		       stream->bytes_in, stream->reads,
		       rate(totals, stream->bytes_in), per);
		printf("  out: %" PRIu64 " bytes in %" PRIu64
		       " writes, %.1f bytes per %s\n",
		       stream->bytes_out, stream->writes,
		       rate(totals, stream->bytes_out), per);
		print_gaps(totals, stream);
	}
}

static json_t *span_json(const struct totals *totals, uint64_t span)
{
	return totals->timed ? json_seconds(span) : json_u64(span);
}

static json_t *burst_json(const struct totals *totals,
			  const struct burst *burst)
{
	json_t *object = json_object();

	json_set(object, "bytes", json_u64(burst->bytes));
	json_set(object, "records", json_u64(burst->records));
	json_set(object, "from", span_json(totals, burst->from));
	json_set(object, "to", span_json(totals, burst->to));
	return object;
}

static json_t *stream_json(const struct totals *totals, uint32_t i)
{
	const struct stream_totals *stream = &totals->streams[i];
	json_t *object = totals_stream_json(i, stream);

	json_set(object, "reads", json_u64(stream->reads));
	json_set(object, "writes", json_u64(stream->writes));
	json_set(object, "median_gap", span_json(totals, median_gap(stream)));
	json_set(object, "longest_gap", span_json(totals, stream->longest));
	json_set(object, "longest_gap_at",
		 span_json(totals, stream->longest_at));
	json_set(object, "bursts", json_u64(stream->bursts));
	if (stream->bursts)
		json_set(object, "largest_burst",
			 burst_json(totals, &stream->largest));
	return object;
}

static void print_stat_json(const struct totals *totals)
{
	json_t *object = json_object(), *streams = json_array();
	uint32_t i;

	for (i = 0; i < totals->nstreams; i++)
		if (totals->streams[i].known)
			json_add(streams, stream_json(totals, i));
	json_set(object, "seconds", json_seconds(totals->duration));
	json_set(object, "first_counter", json_u64(totals->first));
	json_set(object, "last_counter", json_u64(totals->last));
	json_set(object, "unit",
		 json_string(totals->timed ? "second" : "count"));
	json_set(object, "streams", streams);
	json_print(stdout, object, JSON_LINE);
}

static struct gap parse_gap(const struct command *cmd, const char *text)
{
	static const struct {
		const char *suffix;
		double nanoseconds;
	} units[] = { { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 } };
	struct gap gap = { .given = true, .timed = true };
	double number;
	char *end;
	size_t i;

	number = strtod(text, &end);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end == text || strcmp(end, units[i].suffix))
			continue;
		number *= units[i].nanoseconds;
		if (!(number >= 0) || number > 1e18)
			usage_error(cmd, "'%s' is not a valid gap", text);
		gap.length = (uint64_t)number;
		return gap;
	}
	gap.timed = false;
	gap.length = parse_number(cmd, text);
	return gap;
}

/* Counts, unless the counter does not move or the gap is given as a time. */
static void choose_unit(struct totals *totals, const char *path,
			const struct gap *gap)
{
	if (timeline_counts(&totals->line) && !gap->timed)
		return;
	totals->timed = timeline_knows(&totals->line);
	if (gap->timed && !totals->timed)
		fail("%s has no times: give --gap in counts", path);
	if (gap->given && !gap->timed && totals->timed)
		fail("%s: its counter does not move: give --gap as a time, such as 20ms",
		     path);
}

static void find_duration(struct totals *totals, const struct crr_record *first,
			  const struct crr_record *last)
{
	uint64_t begin;

	if (!totals->timed && !timeline_knows(&totals->line))
		return;
	begin = timeline_at(&totals->line, first);
	totals->duration = timeline_at(&totals->line, last) - begin;
}

static int run_stat(const struct command *cmd, int argc, char **argv)
{
	static struct totals totals;
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
	need_arguments(cmd, argc, 1);
	file.twice = true;
	log_file_open(&file, argv[optind]);
	timeline_open(&totals.line, &file, 0);
	choose_unit(&totals, file.path, &gap);
	while (log_file_next(&file, &rec)) {
		totals_add(&totals, &rec);
		if (rec.type & CRR_TYPE_OPTIONAL)
			continue;
		if (totals.records == 1)
			first = rec;
		last = rec;
	}
	if (totals.records)
		find_duration(&totals, &first, &last);
	find_bursts(&file, &totals, &gap);
	if (json)
		print_stat_json(&totals);
	else
		print_stat(&totals);
	flush_output();
	timeline_close(&totals.line);
	log_file_close(&file);
	return log_file_status(&file);
}

const struct command cmd_log_stat = {
	.name = "log stat",
	.synopsis = "[OPTION]... FILE",
	.summary = "show bytes, rates, gaps and bursts of each stream",
	.run = run_stat,
	.options = stat_options,
	.failure = EXIT_CRR_FAILURE,
};
