// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl replay */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crrctl.h"

#define LOOK_EVERY_MS 50

/* What is to become of COMMAND when the run has diverged from its log. */
enum on_diverge {
	ON_DIVERGE_END,
	ON_DIVERGE_STOP,
	ON_DIVERGE_LEAVE,
};

/* A stream of the log, and the tty that it is to be. */
struct stream {
	char name[CRR_STREAM_NAME_MAX + 1];
	const char *tty;
};

struct replay {
	struct control ctl;
	struct stream streams[LINES_MAX];
	unsigned int nstreams;
	const char *path;
	int fd;
	off_t begin; /* of the log in it */
	struct crr_log_reader *log;
	struct crr_log_error error;
	const char *feed; /* of the block that is being fed */
	size_t length;
	bool fed;     /* to the end of the file */
	bool damaged; /* the log is; what was before it is replayed */
	uint64_t looked_at; /* all records before this one have been */
	uint64_t closed_at; /* of those, the first that closes a stream */
	uint64_t begun_at; /* the first that the kernel has been given */
	unsigned int flags;
	size_t buffer_size;
	uint64_t stall_ms;
	uint64_t grace_ms;
	enum on_diverge on_diverge;
	uint64_t progress_at; /* when there was some last */
	uint64_t records;
	uint64_t counter;
	uint64_t looks;
	bool begun; /* something has happened: it may stall */
	bool stalled;
	bool timed_out; /* before anything else had ended it */
	bool broke_off;
	bool finished; /* followed to the log's end */
	const char *peer;
	struct sequel sequel; /* path: what comes then is recorded */
	bool live; /* the log's end is behind us, and the device is there */
	const char *until; /* where to stop before the log's end */
	struct position stop; /* until: where that is */
	struct back back; /* a second run is to stop there */
	const char *gdb; /* port or socket */
	struct crr_status status; /* the last one */
	char *report; /* what ended it; not printed yet */
	const char *outcome; /* how it has ended */
	struct crr_divergence div;
	bool diverged; /* as in div */
};

static const struct option_help replay_options[] = {
	{ { "map", required_argument, NULL, 'M' }, "STREAM=TTY",
	  "use TTY for a stream, by its number or name" },
	{ { "qemu", no_argument, NULL, 'Q' }, NULL,
	  "COMMAND is a QEMU, as in record --qemu" },
	{ { "stored", no_argument, NULL, 'S' }, NULL,
	  "run the command that the log contains" },
	{ { "until", required_argument, NULL, 'u' }, "WHAT",
	  "stop a QEMU at RECORD, @COUNTER or MARK" },
	{ { "back-to", required_argument, NULL, 'B' }, "WHAT",
	  "go back there from the end; -N: by N records" },
	{ { "gdb", optional_argument, NULL, 'G' }, "PORT",
	  "let gdb attach to a QEMU (port 1234, or socket)" },
	{ { "stall", required_argument, NULL, 's' }, "SECONDS",
	  "give up if nothing happens (default 10; 0: never)" },
	{ { "timeout", required_argument, NULL, 'T' }, "SECONDS",
	  "end the replay after SECONDS (default 0: never)" },
	{ { "on-diverge", required_argument, NULL, 'd' }, "WHAT",
	  "end (default), stop or leave COMMAND" },
	{ { "grace", required_argument, NULL, 'g' }, "SECONDS",
	  "time for COMMAND to end by itself (default 2)" },
	{ { "mute", no_argument, NULL, 'm' }, NULL,
	  "do not write output to the line" },
	{ { "live", no_argument, NULL, 'l' }, NULL,
	  "go on with the line after the end of the log" },
	{ { "output", required_argument, NULL, 'o' }, "FILE",
	  "with --live: log to write, continuing the old one" },
	{ { "force", no_argument, NULL, 'f' }, NULL,
	  "replace the files of --output and --json" },
	{ { "peer", required_argument, NULL, 'p' }, "COMMAND",
	  "with --live: shell command at a new pty" },
	{ { "buffer", required_argument, NULL, 'b' }, "SIZE",
	  "size of the kernel buffer (256K-256M, default 8M)" },
	{ { "json", required_argument, NULL, 'j' }, "FILE",
	  "write the result as one JSON object" },
	{ { "quiet", no_argument, NULL, 'q' }, NULL,
	  "print neither progress nor a summary" },
	{ { NULL, 0, NULL, 0 }, NULL, NULL },
};

/* Why the kernel would not take a record. */
static const char *refusal(const struct replay *rep)
{
	struct crr_status status;

	if (crr_status(rep->ctl.line->session, &status))
		return strerror(errno);
	if (status.reason == CRR_REASON_STREAMS)
		return "the streams of the log are not those of this replay";
	return crr_reason_text(status.reason);
}

/*
 * Feeding may begin anew with any record before which all streams are open, and
 * which is those depends on no more than what has been read.
 */
static void look_at(struct replay *rep, const char *records, size_t length)
{
	struct crr_record_header header;
	uint64_t sequence;
	size_t done;

	for (done = 0; done < length;
	     done += sizeof(header) + (le16toh(header.length) + 7U) / 8 * 8) {
		memcpy(&header, records + done, sizeof(header));
		sequence = le64toh(header.sequence);
		if (sequence != rep->looked_at ||
		    le16toh(header.type) & CRR_TYPE_OPTIONAL)
			continue;
		rep->looked_at++;
		switch (le16toh(header.type)) {
		case CRR_TYPE_PEER_CLOSED:
		case CRR_TYPE_HANGUP:
		case CRR_TYPE_STREAM_END:
			if (rep->closed_at > sequence)
				rep->closed_at = sequence;
			break;
		}
	}
}

/* Give the kernel as much of the log as it takes. */
static void feed(struct replay *rep)
{
	const void *records;
	ssize_t n;
	int ret;

	while (!rep->fed) {
		if (!rep->length) {
			ret = crr_log_block(rep->log, &records, &rep->length,
					    &rep->error);
			if (ret < 0)
				rep->damaged = true;
			if (ret <= 0) {
				rep->fed = true;
				break;
			}
			rep->feed = records;
			look_at(rep, records, rep->length);
		}
		n = write(rep->ctl.line->session, rep->feed, rep->length);
		if (n < 0) {
			/* Ended, diverged: the status tells. */
			if (errno == EINVAL || errno == EBADMSG)
				fail("%s: the kernel refuses a record: %s",
				     rep->path, refusal(rep));
			break;
		}
		rep->feed += n;
		rep->length -= (size_t)n;
	}
}

/*
 * The emulator is elsewhere in its run: feed from a block there, as far as is
 * known of what is before it; else from the log's beginning.
 */
static void seek_log(struct replay *rep)
{
	uint64_t wanted = rep->status.seek_sequence;
	struct crr_record_header header;
	const void *records;

	if (wanted > rep->looked_at)
		wanted = rep->looked_at;
	if (wanted > rep->closed_at)
		wanted = rep->closed_at;
	rep->begun_at = 0;
	rep->damaged = false;
	if (crr_log_seek(rep->log, CRR_LOG_SEQUENCE, wanted))
		fail("%s: %s", rep->path, strerror(errno));
	if (crr_log_block(rep->log, &records, &rep->length, &rep->error) == 1) {
		memcpy(&header, records, sizeof(header));
		rep->begun_at = le64toh(header.sequence);
		rep->feed = records;
	}
	/* STREAM is not to come a second time; or it has been spoilt. */
	if (!rep->length || rep->begun_at < rep->nstreams ||
	    rep->begun_at > wanted) {
		rep->begun_at = 0;
		rep->length = 0;
		if (crr_log_seek(rep->log, CRR_LOG_SEQUENCE, 0))
			fail("%s: %s", rep->path, strerror(errno));
	}
	rep->fed = false;
	rep->broke_off = false;
	rep->progress_at = now_ms();
	/* It may have gone elsewhere once more, of which status will tell. */
	if (crr_session_seek_ack(rep->ctl.line->session,
				 rep->status.seek_generation, rep->begun_at) &&
	    errno != ESTALE && errno != ENODATA)
		fail("%s: %s", rep->ctl.line->path, strerror(errno));
}

/* The log's end is behind us: what is at the line's other end matters now. */
static void look_live(struct replay *rep)
{
	struct control *ctl = &rep->ctl;

	if (!rep->live && rep->peer)
		control_join(ctl, rep->peer, true);
	rep->live = true;
	if (rep->sequel.path)
		sequel_drain(&rep->sequel, ctl->line->session, rep->fd,
			     rep->begin);
}

/*
 * It stalls if nothing happens: the counter stands, no record is consumed, and
 * nobody looks. A program may take long to start, it may compute, and it may be
 * stopped in a debugger.
 */
static void watch(struct replay *rep)
{
	const struct crr_status *st = &rep->status;
	uint64_t now = now_ms();
	/* Nothing is left, and an emulator that is followed may just end. */
	bool over = !rep->ctl.command.pid && !st->remaining &&
		    (st->facts & CRR_STATUS_END_FED);
	bool begun = st->records || st->counter || st->looks || st->waiting;

	if (st->records != rep->records || st->counter != rep->counter ||
	    st->looks != rep->looks || (begun && !rep->begun) ||
	    child_is_stopped(&rep->ctl.command))
		rep->progress_at = now;
	rep->begun |= begun;
	rep->records = st->records;
	rep->counter = st->counter;
	rep->looks = st->looks;
	if (!rep->stall_ms || !(rep->begun || over) ||
	    now - rep->progress_at < rep->stall_ms)
		return;
	if (over)
		rep->finished = true;
	else
		rep->stalled = true;
}

/* A line of a report, as a message is. */
__attribute__((format(printf, 2, 3)))
static void say(FILE *out, const char *format, ...)
{
	va_list args;

	fputs("crrctl: ", out);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fputc('\n', out);
}

/* The log, read from its beginning; or NULL. */
static struct crr_log_reader *read_again(const struct replay *rep)
{
	struct crr_log_error error;

	if (lseek(rep->fd, rep->begin, SEEK_SET) < 0)
		return NULL;
	return crr_log_open(rep->fd, &error);
}

/* The record that the run should take next. */
static void report_next(const struct replay *rep, FILE *out)
{
	struct crr_log_reader *log = read_again(rep);
	struct crr_log_error error;
	struct crr_record rec;

	if (log)
		(void)crr_log_seek(log, CRR_LOG_SEQUENCE,
				   rep->status.position);
	while (log && crr_log_next(log, &rec, &error) == 1) {
		if (rec.sequence < rep->status.position ||
		    rec.type & CRR_TYPE_OPTIONAL)
			continue;
		fputs("  the log's next record is\n    ", out);
		print_record(out, &rec, CRR_DIVERGENCE_BYTES);
		fputc('\n', out);
		break;
	}
	crr_log_close(log);
}

static void report_stall(struct replay *rep, FILE *out)
{
	const struct crr_status *st = &rep->status;
	const char *where = "does nothing with its line (it may sleep in poll(2))";

	if (st->waiting & CRR_WAITING_READ)
		where = "sleeps in read(2)";
	else if (st->waiting & CRR_WAITING_FEED)
		where = "waits for records that the log does not have";
	say(out, "nothing has happened for %g s (--stall): the run %s, at counter %llu, after %llu records",
	    (double)rep->stall_ms / 1000, where,
	    (unsigned long long)st->counter, (unsigned long long)st->records);
	report_next(rep, out);
	print_guesses(out, st);
}

/* The kernel counts output from where it was fed: add what is before that. */
static void count_before(const struct replay *rep, struct crr_divergence *div)
{
	struct crr_log_reader *log = rep->begun_at ? read_again(rep) : NULL;
	struct crr_log_error error;
	struct crr_record rec;

	while (log && crr_log_next(log, &rec, &error) == 1 &&
	       rec.sequence < rep->begun_at)
		if (rec.type == CRR_TYPE_WRITE && rec.stream == div->stream)
			div->position += rec.offset;
	crr_log_close(log);
}

static bool get_divergence(struct replay *rep, struct crr_divergence *div)
{
	if (crr_session_divergence(rep->ctl.line->session, div))
		return false;
	count_before(rep, div);
	return true;
}

static void report_divergence(struct replay *rep, FILE *out)
{
	struct crr_divergence div;

	if (get_divergence(rep, &div))
		print_divergence(out, &div, rep->path, &rep->status);
}

/* The session has come to an end that COMMAND has not come to yet. */
static void end_command(struct replay *rep)
{
	struct control *ctl = &rep->ctl;

	/* The plugin has paused the machine, but for one that waits in crr. */
	if (rep->gdb && !rep->stalled && !rep->broke_off) {
		if (!ctl->told)
			warn("the machine is stopped for gdb; crrctl ends when it ends");
		ctl->told = true;
		return;
	}
	if (rep->status.state == CRR_STATE_DIVERGED) {
		if (rep->on_diverge == ON_DIVERGE_LEAVE)
			return;
		if (rep->on_diverge == ON_DIVERGE_STOP) {
			if (!ctl->told) {
				child_signal(&ctl->command, SIGSTOP);
				warn("process %d is stopped for a debugger; crrctl ends when it ends",
				     (int)ctl->command.pid);
			}
			ctl->told = true;
			return;
		}
	}
	control_hurry(ctl, rep->stalled ? 0 : rep->grace_ms);
}

/*
 * The log breaks off, and the run has come to where it does: it waits for what
 * comes then, or would go on without an end, as if nothing came.
 */
static bool log_breaks_off(const struct replay *rep)
{
	const struct crr_status *st = &rep->status;

	return rep->fed && !crr_log_ended(rep->log) &&
	       (st->waiting & CRR_WAITING_FEED || !st->remaining);
}

static void report_break(struct replay *rep, FILE *out)
{
	const struct crr_status *st = &rep->status;

	if (rep->damaged)
		say(out, "%s: at byte %llu: %s", rep->path,
		    (unsigned long long)rep->error.offset, rep->error.text);
	if (!st->sequence)
		say(out, "%s breaks off before its first record", rep->path);
	else
		say(out, "%s breaks off after record %llu, counter %llu%s",
		    rep->path, (unsigned long long)st->sequence - 1,
		    (unsigned long long)st->horizon,
		    log_is_locked(rep->fd) ? ": it is still being recorded" :
					     "");
}

static void print_report(struct replay *rep)
{
	if (rep->report)
		message_print(rep->report);
	free(rep->report);
	rep->report = NULL;
}

static void make_report(struct replay *rep,
			void (*report)(struct replay *rep, FILE *out))
{
	size_t length;
	FILE *out = open_memstream(&rep->report, &length);

	if (!out)
		fail("%s", strerror(errno));
	report(rep, out);
	if (fclose(out))
		fail("%s", strerror(errno));
}

/* What has ended it, as it is now. */
static void report_end(struct replay *rep)
{
	if (rep->broke_off)
		make_report(rep, report_break);
	else if (rep->stalled)
		make_report(rep, report_stall);
	else if (rep->status.state == CRR_STATE_DIVERGED)
		make_report(rep, report_divergence);
	/* While COMMAND runs it may write to the same terminal. */
	if (!rep->ctl.command.pid ||
	    (rep->status.state == CRR_STATE_DIVERGED &&
	     (rep->gdb || rep->on_diverge != ON_DIVERGE_END)))
		print_report(rep);
}

/* Returns whether what ended it has been told. */
static bool replay(struct replay *rep)
{
	struct control *ctl = &rep->ctl;
	bool reported = false;

	rep->progress_at = now_ms();
	if (crr_status(ctl->line->session, &rep->status))
		return false;
	while (!control_over(ctl)) {
		if (rep->status.state == CRR_STATE_REPLAYING)
			feed(rep);
		/* When it is over poll(2) has always something to tell. */
		control_wait(ctl, LOOK_EVERY_MS,
			     rep->status.state != CRR_STATE_REPLAYING ?
				     0 :
			     rep->fed ? POLLPRI : POLLPRI | POLLOUT);
		control_progress(ctl, false);
		if (control_timed_out(ctl)) {
			rep->timed_out |= !reported;
			reported = true;
			control_hurry(ctl, rep->grace_ms);
		}
		if (crr_status(ctl->line->session, &rep->status))
			break;
		if (rep->status.facts & CRR_STATUS_SEEK)
			seek_log(rep);
		if (rep->flags & CRR_REPLAY_LIVE &&
		    rep->status.state <= CRR_STATE_RECORDING) {
			look_live(rep);
			if (ctl->interrupted)
				control_hurry(ctl, rep->grace_ms);
			/* As of a recording. */
			if (rep->sequel.broken) {
				child_signal(&ctl->command, SIGTERM);
				break;
			}
			if (!ctl->command.pid && line_is_gone(ctl->line))
				break;
			continue;
		}
		if (rep->status.state == CRR_STATE_REPLAYING) {
			rep->broke_off |= log_breaks_off(rep);
			if (!rep->broke_off)
				watch(rep);
		}
		if (rep->status.state != CRR_STATE_REPLAYING ||
		    rep->stalled || rep->broke_off || rep->finished) {
			if (!reported)
				report_end(rep);
			reported = true;
			if (!ctl->command.pid)
				break;
			end_command(rep);
		}
		if (ctl->interrupted)
			control_hurry(ctl, rep->grace_ms);
	}
	return reported;
}

/* Did COMMAND end where the recorded one did? */
static bool ended_early(const struct replay *rep)
{
	const struct crr_status *st = &rep->status;

	return rep->ctl.command.ended && !rep->ctl.killing &&
	       st->state == CRR_STATE_REPLAYING &&
	       (!(st->facts & CRR_STATUS_END_FED) || st->remaining ||
		st->counter < st->horizon);
}

static void report_timeout(const struct replay *rep)
{
	warn("the replay took longer than %g s (--timeout): it was ended at counter %llu, after %llu records",
	     (double)rep->ctl.timeout_ms / 1000,
	     (unsigned long long)rep->status.counter,
	     (unsigned long long)rep->status.records);
}

/* Was it to stop before the log's end, and has it come so far? */
static bool stopped(const struct replay *rep)
{
	const struct crr_status *st = &rep->status;

	return rep->until &&
	       (rep->stop.sequence == CRR_NO_SEQUENCE ?
			st->counter >= rep->stop.counter :
			st->position > rep->stop.sequence);
}

/* For --json. */
static int ends(struct replay *rep, const char *outcome, int status)
{
	rep->outcome = outcome;
	return status;
}

/* What is to be said, and the exit status, in the order of importance. */
static int end_replay(struct replay *rep, bool reported)
{
	const struct crr_status *st = &rep->status;
	int status = rep->ctl.command.status;

	if (rep->timed_out) {
		report_timeout(rep);
		return ends(rep, "timeout", EXIT_CRR_TIMEOUT);
	}
	if (rep->stalled)
		return ends(rep, "stalled", EXIT_CRR_STALLED);
	/* Whoever was ended by us could not take what it left. */
	if ((st->facts & CRR_STATUS_DIVERGENCE ||
	     (!rep->ctl.interrupted && !rep->ctl.killing)) &&
	    get_divergence(rep, &rep->div)) {
		rep->diverged = true;
		if (!reported)
			make_report(rep, report_divergence);
		print_report(rep);
		return ends(rep, "diverged", EXIT_CRR_DIVERGED);
	}
	if (!stopped(rep) &&
	    (rep->broke_off || (rep->fed && !crr_log_ended(rep->log)))) {
		if (!rep->broke_off)
			make_report(rep, report_break);
		print_report(rep);
		return ends(rep, "incomplete", EXIT_CRR_LOG);
	}
	if (st->state == CRR_STATE_FAILED) {
		warn("replay has failed: %s", crr_reason_text(st->reason));
		return ends(rep, "failed", EXIT_CRR_OWN);
	}
	if (rep->sequel.broken)
		return ends(rep, "unwritten", EXIT_CRR_LOG);
	if (rep->ctl.interrupted)
		return ends(rep, "interrupted",
			    status ? status : 128 + rep->ctl.interrupted);
	if (stopped(rep)) {
		if (!rep->ctl.quiet)
			warn("stopped at counter %llu, after %llu records",
			     (unsigned long long)st->counter,
			     (unsigned long long)st->records);
		return ends(rep, "stopped", status);
	}
	if (ended_early(rep)) {
		warn("the command ended early: at counter %llu, with %llu records left; the log ends at counter %llu",
		     (unsigned long long)st->counter,
		     (unsigned long long)st->remaining,
		     (unsigned long long)st->horizon);
		return ends(rep, "early", EXIT_CRR_EARLY);
	}
	if (rep->live)
		control_summary(&rep->ctl, "replayed, and live to counter %llu",
				(unsigned long long)st->counter);
	else
		control_summary(&rep->ctl,
				"replayed %llu records, to counter %llu",
				(unsigned long long)st->records,
				(unsigned long long)st->counter);
	if (st->dropped && rep->ctl.line->master >= 0)
		warn("warning: %llu bytes of output were dropped: they came too fast to be shown",
		     (unsigned long long)st->dropped);
	else if (st->dropped)
		control_summary(&rep->ctl,
				"%llu bytes of output were dropped: they came too fast for the line",
				(unsigned long long)st->dropped);
	if (st->guesses)
		warn("warning: %llu poll(2)s were answered before the log was fed that far (guesses): another replay may diverge there",
		     (unsigned long long)st->guesses);
	if (rep->ctl.timed_out) {
		report_timeout(rep);
		return ends(rep, "timeout", EXIT_CRR_TIMEOUT);
	}
	/* It did not end by itself, but the log did. */
	return ends(rep, "replayed", rep->ctl.killing ? 0 : status);
}

static enum on_diverge parse_on_diverge(const struct command *cmd,
					const char *text)
{
	if (!strcmp(text, "end"))
		return ON_DIVERGE_END;
	if (!strcmp(text, "stop"))
		return ON_DIVERGE_STOP;
	if (!strcmp(text, "leave"))
		return ON_DIVERGE_LEAVE;
	usage_error(cmd, "--on-diverge: '%s' is not end, stop or leave", text);
}

/*
 * The log's streams, which all stand at its beginning. A log that has none is
 * damaged, which will be found out.
 */
static void find_streams(struct replay *rep)
{
	off_t begin = lseek(rep->fd, 0, SEEK_CUR);
	struct crr_log_reader *log = crr_log_open(rep->fd, &rep->error);
	struct crr_record rec;
	unsigned int n = 0;

	while (log && crr_log_next(log, &rec, &rep->error) == 1) {
		if (rec.type & CRR_TYPE_OPTIONAL)
			continue;
		if (rec.type != CRR_TYPE_STREAM)
			break;
		if (n == LINES_MAX)
			fail("%s has more than %d streams", rep->path,
			     LINES_MAX);
		snprintf(rep->streams[n++].name, sizeof(rep->streams->name),
			 "%.*s", (int)rec.data_length, (const char *)rec.data);
	}
	crr_log_close(log);
	lseek(rep->fd, begin, SEEK_SET);
	rep->nstreams = n ? n : 1;
}

/*
 * Which stream is meant by this text: a number, or a name that no other stream
 * has. A number is never taken for a name.
 */
static unsigned int find_stream(const struct command *cmd, const char *map,
				size_t length, const struct stream *streams,
				unsigned int n)
{
	unsigned int i, found = n;
	char number[16], numbers[LINES_MAX * 8] = "";
	size_t at = 0;
	bool several = false;

	for (i = 0; i < n; i++) {
		snprintf(number, sizeof(number), "%u", i);
		if (strlen(number) == length && !strncmp(map, number, length))
			return i;
	}
	for (i = 0; i < n; i++) {
		if (strlen(streams[i].name) != length ||
		    strncmp(map, streams[i].name, length))
			continue;
		several = found < n;
		found = i;
		at += (size_t)snprintf(numbers + at, sizeof(numbers) - at,
				       "%s%u", at ? ", " : "", i);
	}
	if (found == n)
		usage_error(cmd, "--map %s: the log has no stream %.*s", map,
			    (int)length, map);
	if (several)
		usage_error(cmd, "--map %s: streams %s have the name %s: give a number",
			    map, numbers, streams[found].name);
	return found;
}

/* --map STREAM=TTY */
static void map_stream(const struct command *cmd, const char *map,
		       struct stream *streams, unsigned int n)
{
	size_t length = strcspn(map, "=");
	unsigned int i;

	if (!map[length] || !map[length + 1])
		usage_error(cmd, "--map %s: expected STREAM=TTY", map);
	i = find_stream(cmd, map, length, streams, n);
	if (streams[i].tty)
		usage_error(cmd, "--map %s: stream %u is %s already", map, i,
			    streams[i].tty);
	streams[i].tty = map + length + 1;
}

/*
 * Which tty is to be which stream: those that --map names, then the others in
 * the order of the streams. Without any, each gets a new pty. Returns how many
 * there are.
 */
static unsigned int map_streams(const struct command *cmd, struct replay *rep,
				const char *const *maps, unsigned int nmaps,
				char *const *ttys, const char **paths)
{
	struct stream *streams = rep->streams;
	unsigned int n = rep->nstreams;
	unsigned int i;
	bool any = nmaps || *ttys;

	for (i = 0; i < nmaps; i++)
		map_stream(cmd, maps[i], streams, n);
	for (i = 0; i < n; i++) {
		if (!streams[i].tty && *ttys)
			streams[i].tty = *ttys++;
		if (!streams[i].tty && any)
			usage_error(cmd, "%s has %u streams: stream %u, %s, lacks a TTY",
				    rep->path, n, i, streams[i].name);
		paths[i] = streams[i].tty;
	}
	if (*ttys)
		usage_error(cmd, "%s has %u stream%s: %s is one TTY too many",
			    rep->path, n, n == 1 ? "" : "s", *ttys);
	return n;
}

/* Before the log is read for the replay: both use one offset. */
static void find_stop(const struct command *cmd, struct replay *rep)
{
	struct crr_log_reader *log = read_again(rep);

	if (log)
		rep->stop = position_find(cmd, rep->back.place ? "--back-to" :
								 "--until",
					  rep->until, log, rep->path);
	/* Streams begin with the replay, before the machine has run. */
	if (log && rep->stop.sequence < rep->nstreams)
		rep->stop.sequence = CRR_NO_SEQUENCE;
	crr_log_close(log);
	lseek(rep->fd, rep->begin, SEEK_SET);
}

static void open_log(const struct command *cmd, struct replay *rep)
{
	if (!strcmp(rep->path, "-"))
		rep->fd = spool(STDIN_FILENO);
	else
		rep->fd = user_open(rep->path, O_RDONLY);
	if (rep->fd < 0)
		fail("%s: %s", rep->path, strerror(errno));
	rep->begin = lseek(rep->fd, 0, SEEK_CUR);
	find_streams(rep);
	if (rep->until)
		find_stop(cmd, rep);
	rep->log = crr_log_open(rep->fd, &rep->error);
	if (rep->log)
		return;
	if (errno == EBADMSG) {
		warn("%s: at byte %llu: %s", rep->path,
		     (unsigned long long)rep->error.offset, rep->error.text);
		exit(EXIT_CRR_LOG);
	}
	fail("%s: %s", rep->path, strerror(errno));
}

/* A session that somebody left, of whatever kind. */
static void take_over(struct replay *rep)
{
	struct crr_status status;
	int fd = rep->ctl.line->session;

	if (crr_status(fd, &status))
		fail("%s: %s", rep->ctl.line->path, strerror(errno));
	if (status.state == CRR_STATE_RECORDING ||
	    (status.facts & CRR_STATUS_UNREAD))
		fail("%s is still being recorded after its crrctl was killed: use 'crrctl record' with --resume or --discard first",
		     rep->ctl.line->path);
	if (status.state != CRR_STATE_IDLE)
		crr_session_stop(fd);
}

/* For control_start(). */
static int begin_replay(int session, unsigned int flags, size_t buffer_size)
{
	unsigned int record = CRR_RECORD_CAPTURE;

	if (!(flags & CRR_REPLAY_RECORD))
		return crr_session_replay(session, flags, buffer_size);
	if (flags & CRR_REPLAY_GATED)
		record |= CRR_RECORD_GATED;
	return crr_session_replay_record(session, flags, record, buffer_size);
}

/* What was recorded after the log's end is written, to its own end. */
static void finish_sequel(struct replay *rep)
{
	uint64_t records;

	if (!rep->sequel.path)
		return;
	sequel_drain(&rep->sequel, rep->ctl.line->session, rep->fd, rep->begin);
	records = sequel_finish(&rep->sequel, rep->fd, rep->begin);
	if (rep->sequel.broken)
		return;
	control_summary(&rep->ctl, "%llu records in %s",
			(unsigned long long)records, rep->sequel.path);
	if (!rep->sequel.begun)
		warn("stopped before the end of %s; %s is a copy of it",
		     rep->path, rep->sequel.path);
}

/* The first record that it has not consumed. */
static uint64_t ended_at(const struct replay *rep)
{
	return rep->diverged && rep->div.sequence != CRR_NO_SEQUENCE ?
		       rep->div.sequence :
		       rep->status.position;
}

/* Is there a reason to go back from where the first run has ended? */
static bool shows_where(const struct replay *rep)
{
	static const char *const ends[] = { "replayed", "diverged", "stopped",
					    "stalled", "incomplete", "early" };
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!strcmp(rep->outcome, ends[i]))
			return ended_at(rep) > 0;
	return false;
}

/* Where to stop, and who looks at the machine then. */
static char *const *prepare_debugging(const struct replay *rep,
				      char *const *command, enum qemu qemu)
{
	if (rep->until && rep->stop.sequence == CRR_NO_SEQUENCE)
		qemu_option("until=@%" PRIu64, rep->stop.counter);
	else if (rep->until)
		qemu_option("until=%" PRIu64 "@%" PRIu64, rep->stop.sequence,
			    rep->stop.counter);
	if (!rep->gdb)
		return command;
	qemu_option("keep=on");
	if (qemu != QEMU_DEBUGGABLE)
		warn("warning: recorded without --debuggable: breakpoints and single steps shift the guest's time, and the replay diverges");
	return qemu_gdb(command, rep->gdb, !rep->until);
}

static int run_replay(const struct command *cmd, int argc, char **argv)
{
	static struct replay rep = { .stall_ms = 10000, .grace_ms = 2000,
				     .closed_at = CRR_NO_SEQUENCE };
	char *const *command = split_command(&argc, argv);
	const char *paths[LINES_MAX], *maps[LINES_MAX];
	const char *output = NULL, *json = NULL;
	struct output result;
	unsigned int nmaps = 0, n;
	bool reported, force = false, stored = false, stall = false, first;
	enum qemu qemu = QEMU_NO;
	int c, status;

	while ((c = next_option(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'M':
			if (nmaps == LINES_MAX)
				usage_error(cmd, "more than %d times --map",
					    LINES_MAX);
			maps[nmaps++] = optarg;
			break;
		case 'Q':
			qemu = QEMU_EXACT;
			break;
		case 'S':
			stored = true;
			break;
		case 'u':
			rep.until = optarg;
			break;
		case 'B':
			rep.back.what = optarg;
			break;
		case 'G':
			rep.gdb = optarg ? optarg : "1234";
			break;
		case 's':
			rep.stall_ms = parse_seconds(cmd, optarg);
			stall = true;
			break;
		case 'T':
			rep.ctl.timeout_ms = parse_seconds(cmd, optarg);
			break;
		case 'd':
			rep.on_diverge = parse_on_diverge(cmd, optarg);
			break;
		case 'g':
			rep.grace_ms = parse_seconds(cmd, optarg);
			break;
		case 'm':
			rep.flags |= CRR_REPLAY_MUTE;
			break;
		case 'l':
			rep.flags |= CRR_REPLAY_LIVE;
			break;
		case 'o':
			rep.flags |= CRR_REPLAY_RECORD;
			output = optarg;
			break;
		case 'f':
			force = true;
			break;
		case 'p':
			rep.peer = optarg;
			break;
		case 'b':
			rep.buffer_size = parse_size(cmd, optarg);
			break;
		case 'j':
			json = optarg;
			break;
		case 'q':
			rep.ctl.quiet = true;
			break;
		}
	}
	rep.path = optind < argc ? argv[optind++] : NULL;
	if (!rep.path)
		usage_error(cmd, "no log given");
	if (rep.buffer_size && (rep.buffer_size < CRR_BUFFER_MIN ||
				rep.buffer_size > CRR_BUFFER_MAX))
		usage_error(cmd, "--buffer: the size must be 256K to 256M");

	if (!(rep.flags & CRR_REPLAY_LIVE) && (output || rep.peer))
		usage_error(cmd, "--output and --peer need --live");

	argv[argc] = NULL; /* in the place of the -- */
	if (stored && *command)
		usage_error(cmd, "--stored runs the log's command: leave out '%s'",
			    *command);
	if (!*command && !stored)
		lines_check(cmd, argv + optind);
	if (qemu && !*command && !stored)
		usage_error(cmd, "--qemu needs COMMAND");
	/* It becomes part of an option of QEMU's. */
	if (rep.gdb && (!*rep.gdb || strchr(rep.gdb, ',')))
		usage_error(cmd, "--gdb: '%s' is neither a TCP port nor the path of a socket",
			    rep.gdb);
	if (rep.back.what && (rep.flags & CRR_REPLAY_LIVE || !strcmp(rep.path, "-")))
		usage_error(cmd, "--back-to replays twice: neither --live, nor standard input");
	if (rep.back.what && !(qemu || stored || qemu_is(command)))
		usage_error(cmd, "--back-to needs a QEMU as COMMAND, and --qemu");
	user_find();
	if (json || output)
		output_reads(rep.path);
	if (json)
		output_open(&result, json, force, NULL);
	first = rep.back.what && back_is_first(cmd, &rep.back);
	if (first) {
		rep.gdb = NULL;
		rep.on_diverge = ON_DIVERGE_END;
		json = NULL;
	} else if (rep.back.what) {
		rep.until = back_until(cmd, &rep.back);
		warn("going back, to %s: replaying again", rep.until);
	}
	/* gdb's user may think for long. */
	if (rep.gdb && !stall)
		rep.stall_ms = 0;
	open_log(cmd, &rep);
	if (rep.back.place && rep.stop.sequence != CRR_NO_SEQUENCE &&
	    rep.stop.sequence >= rep.back.place)
		usage_error(cmd, "--back-to: the run has come to record %llu only",
			    (unsigned long long)rep.back.place);
	if (stored)
		command = stored_command(crr_log_get_info(rep.log), rep.path,
					 &rep.ctl.command);
	/* The log of a QEMU can be another program's to replay. */
	if ((qemu || stored || qemu_is(command)) &&
	    stored_qemu(crr_log_get_info(rep.log)))
		qemu = stored_qemu(crr_log_get_info(rep.log));
	if (*command && stored_preload(crr_log_get_info(rep.log)))
		rep.ctl.command.preload = preload_library(command);
	rep.ctl.command.replay = true;
	rep.ctl.command.clock = stored_clock(crr_log_get_info(rep.log));
	if ((rep.until || rep.gdb) && !qemu)
		usage_error(cmd, "--until and --gdb need a QEMU as COMMAND, and --qemu");
	n = map_streams(cmd, &rep, maps, nmaps, argv + optind, paths);
	if (child_wrong_line(command, n))
		usage_error(cmd, "%s: %s has no such stream",
			    child_wrong_line(command, n), rep.path);
	if (qemu) {
		command = qemu_plugin(qemu_command(command, n, true), true);
		command = prepare_debugging(&rep, command, qemu);
	}
	if (qemu == QEMU_DEBUGGABLE)
		qemu_option("debuggable=on");
	if (crr_log_get_info(rep.log)->delivery == CRR_DELIVERY_GATED)
		rep.flags |= CRR_REPLAY_GATED;
	if (output)
		sequel_open(&rep.sequel, output, force);
	if (json && output && output_same(&result, &rep.sequel.out))
		fail("--json: %s is the file of --output", json);
	control_begin(&rep.ctl, "replaying");
	lines_open(&rep.ctl.line, &rep.ctl.nlines, paths, n);
	fcntl(rep.ctl.line->session, F_SETFL, O_NONBLOCK);
	take_over(&rep);
	if (output)
		sequel_begin(&rep.sequel, crr_log_get_info(rep.log));
	control_start(&rep.ctl, begin_replay, rep.flags, rep.buffer_size);
	feed(&rep);
	if (!rep.peer)
		control_size(&rep.ctl);
	if (*command &&
	    !child_start(&rep.ctl.command, command, rep.ctl.line,
			 rep.ctl.nlines))
		return control_give_up(&rep.ctl, rep.grace_ms);
	if (output && !output_publish(&rep.sequel.out)) {
		child_signal(&rep.ctl.command, SIGTERM);
		(void)control_give_up(&rep.ctl, rep.grace_ms);
		return EXIT_CRR_OWN;
	}
	if (!*command && !*paths)
		for (n = 0; n < rep.ctl.nlines; n++)
			warn("the tty is %s", rep.ctl.line[n].path);
	if (!rep.peer)
		control_join(&rep.ctl, NULL, rep.flags & CRR_REPLAY_LIVE);

	reported = replay(&rep);
	if (!(rep.status.state == CRR_STATE_DIVERGED &&
	      rep.on_diverge == ON_DIVERGE_LEAVE))
		control_end_command(&rep.ctl, rep.grace_ms);
	crr_status(rep.ctl.line->session, &rep.status);
	crr_session_stop(rep.ctl.line->session);
	finish_sequel(&rep);
	control_progress(&rep.ctl, true);
	control_end_peer(&rep.ctl, rep.grace_ms);
	print_report(&rep);
	status = end_replay(&rep, reported);
	if (json && !result_write(&result, rep.path, rep.outcome, status,
				  &rep.status, rep.diverged ? &rep.div : NULL))
		status = EXIT_CRR_OWN;
	if (first && shows_where(&rep))
		back_report(&rep.back, ended_at(&rep));
	crr_log_close(rep.log);
	lines_close(rep.ctl.line, rep.ctl.nlines);
	return status;
}

const struct command cmd_replay = {
	.name = "replay",
	.synopsis = "[OPTION]... FILE [TTY]... [-- COMMAND [ARG]...]",
	.summary = "replay a log to COMMAND on TTY ({}, or {0}, {1}...) or new ptys",
	.run = run_replay,
	.options = replay_options,
	.failure = EXIT_CRR_OWN,
};
