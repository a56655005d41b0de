// SPDX-License-Identifier: GPL-2.0-or-later
/* Records and divergences, as people read them. */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "crrctl.h"

/* Records before and after the one where a run departed. */
#define CONTEXT 3

/**
 * utf8_length - is this a character that can be shown?
 * @bytes: where it begins
 * @length: how many there are
 *
 * Returns how many bytes it has; 0 for a control character, or no UTF-8.
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

/* Of who knows what origin: nothing in it does anything to a terminal. */
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

/* As a C string, so that it can be told what is there. */
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

static void print_errno(FILE *out, int err)
{
	const char *name = strerrorname_np(err);

	if (name)
		fputs(name, out);
	else
		fprintf(out, "errno %d", err);
}

/* The record's data, or as much as is wanted. */
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

/* The modem lines that are on, as people call them. */
static void print_modem(FILE *out, const struct crr_record *rec)
{
	static const struct {
		uint32_t line;
		const char *name;
	} lines[] = {
		{ TIOCM_DTR, "DTR" }, { TIOCM_RTS, "RTS" },
		{ TIOCM_CTS, "CTS" }, { TIOCM_CAR, "DCD" },
		{ TIOCM_RNG, "RI" },  { TIOCM_DSR, "DSR" },
	};
	size_t i;

	if (rec->modem.error) {
		fputc(' ', out);
		print_errno(out, (int)rec->modem.error);
		return;
	}
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (rec->modem.lines & lines[i].line)
			fprintf(out, " %s", lines[i].name);
	if (rec->modem.facts & CRR_MODEM_COUNTS)
		fprintf(out, ", %u received, %u sent, %u errors",
			rec->modem.counts[4], rec->modem.counts[5],
			rec->modem.counts[6] + rec->modem.counts[7] +
				rec->modem.counts[8] + rec->modem.counts[10]);
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

static void print_write(FILE *out, const struct crr_record *rec, size_t most)
{
	fprintf(out, " %u", rec->requested);
	if (rec->result < 0) {
		fputs(" -> ", out);
		print_errno(out, -rec->result);
	} else if ((uint32_t)rec->result != rec->requested) {
		fprintf(out, " -> %d", rec->result);
	}
	if (rec->flags & CRR_FLAG_CUT)
		fputs(" cut", out);
	print_refused(out, rec);
	if (rec->flags & CRR_FLAG_CAPTURED)
		print_data(out, rec, most);
	else if (rec->flags & CRR_FLAG_UNKNOWN)
		fputs(" unknown", out);
	else
		fprintf(out, " crc32c %08x", rec->crc32c);
}

/**
 * print_record - one line, without its end
 * @out: where to
 * @rec: the record
 * @most: how many bytes of its data
 */
void print_record(FILE *out, const struct crr_record *rec, size_t most)
{
	static const char *const ends[] = {
		[CRR_END_STOP] = "stopped",
		[CRR_END_CLOSED] = "closed",
		[CRR_END_HANGUP] = "hung up",
	};
	const char *name = crr_type_name(rec->type);

	fprintf(out, "%8" PRIu64 " @%-12" PRIu64 " %3u ",
		(uint64_t)rec->sequence, (uint64_t)rec->counter, rec->stream);
	if (!name) {
		fprintf(out, "type 0x%x", rec->type);
		return;
	}
	fputs(name, out);
	if (crr_type_is_inbound(rec->type) && rec->empties)
		fprintf(out, " after %" PRIu64 " empty", (uint64_t)rec->empties);
	switch (rec->type) {
	case CRR_TYPE_STREAM:
		fprintf(out, " %.*s, %u baud", (int)rec->data_length,
			(const char *)rec->data, rec->termios.ospeed);
		break;
	case CRR_TYPE_READ:
		fprintf(out, " %u", rec->data_length);
		print_data(out, rec, most);
		break;
	case CRR_TYPE_READ_ERROR:
		fputc(' ', out);
		print_errno(out, (int)rec->error);
		break;
	case CRR_TYPE_WRITE:
		print_write(out, rec, most);
		break;
	case CRR_TYPE_STREAM_END:
		fprintf(out, " %s", ends[rec->reason]);
		print_refused(out, rec);
		break;
	case CRR_TYPE_TERMIOS:
		fprintf(out, " %u baud", rec->termios.ospeed);
		break;
	case CRR_TYPE_INQ:
		fprintf(out, " %u", rec->value);
		break;
	case CRR_TYPE_OUTQ:
		fprintf(out, " %u", rec->value);
		print_refused(out, rec);
		break;
	case CRR_TYPE_MODEM:
		print_modem(out, rec);
		print_refused(out, rec);
		break;
	case CRR_TYPE_MARK:
		print_refused(out, rec);
		print_data(out, rec, most);
		break;
	case CRR_TYPE_TIME:
		print_time(out, rec->time);
		break;
	}
}

/* The records of the log around this one, which is marked. */
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
	default:
		return NULL;
	}
}

/* Polls that may have been answered otherwise than in the recorded run. */
void print_guesses(FILE *out, const struct crr_status *st)
{
	if (st->guesses)
		fprintf(out,
			"  guesses  %" PRIu64 " poll(2)s were answered before the log was known that far\n",
			(uint64_t)st->guesses);
}

/**
 * print_divergence - how a run departed from its log
 * @out: where to
 * @div: how
 * @log: the log's path, or NULL
 * @st: the replay's status
 */
void print_divergence(FILE *out, const struct crr_divergence *div,
		      const char *log, const struct crr_status *st)
{
	const char *type = crr_type_name(div->expected_type);
	const char *call = call_name(div->type);

	fprintf(out, "crrctl: the run departed from %s: ",
		log ? log : "its log");
	/* It has not ended: it does something else than the recorded run. */
	if (div->kind == CRR_DIVERGENCE_LEFT && call)
		fprintf(out, "it called %s with a record left whose time had come\n",
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
			"  buffer   all of its %" PRIu64 " bytes hold records of other operations: use a larger --buffer\n",
			(uint64_t)st->buffer_size);
	print_guesses(out, st);
	if (div->sequence != CRR_NO_SEQUENCE && log && strcmp(log, "-"))
		print_context(out, log, div->sequence);
}
