// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that crrctl log makes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/**
 * out_open - where an export goes
 * @path: of the file, which is 0600, as logs are; "-" for standard output
 * @force: overwrite what there is
 */
FILE *out_open(const char *path, bool force)
{
	FILE *out;
	int fd;

	if (!strcmp(path, "-"))
		return stdout;
	fd = log_make(path, force);
	out = fdopen(fd, "w");
	if (!out)
		fail("%s: %s", path, strerror(errno));
	return out;
}

void out_close(FILE *out, const char *path)
{
	if (fflush(out) || ferror(out))
		fail("%s: %s", path, strerror(errno));
	if (out != stdout && fclose(out))
		fail("%s: %s", path, strerror(errno));
}

/**
 * out_colours - may colours be used?
 * @out: where to
 * @when: "always", "never", or NULL: on a terminal
 */
bool out_colours(FILE *out, const char *when)
{
	const char *term = getenv("TERM");

	if (when)
		return !strcmp(when, "always");
	return isatty(fileno(out)) && !getenv("NO_COLOR") && term &&
	       strcmp(term, "dumb");
}

/**
 * new_log_open - begin a log
 * @log: out
 * @path: its name; "-" for standard output
 * @force: overwrite what there is
 * @level: of compression; -1: as usual
 * @info: how its records were made
 */
void new_log_open(struct new_log *log, const char *path, bool force, int level,
		  const struct crr_log_info *info)
{
	*log = (struct new_log){ .path = path };
	log->fd = log_make(path, force);
	log->log = crr_log_create(log->fd, info);
	if (!log->log)
		fail("%s: %s", path, strerror(errno));
	if (level >= 0)
		(void)crr_log_compress(log->log, level);
}

/**
 * new_log_add - the next record
 * @log: the log
 * @rec: it gets the number that comes next
 */
void new_log_add(struct new_log *log, struct crr_record *rec)
{
	static unsigned char bytes[CRR_RECORD_SIZE_MAX];
	int reason;

	rec->sequence = log->order.sequence;
	reason = crr_order_check(&log->order, rec);
	if (reason)
		fail("%s: record %llu: %s", log->path,
		     (unsigned long long)rec->sequence,
		     crr_reason_text((unsigned int)reason));
	crr_order_add(&log->order, rec);
	if (crr_log_append(log->log, bytes, crr_record_encode(bytes, rec)))
		fail("%s: %s", log->path, strerror(errno));
}

/**
 * new_log_end - END, and before it STREAM_END for each stream that has not ended
 * @log: the log
 * @counter: where it ends
 */
void new_log_end(struct new_log *log, uint64_t counter)
{
	struct crr_record rec;
	uint16_t i;

	if (log->order.ended)
		return;
	for (i = 0; i < CRR_STREAMS_MAX; i++) {
		if (log->order.part[i] != CRR_PART_OPEN &&
		    log->order.part[i] != CRR_PART_HUNG_UP)
			continue;
		rec = (struct crr_record){
			.type = CRR_TYPE_STREAM_END,
			.stream = i,
			.counter = counter,
			.reason = log->order.part[i] == CRR_PART_OPEN ?
					  CRR_END_STOP :
					  CRR_END_HANGUP,
		};
		new_log_add(log, &rec);
	}
	rec = (struct crr_record){ .type = CRR_TYPE_END, .counter = counter };
	new_log_add(log, &rec);
}

/**
 * new_log_close - all has been added
 * @log: the log
 *
 * Returns how many records it has.
 */
uint64_t new_log_close(struct new_log *log)
{
	uint64_t records = crr_log_records(log->log);

	if (crr_log_sync(log->log) || crr_log_finish(log->log) ||
	    close(log->fd))
		fail("%s: %s", log->path, strerror(errno));
	return records;
}
