// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl load: a whole log into a tty, for whatever emulator opens it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crrctl.h"

static const struct option_help load_options[] = {
	{ { "mute", no_argument, NULL, 'm' }, NULL,
	  "do not write output to the line" },
	{ { "buffer", required_argument, NULL, 'b' }, "SIZE",
	  "kernel buffer, must hold the log (default 8M)" },
	{ { "foreground", no_argument, NULL, 'f' }, NULL,
	  "stay in the foreground" },
	{ { NULL, 0, NULL, 0 }, NULL, NULL },
};

static noreturn void refused(int session, const char *path)
{
	struct crr_status status;

	if (errno == EAGAIN)
		fail("%s does not fit into the buffer: give a larger --buffer", path);
	if (errno == EBADMSG && !crr_status(session, &status))
		fail("%s: the kernel refuses a record: %s", path,
		     status.reason == CRR_REASON_STREAMS ?
			     "the log has more or fewer streams than there are TTYs" :
			     crr_reason_text(status.reason));
	fail("%s: %s", path, strerror(errno));
}

/* All of it, or it is not loaded. */
static void feed_all(int session, struct crr_log_reader *log, int fd,
		     const char *path)
{
	struct crr_log_error error;
	const void *records;
	size_t length, done;
	ssize_t n;
	int ret;

	while ((ret = crr_log_block(log, &records, &length, &error)) > 0) {
		for (done = 0; done < length; done += (size_t)n) {
			n = write(session, (const char *)records + done,
				  length - done);
			if (n < 0)
				refused(session, path);
		}
	}
	if (ret < 0 && errno == EBADMSG) {
		warn("%s: at byte %llu: %s", path,
		     (unsigned long long)error.offset, error.text);
		exit(EXIT_CRR_LOG);
	}
	if (ret < 0)
		fail("%s: %s", path, strerror(errno));
	if (!crr_log_ended(log)) {
		warn("%s %s", path, log_no_end(fd));
		exit(EXIT_CRR_LOG);
	}
}

static int run_load(const struct command *cmd, int argc, char **argv)
{
	struct control ctl = { .quiet = true };
	struct crr_log_error error;
	struct crr_log_reader *log;
	unsigned int flags = 0, i;
	size_t buffer_size = 0;
	bool foreground = false;
	struct crr_status status;
	const char *path;
	sigset_t none;
	int c, fd;

	while ((c = next_option(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'm':
			flags |= CRR_REPLAY_MUTE;
			break;
		case 'b':
			buffer_size = parse_size(cmd, optarg);
			break;
		case 'f':
			foreground = true;
			break;
		}
	}
	if (argc - optind < 2)
		usage_error(cmd, "expected a log and its TTYs");
	if (argc - optind - 1 > LINES_MAX)
		usage_error(cmd, "more than %d TTYs", LINES_MAX);
	if (buffer_size &&
	    (buffer_size < CRR_BUFFER_MIN || buffer_size > CRR_BUFFER_MAX))
		usage_error(cmd, "--buffer: the size must be 256K to 256M");
	path = argv[optind++];

	user_find();
	fd = strcmp(path, "-") ? user_open(path, O_RDONLY) : STDIN_FILENO;
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	log = crr_log_open(fd, &error);
	if (!log && errno == EBADMSG) {
		warn("%s: at byte %llu: %s", path,
		     (unsigned long long)error.offset, error.text);
		exit(EXIT_CRR_LOG);
	}
	if (!log)
		fail("%s: %s", path, strerror(errno));
	if (crr_log_get_info(log)->delivery == CRR_DELIVERY_GATED)
		flags |= CRR_REPLAY_GATED;

	control_begin(&ctl, "replaying");
	lines_open(&ctl.line, &ctl.nlines,
		   (const char *const *)argv + optind,
		   (unsigned int)(argc - optind));
	fcntl(ctl.line->session, F_SETFL, O_NONBLOCK);
	/* What was loaded before makes room; a recording does not. */
	if (crr_status(ctl.line->session, &status))
		fail("%s: %s", ctl.line->path, strerror(errno));
	if (status.state == CRR_STATE_RECORDING ||
	    status.facts & CRR_STATUS_UNREAD)
		fail("%s is still being recorded after its crrctl was killed: use 'crrctl record' with --resume or --discard first",
		     ctl.line->path);
	if (status.state != CRR_STATE_IDLE)
		crr_session_stop(ctl.line->session);
	control_start(&ctl, crr_session_replay, flags, buffer_size);
	feed_all(ctl.line->session, log, fd, path);
	crr_log_close(log);

	/* The session goes on without its controller; the ttys hold it. */
	if (!foreground && daemon(0, 0))
		fail("cannot go to the background: %s", strerror(errno));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(ctl.line->session);
	ctl.line->session = -1;
	for (i = 0; i < ctl.nlines; i++) {
		/* Whoever takes it away says what it is then. */
		ctl.line[i].previous = -1;
		line_hold(ctl.line[i].fd);
	}
	return 0;
}

const struct command cmd_load = {
	.name = "load",
	.synopsis = "[OPTION]... FILE TTY...",
	.summary = "replay a log to any program that opens TTY, until detach",
	.run = run_load,
	.options = load_options,
	.failure = EXIT_CRR_FAILURE,
};
