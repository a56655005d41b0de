// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Export as VCD (IEEE 1364), for GTKWave. Time is the counter: a nanosecond
 * there is one count; or, if the counter does not move, or its frequency is
 * given, the time since the log began. A signal has one value at a time, and at
 * one moment many bytes may come, in many records: a string holds them all, and
 * a vector the last of them.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "log.h"

/* The signals of a stream; those of a direction follow each other. */
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
 * struct text - what came at the present moment
 * @length: how many bytes of it
 * @more: there were more, for which there is no room
 * @lost: there were some that the log does not have
 * @bytes: these
 */
struct text {
	size_t length;
	bool more;
	bool lost;
	unsigned char bytes[CRR_READ_MAX];
};

/**
 * struct side - one direction of a stream
 * @moved: something did, at the present moment
 * @known: its last byte is
 * @last: that byte
 * @count: bytes so far
 * @text: those of the present moment
 */
struct side {
	bool moved;
	bool known;
	unsigned char last;
	uint64_t count;
	struct text text;
};

/**
 * struct stream - one of them
 * @known: it has been declared
 * @name: as it is declared
 * @touched: it has something to tell at the present moment
 * @begins: its STREAM is there
 * @hup: what SIGNAL_HUP becomes; 0: what it was
 * @rx: what the emulator read
 * @tx: what it wrote
 * @mark: its marks
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

/* Identifiers are of printable characters: a number to the base of 94. */
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

/* Leading zeros go without saying. */
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
 * Blanks would end it; GTKWave undoes what is escaped. Only in the file can
 * "\?" and "\..." be told from bytes; elsewhere the vector, which is x then,
 * and the count tell.
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
	size_t room = sizeof(text->bytes) - text->length;

	if (length > room) {
		text->more = true;
		length = room;
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

/* Returns whether it is anything to be seen. */
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
		/* No label has a newline. */
		if (stream->mark.length)
			add_text(&stream->mark, "\n", 1);
		add_text(&stream->mark, rec->data, rec->data_length);
		return true;
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
		stream->hup = '1';
		return true;
	case CRR_TYPE_STREAM_END:
		/* Of what the line did later nothing is known. */
		stream->hup = rec->reason == CRR_END_HANGUP ? '1' : 'x';
		return true;
	default:
		return false;
	}
}

/* Blanks would end the name, and GTKWave has its own idea of ".", "[", "/". */
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
 * Streams of several containers may have one name, and others become the same.
 * Those get their number, as often as it takes: all names that are not changed
 * are different ones.
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
		fputs("$comment time is that since the recording began $end\n",
		      ex->out);
	else
		fprintf(ex->out, "$comment 1 ns is one count%s%s $end\n",
			*info->counter ? " of " : "",
			strchr(info->counter, '$') ? "?" : info->counter);
	fputs("$timescale 1 ns $end\n", ex->out);
}

/* Names come before any value, and a part of a log may lack its STREAMs. */
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

/* When it was, in what the file counts. */
static uint64_t moment_of(struct export *ex, const struct crr_record *rec)
{
	return ex->timed ? timeline_since(&ex->line, rec) : rec->counter;
}

/* struct export */
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
		/* All that the last moment has to tell is known now. */
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
