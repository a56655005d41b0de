// SPDX-License-Identifier: GPL-2.0-or-later
/* Places in a log, as options name them: RECORD, @COUNTER or MARK. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crrctl.h"

/* The record's number, or CRR_NO_SEQUENCE if the text is none. */
static uint64_t parse_record(const char *text)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno)
		return CRR_NO_SEQUENCE;
	return n;
}

static bool is_mark(const struct crr_record *rec, const char *label)
{
	return rec->type == CRR_TYPE_MARK && strlen(label) == rec->data_length &&
	       !memcmp(rec->data, label, rec->data_length);
}

/**
 * position_find - find a place in a log
 * @cmd: the command
 * @option: the option that names it, for messages
 * @what: its argument
 * @log: a reader of its own, at the log's beginning
 * @path: the log's name
 *
 * Ends crrctl if there is no such place.
 */
struct position position_find(const struct command *cmd, const char *option,
			      const char *what, struct crr_log_reader *log,
			      const char *path)
{
	struct position pos = { .sequence = CRR_NO_SEQUENCE };
	struct crr_log_error error;
	struct crr_record rec;
	uint64_t wanted;

	if (*what == '@') {
		pos.counter = parse_record(what + 1);
		if (pos.counter == CRR_NO_SEQUENCE)
			usage_error(cmd, "%s: '%s' is not a counter, such as @4711",
				    option, what);
		return pos;
	}
	wanted = parse_record(what);
	if (wanted != CRR_NO_SEQUENCE)
		(void)crr_log_seek(log, CRR_LOG_SEQUENCE, wanted);
	while (crr_log_next(log, &rec, &error) == 1) {
		if (rec.type & CRR_TYPE_OPTIONAL)
			continue;
		/* A number is never a label. */
		if (wanted == CRR_NO_SEQUENCE ? !is_mark(&rec, what) :
						rec.sequence != wanted)
			continue;
		pos.sequence = rec.sequence;
		pos.counter = rec.counter;
		return pos;
	}
	if (wanted != CRR_NO_SEQUENCE)
		usage_error(cmd, "%s: %s has no record %s", option, path, what);
	usage_error(cmd, "%s: %s has no mark '%s': give a record's number, @COUNTER or a mark",
		    option, path, what);
}
