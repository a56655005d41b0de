// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crr-qemu.so - exact record and replay of QEMU's serial lines
 *
 * A plugin for an unmodified QEMU: the guest sees input at a moment of its own
 * time, QEMU_CLOCK_VIRTUAL in nanoseconds under -icount, and in replay at the
 * same moment. That clock, and not the count of instructions, is the counter: an
 * idle guest executes nothing while its time goes on, and input that wakes it has
 * to have a stamp as well.
 *
 * The plugin reads the ttys by descriptors of its own, within a checkpoint
 * (gated delivery, crr(4)), in the CPU's thread and between two instructions,
 * and gives the bytes to QEMU's character devices. Nothing of the guest's code
 * is instrumented, and while nothing arrives no system call is made.
 *
 * Recording, a thread looks for input and queues work for the CPU: work runs
 * when all executed instructions are accounted for, and it cuts no block of
 * translated code. In replay a timer of the guest's clock is armed for the
 * moment that is recorded. What must never happen is that a timer is armed for
 * a CPU that runs in one of them and not in the other: where a timer cuts a
 * block is visible in the count of instructions. riscv's WFI, for example, does
 * not end its block, and the instructions behind it are counted although they
 * are not executed.
 *
 * An idle machine's clock is set to its next timer by QEMU's main loop, which
 * may do so before the CPU's thread has accounted for its last instructions. The
 * plugin lets the CPU's thread do it. While recording it does so only when the
 * wall clock has come as far: otherwise an idle guest would run away from those
 * who type.
 *
 * Everything here runs with QEMU's big lock held, but for watch_main(), which
 * takes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <linux/crr.h>

#include "crr-qemu.h"

#define MS 1000000LL

/* How often to look at the guest's clock. Input comes with a signal. */
#define LOOK_EVERY_NS	  (20 * MS)
/* A device that takes nothing, and does not say when it does, is asked again then. */
#define RETRY_NS	  MS
/* So long crrctl may take to feed more, if it has more: a log may break off. */
#define FEED_NS		  (2000 * MS)
/* How far the guest may be ahead of the wall clock, and behind it. */
#define AHEAD_NS	  (2 * MS)
#define IDLE_AHEAD_NS	  MS
#define BEHIND_NS	  (100 * MS)
/* How long the CPU's thread sleeps at a time: it has other work, too. */
#define HOLD_NS		  (50 * MS)

/* What the plugin waits for in a replay. */
enum waits_for {
	NOTHING,
	INPUT,	 /* own is armed */
	WRITES,	 /* the log's next input has not been fed */
	LOG_END, /* all input has been delivered */
};

static struct {
	struct lines lines;
	struct {
		int fd;
		struct crr_clock_counter *counter;
		const struct crr_clock_state *state;
	} clock;
	uint64_t seen;	   /* rx_seq, when the lines were last read empty */
	int64_t retry_at;  /* the wall clock: a device was full; or 0 */
	QEMUTimer own;	   /* of the guest's clock */
	CPUState *cpu;	   /* the machine's only one */
	bool started;
	bool queued;	   /* there is work for the CPU's thread */
	bool over;	   /* the session is, and nothing more is delivered */
	enum waits_for waits_for;
	uint64_t end;	   /* LOG_END: the first counter past the log's end */
	uint64_t breaks_off; /* the log has no record with this number */
	bool may_pace;	   /* -plugin ...,pace=off: the guest need not wait */
	int64_t wall_base; /* the wall clock, when the guest's was guest_base */
	int64_t guest_base;
	int64_t forgiven_at; /* the guest's clock */
	pthread_t watch;   /* the thread that looks for input */
	bool watched;	   /* it runs */
	sem_t held;	   /* posted when the CPU is to be held no longer */
	bool guest_ended;  /* the machine was switched off from within */
	bool keep;	   /* where the replay ends the machine is paused */
	struct {
		bool wanted;
		bool reached;
		uint64_t sequence; /* behind this record, or CRR_NO_SEQUENCE: */
		uint64_t counter;  /* at this counter */
		QEMUTimer timer;
	} until; /* where to stop before that */
} crr = { .may_pace = true, .breaks_off = CRR_NO_SEQUENCE };

/*
 * QEMU reads it after loading, and refuses what is too old or too new. Nothing of
 * the interface is used that has ever changed, so that any version will do: the
 * one of the newest function that is there.
 */
__attribute__((visibility("default"))) int qemu_plugin_version = 1;

__attribute__((constructor)) static void choose_version(void)
{
	qemu_plugin_version = qemu_newest_version();
}

/* ---- Messages ---- */

static void message(const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	fprintf(stderr, "crr-qemu: %s\n", text);
}

void warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(format, args);
	va_end(args);
}

/* Nothing that the guest does from here on could be replayed. */
void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(format, args);
	va_end(args);
	exit(1);
}

/* ---- Clocks ---- */

static void lock(void)
{
	if (bql_lock_impl)
		bql_lock_impl(__FILE__, __LINE__);
	else
		qemu_mutex_lock_iothread_impl(__FILE__, __LINE__);
}

static void unlock(void)
{
	if (bql_unlock)
		bql_unlock();
	else
		qemu_mutex_unlock_iothread();
}

static int64_t guest_clock(void)
{
	return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static int64_t wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 * MS + now.tv_nsec;
}

static void nap(int64_t ns)
{
	struct timespec time = { .tv_sec = ns / (1000 * MS),
				 .tv_nsec = ns % (1000 * MS) };

	nanosleep(&time, NULL);
}

static void set_counter(int64_t now)
{
	__atomic_store_n(&crr.clock.counter->counter, (uint64_t)now,
			 __ATOMIC_RELAXED);
}

static uint64_t rx_seq(void)
{
	return __atomic_load_n(&crr.clock.state->rx_seq, __ATOMIC_ACQUIRE);
}

static bool replaying(void)
{
	return __atomic_load_n(&crr.clock.state->state, __ATOMIC_RELAXED) ==
	       CRR_STATE_REPLAYING;
}

/* ---- Pacing ---- */

static bool paced(void)
{
	return crr.may_pace && !crr.over && !replaying();
}

static void pace_from_now(void)
{
	crr.guest_base = guest_clock();
	crr.wall_base = wall_clock();
}

/* What the guest's clock should say, and when it should say so. */
static int64_t guest_target(void)
{
	return wall_clock() - crr.wall_base + crr.guest_base;
}

static int64_t ahead_of_wall(int64_t guest)
{
	return guest - guest_target();
}

/*
 * A guest that could not keep up does not catch up later. One that sleeps can: its
 * clock stands until the wall clock has come to its next timer, however far that is.
 * So nothing is forgiven twice at the same moment of its clock.
 */
static void forgive(void)
{
	int64_t now = guest_clock();
	int64_t behind = -ahead_of_wall(now);

	if (now == crr.forgiven_at)
		return;
	crr.forgiven_at = now;
	if (behind > BEHIND_NS)
		crr.wall_base += behind - BEHIND_NS;
}

/* ---- The session ---- */

static int64_t status_of(struct crr_status *status)
{
	struct line *line = &crr.lines.line[0];

	*status = (struct crr_status){
		.size = sizeof(*status),
		.tty_fd = line->in,
	};
	return ioctl(line->in, CRR_IOC_STATUS, status);
}

static const char *state_text(unsigned int state)
{
	switch (state) {
	case CRR_STATE_IDLE:
		return "neither recorded nor replayed";
	case CRR_STATE_ENDED:
		return "past the end of its log";
	case CRR_STATE_DIVERGED:
		return "in a replay that has diverged from its log";
	case CRR_STATE_FAILED:
		return "in a recording or replay that has failed";
	}
	return "in an unknown state";
}

/*
 * Nothing more can be delivered, for this errno of the session. After the log's
 * end the machine ends as well. After a divergence it stops, so that a debugger or
 * the monitor finds it where it diverged; crrctl reports what it was.
 */
static void session_over(int error)
{
	if (crr.over)
		return;
	crr.over = true;
	switch (error) {
	case ENODATA:
		if (crr.keep)
			vm_stop(RUN_STATE_PAUSED);
		else
			qmp_quit(NULL);
		break;
	case ENOTRECOVERABLE:
		vm_stop(RUN_STATE_PAUSED);
		break;
	default:
		warn("%s: %s: the session cannot go on, and the machine is stopped",
		     crr.lines.line[0].path, strerror(error));
		vm_stop(RUN_STATE_PAUSED);
	}
}

/* The watching thread is to look again. */
static void wake_watch(void)
{
	if (crr.watched)
		pthread_kill(crr.watch, SIGIO);
}

/* What the log has next. NOTHING: that has not been fed yet. */
static enum waits_for look_ahead(const struct crr_status *status)
{
	if (status->facts & CRR_STATUS_END_FED)
		return status->next_due > status->horizon ? LOG_END : INPUT;
	if (status->next_due < status->horizon)
		return INPUT;
	/* The buffer is full of what is to be written. */
	if (status->buffered > status->buffer_size / 2)
		return WRITES;
	/* The log breaks off: go on to its last counter, or to its last write. */
	if (crr.breaks_off == status->sequence)
		return status->next_due > status->horizon ? WRITES : INPUT;
	return NOTHING;
}

/*
 * In replay: wait for input that the log has next. Its moment is known if it has
 * been fed; if it has not, the guest has to write first what is before it in
 * the log, or crrctl is about to feed it.
 */
static void arm(void)
{
	int64_t begun = wall_clock();
	struct crr_status status;

	crr.waits_for = NOTHING;
	while (replaying() && !crr.over && crr.waits_for == NOTHING) {
		if (status_of(&status)) {
			session_over(errno);
			return;
		}
		if (status.state != CRR_STATE_REPLAYING)
			return;
		crr.waits_for = look_ahead(&status);
		if (crr.waits_for != NOTHING)
			break;
		if (wall_clock() - begun > FEED_NS)
			crr.breaks_off = status.sequence;
		else
			nap(MS);
	}
	if (crr.waits_for == INPUT) {
		timer_mod(&crr.own, (int64_t)status.next_due);
	} else if (crr.waits_for == LOG_END) {
		crr.end = status.next_due;
		wake_watch();
	}
}

/* ---- Where to stop ---- */

/*
 * In the CPU's thread, which executes nothing until this returns. The main loop
 * stops the machine: once it has begun to, this CPU is told to stop as well.
 */
static void stop_machine(CPUState *cpu, run_on_cpu_data data)
{
	if (!runstate_is_running())
		return;
	vm_stop(RUN_STATE_PAUSED);
	while (runstate_is_running()) {
		unlock();
		nap(MS);
		lock();
	}
}

/* Called between two instructions, or in one that writes and ends its block. */
static void stop_here(void)
{
	crr.until.reached = true;
	async_run_on_cpu(crr.cpu, stop_machine,
			 (run_on_cpu_data){ .host_ptr = NULL });
}

static void look_until(int64_t now)
{
	struct crr_status status;

	if (!crr.until.wanted || crr.until.reached ||
	    crr.until.sequence == CRR_NO_SEQUENCE ||
	    (uint64_t)now < crr.until.counter)
		return;
	if (!status_of(&status) && status.position > crr.until.sequence)
		stop_here();
}

/* The last of the timers at its instant, as on_timer() is. */
static void on_until(void *opaque)
{
	if (!qemu_clock_deadline_ns_all(QEMU_CLOCK_VIRTUAL,
					(int)QEMU_TIMER_ATTR_ALL))
		timer_mod(&crr.until.timer, guest_clock());
	else
		stop_here();
}

/*
 * A counter that no record has needs a timer, which the recording had not: what
 * follows is exact only if each block has one instruction.
 */
static void begin_until(void)
{
	if (!crr.until.wanted || crr.until.sequence != CRR_NO_SEQUENCE)
		return;
	timer_init_full(&crr.until.timer, NULL, QEMU_CLOCK_VIRTUAL, 1, 0,
			on_until, NULL);
	timer_mod(&crr.until.timer, (int64_t)crr.until.counter);
}

/* The machine has stopped. */
static void end_until(void)
{
	if (!crr.until.reached)
		return;
	crr.until.wanted = crr.until.reached = false;
	if (!crr.keep) {
		qmp_quit(NULL);
		return;
	}
	warn("stopped at counter %llu, where --until says",
	     (unsigned long long)guest_clock());
}

/* ---- Input and output ---- */

/* Within a checkpoint. */
static bool has_input(const struct line *line)
{
	struct pollfd pfd = { .fd = line->in, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0 && pfd.revents & POLLIN;
}

/*
 * A device that can take nothing, and for which there is something: a device that is
 * closed, as a virtio console's port is for long, must not keep us awake.
 */
static void retry_later(struct line *line)
{
	if (replaying() || !has_input(line))
		return;
	line->full = true;
	__atomic_store_n(&crr.retry_at, wall_clock() + RETRY_NS,
			 __ATOMIC_RELAXED);
	wake_watch();
}

/* Give the guest what there is on a line. */
static bool deliver_line(struct line *line)
{
	uint8_t buf[4096];
	bool any = false;
	ssize_t n;
	int space;

	line->full = false;
	for (;;) {
		space = qemu_chr_be_can_write(line->chr);
		if (space > line->most)
			line->most = space;
		if (space <= 0) {
			retry_later(line);
			return any;
		}
		if (space > (int)sizeof(buf))
			space = sizeof(buf);
		do {
			n = read(line->in, buf, (size_t)space);
		} while (n < 0 && errno == EINTR);
		if (n <= 0)
			return any;
		qemu_chr_be_write_impl(line->chr, buf, (int)n);
		any = true;
	}
}

/* A checkpoint, at this moment of the guest's. */
static void deliver(int64_t now)
{
	struct line *first = &crr.lines.line[0];
	struct crr_checkpoint_begin begin = {
		.size = sizeof(begin),
		.tty_fd = first->in,
		.counter = (uint64_t)now,
	};
	struct crr_checkpoint_end end = {
		.size = sizeof(end),
		.tty_fd = first->in,
	};
	unsigned int i;
	bool any;
	int ret;

	crr.waits_for = NOTHING;
	crr.retry_at = 0;
	set_counter(now);
	do {
		ret = ioctl(first->in, CRR_IOC_CHECKPOINT_BEGIN, &begin);
	} while (ret && (errno == EINTR || errno == EAGAIN));
	/* Without a session that is gated there are no checkpoints. */
	if (ret && errno != EPROTO) {
		session_over(errno);
		return;
	}
	/* What comes from here on makes it due again. The beginning did, too. */
	crr.seen = rx_seq();
	/*
	 * Until all lines are empty, in whatever order the log has them: several
	 * recorded checkpoints at this counter are one.
	 */
	do {
		any = false;
		for (i = 0; i < crr.lines.n; i++)
			any |= deliver_line(&crr.lines.line[i]);
	} while (any);
	if (!ret)
		do {
			ret = ioctl(first->in, CRR_IOC_CHECKPOINT_END, &end);
		} while (ret && (errno == EINTR || errno == EAGAIN));
	if (ret && errno != EPROTO) {
		session_over(errno);
		return;
	}
	arm();
	look_until(now);
	/* A replay that has gone on live. */
	if (crr.waits_for == NOTHING && !crr.over)
		wake_watch();
}

/*
 * The guest writes. All of it is taken, whatever becomes of it: the guest must
 * not see a moment of the wall clock in that.
 */
static int write_line(struct line *line, const uint8_t *buf, int length)
{
	int done = 0;
	ssize_t n;

	/*
	 * A guest that has switched itself off runs on until the main loop
	 * notices: what it does by then is different in each run.
	 */
	if (!crr.started || crr.over || qemu_shutdown_requested_get())
		return length;
	set_counter(guest_clock());
	while (done < length) {
		n = write(line->out, buf + done, (size_t)(length - done));
		if (n > 0) {
			done += (int)n;
		} else if (n < 0 && (errno == ENODATA ||
				     errno == ENOTRECOVERABLE)) {
			session_over(errno);
			return length;
		} else if (n < 0 && errno != EINTR && errno != EAGAIN) {
			if (!line->broken)
				warn("%s: %s: the guest's output is lost",
				     line->path, strerror(errno));
			line->broken = true;
			return length;
		}
	}
	if (crr.waits_for == WRITES)
		arm();
	look_until(guest_clock());
	return length;
}

/* ---- When it is time ---- */

/* Is there something to be delivered? Any thread may ask. */
static bool input_waits(void)
{
	int64_t retry_at;

	if (crr.over)
		return false;
	if (crr.waits_for == LOG_END)
		return (uint64_t)guest_clock() >= crr.end;
	if (replaying())
		return false;
	retry_at = __atomic_load_n(&crr.retry_at, __ATOMIC_RELAXED);
	return rx_seq() != __atomic_load_n(&crr.seen, __ATOMIC_RELAXED) ||
	       (retry_at && wall_clock() >= retry_at);
}

/*
 * Timers that are armed for the same moment run in the order in which they were
 * armed, and that is not the same in recording and replay: ours is always the
 * last.
 */
static void on_timer(void *opaque)
{
	int64_t now = guest_clock();

	if (crr.over)
		return;
	if (!qemu_clock_deadline_ns_all(QEMU_CLOCK_VIRTUAL,
					(int)QEMU_TIMER_ATTR_ALL))
		timer_mod(&crr.own, now);
	else
		deliver(now);
}

/* Set the idle machine's clock to its next timer. */
static void warp(void)
{
	qtest_allowed = false;
	icount_start_warp_timer();
	qtest_allowed = true;
}

/* How long until the next timer of the guest's; or -1. */
static int64_t deadline(void)
{
	return qemu_clock_deadline_ns_all(QEMU_CLOCK_VIRTUAL,
					  ~QEMU_TIMER_ATTR_EXTERNAL);
}

/*
 * Input for an idle machine: its time goes on until now, as it would have had
 * the guest been asleep on a real one. False if it is there, or will be there
 * by another timer first.
 */
static bool advance_idle(void)
{
	int64_t now = guest_clock();
	int64_t target = guest_target();
	int64_t next = deadline();

	if (!paced() || target <= now || !next)
		return false;
	if (next < 0 || target < now + next)
		timer_mod(&crr.own, target);
	warp();
	return true;
}

/* The machine is idle: how long until its clock may be set? -1: for ever. */
static int64_t idle_for(void)
{
	int64_t now = guest_clock();
	int64_t next = deadline();
	int64_t ahead;

	if (crr.waits_for == LOG_END && (uint64_t)now < crr.end &&
	    (next < 0 || (uint64_t)(now + next) >= crr.end))
		return 0;
	if (next < 0)
		return -1;
	if (!next || !paced())
		return 0;
	ahead = ahead_of_wall(now + next);
	return ahead > IDLE_AHEAD_NS ? ahead : 0;
}

static void idle_step(void)
{
	int64_t now = guest_clock();
	int64_t next;

	if (idle_for())
		return;
	next = deadline();
	if (crr.waits_for == LOG_END && (uint64_t)now < crr.end &&
	    (next < 0 || (uint64_t)(now + next) >= crr.end))
		timer_mod(&crr.own, (int64_t)crr.end);
	warp();
}

/*
 * A busy guest is ahead of the wall clock. Let others have the lock meanwhile;
 * input ends it.
 */
static void hold(void)
{
	int64_t ahead = ahead_of_wall(guest_clock());
	struct timespec until;

	if (ahead <= 0 || input_waits())
		return;
	if (ahead > HOLD_NS)
		ahead = HOLD_NS;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ahead;
	if (until.tv_nsec >= 1000 * MS) {
		until.tv_sec++;
		until.tv_nsec -= 1000 * MS;
	}
	/* What was posted for the last time. */
	while (!sem_trywait(&crr.held))
		;
	unlock();
	if (!input_waits())
		while (sem_timedwait(&crr.held, &until) && errno == EINTR)
			;
	lock();
}

/* In the CPU's thread: it has stopped, and all instructions are accounted for. */
static void on_work(CPUState *cpu, run_on_cpu_data data)
{
	__atomic_store_n(&crr.queued, false, __ATOMIC_RELAXED);
	/* Being reset, stopped by the monitor, or by a debugger. */
	if (!runstate_is_running() || cpu_is_stopped(cpu))
		return;
	if (paced()) {
		forgive();
		if (!all_cpu_threads_idle())
			hold();
		if (!runstate_is_running() || cpu_is_stopped(cpu))
			return;
	}
	if (!input_waits()) {
		if (all_cpu_threads_idle())
			idle_step();
		return;
	}
	if (all_cpu_threads_idle() && advance_idle())
		return;
	if (!qemu_clock_deadline_ns_all(QEMU_CLOCK_VIRTUAL,
					(int)QEMU_TIMER_ATTR_ALL))
		timer_mod(&crr.own, guest_clock());
	else
		deliver(guest_clock());
}

/* At most one piece: the lock is held. */
static void queue_work(void)
{
	if (crr.queued)
		return;
	__atomic_store_n(&crr.queued, true, __ATOMIC_RELAXED);
	async_run_on_cpu(crr.cpu, on_work, (run_on_cpu_data){ .host_ptr = NULL });
}

/*
 * A device has been read by the guest. UARTs have space for a byte or a few, so that
 * a file would take long if each of them had to wait for the wall clock; and also if
 * each byte were delivered by itself to a guest that empties a FIFO.
 */
static void accept_input(void)
{
	struct line *line;
	unsigned int i;

	if (!crr.started || crr.over || !crr.retry_at || replaying())
		return;
	for (i = 0; i < crr.lines.n; i++) {
		line = &crr.lines.line[i];
		if (!line->full || qemu_chr_be_can_write(line->chr) < line->most)
			continue;
		/* A moment that has passed. */
		__atomic_store_n(&crr.retry_at, 1, __ATOMIC_RELAXED);
		queue_work();
		return;
	}
}

/* Let the lines' input send SIGIO to this thread: poll(2) does not show it. */
static void ask_for_signals(void)
{
	struct f_owner_ex owner = { .type = F_OWNER_TID, .pid = gettid() };
	unsigned int i;

	for (i = 0; i < crr.lines.n; i++) {
		int fd = crr.lines.line[i].in;

		if (fcntl(fd, F_SETOWN_EX, &owner) ||
		    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC))
			fail("%s: no signals for its input: %s",
			     crr.lines.line[i].path, strerror(errno));
	}
}

/* Until there may be something to do. */
static void wait_for_signal(void)
{
	struct timespec time = { .tv_nsec = LOOK_EVERY_NS };
	sigset_t set;

	if (crr.over || (replaying() && crr.waits_for != LOG_END))
		time = (struct timespec){ .tv_sec = 1 };
	else if (crr.waits_for == LOG_END ||
		 __atomic_load_n(&crr.retry_at, __ATOMIC_RELAXED))
		time.tv_nsec = RETRY_NS;
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	(void)sigtimedwait(&set, NULL, &time);
}

/* Looks for input, and whether the guest is ahead of its time. */
static void *watch_main(void *unused)
{
	ask_for_signals();
	for (;;) {
		if (input_waits())
			sem_post(&crr.held);
		if (!__atomic_load_n(&crr.queued, __ATOMIC_RELAXED) &&
		    runstate_is_running() &&
		    (input_waits() ||
		     (paced() && ahead_of_wall(guest_clock()) > AHEAD_NS))) {
			/* Else the wakeup of an idle CPU may be lost. */
			lock();
			if (runstate_is_running() && !crr.over)
				queue_work();
			unlock();
		}
		wait_for_signal();
	}
	return NULL;
}

/* The main loop, before it sleeps. */
static void on_main_loop(Notifier *notifier, void *data)
{
	MainLoopPoll *poll = data;
	int64_t wait;

	if (poll->state != MAIN_LOOP_POLL_FILL || !runstate_is_running())
		return;
	if (!check_host_timers())
		exit(1);
	if (crr.queued || !all_cpu_threads_idle() || cpu_is_stopped(crr.cpu))
		return;
	if (paced())
		forgive();
	wait = idle_for();
	if (!wait)
		queue_work();
	else if (wait > 0 && wait / MS < poll->timeout)
		poll->timeout = (uint32_t)(wait / MS);
}

/* ---- Beginning and end ---- */

static void begin_watch(void)
{
	sigset_t all, old;
	int error;

	/* QEMU's signals are not for this thread. */
	sigfillset(&all);
	error = pthread_sigmask(SIG_SETMASK, &all, &old);
	if (!error)
		error = pthread_create(&crr.watch, NULL, watch_main, NULL);
	if (error)
		fail("cannot start a thread: %s", strerror(error));
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	crr.watched = true;
}

static void check_session(void)
{
	struct crr_status status;
	const char *path = crr.lines.line[0].path;

	if (status_of(&status))
		fail("%s: %s", path, strerror(errno));
	if (status.state != CRR_STATE_RECORDING &&
	    status.state != CRR_STATE_REPLAYING)
		fail("%s is %s: start QEMU by crrctl record --gated, or by crrctl replay",
		     path, state_text(status.state));
	if (!(status.facts & CRR_STATUS_GATED))
		fail("%s: delivery is not gated: record with crrctl record --gated",
		     path);
	if (status.streams != crr.lines.n)
		fail("%s: its session has %u ttys, of which %u are known here: give each one as -plugin ...,tty=PATH",
		     path, status.streams, crr.lines.n);
}

/* All is made, and the guest has not executed anything. */
static void begin(void)
{
	unsigned int i, faults;

	crr.cpu = qemu_get_cpu(0);
	if (!crr.cpu)
		fail("the machine has no CPU");
	chardev_find_all();
	for (i = 0; i < crr.lines.n; i++)
		if (!crr.lines.line[i].chr)
			fail("no character device of QEMU is on %s: give -serial {%u}, or -chardev file,id=ID,path={%u} for another device",
			     crr.lines.line[i].path, i, i);
	faults = check_machine();
	if (faults)
		fail("%s would make a replay of this machine diverge: it is not started",
		     faults == 1 ? "this" : "these");
	check_session();

	static Notifier on_poll = { .notify = on_main_loop };

	timer_init_full(&crr.own, NULL, QEMU_CLOCK_VIRTUAL, 1, 0, on_timer,
			NULL);
	/* The main loop is to set no clock: see warp(). */
	qtest_allowed = true;
	main_loop_poll_add_notifier(&on_poll);
	/* What came before is due. */
	crr.seen = rx_seq() - 1;
	set_counter(guest_clock());
	arm();
	begin_until();
	begin_watch();
	crr.started = true;
}

/* Tell the session how far the guest has come. */
static void tell_counter(int64_t now)
{
	struct crr_counter arg = {
		.size = sizeof(arg),
		.tty_fd = crr.lines.line[0].in,
		.counter = (uint64_t)now,
	};
	struct crr_status status;

	/*
	 * A machine that switches itself off is ended by the main loop, sooner
	 * or later: by then it has done nothing more, but its clock may have
	 * gone on. If nothing is left of the log, this is its end.
	 */
	if (crr.guest_ended && replaying() && !status_of(&status) &&
	    status.facts & CRR_STATUS_END_FED && !status.remaining &&
	    arg.counter < status.horizon)
		arg.counter = status.horizon;
	set_counter((int64_t)arg.counter);
	(void)ioctl(crr.lines.line[0].in, CRR_IOC_COUNTER, &arg);
}

static void on_state(void *opaque, bool running, int state)
{
	if (running) {
		if (!crr.started)
			begin();
		pace_from_now();
	} else if (crr.started) {
		if (!crr.over)
			tell_counter(guest_clock());
		end_until();
	}
}

static void on_shutdown(Notifier *notifier, void *data)
{
	int cause = *(int *)data;

	crr.guest_ended = cause >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN &&
			  cause <= SHUTDOWN_CAUSE_GUEST_PANIC;
}

/* Also if a device ends QEMU in the middle of an instruction. */
static void on_exit_of_qemu(void)
{
	if (crr.started && !crr.over)
		tell_counter(guest_clock());
}

static void open_line(struct line *line)
{
	struct stat st;

	line->in = open(line->path,
			O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (line->in < 0)
		fail("%s: %s", line->path, strerror(errno));
	/* O_NONBLOCK: not to wait for a carrier. */
	line->out = open(line->path,
			 O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (line->out < 0 ||
	    fcntl(line->out, F_SETFL,
		  fcntl(line->out, F_GETFL) & ~O_NONBLOCK))
		fail("%s: %s", line->path, strerror(errno));
	if (fstat(line->in, &st))
		fail("%s: %s", line->path, strerror(errno));
	line->rdev = st.st_rdev;
}

/* QEMU's file chardev leaves the tty as it is: cooked, and with echo. */
static void make_raw(const struct line *line)
{
	struct termios termios;

	if (tcgetattr(line->in, &termios))
		fail("%s: %s", line->path, strerror(errno));
	cfmakeraw(&termios);
	termios.c_cc[VMIN] = 1;
	termios.c_cc[VTIME] = 0;
	if (tcsetattr(line->in, TCSANOW, &termios))
		fail("%s: %s", line->path, strerror(errno));
}

static void open_clock(void)
{
	struct line *line = &crr.lines.line[0];
	struct crr_clock_fd arg = { .size = sizeof(arg), .tty_fd = line->in };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *counter, *state;

	if (ioctl(line->in, CRR_IOC_CLOCK, &arg)) {
		if (errno == ENOTTY || errno == EINVAL)
			fail("%s does not have the line discipline N_CRR: start QEMU by crrctl record --gated, or by crrctl replay",
			     line->path);
		fail("%s: no clock: %s", line->path, strerror(errno));
	}
	crr.clock.fd = arg.clock_fd;
	counter = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED,
		       arg.clock_fd, CRR_CLOCK_COUNTER_OFFSET);
	state = mmap(NULL, page, PROT_READ, MAP_SHARED, arg.clock_fd,
		     CRR_CLOCK_STATE_OFFSET);
	if (counter == MAP_FAILED || state == MAP_FAILED)
		fail("%s: no pages of its clock: %s", line->path,
		     strerror(errno));
	crr.clock.counter = counter;
	crr.clock.state = state;
	if (crr.clock.state->version != CRR_CLOCK_VERSION)
		fail("the module n_crr has clock pages of version %u, and this plugin knows version %u: install crr and its module from the same release",
		     crr.clock.state->version, CRR_CLOCK_VERSION);
}

static void add_line(const char *path)
{
	if (crr.lines.n == LINES_MAX)
		fail("more than %d ttys", LINES_MAX);
	crr.lines.line[crr.lines.n++].path = path;
}

static bool is_on(const char *option, const char *value)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		fail("%s: it is neither on nor off", option);
	return !strcmp(value, "on");
}

/* RECORD@COUNTER, or @COUNTER */
static void parse_until(const char *value)
{
	unsigned long long sequence, counter;

	crr.until.wanted = true;
	crr.until.sequence = CRR_NO_SEQUENCE;
	if (sscanf(value, "%llu@%llu", &sequence, &counter) == 2)
		crr.until.sequence = sequence;
	else if (sscanf(value, "@%llu", &counter) != 1)
		fail("until=%s: it is not RECORD@COUNTER or @COUNTER", value);
	crr.until.counter = counter;
}

static void make_debuggable(void)
{
	if (&one_insn_per_tb)
		one_insn_per_tb = true;
	else if (&singlestep)
		singlestep = 1;
	else
		fail("debuggable: this QEMU does not export how many instructions a block has");
}

static void parse_option(const char *option)
{
	const char *value = strchr(option, '=');
	size_t length = value ? (size_t)(value++ - option) : 0;

	if (length == 3 && !strncmp(option, "tty", length)) {
		add_line(value);
	} else if (length == 4 && !strncmp(option, "pace", length)) {
		crr.may_pace = is_on(option, value);
	} else if (length == 4 && !strncmp(option, "keep", length)) {
		crr.keep = is_on(option, value);
	} else if (length == 5 && !strncmp(option, "until", length)) {
		parse_until(value);
	} else if (length == 10 && !strncmp(option, "debuggable", length)) {
		if (is_on(option, value))
			make_debuggable();
	} else {
		fail("unknown option %s: tty=PATH, pace=, debuggable=, keep=on|off and until= are known",
		     option);
	}
}

/* Options, and what crrctl has in the environment. */
static void parse(int argc, char **argv)
{
	const char *more = getenv("CRR_QEMU");
	char name[24], *option;
	int i;

	for (i = 0; i < argc; i++)
		parse_option(argv[i]);
	if (more) {
		/* Kept: paths point into it. */
		option = strdup(more);
		for (option = option ? strtok(option, ",") : NULL; option;
		     option = strtok(NULL, ","))
			parse_option(option);
	}
	if (crr.lines.n)
		return;
	for (i = 0; i < LINES_MAX; i++) {
		snprintf(name, sizeof(name), "CRR_TTY%d", i);
		if (!getenv(name))
			break;
		add_line(getenv(name));
	}
	if (!crr.lines.n)
		fail("no tty is known: start QEMU by crrctl record --gated or crrctl replay, or give -plugin ...,tty=PATH");
}

__attribute__((visibility("default"))) int
qemu_plugin_install(uint64_t id, const qemu_info_t *info, int argc, char **argv)
{
	static const struct chardev_hooks hooks = {
		.write = write_line,
		.accept_input = accept_input,
	};
	static Notifier shutdown = { .notify = on_shutdown };
	/* Virtio's notifications are to be handled where they are made. */
	static GlobalProperty virtio[] = {
		{ .driver = "virtio-pci", .property = "ioeventfd",
		  .value = "off", .optional = true },
		{ .driver = "virtio-mmio", .property = "ioeventfd",
		  .value = "off", .optional = true },
	};
	const char *missing;
	unsigned int i;

	if (!info->system_emulation)
		fail("this is QEMU's user-mode emulation, which has no serial lines");
	missing = qemu_missing();
	if (missing)
		fail("this QEMU does not export %s: it is too old, too new, or built without modules; Debian's packages are known to work",
		     missing);
	if (info->system.smp_vcpus != 1 || info->system.max_vcpus != 1)
		fail("the machine has more than one CPU: which of them runs depends on the host; give -smp 1");
	parse(argc, argv);
	for (i = 0; i < crr.lines.n; i++) {
		open_line(&crr.lines.line[i]);
		make_raw(&crr.lines.line[i]);
	}
	open_clock();
	if (!chardev_hook(&crr.lines, &hooks))
		fail("the methods of this QEMU's character devices are not found: it is newer than this plugin");
	for (i = 0; i < sizeof(virtio) / sizeof(*virtio); i++)
		qdev_prop_register_global(&virtio[i]);
	if (sem_init(&crr.held, 0, 0) || atexit(on_exit_of_qemu))
		fail("%s", strerror(errno));
	qemu_register_shutdown_notifier(&shutdown);
	qemu_add_vm_change_state_handler(on_state, NULL);
	return 0;
}
