// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the interface's numbers are called. */
#include <crr.h>

#define CRR_LOOKUP(table, i)                                                   \
	((i) < sizeof(table) / sizeof((table)[0]) ? (table)[i] : NULL)

const char *crr_state_name(unsigned int state)
{
	static const char *const names[] = {
		[CRR_STATE_IDLE] = "idle",
		[CRR_STATE_RECORDING] = "recording",
		[CRR_STATE_REPLAYING] = "replaying",
		[CRR_STATE_ENDED] = "ended",
		[CRR_STATE_DIVERGED] = "diverged",
		[CRR_STATE_FAILED] = "failed",
	};
	const char *name = CRR_LOOKUP(names, state);

	return name ? name : "unknown";
}

const char *crr_reason_name(unsigned int reason)
{
	static const char *const names[] = {
		[CRR_REASON_NONE] = "none",
		[CRR_REASON_ORPHAN] = "orphan",
		[CRR_REASON_FEEDER] = "feeder",
		[CRR_REASON_TERMINAL] = "terminal",
		[CRR_REASON_LINE] = "line",
		[CRR_REASON_TYPE] = "type",
		[CRR_REASON_FLAGS] = "flags",
		[CRR_REASON_LENGTH] = "length",
		[CRR_REASON_PADDING] = "padding",
		[CRR_REASON_VALUE] = "value",
		[CRR_REASON_CRC] = "crc",
		[CRR_REASON_SEQUENCE] = "sequence",
		[CRR_REASON_COUNTER] = "counter",
		[CRR_REASON_STREAM] = "stream",
		[CRR_REASON_STREAMS] = "streams",
		[CRR_REASON_ORDER] = "order",
	};
	const char *name = CRR_LOOKUP(names, reason);

	return name ? name : "unknown";
}

const char *crr_reason_text(unsigned int reason)
{
	static const char *const texts[] = {
		[CRR_REASON_NONE] = "no reason",
		[CRR_REASON_ORPHAN] = "nobody reads the recording, and its buffer is full",
		[CRR_REASON_FEEDER] = "the feeder closed the session before the end of the log",
		[CRR_REASON_TERMINAL] = "the tty has become the terminal of a login, which an unprivileged controller must not see",
		[CRR_REASON_LINE] = "the tty was hung up or detached before the end of the log",
		[CRR_REASON_TYPE] = "unknown record type",
		[CRR_REASON_FLAGS] = "unknown flags",
		[CRR_REASON_LENGTH] = "impossible length",
		[CRR_REASON_PADDING] = "padding is not zero",
		[CRR_REASON_VALUE] = "impossible value",
		[CRR_REASON_CRC] = "the data do not match their CRC",
		[CRR_REASON_SEQUENCE] = "not the next sequence number",
		[CRR_REASON_COUNTER] = "the counter goes back",
		[CRR_REASON_STREAM] = "the stream has not begun, has ended, or begins twice",
		[CRR_REASON_STREAMS] = "a stream that the session does not have",
		[CRR_REASON_ORDER] = "nothing may follow an end or a hangup",
	};
	const char *text = CRR_LOOKUP(texts, reason);

	return text ? text : "unknown reason";
}

const char *crr_type_name(unsigned int type)
{
	static const char *const names[] = {
		[CRR_TYPE_STREAM] = "STREAM",
		[CRR_TYPE_READ] = "READ",
		[CRR_TYPE_READ_ERROR] = "READ_ERROR",
		[CRR_TYPE_EOF] = "EOF",
		[CRR_TYPE_PEER_CLOSED] = "PEER_CLOSED",
		[CRR_TYPE_HANGUP] = "HANGUP",
		[CRR_TYPE_WRITE] = "WRITE",
		[CRR_TYPE_STREAM_END] = "STREAM_END",
		[CRR_TYPE_END] = "END",
		[CRR_TYPE_INQ] = "INQ",
		[CRR_TYPE_OUTQ] = "OUTQ",
		[CRR_TYPE_MODEM] = "MODEM",
		[CRR_TYPE_MARK] = "MARK",
		[CRR_TYPE_VALUE] = "VALUE",
	};

	switch (type) {
	case CRR_TYPE_TERMIOS:
		return "TERMIOS";
	case CRR_TYPE_TIME:
		return "TIME";
	default:
		return CRR_LOOKUP(names, type);
	}
}

const char *crr_divergence_name(unsigned int kind)
{
	static const char *const names[] = {
		[CRR_DIVERGENCE_LATE] = "late",
		[CRR_DIVERGENCE_EARLY] = "early",
		[CRR_DIVERGENCE_EXTRA] = "extra",
		[CRR_DIVERGENCE_LENGTH] = "length",
		[CRR_DIVERGENCE_CONTENT] = "content",
		[CRR_DIVERGENCE_LEFT] = "left",
	};
	const char *name = CRR_LOOKUP(names, kind);

	return name ? name : "unknown";
}

const char *crr_divergence_text(unsigned int kind)
{
	static const char *const texts[] = {
		[CRR_DIVERGENCE_LATE] = "a record was not consumed at its counter",
		[CRR_DIVERGENCE_EARLY] = "an operation before the counter of its record",
		[CRR_DIVERGENCE_EXTRA] = "an operation that the log does not have",
		[CRR_DIVERGENCE_LENGTH] = "different length",
		[CRR_DIVERGENCE_CONTENT] = "different bytes or label",
		[CRR_DIVERGENCE_LEFT] = "the run ended while a record was due that it had not consumed",
	};
	const char *text = CRR_LOOKUP(texts, kind);

	return text ? text : "unknown divergence";
}
