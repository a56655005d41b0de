// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log info, crrctl log dump: files only, without module or root. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crrctl.h"

static const struct option_help json_options[] = {
	{ { "json", no_argument, NULL, 'j' }, NULL, "as JSON" },
	{ { NULL, 0, NULL, 0 }, NULL, NULL },
};

static noreturn void log_damaged(const char *path,
				 const struct crr_log_error *error)
{
	fflush(stdout);
	if (errno == EBADMSG) {
		warn("%s: at byte %" PRIu64 ": %s", path, error->offset,
		     error->text);
		exit(EXIT_CRR_LOG);
	}
	fail("%s: %s", path, strerror(errno));
}

static struct crr_log_reader *open_log(const char *path)
{
	struct crr_log_reader *log;
	struct crr_log_error error;
	int fd = STDIN_FILENO;

	if (strcmp(path, "-"))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	log = crr_log_open(fd, &error);
	if (!log)
		log_damaged(path, &error);
	return log;
}

static const char *log_argument(const struct command *cmd, int argc,
				char **argv, bool *json)
{
	int c;

	while ((c = next_option(cmd, argc, argv)) != -1)
		*json = c == 'j';
	if (optind != argc - 1)
		usage_error(cmd, "one log, please");
	return argv[optind];
}

static void print_json_string(const void *text, size_t length)
{
	const unsigned char *p = text;
	size_t n;

	putchar('"');
	for (; length; p += n, length -= n) {
		n = utf8_length(p, length);
		if (*p == '"' || *p == '\\')
			printf("\\%c", *p);
		else if (n)
			fwrite(p, 1, n, stdout);
		else if (*p < 0x80)
			printf("\\u%04x", *p);
		else
			fputs("\\ufffd", stdout);
		if (!n)
			n = 1;
	}
	putchar('"');
}

/* ---- info ---- */

struct stream_sum {
	char name[CRR_STREAM_NAME_MAX + 1];
	uint64_t records;
	uint64_t bytes_in;
	uint64_t bytes_out;
};

struct log_sum {
	uint64_t records;
	uint64_t first; /* counter */
	uint64_t last;
	bool captured;
	uint32_t nstreams;
	struct stream_sum streams[CRR_STREAMS_MAX];
};

static void add_record(struct log_sum *sum, const struct crr_record *rec)
{
	struct stream_sum *stream;

	if (rec->type & CRR_TYPE_OPTIONAL)
		return;
	if (!sum->records++)
		sum->first = rec->counter;
	sum->last = rec->counter;
	if (rec->type == CRR_TYPE_END)
		return;
	stream = &sum->streams[rec->stream];
	stream->records++;
	switch (rec->type) {
	case CRR_TYPE_STREAM:
		memcpy(stream->name, rec->data, rec->data_length);
		if (rec->stream >= sum->nstreams)
			sum->nstreams = rec->stream + 1U;
		break;
	case CRR_TYPE_READ:
		stream->bytes_in += rec->data_length;
		break;
	case CRR_TYPE_WRITE:
		stream->bytes_out += rec->offset;
		sum->captured |= rec->flags & CRR_FLAG_CAPTURED;
		break;
	}
}

static const char *delivery_name(const struct crr_log_info *info)
{
	return info->delivery == CRR_DELIVERY_GATED ? "gated" : "free";
}

static void print_info(const struct crr_log_info *info,
		       const struct log_sum *sum, bool ended)
{
	time_t seconds = (time_t)(info->created / 1000000000);
	char date[64];
	uint32_t i;

	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S %z",
		 localtime(&seconds));
	printf("recorded: %s\n", date);
	if (*info->command) {
		printf("command: ");
		print_text(stdout, info->command);
		putchar('\n');
	}
	printf("delivery: %s\n", delivery_name(info));
	printf("counter: %" PRIu64 " to %" PRIu64 "%s", sum->first, sum->last,
	       *info->counter ? " " : "");
	print_text(stdout, info->counter);
	putchar('\n');
	printf("records: %" PRIu64 "%s\n", sum->records,
	       ended ? "" : ", and no end: the recording was killed");
	printf("output: %s\n", sum->captured ? "captured" : "not captured");
	for (i = 0; i < sum->nstreams; i++)
		printf("stream %u: %s, %" PRIu64 " records, %" PRIu64
		       " bytes in, %" PRIu64 " out\n",
		       i, sum->streams[i].name, sum->streams[i].records,
		       sum->streams[i].bytes_in, sum->streams[i].bytes_out);
}

static void print_info_json(const struct crr_log_info *info,
			    const struct log_sum *sum, bool ended)
{
	uint32_t i;

	printf("{\"created\":%" PRIu64 ",\"command\":", info->created);
	print_json_string(info->command, strlen(info->command));
	printf(",\"delivery\":\"%s\",\"counter\":", delivery_name(info));
	print_json_string(info->counter, strlen(info->counter));
	printf(",\"first_counter\":%" PRIu64 ",\"last_counter\":%" PRIu64
	       ",\"records\":%" PRIu64
	       ",\"complete\":%s,\"captured\":%s,\"streams\":[",
	       sum->first, sum->last, sum->records, ended ? "true" : "false",
	       sum->captured ? "true" : "false");
	for (i = 0; i < sum->nstreams; i++) {
		printf("%s{\"stream\":%u,\"name\":", i ? "," : "", i);
		print_json_string(sum->streams[i].name,
				  strlen(sum->streams[i].name));
		printf(",\"records\":%" PRIu64 ",\"bytes_in\":%" PRIu64
		       ",\"bytes_out\":%" PRIu64 "}",
		       sum->streams[i].records, sum->streams[i].bytes_in,
		       sum->streams[i].bytes_out);
	}
	printf("]}\n");
}

static int run_info(const struct command *cmd, int argc, char **argv)
{
	static struct log_sum sum;
	struct crr_log_error error;
	struct crr_log_reader *log;
	struct crr_record rec;
	bool json = false, ended;
	const char *path;
	int ret, saved;

	path = log_argument(cmd, argc, argv, &json);
	log = open_log(path);
	while ((ret = crr_log_next(log, &rec, &error)) > 0)
		add_record(&sum, &rec);
	saved = errno;
	ended = crr_log_ended(log);
	if (json)
		print_info_json(crr_log_get_info(log), &sum, ended);
	else
		print_info(crr_log_get_info(log), &sum, ended);
	errno = saved;
	if (ret < 0)
		log_damaged(path, &error);
	crr_log_close(log);
	return ended ? 0 : EXIT_CRR_LOG;
}

/* ---- dump ---- */

static void print_termios_json(const struct crr_record *rec)
{
	printf(",\"iflag\":%u,\"oflag\":%u,\"cflag\":%u,\"lflag\":%u,\"ispeed\":%u,\"ospeed\":%u",
	       rec->termios.iflag, rec->termios.oflag, rec->termios.cflag,
	       rec->termios.lflag, rec->termios.ispeed, rec->termios.ospeed);
}

static void print_refused_json(const struct crr_record *rec)
{
	printf(",\"refused\":%" PRIu64 ",\"interrupted\":%s",
	       (uint64_t)rec->refused,
	       rec->flags & CRR_FLAG_INTERRUPTED ? "true" : "false");
}

static void print_modem_json(const struct crr_record *rec)
{
	static const char *const counts[CRR_MODEM_COUNT] = {
		"cts",	 "dsr",	    "rng",    "dcd", "rx",	   "tx",
		"frame", "overrun", "parity", "brk", "buf_overrun",
	};
	unsigned int i;

	print_refused_json(rec);
	printf(",\"error\":%u,\"lines\":%u", rec->modem.error,
	       rec->modem.lines);
	if (!(rec->modem.facts & CRR_MODEM_COUNTS))
		return;
	for (i = 0; i < CRR_MODEM_COUNT; i++)
		printf(",\"%s\":%u", counts[i], rec->modem.counts[i]);
}

static void print_record_json(const struct crr_record *rec)
{
	const char *name = crr_type_name(rec->type);
	uint32_t i;

	printf("{\"seq\":%" PRIu64 ",\"counter\":%" PRIu64 ",\"stream\":%u",
	       (uint64_t)rec->sequence, (uint64_t)rec->counter, rec->stream);
	if (name)
		printf(",\"type\":\"%s\"", name);
	else
		printf(",\"type\":%u", rec->type);
	switch (rec->type) {
	case CRR_TYPE_STREAM:
		printf(",\"name\":");
		print_json_string(rec->data, rec->data_length);
		print_termios_json(rec);
		break;
	case CRR_TYPE_TERMIOS:
		print_termios_json(rec);
		break;
	case CRR_TYPE_INQ:
		printf(",\"empties\":%" PRIu64 ",\"value\":%u",
		       (uint64_t)rec->empties, rec->value);
		break;
	case CRR_TYPE_OUTQ:
		print_refused_json(rec);
		printf(",\"value\":%u", rec->value);
		break;
	case CRR_TYPE_MODEM:
		print_modem_json(rec);
		break;
	case CRR_TYPE_MARK:
		print_refused_json(rec);
		printf(",\"label\":");
		print_json_string(rec->data, rec->data_length);
		break;
	case CRR_TYPE_TIME:
		printf(",\"nanoseconds\":%" PRIu64, (uint64_t)rec->time);
		break;
	case CRR_TYPE_READ:
	case CRR_TYPE_READ_ERROR:
	case CRR_TYPE_EOF:
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
		printf(",\"empties\":%" PRIu64, (uint64_t)rec->empties);
		if (rec->type == CRR_TYPE_READ_ERROR)
			printf(",\"error\":%u", rec->error);
		break;
	case CRR_TYPE_WRITE:
		printf(",\"requested\":%u,\"result\":%d,\"offset\":%u,\"crc32c\":\"%08x\",\"cut\":%s",
		       rec->requested, rec->result, rec->offset, rec->crc32c,
		       rec->flags & CRR_FLAG_CUT ? "true" : "false");
		print_refused_json(rec);
		break;
	case CRR_TYPE_STREAM_END:
		printf(",\"empties\":%" PRIu64 ",\"reason\":%u",
		       (uint64_t)rec->empties, rec->reason);
		print_refused_json(rec);
		break;
	}
	if (rec->type == CRR_TYPE_READ ||
	    (rec->flags & CRR_FLAG_CAPTURED && rec->type == CRR_TYPE_WRITE)) {
		printf(",\"data\":\"");
		for (i = 0; i < rec->data_length; i++)
			printf("%02x", rec->data[i]);
		putchar('"');
	}
	printf("}\n");
}

static int run_dump(const struct command *cmd, int argc, char **argv)
{
	struct crr_log_error error;
	struct crr_log_reader *log;
	struct crr_record rec;
	bool json = false;
	const char *path;
	int ret;

	path = log_argument(cmd, argc, argv, &json);
	log = open_log(path);
	while ((ret = crr_log_next(log, &rec, &error)) > 0) {
		if (json) {
			print_record_json(&rec);
			continue;
		}
		print_record(stdout, &rec, CRR_READ_MAX);
		putchar('\n');
	}
	if (ret < 0)
		log_damaged(path, &error);
	flush_output();
	ret = crr_log_ended(log) ? 0 : EXIT_CRR_LOG;
	if (ret)
		warn("%s has no end: the recording was killed", path);
	crr_log_close(log);
	return ret;
}

const struct command cmd_log_info = {
	.name = "log info",
	.synopsis = "[OPTION]... FILE",
	.summary = "how a log was made, and what it holds",
	.run = run_info,
	.options = json_options,
	.failure = EXIT_CRR_FAILURE,
};

const struct command cmd_log_dump = {
	.name = "log dump",
	.synopsis = "[OPTION]... FILE",
	.summary = "a log's records, a line each",
	.run = run_dump,
	.options = json_options,
	.failure = EXIT_CRR_FAILURE,
};
