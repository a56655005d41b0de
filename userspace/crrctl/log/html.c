// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Export as a page for the browser. The page itself is report.html, which lies
 * in this program; what it shows is put into its two places, in characters that
 * cannot lead out of them: base64, and JSON without a "<".
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

__asm__(".section .rodata\n"
	".type report_page, @object\n"
	"report_page:\n"
	".incbin \"" REPORT_HTML "\"\n"
	".byte 0\n"
	".size report_page, . - report_page\n"
	".previous\n");

extern const char report_page[] __attribute__((visibility("hidden")));

/**
 * struct base64 - bytes that are being written so
 * @out: where to
 * @waiting: fewer than three
 * @n: how many
 */
struct base64 {
	FILE *out;
	unsigned char waiting[3];
	unsigned int n;
};

static void put_group(struct base64 *to)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits;
	unsigned int i;

	for (i = to->n; i < 3; i++)
		to->waiting[i] = 0;
	bits = (uint32_t)to->waiting[0] << 16 | (uint32_t)to->waiting[1] << 8 |
	       to->waiting[2];
	for (i = 0; i < 4; i++)
		fputc(i <= to->n ? digits[bits >> (18 - 6 * i) & 63] : '=',
		      to->out);
	to->n = 0;
}

static void put_byte(struct base64 *to, unsigned char byte)
{
	to->waiting[to->n++] = byte;
	if (to->n == 3)
		put_group(to);
}

static void put_number(struct base64 *to, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		put_byte(to, (unsigned char)(n | 0x80));
	put_byte(to, (unsigned char)n);
}

/**
 * struct page - what the page is to say besides
 * @records: how many it has
 * @first: counter of the first
 * @last: of the last one
 * @next: the number that would come next
 * @time: of the last record, in microseconds since the recording began
 * @ended: END was there
 * @departed: number, among them, of the record in @ex->divergence
 */
struct page {
	uint64_t records;
	uint64_t first;
	uint64_t last;
	uint64_t next;
	uint64_t time;
	bool ended;
	uint64_t departed;
};

static struct {
	bool known;
	char name[CRR_STREAM_NAME_MAX + 1];
} streams[CRR_STREAMS_MAX];

static bool errors[CRR_ERRNO_MAX + 1];

/* The one number that tells most of a record. */
static int64_t value_of(const struct crr_record *rec)
{
	switch (rec->type) {
	case CRR_TYPE_WRITE:
		return rec->result;
	case CRR_TYPE_READ_ERROR:
		return rec->error;
	case CRR_TYPE_INQ:
	case CRR_TYPE_OUTQ:
		return rec->value;
	case CRR_TYPE_STREAM_END:
		return rec->reason;
	case CRR_TYPE_MODEM:
		return rec->modem.error ? -(int64_t)rec->modem.error :
					  rec->modem.lines;
	default:
		return 0;
	}
}

static void put_record(struct export *ex, struct base64 *to,
		       struct page *page, const struct crr_record *rec)
{
	int64_t value = value_of(rec);
	uint64_t time;
	uint32_t i;

	if (!page->records++)
		page->first = page->last = rec->counter;
	put_number(to, rec->sequence - page->next);
	page->next = rec->sequence + 1;
	put_number(to, rec->type);
	put_number(to, rec->stream);
	put_number(to, rec->counter - page->last);
	page->last = rec->counter;
	if (ex->timed) {
		time = timeline_since(&ex->line, rec) / 1000;
		/* Damage may be followed by what was before it. */
		if (time < page->time)
			time = page->time;
		put_number(to, time - page->time);
		page->time = time;
	}
	put_number(to, value < 0 ? ((uint64_t)-value << 1) - 1 :
				   (uint64_t)value << 1);
	put_number(to, rec->type == CRR_TYPE_WRITE ? rec->requested : 0);
	put_number(to, rec->data_length);
	for (i = 0; i < rec->data_length; i++)
		put_byte(to, rec->data[i]);
}

/* The page is to know its name. */
static void note_error(const struct crr_record *rec)
{
	int64_t value = value_of(rec);

	if (rec->type == CRR_TYPE_READ_ERROR)
		value = -value;
	if (value < 0 && value >= -CRR_ERRNO_MAX)
		errors[-value] = true;
}

static void write_records(struct export *ex, struct page *page)
{
	struct base64 to = { .out = ex->out };
	struct crr_record rec;

	while (log_file_next(ex->file, &rec)) {
		if (rec.type & CRR_TYPE_OPTIONAL)
			continue;
		page->ended |= rec.type == CRR_TYPE_END;
		if (rec.type != CRR_TYPE_END)
			streams[rec.stream].known = true;
		if (rec.type == CRR_TYPE_STREAM)
			memcpy(streams[rec.stream].name, rec.data,
			       rec.data_length);
		if (rec.sequence <= ex->divergence.sequence)
			page->departed = page->records;
		note_error(&rec);
		put_record(ex, &to, page, &rec);
	}
	if (to.n)
		put_group(&to);
}

/* A string of JSON that ends no script. */
static void put_string(FILE *out, const char *text)
{
	char *json, *p;
	size_t length;
	FILE *memory = open_memstream(&json, &length);

	if (!memory)
		fail("%s", strerror(errno));
	print_json_string(memory, text, strlen(text));
	if (fclose(memory))
		fail("%s", strerror(errno));
	for (p = json; *p; p++) {
		if (*p == '<')
			fputs("\\u003c", out);
		else
			fputc(*p, out);
	}
	free(json);
}

static void write_about(struct export *ex, const struct page *page)
{
	const struct crr_log_info *info = crr_log_get_info(ex->file->log);
	const char *comma = "";
	char name[32];
	unsigned int i;

	fputs("{\"command\":", ex->out);
	put_string(ex->out, info->command);
	fputs(",\"counter\":", ex->out);
	put_string(ex->out, info->counter);
	fprintf(ex->out,
		",\"created\":%" PRIu64 ",\"delivery\":\"%s\",\"records\":%" PRIu64
		",\"first_counter\":\"%" PRIu64 "\",\"last_counter\":\"%" PRIu64
		"\",\"counted\":%s,\"timed\":%s,\"complete\":%s,\"damaged\":%s,\"streams\":[",
		info->created,
		info->delivery == CRR_DELIVERY_GATED ? "gated" : "free",
		page->records, page->first, page->last,
		timeline_counts(&ex->line) ? "true" : "false",
		ex->timed ? "true" : "false",
		page->ended || !log_file_is_whole(ex->file) ? "true" : "false",
		ex->file->damaged ? "true" : "false");
	for (i = 0; i < CRR_STREAMS_MAX; i++) {
		if (!streams[i].known)
			continue;
		snprintf(name, sizeof(name), "stream %u", i);
		fprintf(ex->out, "%s{\"stream\":%u,\"name\":", comma, i);
		put_string(ex->out, *streams[i].name ? streams[i].name : name);
		fputc('}', ex->out);
		comma = ",";
	}
	fputs("],\"errors\":{", ex->out);
	comma = "";
	for (i = 0; i <= CRR_ERRNO_MAX; i++) {
		if (!errors[i] || !strerrorname_np((int)i))
			continue;
		fprintf(ex->out, "%s\"%u\":\"%s\"", comma, i,
			strerrorname_np((int)i));
		comma = ",";
	}
	fputc('}', ex->out);
	if (ex->divergence.known && page->records) {
		fprintf(ex->out,
			",\"divergence\":{\"record\":%" PRIu64
			",\"counter\":\"%" PRIu64 "\",\"text\":",
			page->departed, ex->divergence.counter);
		put_string(ex->out, ex->divergence.text);
		fputc('}', ex->out);
	}
	fputc('}', ex->out);
}

/* The page, up to one of its places. */
static const char *write_part(FILE *out, const char *page, const char *place)
{
	const char *end = strstr(page, place);

	fwrite(page, 1, (size_t)(end - page), out);
	return end + strlen(place);
}

/* struct export */
void export_html(struct export *ex)
{
	struct page page = { 0 };
	const char *rest;

	rest = write_part(ex->out, report_page, "@RECORDS@");
	write_records(ex, &page);
	rest = write_part(ex->out, rest, "@ABOUT@");
	write_about(ex, &page);
	fputs(rest, ex->out);
}
