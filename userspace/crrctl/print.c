// SPDX-License-Identifier: GPL-2.0-or-later
/* Print records and divergences for people. */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crrctl.h"
#include "record_types.h"

/* Number of records shown before and after the one where a run diverged. */
#define CONTEXT 3

/**
 * utf8_length - length of a printable UTF-8 character
 * @bytes: where it begins
 * @length: number of bytes available, at least 1
 *
 * Returns its length in bytes; 0 for a control character or invalid UTF-8.
 */
size_t utf8_length(const void *bytes, size_t length)
{
	static const uint32_t least[] = { 0, ' ', 0xa0, 0x800, 0x10000 };
	const unsigned char *p = bytes;
	uint32_t letter;
	size_t n, i;

	n = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 :
	    p[0] < 0xf0 ? 3 : p[0] < 0xf8 ? 4 : 0;
	if (!n || n > length)
		return 0;
	letter = n == 1 ? p[0] : p[0] & (0x7fU >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		letter = letter << 6 | (p[i] & 0x3f);
	}
	if (letter < least[n] || letter == 0x7f || letter > 0x10ffff ||
	    (letter >= 0xd800 && letter <= 0xdfff))
		return 0;
	return n;
}

/**
 * print_text - print a string whose origin is not trusted
 * @out: where to
 * @text: the string; bytes that could do something to a terminal are escaped
 */
void print_text(FILE *out, const char *text)
{
	size_t length = strlen(text), n;

	for (; length; text += n, length -= n) {
		n = utf8_length(text, length);
		if (n) {
			fwrite(text, 1, n, out);
			continue;
		}
		n = 1;
		fprintf(out, "\\x%02x", (unsigned char)*text);
	}
}

/**
 * print_bytes - print bytes as a C string
 * @out: where to
 * @bytes: the bytes
 * @length: their number
 */
void print_bytes(FILE *out, const void *bytes, size_t length)
{
	static const char letters[] = "abtnvfr";
	const unsigned char *p = bytes;
	size_t i;

	fputc('"', out);
	for (i = 0; i < length; i++) {
		if (p[i] >= '\a' && p[i] <= '\r')
			fprintf(out, "\\%c", letters[p[i] - '\a']);
		else if (p[i] == '"' || p[i] == '\\')
			fprintf(out, "\\%c", p[i]);
		else if (isprint(p[i]))
			fputc(p[i], out);
		else
			fprintf(out, "\\x%02x", p[i]);
	}
	fputc('"', out);
}

static void print_value_name(FILE *out, const struct member *member,
			     uint64_t value)
{
	const char *name = member_value_name(member, value);

	if (name)
		fprintf(out, " %s", name);
	else
		fprintf(out, " errno %d", abs((int32_t)(uint32_t)value));
}

/* The record's bytes, at most @most of them. */
static void print_data(FILE *out, const struct crr_record *rec, size_t most)
{
	fputc(' ', out);
	print_bytes(out, rec->data,
		    rec->data_length < most ? rec->data_length : most);
	if (rec->data_length > most)
		fputs("...", out);
}

static void print_refused(FILE *out, const struct crr_record *rec)
{
	if (rec->refused)
		fprintf(out, " after %" PRIu64 " %s", (uint64_t)rec->refused,
			rec->flags & CRR_FLAG_INTERRUPTED ? "interrupted" :
							    "refused");
}

static void print_bits(FILE *out, const struct member *member, uint64_t value)
{
	const struct value_name *name;

	for (name = member->names; name->name; name++)
		if (value & name->value)
			fprintf(out, " %s", name->name);
}

static void print_time(FILE *out, uint64_t nanoseconds)
{
	time_t seconds = (time_t)(nanoseconds / 1000000000);
	char date[64];

	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S",
		 localtime(&seconds));
	fprintf(out, " %s.%03u", date,
		(unsigned int)(nanoseconds / 1000000 % 1000));
}

static void print_member(FILE *out, const struct member *member,
			 const struct crr_record *rec)
{
	uint64_t value = member_get(member, rec);

	switch (member->kind) {
	case KIND_EMPTIES:
		if (value)
			fprintf(out, " after %" PRIu64 " empty", value);
		break;
	case KIND_RESULT:
		if (value == rec->requested)
			break;
		fputs(" ->", out);
		if (rec->result < 0)
			print_value_name(out, member, value);
		else
			fprintf(out, " %" PRIu64, value);
		break;
	case KIND_ERRNO:
		if (value)
			print_value_name(out, member, value);
		break;
	case KIND_NAME:
		print_value_name(out, member, value);
		break;
	case KIND_BITS:
		print_bits(out, member, value);
		break;
	case KIND_FACTS:
		if (value & CRR_MODEM_COUNTS)
			fprintf(out, ", %u received, %u sent, %u errors",
				rec->modem.counts[4], rec->modem.counts[5],
				rec->modem.counts[6] + rec->modem.counts[7] +
					rec->modem.counts[8] +
					rec->modem.counts[10]);
		break;
	case KIND_REQUESTED:
	case KIND_BYTES:
		fprintf(out, " %" PRIu64, value);
		break;
	case KIND_SHOWN:
		fprintf(out, " %s %" PRIu64, member->name, value);
		break;
	case KIND_SPEED:
		fprintf(out, " %" PRIu64 " baud", value);
		break;
	case KIND_TIME:
		print_time(out, value);
		break;
	default:
		break;
	}
}

/**
 * print_record - print a record on a line, without a newline
 * @out: where to
 * @rec: the record
 * @most: maximum number of its bytes to print
 */
void print_record(FILE *out, const struct crr_record *rec, size_t most)
{
	const char *name = crr_type_name(rec->type);
	const struct member *member;

	fprintf(out, "%8" PRIu64 " @%-12" PRIu64 " %3u ",
		(uint64_t)rec->sequence, (uint64_t)rec->counter, rec->stream);
	if (!name) {
		fprintf(out, "type 0x%x", rec->type);
		return;
	}
	fputs(name, out);
	/* No escapes: a name has printable characters only. */
	if (rec->type == CRR_TYPE_STREAM)
		fprintf(out, " %.*s,", (int)rec->data_length,
			(const char *)rec->data);
	for_each_member(member, rec->type)
		print_member(out, member, rec);
	if (rec->type == CRR_TYPE_READ)
		fprintf(out, " %u", rec->data_length);
	if (rec->flags & CRR_FLAG_CUT)
		fputs(" cut", out);
	print_refused(out, rec);
	if (rec->type == CRR_TYPE_STREAM)
		return;
	if (record_has_bytes(rec))
		print_data(out, rec, most);
	else if (rec->flags & CRR_FLAG_UNKNOWN)
		fputs(" unknown", out);
	else if (rec->type == CRR_TYPE_WRITE)
		fprintf(out, " crc32c %08x", rec->crc32c);
}

/* Print the records around this one, and mark it. */
static void print_context(FILE *out, const char *path, uint64_t sequence)
{
	uint64_t first = sequence > CONTEXT ? sequence - CONTEXT : 0;
	struct crr_log_reader *log;
	struct crr_log_error error;
	struct crr_record rec;
	int fd = user_open(path, O_RDONLY);

	if (fd < 0)
		return;
	log = crr_log_open(fd, &error);
	if (log)
		(void)crr_log_seek(log, CRR_LOG_SEQUENCE, first);
	while (log && crr_log_next(log, &rec, &error) > 0 &&
	       rec.sequence <= sequence + CONTEXT) {
		if (rec.sequence < first || rec.type & CRR_TYPE_OPTIONAL)
			continue;
		fputs(rec.sequence == sequence ? "  > " : "    ", out);
		print_record(out, &rec, CRR_DIVERGENCE_BYTES);
		fputc('\n', out);
	}
	crr_log_close(log);
	close(fd);
}

static void print_byte(FILE *out, uint8_t byte)
{
	fprintf(out, "0x%02x", byte);
	if (isprint(byte))
		fprintf(out, " '%c'", byte);
}

/* The system call, or ioctl, that has a record of this type; or NULL. */
static const char *call_name(unsigned int type)
{
	switch (type) {
	case CRR_TYPE_READ:
		return "read(2)";
	case CRR_TYPE_WRITE:
		return "write(2)";
	case CRR_TYPE_INQ:
		return "FIONREAD";
	case CRR_TYPE_OUTQ:
		return "TIOCOUTQ";
	case CRR_TYPE_MODEM:
		return "CRR_IOC_MODEM";
	case CRR_TYPE_MARK:
		return "CRR_IOC_MARK";
	case CRR_TYPE_VALUE:
		return "CRR_IOC_VALUE";
	default:
		return NULL;
	}
}

/* Polls that may have been answered otherwise than in the recorded run. */
void print_guesses(FILE *out, const struct crr_status *st)
{
	if (st->guesses)
		fprintf(out,
			"  guesses  %" PRIu64 " poll(2)s were answered before the log was fed that far\n",
			(uint64_t)st->guesses);
}

/**
 * print_divergence - print how a run diverged from its log
 * @out: where to
 * @div: the divergence
 * @log: path of the log, or NULL
 * @st: the replay's status
 */
void print_divergence(FILE *out, const struct crr_divergence *div,
		      const char *log, const struct crr_status *st)
{
	const char *type = crr_type_name(div->expected_type);
	const char *call = call_name(div->type);

	fprintf(out, "crrctl: the run diverged from %s: ",
		log ? log : "its log");
	/* It has not ended: it does something else than the recorded run. */
	if (div->kind == CRR_DIVERGENCE_LEFT && call)
		fprintf(out, "it called %s while a record was due that it had not consumed\n",
			call);
	else
		fprintf(out, "%s\n", crr_divergence_text(div->kind));
	if (div->sequence != CRR_NO_SEQUENCE)
		fprintf(out, "  record   %" PRIu64 ", %s of stream %u\n",
			(uint64_t)div->sequence, type ? type : "?",
			div->stream);
	else
		fprintf(out, "  record   none, on stream %u\n", div->stream);
	fprintf(out, "  counter  ");
	if (div->expected_counter != CRR_NEVER)
		fprintf(out, "%" PRIu64 " expected, ",
			(uint64_t)div->expected_counter);
	fprintf(out, "%" PRIu64 " in this run\n", (uint64_t)div->counter);
	if (div->kind == CRR_DIVERGENCE_LENGTH)
		fprintf(out, "  length   %u expected, %u got\n",
			div->expected_length, div->length);
	if (div->expected_bytes && div->bytes) {
		fprintf(out, "  byte     %u of %u: expected ", div->offset,
			div->expected_length);
		print_byte(out, div->expected[0]);
		fputs(", got ", out);
		print_byte(out, div->got[0]);
		fprintf(out, " (byte %" PRIu64 " of the stream's output)\n",
			(uint64_t)(div->position + div->offset));
	}
	if (div->expected_bytes) {
		fputs("  expected ", out);
		print_bytes(out, div->expected, div->expected_bytes);
		fputc('\n', out);
	}
	if (div->bytes) {
		fputs("  got      ", out);
		print_bytes(out, div->got, div->bytes);
		fputc('\n', out);
	}
	if (div->facts & CRR_DIVERGENCE_FULL)
		fprintf(out,
			"  buffer   all %" PRIu64 " bytes hold records of other operations: use a larger --buffer\n",
			(uint64_t)st->buffer_size);
	print_guesses(out, st);
	if (div->sequence != CRR_NO_SEQUENCE && log && strcmp(log, "-"))
		print_context(out, log, div->sequence);
}
