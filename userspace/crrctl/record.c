// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl record */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crrctl.h"

/*
 * Records wait in the kernel, where they are safe, until there are enough for
 * a block, or for so long: a killed crrctl has lost none. What has been read
 * is written before more is read, because reading more gives it up.
 */
#define BLOCK_BYTES    (256U << 10)
#define LOOK_EVERY_MS  10
#define IDLE_MS	       500
/* How long records wait, unless told otherwise. */
#define FLUSH_MS       5000
/*
 * The log tells the time of what was recorded as finely as this. Screen output
 * that is played back at these times looks smooth.
 */
#define STAMP_EVERY_MS 10
/* How long an interrupted COMMAND may take to end. */
#define GRACE_MS       3000

struct recording {
	struct control ctl;
	const char *path;
	struct output out;
	int fd;
	struct crr_log_writer *log;
	struct crr_log_info info;
	unsigned int flags;
	size_t buffer_size;
	uint64_t flush_ms; /* so long records may wait in the kernel */
	uint64_t stamped_ms;
	bool idle; /* all has been read, and poll(2) waits for more */
	bool sync; /* to the disk, each time */
	bool warned; /* about termios, or there was no need to */
	bool broken; /* the log cannot be written */
	bool resumed;
	uint64_t empty_reads; /* empty reads in the records that were written */
	struct crr_status status; /* at the end */
	char buf[BLOCK_BYTES];
};

static const struct option_help record_options[] = {
	{ { "gated", no_argument, NULL, 'g' }, NULL,
	  "gated delivery: COMMAND makes checkpoints" },
	{ { "qemu", no_argument, NULL, 'Q' }, NULL,
	  "COMMAND is a QEMU: gated, with crr-qemu.so" },
	{ { "preload", no_argument, NULL, 'P' }, NULL,
	  "COMMAND waits by poll(2), or makes a pty" },
	{ { "no-clock", no_argument, NULL, 'C' }, NULL,
	  "with --preload: do not record the time" },
	{ { "debuggable", no_argument, NULL, 'D' }, NULL,
	  "with --qemu: replays accept breakpoints; slower" },
	{ { "output", required_argument, NULL, 'o' }, "FILE",
	  "log to write; - for standard output" },
	{ { "force", no_argument, NULL, 'f' }, NULL,
	  "replace FILE if it exists" },
	{ { "resume", no_argument, NULL, 'r' }, NULL,
	  "continue the FILE of a crrctl that was killed" },
	{ { "discard", no_argument, NULL, 'd' }, NULL,
	  "drop the recording of a crrctl that was killed" },
	{ { "peer", required_argument, NULL, 'p' }, "COMMAND",
	  "shell command at the other end of a new pty" },
	{ { "counter", required_argument, NULL, 'c' }, "NAME",
	  "what the counter counts, for the log header" },
	{ { "no-capture", no_argument, NULL, 'n' }, NULL,
	  "keep only length and CRC of written bytes" },
	{ { "buffer", required_argument, NULL, 'b' }, "SIZE",
	  "size of the kernel buffer (256K-256M, default 8M)" },
	{ { "block", no_argument, NULL, 'B' }, NULL,
	  "writes sleep while the buffer is full" },
	{ { "flush", required_argument, NULL, 't' }, "SECONDS",
	  "write records at least every SECONDS (default 5)" },
	{ { "sync", no_argument, NULL, 's' }, NULL,
	  "sync the log to the disk after each write" },
	{ { "compress", required_argument, NULL, 'z' }, "LEVEL",
	  "zstd level (0-19, 0: none, default 3)" },
	{ { "timeout", required_argument, NULL, 'T' }, "SECONDS",
	  "end the recording after SECONDS (default 0: never)" },
	{ { "fail-orphan", no_argument, NULL, 'F' }, NULL,
	  "if crrctl is killed, a full buffer is an error" },
	{ { "quiet", no_argument, NULL, 'q' }, NULL,
	  "print neither progress nor a summary" },
	{ { NULL, 0, NULL, 0 }, NULL, NULL },
};

/* It goes into a line of the log's header. */
static bool good_counter_name(const char *name)
{
	const char *p;

	for (p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return (size_t)(p - name) < sizeof(((struct crr_log_info *)0)->counter);
}

/* Nanoseconds since 1970. */
static uint64_t wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void begin_log(struct recording *rec, char *const *argv,
		      const char *counter)
{
	struct crr_log_info *info = &rec->info;
	size_t n = 0;
	char *p;

	info->delivery = rec->flags & CRR_RECORD_GATED ? CRR_DELIVERY_GATED :
							 CRR_DELIVERY_FREE;
	info->created = wall_clock();
	snprintf(info->counter, sizeof(info->counter), "%s", counter);
	for (; *argv && n < sizeof(info->command); argv++)
		n += (size_t)snprintf(info->command + n,
				      sizeof(info->command) - n, "%s%s",
				      n ? " " : "", *argv);
	/* The header is lines of text. */
	for (p = info->command; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	rec->log = crr_log_create(rec->fd, info);
	if (!rec->log)
		fail("%s: %s", rec->path, strerror(errno));
}

/* A session that somebody left: what is to become of it? */
static void take_over(struct recording *rec, bool resume, bool discard)
{
	struct crr_status status;
	int fd = rec->ctl.line->session;

	if (crr_status(fd, &status))
		fail("%s: %s", rec->ctl.line->path, strerror(errno));
	if (status.state == CRR_STATE_RECORDING ||
	    (status.facts & CRR_STATUS_UNREAD)) {
		if (resume)
			return;
		if (!discard)
			fail("%s is still being recorded after its crrctl was killed: --resume continues its log, --discard drops the records that are not in it",
			     rec->ctl.line->path);
	} else if (resume) {
		fail("%s: there is no recording to resume",
		     rec->ctl.line->path);
	}
	if (status.state != CRR_STATE_IDLE && crr_session_stop(fd))
		fail("%s: %s", rec->ctl.line->path, strerror(errno));
	if (status.facts & CRR_STATUS_UNREAD || discard)
		while (read(fd, rec->buf, sizeof(rec->buf)) > 0)
			;
}

/*
 * Go on in the log of a crrctl that was killed. What it read last the kernel
 * gives once more. A log that does not join on is another recording's, and both
 * are left as they are.
 */
static void resume_log(struct recording *rec)
{
	struct crr_log_error error;
	struct crr_status status;
	uint64_t next;
	ssize_t n;

	rec->fd = user_open(rec->path, O_RDWR);
	if (rec->fd < 0)
		fail("%s: %s", rec->path, strerror(errno));
	if (!log_lock(rec->fd))
		fail("%s is being recorded by another crrctl", rec->path);
	rec->log = crr_log_resume(rec->fd, &next, &error);
	if (!rec->log && (errno == EBADMSG || errno == EEXIST))
		fail("%s: at byte %llu: %s", rec->path,
		     (unsigned long long)error.offset, error.text);
	if (!rec->log)
		fail("%s: %s", rec->path, strerror(errno));
	if (crr_status(rec->ctl.line->session, &status))
		fail("%s: %s", rec->ctl.line->path, strerror(errno));
	/* Those that nobody was there for were made before now. */
	crr_log_stamp(rec->log, status.sequence, wall_clock());
	n = read(rec->ctl.line->session, rec->buf, sizeof(rec->buf));
	if (status.sequence < next ||
	    (n > 0 && crr_log_append(rec->log, rec->buf, (size_t)n)))
		fail("%s is the log of another recording: the records of %s do not continue it",
		     rec->path, rec->ctl.line->path);
	if (n > 0 && crr_log_flush(rec->log))
		fail("%s: %s", rec->path, strerror(errno));
}

/* Has the emulator begun to use the line? Then it has set it up. */
static void look_at_termios(struct recording *rec)
{
	struct crr_status status;
	unsigned int i;

	if (rec->warned || crr_status(rec->ctl.line->session, &status) ||
	    status.records <= status.streams)
		return;
	for (i = 0; i < rec->ctl.nlines; i++)
		line_warn_cooked(&rec->ctl.line[i]);
	rec->warned = true;
}

/* Without a counter they tell how the program looks at its line. */
static void count_empty_reads(struct recording *rec, size_t length)
{
	struct crr_record record;
	size_t done, size;

	for (done = 0; done < length; done += size) {
		if (crr_record_decode(rec->buf + done, length - done, &size,
				      &record))
			return;
		/* As soon as there is one, they are of no interest. */
		if (record.counter)
			return;
		if (crr_type_is_inbound(record.type) ||
		    record.type == CRR_TYPE_STREAM_END)
			rec->empty_reads += record.empty_reads;
	}
}

/* Move one read(2)'s records to the log. 0 at the end, -1 for none yet. */
static int move_block(struct recording *rec)
{
	ssize_t n;

	do {
		n = read(rec->ctl.line->session, rec->buf, sizeof(rec->buf));
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -1;
	if (n < 0)
		fail("%s: reading records: %s", rec->ctl.line->path,
		     strerror(errno));
	if (!n)
		return 0;
	count_empty_reads(rec, (size_t)n);
	if (!rec->broken && (crr_log_append(rec->log, rec->buf, (size_t)n) ||
			     (rec->sync ? crr_log_sync(rec->log) :
					  crr_log_flush(rec->log)))) {
		warn("%s: %s: the log ends before record %llu", rec->path,
		     strerror(errno),
		     (unsigned long long)crr_log_records(rec->log));
		rec->broken = true;
	}
	return 1;
}

/*
 * Let the log tell when the records were made that have come since the last
 * time. On an idle line poll(2) ends as soon as there is a record: then it has
 * only just been made.
 */
static void stamp(struct recording *rec, const struct crr_status *status,
		  uint64_t now)
{
	if (rec->idle)
		crr_log_stamp(rec->log, crr_log_records(rec->log),
			      wall_clock());
	else if (now - rec->stamped_ms < STAMP_EVERY_MS)
		return;
	rec->idle = false;
	rec->stamped_ms = now;
	crr_log_stamp(rec->log, status->sequence, wall_clock());
}

/* If records have waited long enough, or are many, write them away. */
static void drain(struct recording *rec, uint64_t *since)
{
	struct crr_status status;

	uint64_t now = now_ms(), enough = BLOCK_BYTES;

	if (crr_status(rec->ctl.line->session, &status) ||
	    !status.buffered) {
		rec->idle = true;
		*since = 0;
		return;
	}
	if (!*since)
		*since = now;
	stamp(rec, &status, now);
	if (enough > status.buffer_size / 4)
		enough = status.buffer_size / 4;
	if (status.buffered < enough && now - *since < rec->flush_ms)
		return;
	*since = 0;
	do {
		rec->idle = true;
		if (move_block(rec) <= 0)
			return;
		if (crr_status(rec->ctl.line->session, &status))
			return;
		/* What has been read last counts as buffered still. */
		rec->idle = status.sequence == crr_log_records(rec->log);
	} while (status.buffered >= enough);
}

/* Until COMMAND ends, the user says so, or the line is gone. */
static void record(struct recording *rec)
{
	struct control *ctl = &rec->ctl;
	struct crr_status status;
	uint64_t since = 0;
	bool gone;

	while (!control_over(ctl) && !rec->broken) {
		gone = line_is_gone(ctl->line);
		/* With records waiting, look again by the clock. */
		control_wait(ctl, since ? LOOK_EVERY_MS : IDLE_MS,
			     since || gone ? 0 : POLLIN | POLLPRI);
		drain(rec, &since);
		look_at_termios(rec);
		control_progress(ctl, false);
		if (control_timed_out(ctl) || ctl->interrupted)
			control_hurry(ctl, GRACE_MS);
		if (crr_status(ctl->line->session, &status))
			break;
		if (status.state != CRR_STATE_RECORDING) {
			warn("recording has failed: %s",
			     crr_reason_text(status.reason));
			break;
		}
		/* Hung up, or the adapter unplugged: nothing more will come. */
		if (!ctl->command.pid && gone)
			break;
	}
	if (rec->broken)
		child_signal(&ctl->command, SIGTERM);
}

/* Stop, and write what is left, to END. */
static void finish(struct recording *rec)
{
	struct control *ctl = &rec->ctl;
	struct crr_status *status = &rec->status;

	/* The end itself is made later. */
	if (!crr_status(ctl->line->session, status))
		crr_log_stamp(rec->log, status->sequence, wall_clock());
	if (crr_session_stop(ctl->line->session) && errno != ENODATA)
		warn("%s: cannot stop: %s", ctl->line->path, strerror(errno));
	control_progress(ctl, true);
	while (move_block(rec) > 0)
		;
}

/* What is known of the recording that a replay will not repeat. */
static void warn_inexact(const struct recording *rec)
{
	const struct crr_status *st = &rec->status;

	if (st->facts & CRR_STATUS_INTERRUPTED)
		warn("warning: a signal came while a read(2) slept: neither the signal nor EINTR is replayed");
	if (st->facts & CRR_STATUS_THREADS)
		warn("warning: several threads of a process have read the line: replay does not know which thread gets which bytes; read with one thread, or use --gated");
	/* Its waits are questions, which are recorded. */
	if (rec->ctl.command.preload) {
		notes_warn(rec->ctl.quiet, rec->ctl.command.clock);
		return;
	}
	/* Of records that a counter could have told apart. */
	if (st->facts & CRR_STATUS_COUNTED || st->records <= st->streams)
		return;
	if (rec->resumed || st->looks == rec->empty_reads)
		warn("warning: no counter was ever supplied: replay will be exact only for a program that polls its tty with read(2)%s",
		     rec->resumed || rec->empty_reads || !st->bytes_in ? "" :
		     "; this one sleeps until there is input, and gets it at once in replay");
	else if (st->looks > rec->empty_reads)
		warn("warning: no counter was ever supplied, and %llu poll(2)s found nothing, which is not recorded: in replay input may come at another poll(2); use --preload, supply a counter, or poll with read(2)",
		     (unsigned long long)(st->looks - rec->empty_reads));
}

/*
 * The log cannot be written, and the emulator is not ours to be ended: leave it
 * as a killed crrctl would. The kernel goes on recording, and has what the log
 * has not.
 */
static int leave(struct recording *rec)
{
	warn("the kernel goes on recording %s until its buffer is full: 'crrctl record --resume' continues %s, 'crrctl detach' ends the recording",
	     rec->ctl.line->path, rec->path);
	return EXIT_CRR_LOG;
}

static int outcome(struct recording *rec)
{
	bool complete = crr_log_complete(rec->log);
	uint64_t records = crr_log_records(rec->log);

	if (crr_log_finish(rec->log) && !rec->broken) {
		warn("%s: %s", rec->path, strerror(errno));
		rec->broken = true;
	}
	/* A pipe cannot be synced, and need not be. */
	if (!rec->broken && fsync(rec->fd) && errno != EINVAL &&
	    errno != EROFS) {
		warn("%s: %s", rec->path, strerror(errno));
		rec->broken = true;
	}
	if (rec->broken || !complete)
		return EXIT_CRR_LOG;
	control_summary(&rec->ctl, "%llu records in %s",
			(unsigned long long)records, rec->path);
	if (rec->ctl.timed_out) {
		warn("the recording took longer than %g s (--timeout) and was ended",
		     (double)rec->ctl.timeout_ms / 1000);
		return EXIT_CRR_TIMEOUT;
	}
	return rec->ctl.command.status;
}

static int run_record(const struct command *cmd, int argc, char **argv)
{
	static struct recording rec = { .flags = CRR_RECORD_CAPTURE,
					.flush_ms = FLUSH_MS };
	bool force = false, resume = false, discard = false;
	bool debuggable = false, preload = false, clock = true;
	enum qemu qemu = QEMU_NO;
	const char *peer = NULL, *tty = NULL, *counter = "";
	const char *const *ttys = &tty; /* a new pty */
	unsigned int nttys = 1;
	char *const *command, *const *full;
	int level = -1;
	int c, status;

	command = split_command(&argc, argv);
	while ((c = next_option(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'g':
			rec.flags |= CRR_RECORD_GATED;
			break;
		case 'Q':
			qemu = QEMU_EXACT;
			break;
		case 'D':
			debuggable = true;
			break;
		case 'P':
			preload = true;
			break;
		case 'C':
			clock = false;
			break;
		case 'o':
			rec.path = optarg;
			break;
		case 'f':
			force = true;
			break;
		case 'r':
			resume = true;
			break;
		case 'd':
			discard = true;
			break;
		case 'p':
			peer = optarg;
			break;
		case 'c':
			counter = optarg;
			break;
		case 'n':
			rec.flags &= ~CRR_RECORD_CAPTURE;
			break;
		case 'b':
			rec.buffer_size = parse_size(cmd, optarg);
			break;
		case 'B':
			rec.flags |= CRR_RECORD_BLOCK;
			break;
		case 'F':
			rec.flags |= CRR_RECORD_FAIL_ORPHAN;
			break;
		case 't':
			rec.flush_ms = parse_seconds(cmd, optarg);
			break;
		case 'T':
			rec.ctl.timeout_ms = parse_seconds(cmd, optarg);
			break;
		case 's':
			rec.sync = true;
			break;
		case 'z':
			level = parse_level(cmd, optarg);
			break;
		case 'q':
			rec.ctl.quiet = true;
			break;
		}
	}
	argv[argc] = NULL; /* in the place of the -- */
	if (!*command)
		lines_check(cmd, argv + optind);
	if (optind < argc) {
		ttys = (const char *const *)argv + optind;
		nttys = (unsigned int)(argc - optind);
		tty = *ttys;
	}
	if (nttys > LINES_MAX)
		usage_error(cmd, "more than %d TTYs", LINES_MAX);
	if (qemu && !*command)
		usage_error(cmd, "--qemu needs COMMAND");
	if (preload && (!*command || qemu))
		usage_error(cmd, "--preload needs COMMAND, and excludes --qemu");
	if (!clock && !preload)
		usage_error(cmd, "--no-clock needs --preload");
	if (debuggable && !qemu)
		usage_error(cmd, "--debuggable needs --qemu");
	if (child_wrong_line(command, nttys))
		usage_error(cmd, "%s: there is no such TTY",
			    child_wrong_line(command, nttys));
	if (!rec.path)
		usage_error(cmd, "no log given: use -o FILE");
	if (rec.buffer_size && (rec.buffer_size < CRR_BUFFER_MIN ||
				rec.buffer_size > CRR_BUFFER_MAX))
		usage_error(cmd, "--buffer: the size must be 256K to 256M");
	if (peer && tty)
		usage_error(cmd, "--peer needs a new pty, but %s was given",
			    tty);
	if (resume && (!tty || *command || force || discard))
		usage_error(cmd, "--resume needs a TTY, and excludes COMMAND, --force and --discard");
	if (!good_counter_name(counter))
		usage_error(cmd, "--counter: NAME must have less than %zu bytes and no control characters",
			    sizeof(((struct crr_log_info *)0)->counter));

	if (qemu) {
		command = qemu_command(command, nttys, rec.ctl.quiet);
		rec.flags |= CRR_RECORD_GATED;
		/* Of the guest's clock. */
		if (!*counter)
			counter = "ns";
	}
	if (debuggable) {
		qemu = QEMU_DEBUGGABLE;
		qemu_option("debuggable=on");
	}
	user_find();
	/* What is wrong with it is found before anything is started. */
	full = qemu ? qemu_plugin(command, rec.ctl.quiet) : command;
	if (preload) {
		rec.ctl.command.preload = preload_library(command);
		if (qemu_is(command))
			warn("warning: the CPU of a QEMU is another thread than its I/O, so a replay diverges: use --qemu");
	}
	rec.ctl.command.clock = clock;
	if (preload)
		notes_make();
	if (!resume) {
		stored_make(&rec.info, command, qemu, preload, clock);
		output_open(&rec.out, rec.path, force, "a log");
		rec.fd = rec.out.fd;
		(void)log_lock(rec.fd);
	}
	control_begin(&rec.ctl, "recording");
	lines_open(&rec.ctl.line, &rec.ctl.nlines, ttys, nttys);
	fcntl(rec.ctl.line->session, F_SETFL, O_NONBLOCK);
	take_over(&rec, resume, discard);
	rec.resumed = resume;
	if (resume) {
		resume_log(&rec);
	} else {
		begin_log(&rec, command, counter);
		control_start(&rec.ctl, crr_session_record, rec.flags,
			      rec.buffer_size);
	}
	if (level >= 0)
		(void)crr_log_compress(rec.log, level);
	if (!peer)
		control_size(&rec.ctl);
	if (*command &&
	    !child_start(&rec.ctl.command, full, rec.ctl.line,
			 rec.ctl.nlines))
		return control_give_up(&rec.ctl, GRACE_MS);
	if (!resume && !output_publish(&rec.out)) {
		child_signal(&rec.ctl.command, SIGTERM);
		(void)control_give_up(&rec.ctl, GRACE_MS);
		return EXIT_CRR_OWN;
	}
	if (!*command && !tty)
		warn("the tty is %s", rec.ctl.line->path);
	control_join(&rec.ctl, peer, true);

	record(&rec);
	if (rec.broken && tty && !*command)
		return leave(&rec);
	control_end_command(&rec.ctl, GRACE_MS);
	finish(&rec);
	control_end_peer(&rec.ctl, GRACE_MS);
	warn_inexact(&rec);
	status = outcome(&rec);
	lines_close(rec.ctl.line, rec.ctl.nlines);
	return status;
}

const struct command cmd_record = {
	.name = "record",
	.synopsis = "-o FILE [OPTION]... [TTY]... [-- COMMAND [ARG]...]",
	.summary = "record COMMAND on TTY ({}, or {0}, {1}...) or on a new pty",
	.run = run_record,
	.options = record_options,
	.failure = EXIT_CRR_OWN,
};
