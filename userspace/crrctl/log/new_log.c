// SPDX-License-Identifier: GPL-2.0-or-later
/* Write logs that are made of the records of others. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/**
 * new_log_open - create a log
 * @log: out
 * @path: its path; "-" for standard output
 * @force: overwrite a file
 * @level: zstd level; -1 for the default
 * @info: how its records were recorded
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
 * new_log_add - append a record
 * @log: the log
 * @rec: the record; gets the next sequence number
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
 * new_log_end - append END, after a STREAM_END for each stream that has not ended
 * @log: the log
 * @counter: counter of these records
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
 * new_log_close - finish a log and give it its name
 * @log: the log
 */
void new_log_close(struct new_log *log)
{
	if (crr_log_finish(log->log))
		fail("%s: %s", log->out.path, strerror(errno));
	output_finish(&log->out);
	close(log->out.fd);
}
