// SPDX-License-Identifier: GPL-2.0-or-later
/* Records as JSON. */
#include <inttypes.h>
#include <string.h>

#include "log.h"

/**
 * print_json_string - a string, with what no UTF-8 may have escaped
 * @out: where to
 * @text: its bytes
 * @length: how many
 */
void print_json_string(FILE *out, const void *text, size_t length)
{
	const unsigned char *p = text;
	size_t n;

	fputc('"', out);
	for (; length; p += n, length -= n) {
		n = utf8_length(p, length);
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (n)
			fwrite(p, 1, n, out);
		else if (*p < 0x80)
			fprintf(out, "\\u%04x", *p);
		else if (length > 1 && *p == 0xc2 && (p[1] & 0xe0) == 0x80)
			/* Control characters of ISO 8859. */
			fprintf(out, "\\u%04x", p[(n = 2) - 1]);
		else
			fputs("\\ufffd", out);
		if (!n)
			n = 1;
	}
	fputc('"', out);
}

static void print_termios_json(FILE *out, const struct crr_record *rec)
{
	fprintf(out, ",\"iflag\":%u,\"oflag\":%u,\"cflag\":%u,\"lflag\":%u,\"ispeed\":%u,\"ospeed\":%u",
	       rec->termios.iflag, rec->termios.oflag, rec->termios.cflag,
	       rec->termios.lflag, rec->termios.ispeed, rec->termios.ospeed);
}

static void print_refused_json(FILE *out, const struct crr_record *rec)
{
	fprintf(out, ",\"refused\":" JSON_U64 ",\"interrupted\":%s",
	       (uint64_t)rec->refused,
	       rec->flags & CRR_FLAG_INTERRUPTED ? "true" : "false");
}

/* By its name; a number that has none is a string as well. */
static void print_error_json(FILE *out, int err)
{
	const char *name = strerrorname_np(err);

	if (name)
		fprintf(out, ",\"error\":\"%s\"", name);
	else
		fprintf(out, ",\"error\":\"%d\"", err);
}

static void print_modem_json(FILE *out, const struct crr_record *rec)
{
	static const char *const counts[CRR_MODEM_COUNT] = {
		"cts",	 "dsr",	    "rng",    "dcd", "rx",	   "tx",
		"frame", "overrun", "parity", "brk", "buf_overrun",
	};
	unsigned int i;

	print_refused_json(out, rec);
	if (rec->modem.error)
		print_error_json(out, (int)rec->modem.error);
	fprintf(out, ",\"lines\":%u", rec->modem.lines);
	if (!(rec->modem.facts & CRR_MODEM_COUNTS))
		return;
	for (i = 0; i < CRR_MODEM_COUNT; i++)
		fprintf(out, ",\"%s\":%u", counts[i], rec->modem.counts[i]);
}

/**
 * print_record_json - a record, on one line
 * @out: where to
 * @rec: the record
 * @elapsed: nanoseconds since the recording began; NULL: that is not wanted
 */
void print_record_json(FILE *out, const struct crr_record *rec,
		       const uint64_t *elapsed)
{
	const char *name = crr_type_name(rec->type);
	uint32_t i;

	fputc('{', out);
	if (elapsed)
		fprintf(out, "\"elapsed\":%.6f,", (double)*elapsed / 1e9);
	fprintf(out, "\"seq\":" JSON_U64 ",\"counter\":" JSON_U64 ",\"stream\":%u",
	       (uint64_t)rec->sequence, (uint64_t)rec->counter, rec->stream);
	if (name)
		fprintf(out, ",\"type\":\"%s\"", name);
	else
		fprintf(out, ",\"type\":\"0x%x\"", rec->type);
	switch (rec->type) {
	case CRR_TYPE_STREAM:
		fprintf(out, ",\"name\":");
		print_json_string(out, rec->data, rec->data_length);
		print_termios_json(out, rec);
		break;
	case CRR_TYPE_TERMIOS:
		print_termios_json(out, rec);
		break;
	case CRR_TYPE_INQ:
		fprintf(out, ",\"empties\":" JSON_U64 ",\"value\":%u",
		       (uint64_t)rec->empties, rec->value);
		break;
	case CRR_TYPE_OUTQ:
		print_refused_json(out, rec);
		fprintf(out, ",\"value\":%u", rec->value);
		break;
	case CRR_TYPE_MODEM:
		print_modem_json(out, rec);
		break;
	case CRR_TYPE_MARK:
		print_refused_json(out, rec);
		fprintf(out, ",\"label\":");
		print_json_string(out, rec->data, rec->data_length);
		break;
	case CRR_TYPE_TIME:
		fprintf(out, ",\"nanoseconds\":" JSON_U64, (uint64_t)rec->time);
		break;
	case CRR_TYPE_READ:
	case CRR_TYPE_READ_ERROR:
	case CRR_TYPE_EOF:
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
		fprintf(out, ",\"empties\":" JSON_U64, (uint64_t)rec->empties);
		if (rec->type == CRR_TYPE_READ_ERROR)
			print_error_json(out, (int)rec->error);
		break;
	case CRR_TYPE_WRITE:
		fprintf(out, ",\"requested\":%u,\"result\":%d,\"offset\":%u,\"crc32c\":\"%08x\",\"cut\":%s,\"known\":%s",
			rec->requested, rec->result < 0 ? -1 : rec->result,
			rec->offset, rec->crc32c,
			rec->flags & CRR_FLAG_CUT ? "true" : "false",
			rec->flags & CRR_FLAG_UNKNOWN ? "false" : "true");
		if (rec->result < 0)
			print_error_json(out, -rec->result);
		print_refused_json(out, rec);
		break;
	case CRR_TYPE_STREAM_END:
		fprintf(out, ",\"empties\":" JSON_U64 ",\"reason\":\"%s\"",
		       (uint64_t)rec->empties, end_reason_name(rec->reason));
		print_refused_json(out, rec);
		break;
	}
	if (rec->type == CRR_TYPE_READ ||
	    (rec->flags & CRR_FLAG_CAPTURED && rec->type == CRR_TYPE_WRITE)) {
		fprintf(out, ",\"data\":\"");
		for (i = 0; i < rec->data_length; i++)
			fprintf(out, "%02x", rec->data[i]);
		fputc('"', out);
	}
	fprintf(out, "}\n");
}
