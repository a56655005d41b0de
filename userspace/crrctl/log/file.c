// SPDX-License-Identifier: GPL-2.0-or-later
/* Logs that are read, and the parts of them that are wanted. */
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

#define ALL ((struct range){ 0, UINT64_MAX })

/* Whatever is wrong with a log that is to be read whole. */
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
 * log_file_init - nothing opened, everything wanted
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

/**
 * parse_colour - the argument of --color
 * @cmd: the command
 * @text: the argument
 *
 * Returns what out_colours() takes.
 */
const char *parse_colour(const struct command *cmd, const char *text)
{
	if (!strcmp(text, "auto"))
		return NULL;
	if (strcmp(text, "always") && strcmp(text, "never"))
		usage_error(cmd, "--color: always, never or auto");
	return text;
}

uint64_t parse_number(const struct command *cmd, const char *text)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *text == '-' || *end)
		usage_error(cmd, "'%s' is no number", text);
	return n;
}

/*
 * A time of day on the day of the recording, a date with it, or seconds since
 * it began: all become known only when the log is open. Until then one of the
 * day has bit 63 set, one of the recording bit 62.
 */
#define OF_THE_DAY   (1ULL << 63)
#define OF_THE_START (1ULL << 62)

static uint64_t parse_time(const struct command *cmd, const char *text)
{
	struct tm tm = { .tm_isdst = -1 };
	double seconds = 0;
	uint64_t ns;
	char *end;

	if (*text == '+') {
		seconds = strtod(text + 1, &end);
		if (end == text + 1 || *end || !(seconds >= 0) || seconds > 1e9)
			usage_error(cmd, "'%s' is no number of seconds", text);
		return OF_THE_START | (uint64_t)(seconds * 1e9);
	}
	end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	if (end) {
		ns = (uint64_t)mktime(&tm) * 1000000000;
	} else {
		end = strptime(text, "%H:%M:%S", &tm);
		if (!end)
			usage_error(cmd, "'%s' is no time: HH:MM:SS, YYYY-MM-DD HH:MM:SS or +SECONDS",
				    text);
		ns = (uint64_t)(tm.tm_hour * 3600 + tm.tm_min * 60 +
				tm.tm_sec) * 1000000000 | OF_THE_DAY;
	}
	if (*end == '.')
		seconds = strtod(end, &end);
	if (*end)
		usage_error(cmd, "'%s' is no time", text);
	return ns + (uint64_t)(seconds * 1e9);
}

static struct range parse_range(const struct command *cmd, const char *text,
				uint64_t (*parse)(const struct command *cmd,
						  const char *text))
{
	struct range range = ALL;
	char from[64];
	const char *dots = strstr(text, "..");
	size_t length = dots ? (size_t)(dots - text) : strlen(text);

	if (!length && (!dots || !dots[2]))
		usage_error(cmd, "'%s' is no range: A..B, A.., ..B or A", text);
	snprintf(from, sizeof(from), "%.*s", (int)length, text);
	if (length)
		range.from = parse(cmd, from);
	if (!dots)
		range.to = range.from;
	else if (dots[2])
		range.to = parse(cmd, dots + 2);
	if (range.from > range.to)
		usage_error(cmd, "'%s': nothing lies between these", text);
	return range;
}

static uint64_t type_bit(uint16_t type)
{
	unsigned int bit = type & 0x7fff;

	/* Types without a name share the last bit of their kind. */
	if (bit >= TYPE_OPTIONAL_BIT)
		bit = TYPE_OPTIONAL_BIT - 1;
	if (type & CRR_TYPE_OPTIONAL)
		bit += TYPE_OPTIONAL_BIT;
	return 1ULL << bit;
}

static uint64_t parse_types(const struct command *cmd, char *text)
{
	uint64_t types = 0;
	const char *name, *word;
	unsigned int type;

	for (word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		for (type = 0; type <= UINT16_MAX; type++) {
			name = crr_type_name(type);
			if (name && !strcasecmp(name, word))
				break;
		}
		if (type > UINT16_MAX)
			usage_error(cmd, "'%s' is no type of record", word);
		types |= type_bit((uint16_t)type);
	}
	return types;
}

/**
 * log_file_option - is it one of RANGE_OPTIONS, or TYPE_OPTION?
 * @file: takes it
 * @cmd: the command
 * @c: of next_option()
 */
bool log_file_option(struct log_file *file, const struct command *cmd, int c)
{
	switch (c) {
	case 'r':
		file->sequence = parse_range(cmd, optarg, parse_number);
		return true;
	case 'c':
		file->counter = parse_range(cmd, optarg, parse_number);
		return true;
	case 't':
		file->time = parse_range(cmd, optarg, parse_time);
		return true;
	case 's':
		file->stream = parse_range(cmd, optarg, parse_number);
		return true;
	case 'T':
		file->types = parse_types(cmd, optarg);
		return true;
	default:
		return false;
	}
}

/* What parse_time() has left open. */
static uint64_t settle_time(const struct log_file *file, uint64_t time)
{
	uint64_t created = crr_log_get_info(file->log)->created;
	time_t seconds = (time_t)(created / 1000000000);
	struct tm tm;

	if (time == UINT64_MAX)
		return time;
	if (time & OF_THE_START)
		return created + (time & ~OF_THE_START);
	if (!(time & OF_THE_DAY))
		return time;
	localtime_r(&seconds, &tm);
	tm.tm_hour = 0;
	tm.tm_min = 0;
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (uint64_t)mktime(&tm) * 1000000000 + (time & ~OF_THE_DAY);
}

/**
 * log_file_open_whole - open a log, to be read from its beginning
 * @file: the log, with its ranges
 * @path: its name; "-" for standard input
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
			fail("%s: cannot be copied to a temporary file: %s",
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
	file->time.from = settle_time(file, file->time.from);
	file->time.to = settle_time(file, file->time.to);
	file->told = now_ms() + PROGRESS_AFTER_MS - PROGRESS_EVERY_MS;
}

/**
 * log_file_open - open a log, and go to where its wanted part begins
 * @file: the log, with its ranges
 * @path: its name; "-" for standard input
 */
void log_file_open(struct log_file *file, const char *path)
{
	log_file_open_whole(file, path);
	log_file_seek(file);
}

/**
 * log_file_all - the same log, but all of it
 * @all: out; it is not to be closed
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
	all->told = file->told;
}

/**
 * log_file_is_whole - are all records wanted?
 * @file: the log
 */
bool log_file_is_whole(const struct log_file *file)
{
	return !file->sequence.from && file->sequence.to == UINT64_MAX &&
	       !file->counter.from && file->counter.to == UINT64_MAX &&
	       !file->time.from && file->time.to == UINT64_MAX;
}

/**
 * log_file_seek - go to where the wanted part begins
 * @file: the log
 */
void log_file_seek(struct log_file *file)
{
	enum crr_log_key key = CRR_LOG_SEQUENCE;
	uint64_t value = file->sequence.from;

	/* One of them is enough: the others are looked at as they come. */
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
 * log_file_rewind - begin once more
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

	if (now < file->told + PROGRESS_EVERY_MS)
		return;
	file->told = now;
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

/* Tell of the damage, and go behind it. False: nothing is there any more. */
static bool pass_by(struct log_file *file, uint64_t offset,
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
	warn("%s: going on at byte %" PRIu64, file->path, end);
	return true;
}

static bool in(const struct range *range, uint64_t value)
{
	return value >= range->from && value <= range->to;
}

/**
 * log_file_is_past - are this record, and all after it, behind what is wanted?
 * @file: the log; its member @now holds the record's time
 * @rec: the record
 */
bool log_file_is_past(const struct log_file *file, const struct crr_record *rec)
{
	return rec->sequence > file->sequence.to ||
	       rec->counter > file->counter.to || file->now > file->time.to;
}

/**
 * log_file_wants - is this record wanted?
 * @file: the log; its member @now holds the record's time
 * @rec: the record
 */
bool log_file_wants(const struct log_file *file, const struct crr_record *rec)
{
	return in(&file->sequence, rec->sequence) &&
	       in(&file->counter, rec->counter) &&
	       in(&file->time, file->now) &&
	       (in(&file->stream, rec->stream) || rec->type == CRR_TYPE_END ||
		rec->type == CRR_TYPE_TIME) &&
	       file->types & type_bit(rec->type);
}

/* It is read to its end, perhaps from behind END: then the footer tells. */
static bool has_end(const struct log_file *file)
{
	struct crr_log_extent extent;

	return crr_log_ended(file->log) ||
	       (!crr_log_extent(file->log, &extent) && extent.ended);
}

/**
 * log_file_next - the next record that is wanted
 * @file: the log
 * @rec: out; its data are good until the next call
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
		if (ret < 0 && pass_by(file, offset, &error))
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
 * log_file_status - the exit status for a log that has been read
 * @file: the log
 *
 * Reports that it has no END, if what was wanted of it goes so far.
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
