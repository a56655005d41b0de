// SPDX-License-Identifier: GPL-2.0-or-later
/* Read logs, or the parts of them that the options select. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define PROGRESS_AFTER_MS 1000
#define PROGRESS_EVERY_MS 200

/* Report damage of a log that must be whole, or a failed read, and exit. */
noreturn void log_damaged(const struct log_file *file,
			  const struct crr_log_error *error)
{
	fflush(stdout);
	if (errno == EBADMSG) {
		warn("%s: at byte %" PRIu64 ": %s", file->path, error->offset,
		     error->text);
		exit(EXIT_CRR_LOG);
	}
	fail("%s: %s", file->path, strerror(errno));
}

/**
 * log_file_init - select all records of a log that is not open yet
 * @file: the log
 */
void log_file_init(struct log_file *file)
{
	*file = (struct log_file){
		.fd = -1,
		.sequence = ALL,
		.counter = ALL,
		.time = ALL,
		.stream = ALL,
		.types = UINT64_MAX,
	};
}

/* Make a time of parse_time() absolute. */
static uint64_t absolute_time(const struct log_file *file, uint64_t time)
{
	uint64_t created = crr_log_get_info(file->log)->created;
	time_t seconds = (time_t)(created / 1000000000);
	struct tm tm;

	if (time == UINT64_MAX)
		return time;
	if (time & TIME_SINCE_BEGIN)
		return created + (time & ~TIME_SINCE_BEGIN);
	if (!(time & TIME_OF_DAY))
		return time;
	localtime_r(&seconds, &tm);
	tm.tm_hour = 0;
	tm.tm_min = 0;
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (uint64_t)mktime(&tm) * 1000000000 + (time & ~TIME_OF_DAY);
}

/**
 * log_file_open_whole - open a log at its beginning
 * @file: the log and the ranges to select
 * @path: its path; "-" for standard input
 */
void log_file_open_whole(struct log_file *file, const char *path)
{
	struct crr_log_error error;
	struct stat st;
	int fd;

	file->path = path;
	file->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) :
				       STDIN_FILENO;
	if (file->fd < 0)
		fail("%s: %s", path, strerror(errno));
	if (file->twice) {
		fd = spool(file->fd);
		if (fd < 0)
			fail("%s: cannot copy it to a temporary file: %s",
			     path, strerror(errno));
		if (fd != file->fd && file->fd != STDIN_FILENO)
			close(file->fd);
		file->fd = fd;
	}
	if (!fstat(file->fd, &st) && S_ISREG(st.st_mode))
		file->size = (uint64_t)st.st_size;
	file->begin = lseek(file->fd, 0, SEEK_CUR);
	file->log = crr_log_open(file->fd, &error);
	if (!file->log)
		log_damaged(file, &error);
	file->time.from = absolute_time(file, file->time.from);
	file->time.to = absolute_time(file, file->time.to);
	file->progress_at = now_ms() + PROGRESS_AFTER_MS - PROGRESS_EVERY_MS;
}

/**
 * log_file_open - open a log where the selected part begins
 * @file: the log and the ranges to select
 * @path: its path; "-" for standard input
 */
void log_file_open(struct log_file *file, const char *path)
{
	log_file_open_whole(file, path);
	log_file_seek(file);
}

/**
 * log_file_all - select all records of an open log
 * @all: out: shares the reader of @file; must not be closed
 * @file: the log
 */
void log_file_all(struct log_file *all, const struct log_file *file)
{
	log_file_init(all);
	all->path = file->path;
	all->fd = file->fd;
	all->begin = file->begin;
	all->log = file->log;
	all->size = file->size;
	all->goes_on = file->goes_on;
	all->progress_at = file->progress_at;
}

/**
 * log_file_is_whole - are all records selected?
 * @file: the log
 */
bool log_file_is_whole(const struct log_file *file)
{
	return !file->sequence.from && file->sequence.to == UINT64_MAX &&
	       !file->counter.from && file->counter.to == UINT64_MAX &&
	       !file->time.from && file->time.to == UINT64_MAX;
}

/**
 * log_file_seek - go to where the selected part begins
 * @file: the log
 */
void log_file_seek(struct log_file *file)
{
	enum crr_log_key key = CRR_LOG_SEQUENCE;
	uint64_t value = file->sequence.from;

	/* One key is enough: log_file_next() skips records by the others. */
	if (!value && file->counter.from) {
		key = CRR_LOG_COUNTER;
		value = file->counter.from;
	}
	if (!value && file->time.from) {
		key = CRR_LOG_TIME;
		value = file->time.from;
	}
	file->now = 0;
	if (value && crr_log_seek(file->log, key, value))
		fail("%s: %s", file->path, strerror(errno));
}

/**
 * log_file_rewind - go back to where the selected part begins
 * @file: the log
 */
void log_file_rewind(struct log_file *file)
{
	file->now = 0;
	file->next = 0;
	if (crr_log_seek(file->log, CRR_LOG_SEQUENCE, 0))
		fail("%s: %s", file->path, strerror(errno));
	log_file_seek(file);
}

static void show_progress(struct log_file *file)
{
	uint64_t now = now_ms();

	if (now < file->progress_at + PROGRESS_EVERY_MS)
		return;
	file->progress_at = now;
	if (!file->size || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%s: %u%% ", file->path,
		(unsigned int)(crr_log_offset(file->log) * 100 / file->size));
	fflush(stderr);
	file->shown = true;
}

static void end_progress(struct log_file *file)
{
	if (file->shown)
		fputs("\r\033[K", stderr);
	file->shown = false;
}

/* Report damage and go on after it. Returns false if no block follows. */
static bool skip_damage(struct log_file *file, uint64_t offset,
			const struct crr_log_error *error)
{
	bool goes_on = errno == EBADMSG && file->goes_on;
	int err = errno;
	uint64_t end;

	end_progress(file);
	errno = err;
	file->damaged = true;
	if (file->quiet)
		return goes_on && crr_log_resync(file->log, offset) > 0;
	if (!goes_on)
		log_damaged(file, error);
	fflush(stdout);
	warn("%s: at byte %" PRIu64 ": %s", file->path, error->offset,
	     error->text);
	if (crr_log_resync(file->log, offset) <= 0)
		return false;
	end = crr_log_offset(file->log);
	warn("%s: continuing at byte %" PRIu64, file->path, end);
	return true;
}

static bool in(const struct range *range, uint64_t value)
{
	return value >= range->from && value <= range->to;
}

/**
 * log_file_is_past - does the selected part end before this record?
 * @file: the log; @file->now is the record's time
 * @rec: the record
 */
bool log_file_is_past(const struct log_file *file, const struct crr_record *rec)
{
	return rec->sequence > file->sequence.to ||
	       rec->counter > file->counter.to || file->now > file->time.to;
}

/**
 * log_file_wants - is this record selected?
 * @file: the log; @file->now is the record's time
 * @rec: the record
 */
bool log_file_wants(const struct log_file *file, const struct crr_record *rec)
{
	return in(&file->sequence, rec->sequence) &&
	       in(&file->counter, rec->counter) &&
	       in(&file->time, file->now) &&
	       (in(&file->stream, rec->stream) || rec->type == CRR_TYPE_END ||
		rec->type == CRR_TYPE_TIME) &&
	       file->types & record_bit(rec->type);
}

/* After reading to the end of the file. If that began after END, ask the footer. */
static bool has_end(const struct log_file *file)
{
	struct crr_log_extent extent;

	return crr_log_ended(file->log) ||
	       (!crr_log_extent(file->log, &extent) && extent.ended);
}

/**
 * log_file_next - read the next selected record
 * @file: the log
 * @rec: out; its data are valid until the next call
 *
 * Returns false at the end.
 */
bool log_file_next(struct log_file *file, struct crr_record *rec)
{
	struct crr_log_error error;
	uint64_t offset;
	int ret;

	for (;;) {
		offset = crr_log_offset(file->log);
		ret = crr_log_next(file->log, rec, &error);
		if (ret < 0 && skip_damage(file, offset, &error))
			continue;
		if (!ret)
			file->unended = !has_end(file);
		if (ret <= 0)
			break;
		if (file->damaged && rec->sequence > file->next) {
			if (!file->quiet)
				warn("%s: records %" PRIu64 " to %" PRIu64
				     " are missing",
				     file->path, file->next,
				     (uint64_t)rec->sequence - 1);
			file->next = rec->sequence;
		}
		if (rec->type == CRR_TYPE_TIME)
			file->now = rec->time;
		if (!(rec->type & CRR_TYPE_OPTIONAL)) {
			file->next = rec->sequence + 1;
			if (!(rec->sequence % 4096))
				show_progress(file);
		}
		if (log_file_is_past(file, rec))
			break;
		if (log_file_wants(file, rec))
			return true;
	}
	end_progress(file);
	return false;
}

/**
 * log_file_status - exit status for a log that has been read
 * @file: the log
 *
 * Prints a warning if the log has no END and the selected part extends to there.
 */
int log_file_status(const struct log_file *file)
{
	if (file->unended && !file->damaged)
		warn("%s %s", file->path, log_no_end(file->fd));
	return file->unended || file->damaged ? EXIT_CRR_LOG : 0;
}

void log_file_close(struct log_file *file)
{
	crr_log_close(file->log);
	if (file->fd != STDIN_FILENO)
		close(file->fd);
}
