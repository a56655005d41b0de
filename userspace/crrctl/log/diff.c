// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log diff: show the first difference between two logs, and a summary. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static const struct option_help diff_options[] = {
	{ { "ignore-counter", no_argument, NULL, 'i' }, NULL,
	  "ignore the counters of records" },
	{ { "quiet", no_argument, NULL, 'q' }, NULL,
	  "print nothing: the exit status is the result" },
	COLOUR_OPTION,
	RANGE_OPTIONS,
	OPTIONS_END,
};

enum {
	EXIT_SAME = 0,
	EXIT_DIFFERENT = 1,
	EXIT_TROUBLE = 2,
};

/* Number of records shown before the difference, and of each log after it. */
#define CONTEXT 3

/* A copy of a record and its data, which outlives the reader's. */
struct kept {
	struct crr_record rec;
	unsigned char data[CRR_READ_MAX];
};

/**
 * struct sum - the bytes of a stream in one direction
 * @bytes: their number
 * @hash: FNV-1a of them, whatever the boundaries of records
 * @unknown: not all of them are in the log
 */
struct sum {
	uint64_t bytes;
	uint64_t hash;
	bool unknown;
};

/**
 * struct side - one of the logs
 * @file: the log
 * @rec: the present record; its type is 0 after the last one
 * @records: number of records so far
 * @known: streams seen so far
 * @in: input of each stream
 * @out: output of each stream
 */
struct side {
	struct log_file file;
	struct crr_record rec;
	uint64_t records;
	bool known[CRR_STREAMS_MAX];
	struct sum in[CRR_STREAMS_MAX];
	struct sum out[CRR_STREAMS_MAX];
};

static void keep(struct kept *kept, const struct crr_record *rec)
{
	kept->rec = *rec;
	if (rec->data_length)
		memcpy(kept->data, rec->data, rec->data_length);
	kept->rec.data = kept->data;
}

static void add_bytes(struct sum *sum, const unsigned char *bytes,
		      uint32_t length)
{
	uint32_t i;

	for (i = 0; i < length; i++)
		sum->hash = (sum->hash ^ bytes[i]) * 0x100000001b3ULL;
	sum->bytes += length;
}

static void add_record(struct side *side)
{
	const struct crr_record *rec = &side->rec;
	struct sum *out = &side->out[rec->stream];

	side->records++;
	if (rec->type != CRR_TYPE_END)
		side->known[rec->stream] = true;
	if (rec->type == CRR_TYPE_READ) {
		add_bytes(&side->in[rec->stream], rec->data, rec->data_length);
	} else if (rec->type == CRR_TYPE_WRITE) {
		if (rec->flags & CRR_FLAG_CAPTURED) {
			add_bytes(out, rec->data, rec->offset);
			return;
		}
		out->bytes += rec->offset;
		out->unknown = true;
	}
}

/* Go to the next record that is not optional. */
static void next(struct side *side)
{
	do {
		if (!log_file_next(&side->file, &side->rec)) {
			side->rec = (struct crr_record){ 0 };
			return;
		}
	} while (side->rec.type & CRR_TYPE_OPTIONAL);
	add_record(side);
}

/* Encode a record without what may differ between equal runs. */
static size_t plain(const struct crr_record *rec, const struct crr_record *other,
		    bool counters, unsigned char *bytes)
{
	struct crr_record copy = *rec;

	copy.sequence = 0;
	if (!counters)
		copy.counter = 0;
	/* The name and settings of the tty are informational. */
	if (copy.type == CRR_TYPE_STREAM) {
		memset(&copy.termios, 0, sizeof(copy.termios));
		copy.data_length = 0;
	}
	/* If the other log lacks the bytes, the CRC is compared. */
	if (copy.type == CRR_TYPE_WRITE && other->type == CRR_TYPE_WRITE &&
	    !(other->flags & CRR_FLAG_CAPTURED)) {
		copy.flags &= (uint16_t)~CRR_FLAG_CAPTURED;
		copy.data_length = 0;
	}
	return crr_record_encode(bytes, &copy);
}

static bool same(const struct crr_record *a, const struct crr_record *b,
		 bool counters)
{
	static unsigned char of_a[CRR_RECORD_SIZE_MAX];
	static unsigned char of_b[CRR_RECORD_SIZE_MAX];

	if (a->type != b->type)
		return false;
	return !a->type || (plain(a, b, counters, of_a) ==
				    plain(b, a, counters, of_b) &&
			    !memcmp(of_a, of_b, crr_record_skip(of_a)));
}

/* ---- Printing ---- */

static void print_line(const char *mark, const struct crr_record *rec,
		       const char *colour)
{
	printf("%s%s ", colour, mark);
	print_record(stdout, rec, CRR_DIVERGENCE_BYTES);
	puts(*colour ? "\033[0m" : "");
}

static void print_first_byte(const struct crr_record *a,
			     const struct crr_record *b)
{
	uint32_t i = 0;

	if (a->type != b->type || !a->data_length || !b->data_length)
		return;
	while (i < a->data_length && i < b->data_length &&
	       a->data[i] == b->data[i])
		i++;
	if (i < a->data_length && i < b->data_length)
		printf("  byte %u: 0x%02x, 0x%02x\n", i, a->data[i],
		       b->data[i]);
	else if (a->data_length != b->data_length)
		printf("  %u bytes, %u bytes; the shorter is a prefix of the longer\n",
		       a->data_length, b->data_length);
}

/* Print some records, from the present one on. */
static void print_side(struct side *side, const char *mark, const char *colour)
{
	int i;

	for (i = 0; i < CONTEXT && side->rec.type; i++) {
		print_line(mark, &side->rec, colour);
		next(side);
	}
	if (!i)
		printf("%s%s (end of log)%s\n", colour, mark,
		       *colour ? "\033[0m" : "");
}

static void print_sum(const char *what, const struct sum *a,
		      const struct sum *b)
{
	if (a->bytes != b->bytes)
		printf(", %s %" PRIu64 " / %" PRIu64 " bytes", what, a->bytes,
		       b->bytes);
	else if (a->unknown || b->unknown)
		printf(", %s %" PRIu64 " bytes each", what, a->bytes);
	else if (a->hash != b->hash)
		printf(", %s %" PRIu64 " bytes each, not the same", what,
		       a->bytes);
	else
		printf(", %s %" PRIu64 " bytes, the same", what, a->bytes);
}

static void print_summary(const struct side *a, const struct side *b)
{
	unsigned int i;

	printf("records: %" PRIu64 " / %" PRIu64 "\n", a->records, b->records);
	for (i = 0; i < CRR_STREAMS_MAX; i++) {
		if (!a->known[i] && !b->known[i])
			continue;
		printf("stream %u", i);
		print_sum("in", &a->in[i], &b->in[i]);
		print_sum("out", &a->out[i], &b->out[i]);
		putchar('\n');
	}
}

static int compare(struct side *a, struct side *b, bool counters, bool quiet,
		   bool colours)
{
	static struct kept last[CONTEXT], of_a, of_b;
	uint64_t alike = 0, i;

	for (next(a), next(b); same(&a->rec, &b->rec, counters);
	     next(a), next(b)) {
		if (!a->rec.type) {
			if (!quiet)
				printf("the same, %" PRIu64 " records\n",
				       alike);
			return EXIT_SAME;
		}
		keep(&last[alike++ % CONTEXT], &a->rec);
	}
	if (quiet)
		return EXIT_DIFFERENT;
	printf("%" PRIu64 " records are the same; then\n", alike);
	for (i = alike < CONTEXT ? 0 : alike - CONTEXT; i < alike; i++)
		print_line(" ", &last[i % CONTEXT].rec, "");
	keep(&of_a, &a->rec);
	keep(&of_b, &b->rec);
	print_side(a, "-", colours ? "\033[31m" : "");
	print_side(b, "+", colours ? "\033[32m" : "");
	print_first_byte(&of_a.rec, &of_b.rec);
	while (a->rec.type)
		next(a);
	while (b->rec.type)
		next(b);
	print_summary(a, b);
	return EXIT_DIFFERENT;
}

/**
 * find_difference - find the first difference between two logs
 * @file: a log; it is rewound
 * @other: path of the other log
 * @difference: out
 *
 * Returns the exit status for the other log.
 */
int find_difference(struct log_file *file, const char *other,
		    struct difference *difference)
{
	static struct side a, b;

	a.file = *file;
	b.file = *file;
	log_file_open(&b.file, other);
	for (next(&a), next(&b); same(&a.rec, &b.rec, true); next(&a), next(&b))
		if (!a.rec.type)
			break;
	difference->known = !same(&a.rec, &b.rec, true);
	if (difference->known) {
		/* At the end of this log the last record is marked. */
		difference->sequence = a.rec.type ? a.rec.sequence :
						   a.file.next - 1;
		difference->counter = a.rec.type ? a.rec.counter :
						  b.rec.counter;
		snprintf(difference->text, sizeof(difference->text),
			 "%s differs at record %" PRIu64 ", @%" PRIu64, other,
			 difference->sequence, difference->counter);
	}
	log_file_close(&b.file);
	log_file_rewind(file);
	return log_file_status(&b.file);
}

static int run_diff(const struct command *cmd, int argc, char **argv)
{
	static struct side a, b;
	bool counters = true, quiet = false, colours;
	const char *when = NULL;
	int c, ret, status;

	log_file_init(&a.file);
	while ((c = next_option(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'i':
			counters = false;
			break;
		case 'q':
			quiet = true;
			break;
		case 'C':
			when = parse_colour(cmd, optarg);
			break;
		default:
			log_file_option(&a.file, cmd, c);
			break;
		}
	}
	need_arguments(cmd, argc, 2);
	colours = use_colours(stdout, when);
	b.file = a.file;
	log_file_open(&a.file, argv[optind]);
	log_file_open(&b.file, argv[optind + 1]);
	if (!quiet)
		printf("- %s\n+ %s\n", a.file.path, b.file.path);
	ret = compare(&a, &b, counters, quiet, colours);
	flush_output();
	log_file_close(&a.file);
	log_file_close(&b.file);
	status = log_file_status(&a.file) | log_file_status(&b.file);
	return status ? status : ret;
}

const struct command cmd_log_diff = {
	.name = "log diff",
	.synopsis = "[OPTION]... FILE FILE",
	.summary = "show the first difference between two logs, and a summary",
	.run = run_diff,
	.options = diff_options,
	.failure = EXIT_TROUBLE,
};
