// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Export as VCD (IEEE 1364) for GTKWave. The time axis is the counter, where a
 * nanosecond is one count. It is the time since the log began if the counter does
 * not move or its frequency is given. A signal has one value at a time, while
 * several records may have the same counter: a string holds all of their bytes,
 * and a vector the last one.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "log.h"

/* Signals of a stream. TX signals are in the same order as RX signals. */
enum signal {
	SIGNAL_RX,
	SIGNAL_RX_TEXT,
	SIGNAL_RX_BYTES,
	SIGNAL_RX_VALID,
	SIGNAL_TX,
	SIGNAL_TX_TEXT,
	SIGNAL_TX_BYTES,
	SIGNAL_TX_VALID,
	SIGNAL_HUP,
	SIGNAL_MARK,
	N_SIGNALS,
};

static const struct {
	const char *type;
	unsigned int bits;
	const char *name;
} signals[N_SIGNALS] = {
	[SIGNAL_RX] = { "wire", 8, "rx" },
	[SIGNAL_RX_TEXT] = { "string", 1, "rx_text" },
	[SIGNAL_RX_BYTES] = { "integer", 64, "rx_bytes" },
	[SIGNAL_RX_VALID] = { "event", 1, "rx_valid" },
	[SIGNAL_TX] = { "wire", 8, "tx" },
	[SIGNAL_TX_TEXT] = { "string", 1, "tx_text" },
	[SIGNAL_TX_BYTES] = { "integer", 64, "tx_bytes" },
	[SIGNAL_TX_VALID] = { "event", 1, "tx_valid" },
	[SIGNAL_HUP] = { "wire", 1, "hup" },
	[SIGNAL_MARK] = { "string", 1, "mark" },
};

/**
 * struct text - bytes at the present moment
 * @length: their number
 * @more: more bytes did not fit
 * @lost: the log lacks some of the bytes
 * @bytes: the bytes
 */
struct text {
	size_t length;
	bool more;
	bool lost;
	unsigned char bytes[CRR_READ_MAX];
};

/**
 * struct side - one direction of a stream
 * @moved: there were bytes at the present moment
 * @known: the last byte is known
 * @last: the last byte
 * @count: number of bytes so far
 * @text: bytes at the present moment
 */
struct side {
	bool moved;
	bool known;
	unsigned char last;
	uint64_t count;
	struct text text;
};

/**
 * struct stream - a stream, and its changes at the present moment
 * @known: it is declared
 * @name: its name in the file
 * @touched: it has changes
 * @begins: it begins
 * @hup: new value of SIGNAL_HUP, or 0
 * @rx: bytes that the emulator read
 * @tx: bytes that it wrote
 * @mark: labels of its marks
 */
static struct stream {
	bool known;
	char name[CRR_STREAM_NAME_MAX + 16];
	bool touched;
	bool begins;
	char hup;
	struct side rx;
	struct side tx;
	struct text mark;
} streams[CRR_STREAMS_MAX];

/* Identifiers are numbers in base 94, in printable characters. */
static const char *identifier(uint16_t stream, enum signal signal)
{
	unsigned int n = stream * N_SIGNALS + signal;
	static char code[8];
	char *p = code;

	do {
		*p++ = (char)('!' + n % 94);
		n /= 94;
	} while (n);
	*p = '\0';
	return code;
}

static void put_scalar(FILE *out, uint16_t stream, enum signal signal,
		       char value)
{
	fprintf(out, "%c%s\n", value, identifier(stream, signal));
}

/* Leading zeros are omitted. */
static void put_vector(FILE *out, uint16_t stream, enum signal signal,
		       uint64_t value)
{
	unsigned int bit = signals[signal].bits;

	while (bit > 1 && !(value >> (bit - 1) & 1))
		bit--;
	fputc('b', out);
	while (bit--)
		fputc('0' + (value >> bit & 1), out);
	fprintf(out, " %s\n", identifier(stream, signal));
}

/*
 * A blank would end the string; GTKWave decodes the escapes. "\?" (lost bytes) and
 * "\..." (more bytes) cannot be confused with bytes in the file. In GTKWave they
 * can; there the vector, which is then x, and the count show the difference.
 */
static void put_text(FILE *out, uint16_t stream, enum signal signal,
		     struct text *text)
{
	size_t i;

	fputc('s', out);
	for (i = 0; i < text->length; i++) {
		if (isgraph(text->bytes[i]) && text->bytes[i] != '\\')
			fputc(text->bytes[i], out);
		else
			fprintf(out, "\\x%02x", text->bytes[i]);
	}
	fprintf(out, "%s%s %s\n", text->more ? "\\..." : "",
		text->lost ? "\\?" : "", identifier(stream, signal));
	text->length = 0;
	text->more = false;
	text->lost = false;
}

static void put_side(FILE *out, uint16_t stream, enum signal first,
		     struct side *side)
{
	if (side->known)
		put_vector(out, stream, first, side->last);
	else
		fprintf(out, "bx %s\n", identifier(stream, first));
	put_text(out, stream, first + SIGNAL_RX_TEXT, &side->text);
	put_vector(out, stream, first + SIGNAL_RX_BYTES, side->count);
	put_scalar(out, stream, first + SIGNAL_RX_VALID, '1');
	side->moved = false;
}

static void put_stream(FILE *out, uint16_t number)
{
	struct stream *stream = &streams[number];

	if (stream->begins) {
		put_vector(out, number, SIGNAL_RX_BYTES, 0);
		put_vector(out, number, SIGNAL_TX_BYTES, 0);
	}
	if (stream->rx.moved)
		put_side(out, number, SIGNAL_RX, &stream->rx);
	if (stream->tx.moved)
		put_side(out, number, SIGNAL_TX, &stream->tx);
	if (stream->hup)
		put_scalar(out, number, SIGNAL_HUP, stream->hup);
	if (stream->mark.length)
		put_text(out, number, SIGNAL_MARK, &stream->mark);
	stream->begins = false;
	stream->hup = 0;
	stream->touched = false;
}

static void add_text(struct text *text, const void *bytes, size_t length)
{
	size_t left = sizeof(text->bytes) - text->length;

	if (length > left) {
		text->more = true;
		length = left;
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
}

static void add_bytes(struct side *side, const struct crr_record *rec,
		      uint32_t length)
{
	side->moved = true;
	side->count += length;
	side->known = rec->data_length >= length;
	if (side->known) {
		side->last = rec->data[length - 1];
		add_text(&side->text, rec->data, length);
	} else {
		side->text.lost = true;
	}
}

/* Returns whether the record changes a signal. */
static bool add_record(const struct crr_record *rec)
{
	struct stream *stream = &streams[rec->stream];

	switch (rec->type) {
	case CRR_TYPE_STREAM:
		stream->begins = true;
		stream->hup = '0';
		return true;
	case CRR_TYPE_READ:
		add_bytes(&stream->rx, rec, rec->data_length);
		return true;
	case CRR_TYPE_WRITE:
		if (!rec->offset)
			return false;
		add_bytes(&stream->tx, rec, rec->offset);
		return true;
	case CRR_TYPE_MARK:
		/* Labels contain no newline. */
		if (stream->mark.length)
			add_text(&stream->mark, "\n", 1);
		add_text(&stream->mark, rec->data, rec->data_length);
		return true;
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
		stream->hup = '1';
		return true;
	case CRR_TYPE_STREAM_END:
		/* The state of the line after this is unknown. */
		stream->hup = rec->reason == CRR_END_HANGUP ? '1' : 'x';
		return true;
	default:
		return false;
	}
}

/* Blanks would end the name, and ".", "[" and "/" are special in GTKWave. */
static void name_stream(const struct crr_record *rec)
{
	struct stream *stream = &streams[rec->stream];
	size_t i;

	for (i = 0; i < rec->data_length; i++)
		stream->name[i] = isalnum(rec->data[i]) ? (char)rec->data[i] :
							  '_';
	stream->name[i] = '\0';
	stream->known = true;
}

static bool is_taken(const char *name, const struct stream *by_others_than)
{
	size_t i;

	for (i = 0; i < CRR_STREAMS_MAX; i++)
		if (streams[i].known && &streams[i] != by_others_than &&
		    !strcmp(streams[i].name, name))
			return true;
	return false;
}

/*
 * Streams may have the same name, as in two containers, or get the same name by
 * name_stream(). Their numbers are appended until all names differ.
 */
static void make_names_unique(void)
{
	static bool again[CRR_STREAMS_MAX];
	struct stream *stream;
	size_t i, length;

	for (i = 0; i < CRR_STREAMS_MAX; i++)
		again[i] = streams[i].known &&
			   is_taken(streams[i].name, &streams[i]);
	for (i = 0; i < CRR_STREAMS_MAX; i++) {
		stream = &streams[i];
		while (again[i]) {
			length = strlen(stream->name);
			snprintf(stream->name + length,
				 sizeof(stream->name) - length, "_%zu", i);
			again[i] = is_taken(stream->name, stream);
		}
	}
}

static void declare(FILE *out, uint16_t number)
{
	size_t i;

	fprintf(out, "$scope module %s $end\n", streams[number].name);
	for (i = 0; i < N_SIGNALS; i++)
		fprintf(out, "$var %s %u %s %s $end\n", signals[i].type,
			signals[i].bits, identifier(number, i),
			signals[i].name);
	fputs("$upscope $end\n", out);
}

static void write_unit(struct export *ex)
{
	const struct crr_log_info *info = crr_log_get_info(ex->file->log);

	if (ex->timed)
		fputs("$comment time since the recording began $end\n",
		      ex->out);
	else
		fprintf(ex->out, "$comment 1 ns is one count%s%s $end\n",
			*info->counter ? " of " : "",
			strchr(info->counter, '$') ? "?" : info->counter);
	fputs("$timescale 1 ns $end\n", ex->out);
}

/* Read all STREAMs first: names come before values, and a part may lack them. */
static void write_header(struct export *ex)
{
	const struct crr_log_info *info = crr_log_get_info(ex->file->log);
	time_t seconds = (time_t)(info->created / 1000000000);
	struct log_file all;
	struct crr_record rec;
	char date[64] = "unknown";
	uint16_t i;

	if (info->created)
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S %z",
			 localtime(&seconds));
	fprintf(ex->out, "$date %s $end\n$version crrctl %s $end\n", date,
		crr_version());
	write_unit(ex);
	log_file_all(&all, ex->file);
	log_file_rewind(&all);
	while (log_file_next(&all, &rec))
		if (rec.type == CRR_TYPE_STREAM)
			name_stream(&rec);
	make_names_unique();
	for (i = 0; i < CRR_STREAMS_MAX; i++) {
		if (i < ex->file->stream.from || i > ex->file->stream.to)
			streams[i].known = false;
		if (streams[i].known)
			declare(ex->out, i);
	}
	fputs("$enddefinitions $end\n", ex->out);
	log_file_rewind(ex->file);
}

/* The time of a record in the file. */
static uint64_t moment_of(struct export *ex, const struct crr_record *rec)
{
	return ex->timed ? timeline_since(&ex->line, rec) : rec->counter;
}

/* See struct export. */
void export_vcd(struct export *ex)
{
	static uint16_t touched[CRR_STREAMS_MAX];
	uint64_t moment = 0, next = 0;
	struct crr_record rec;
	size_t n = 0, i;
	bool more;

	write_header(ex);
	do {
		more = log_file_next(ex->file, &rec);
		if (more)
			next = moment_of(ex, &rec);
		/* The last moment is complete. */
		if (n && (!more || next != moment)) {
			fprintf(ex->out, "#%" PRIu64 "\n", moment);
			for (i = 0; i < n; i++)
				put_stream(ex->out, touched[i]);
			n = 0;
		}
		if (!more || rec.type & CRR_TYPE_OPTIONAL ||
		    !streams[rec.stream].known || !add_record(&rec))
			continue;
		moment = next;
		if (!streams[rec.stream].touched)
			touched[n++] = rec.stream;
		streams[rec.stream].touched = true;
	} while (more);
}
