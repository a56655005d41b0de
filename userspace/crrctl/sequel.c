// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The log of a run that goes on live after its replay: the old log's beginning,
 * and what came then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crrctl.h"

/* Told once. What was written stays, and can be read. */
static void sequel_breaks(struct sequel *sequel, const char *path)
{
	if (!sequel->broken)
		warn("%s: %s: the log ends before record %llu", path,
		     strerror(errno),
		     (unsigned long long)crr_log_records(sequel->log));
	sequel->broken = true;
}

/**
 * sequel_open - open the new log's file, which gets its name later
 * @sequel: out
 * @path: its path
 * @force: replace a file
 */
void sequel_open(struct sequel *sequel, const char *path, bool force)
{
	sequel->path = path;
	output_open(&sequel->out, path, force, "a log");
	(void)log_lock(sequel->out.fd);
}

/**
 * sequel_begin - write the new log's header
 * @sequel: the log
 * @info: of the old log
 */
void sequel_begin(struct sequel *sequel, const struct crr_log_info *info)
{
	sequel->log = crr_log_create(sequel->out.fd, info);
	if (!sequel->log)
		fail("%s: %s", sequel->path, strerror(errno));
}

/* The records of a block before this number. True: there may be more. */
static bool copy_block(struct sequel *sequel, const unsigned char *records,
		       size_t length, uint64_t end)
{
	struct crr_record rec;
	size_t done, size;

	for (done = 0; done < length; done += size) {
		/* Valid: the reader has looked at it. */
		(void)crr_record_decode(records + done, length - done, &size,
					&rec);
		if (rec.sequence >= end)
			break;
	}
	if (done && crr_log_append(sequel->log, records, done))
		sequel_breaks(sequel, sequel->path);
	return done == length && !sequel->broken;
}

static void copy_beginning(struct sequel *sequel, int old, off_t begin,
			   uint64_t end)
{
	struct crr_log_reader *log = NULL;
	struct crr_log_error error;
	const void *records;
	size_t length;

	if (lseek(old, begin, SEEK_SET) >= 0)
		log = crr_log_open(old, &error);
	if (!log) {
		sequel_breaks(sequel, "the replayed log");
		return;
	}
	while (crr_log_block(log, &records, &length, &error) > 0 &&
	       copy_block(sequel, records, length, end))
		;
	crr_log_close(log);
}

/**
 * sequel_drain - move what has been recorded
 * @sequel: the log
 * @session: the session fd, which does not block
 * @old: the log that was replayed
 * @begin: where it begins
 */
void sequel_drain(struct sequel *sequel, int session, int old, off_t begin)
{
	static char buf[64 << 10];
	struct crr_record rec;
	size_t size;
	ssize_t n;

	if (sequel->broken)
		return;
	while (!sequel->broken && (n = read(session, buf, sizeof(buf))) > 0) {
		if (!sequel->begun) {
			/* Its first record's number tells where it joins on. */
			(void)crr_record_decode(buf, (size_t)n, &size, &rec);
			copy_beginning(sequel, old, begin, rec.sequence);
			sequel->begun = true;
		}
		if (!sequel->broken &&
		    crr_log_append(sequel->log, buf, (size_t)n))
			sequel_breaks(sequel, sequel->path);
	}
	if (sequel->broken)
		return;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		fail("reading records: %s", strerror(errno));
	if (sequel->begun && crr_log_flush(sequel->log))
		sequel_breaks(sequel, sequel->path);
}

/**
 * sequel_finish - the recording is over
 * @sequel: the log
 * @old: the log that was replayed
 * @begin: where it begins
 *
 * If the replay never came to its end, the new log is the old one.
 *
 * Returns how many records the log has.
 */
uint64_t sequel_finish(struct sequel *sequel, int old, off_t begin)
{
	uint64_t records;

	if (!sequel->begun && !sequel->broken)
		copy_beginning(sequel, old, begin, CRR_NO_SEQUENCE);
	records = crr_log_records(sequel->log);
	if (crr_log_finish(sequel->log) ||
	    (fsync(sequel->out.fd) && errno != EINVAL && errno != EROFS)) {
		if (!sequel->broken)
			warn("%s: %s", sequel->path, strerror(errno));
		sequel->broken = true;
	}
	close(sequel->out.fd);
	return records;
}
