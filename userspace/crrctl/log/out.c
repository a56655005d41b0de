// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that crrctl log makes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* All has been written: the file gets its name, or the program fails. */
static void finish(struct output *out)
{
	/* A pipe cannot be synced, and need not be. */
	if (fsync(out->fd) && errno != EINVAL && errno != EROFS)
		fail("%s: %s", out->path, strerror(errno));
	if (!output_publish(out))
		exit(EXIT_CRR_FAILURE);
}

/**
 * out_open - open the file that an export goes to
 * @out: the file
 * @path: of the file, which is 0600, as logs are; "-" for standard output
 * @force: replace a file
 */
FILE *out_open(struct output *out, const char *path, bool force)
{
	FILE *file;

	output_open(out, path, force, NULL);
	file = fdopen(out->fd, "w");
	if (!file)
		fail("%s: %s", path, strerror(errno));
	return file;
}

/**
 * out_close - the export is complete
 * @out: the file
 * @file: of out_open()
 */
void out_close(struct output *out, FILE *file)
{
	if (fflush(file) || ferror(file))
		fail("%s: %s", out->path, strerror(errno));
	finish(out);
	if (fclose(file))
		fail("%s: %s", out->path, strerror(errno));
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
 * @force: replace a file
 * @level: of compression; -1: as usual
 * @info: how its records were made
 */
void new_log_open(struct new_log *log, const char *path, bool force, int level,
		  const struct crr_log_info *info)
{
	*log = (struct new_log){ 0 };
	output_open(&log->out, path, force, "a log");
	log->log = crr_log_create(log->out.fd, info);
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
		fail("%s: record %llu: %s", log->out.path,
		     (unsigned long long)rec->sequence,
		     crr_reason_text((unsigned int)reason));
	crr_order_add(&log->order, rec);
	if (crr_log_append(log->log, bytes, crr_record_encode(bytes, rec)))
		fail("%s: %s", log->out.path, strerror(errno));
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
 */
void new_log_close(struct new_log *log)
{
	if (crr_log_finish(log->log))
		fail("%s: %s", log->out.path, strerror(errno));
	finish(&log->out);
	close(log->out.fd);
}
