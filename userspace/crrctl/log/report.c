// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crrctl log report: make a page for the browser. The page is report.html, which
 * is linked into the program. Its two placeholders are replaced by the records,
 * in base64, and by a JSON object; neither contains a '<', which could end the
 * element that it is in.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static const struct option_help report_options[] = {
	{ { "against", required_argument, NULL, 'a' }, "OTHER",
	  "mark the first record that OTHER does not have" },
	FORCE_OPTION,
	RANGE_OPTIONS,
	OPTIONS_END,
};

__asm__(".section .rodata\n"
	".type report_page, @object\n"
	"report_page:\n"
	".incbin \"" REPORT_HTML "\"\n"
	".byte 0\n"
	".size report_page, . - report_page\n"
	".previous\n");

extern const char report_page[] __attribute__((visibility("hidden")));

/**
 * struct base64 - a base64 encoder
 * @out: where to write
 * @waiting: bytes that do not make a group yet
 * @n: their number
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
 * struct page - state of the page's contents
 * @records: number of records
 * @first: counter of the first
 * @last: counter of the last
 * @next: sequence number expected next
 * @time: of the last record, in microseconds since the recording began
 * @ended: there is an END
 * @difference: the first difference from the other log
 * @different: index of the record there
 * @streams: the streams of the records
 * @errors: the errnos that occur
 */
static struct page {
	uint64_t records;
	uint64_t first;
	uint64_t last;
	uint64_t next;
	uint64_t time;
	bool ended;
	struct difference difference;
	uint64_t different;
	struct {
		bool known;
		char name[CRR_STREAM_NAME_MAX + 1];
	} streams[CRR_STREAMS_MAX];
	bool errors[CRR_ERRNO_MAX + 1];
} page;

/* The member that the page shows, or NULL. Errors are shown in its place. */
static const struct member *shown_member(uint16_t type)
{
	const struct member *member, *shown = NULL;

	for_each_member(member, type)
		if (member->kind == KIND_RESULT || member->kind == KIND_BYTES ||
		    member->kind == KIND_NAME || member->kind == KIND_BITS)
			shown = member;
	return shown;
}

/* Its value, or minus an errno. */
static int64_t shown_value(const struct crr_record *rec)
{
	const struct member *member, *shown = shown_member(rec->type);

	for_each_member(member, rec->type)
		if (member->kind == KIND_ERRNO && member_get(member, rec))
			return -(int64_t)member_get(member, rec);
	if (!shown)
		return 0;
	return shown->kind == KIND_RESULT ? rec->result :
					    (int64_t)member_get(shown, rec);
}

static void put_record(struct export *ex, struct base64 *to,
		       const struct crr_record *rec)
{
	int64_t value = shown_value(rec);
	uint64_t time;
	uint32_t i;

	if (value < 0 && value >= -CRR_ERRNO_MAX)
		page.errors[-value] = true;
	if (!page.records++) {
		page.first = rec->counter;
		page.last = rec->counter;
	}
	put_number(to, rec->sequence - page.next);
	page.next = rec->sequence + 1;
	put_number(to, rec->type);
	put_number(to, rec->stream);
	put_number(to, rec->counter - page.last);
	page.last = rec->counter;
	if (ex->timed) {
		time = timeline_since(&ex->line, rec) / 1000;
		/* Times may go back where records are missing. */
		if (time < page.time)
			time = page.time;
		put_number(to, time - page.time);
		page.time = time;
	}
	put_number(to, value < 0 ? ((uint64_t)-value << 1) - 1 :
				   (uint64_t)value << 1);
	put_number(to, rec->type == CRR_TYPE_WRITE ? rec->requested : 0);
	put_number(to, rec->data_length);
	for (i = 0; i < rec->data_length; i++)
		put_byte(to, rec->data[i]);
}

static void write_records(struct export *ex)
{
	struct base64 to = { .out = ex->out };
	struct crr_record rec;

	while (log_file_next(ex->file, &rec)) {
		if (rec.type & CRR_TYPE_OPTIONAL)
			continue;
		page.ended |= rec.type == CRR_TYPE_END;
		if (rec.type != CRR_TYPE_END)
			page.streams[rec.stream].known = true;
		if (rec.type == CRR_TYPE_STREAM)
			memcpy(page.streams[rec.stream].name, rec.data,
			       rec.data_length);
		if (rec.sequence <= page.difference.sequence)
			page.different = page.records;
		put_record(ex, &to, &rec);
	}
	if (to.n)
		put_group(&to);
}

static json_t *string_json(const char *text)
{
	return json_text(text, strlen(text));
}

/* What the page has to know of the types, by their numbers. */
static json_t *types_json(void)
{
	static const char *const looks[] = {
		[LOOK_PLAIN] = "", [LOOK_IN] = "in", [LOOK_OUT] = "out",
		[LOOK_BAD] = "bad", [LOOK_MARK] = "mark", [LOOK_FAINT] = "",
	};
	json_t *types = json_object(), *object, *names;
	const struct record_type *type;
	const struct value_name *name;
	const struct member *shown;
	char number[16];

	for (type = record_types; type->type; type++) {
		shown = shown_member(type->type);
		object = json_object();
		json_set(object, "name",
			 json_string(crr_type_name(type->type)));
		json_set(object, "look", json_string(looks[type->look]));
		json_set(object, "shows",
			 json_string(!shown ? "data" :
				     shown->kind == KIND_RESULT ? "result" :
				     shown->kind == KIND_BYTES ? "bytes" :
				     shown->kind == KIND_NAME ? "name" :
								"bits"));
		names = json_object();
		for (name = shown ? shown->names : NULL; name && name->name;
		     name++) {
			snprintf(number, sizeof(number), "%u", name->value);
			json_set(names, number, json_string(name->name));
		}
		json_set(object, "names", names);
		snprintf(number, sizeof(number), "%u", type->type);
		json_set(types, number, object);
	}
	return types;
}

static json_t *streams_json(void)
{
	json_t *streams = json_array(), *object;
	char name[32];
	unsigned int i;

	for (i = 0; i < CRR_STREAMS_MAX; i++) {
		if (!page.streams[i].known)
			continue;
		snprintf(name, sizeof(name), "stream %u", i);
		object = json_object();
		json_set(object, "stream", json_integer(i));
		json_set(object, "name",
			 string_json(*page.streams[i].name ?
					     page.streams[i].name :
					     name));
		json_add(streams, object);
	}
	return streams;
}

static json_t *errors_json(void)
{
	json_t *errors = json_object();
	char number[16];
	int i;

	for (i = 0; i <= CRR_ERRNO_MAX; i++) {
		if (!page.errors[i] || !strerrorname_np(i))
			continue;
		snprintf(number, sizeof(number), "%d", i);
		json_set(errors, number, json_string(strerrorname_np(i)));
	}
	return errors;
}

static json_t *difference_json(void)
{
	json_t *object = json_object();

	json_set(object, "record", json_integer((json_int_t)page.different));
	json_set(object, "counter", json_u64(page.difference.counter));
	json_set(object, "text", string_json(page.difference.text));
	return object;
}

static void write_about(struct export *ex)
{
	const struct crr_log_info *info = crr_log_get_info(ex->file->log);
	json_t *object = json_object();
	char *text, *p;

	json_set(object, "command", string_json(info->command));
	json_set(object, "counter", string_json(info->counter));
	json_set(object, "created", json_u64(info->created));
	json_set(object, "delivery", json_string(delivery_name(info)));
	json_set(object, "records", json_integer((json_int_t)page.records));
	json_set(object, "first_counter", json_u64(page.first));
	json_set(object, "last_counter", json_u64(page.last));
	json_set(object, "counted", json_boolean(timeline_counts(&ex->line)));
	json_set(object, "timed", json_boolean(ex->timed));
	json_set(object, "complete",
		 json_boolean(page.ended || !log_file_is_whole(ex->file)));
	json_set(object, "damaged", json_boolean(ex->file->damaged));
	json_set(object, "types", types_json());
	json_set(object, "streams", streams_json());
	json_set(object, "errors", errors_json());
	if (page.difference.known && page.records)
		json_set(object, "divergence", difference_json());
	text = json_format(object, JSON_LINE);
	for (p = text; *p; p++) {
		if (*p == '<')
			fputs("\\u003c", ex->out);
		else
			fputc(*p, ex->out);
	}
	free(text);
}

/* Write @from up to a placeholder, and return what follows that. */
static const char *write_part(FILE *out, const char *from,
			      const char *placeholder)
{
	const char *end = strstr(from, placeholder);

	fwrite(from, 1, (size_t)(end - from), out);
	return end + strlen(placeholder);
}

static void write_page(struct export *ex)
{
	const char *rest;

	rest = write_part(ex->out, report_page, "@RECORDS@");
	write_records(ex);
	rest = write_part(ex->out, rest, "@ABOUT@");
	write_about(ex);
	fputs(rest, ex->out);
}

static int run_report(const struct command *cmd, int argc, char **argv)
{
	struct log_file file;
	struct export ex = { .file = &file };
	const char *other = NULL;
	int c, status = 0;
	bool force = false;

	log_file_init(&file);
	file.goes_on = true;
	while ((c = next_option(cmd, argc, argv)) != -1) {
		if (c == 'a')
			other = optarg;
		else if (c == 'f')
			force = true;
		else
			log_file_option(&file, cmd, c);
	}
	need_arguments(cmd, argc, 2);
	output_reads(argv[optind]);
	file.twice = true;
	log_file_open(&file, argv[optind]);
	if (other) {
		output_reads(other);
		status = find_difference(&file, other, &page.difference);
	}
	timeline_open(&ex.line, &file, 0);
	ex.timed = timeline_knows(&ex.line);
	return write_export(&ex, write_page, argv[optind + 1], force) |
	       status;
}

const struct command cmd_log_report = {
	.name = "log report",
	.synopsis = "[OPTION]... FILE OUT",
	.summary = "make a page for the browser, with a timeline",
	.run = run_report,
	.options = report_options,
	.failure = EXIT_CRR_FAILURE,
};
