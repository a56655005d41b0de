// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every call of crr with its first allocation, or copy to or from the user,
 * failing; then with its second; and so on until nothing is left to fail.
 *
 * A call that fails does so with an errno that is documented, and changes
 * nothing: done again it succeeds. And nothing leaks: the caller may pin hardly
 * more than what one call needs, and all scenes together need much more; that
 * no fd stays is counted; memory is kmemleak's to look at, which the rig does.
 *
 * Needs a kernel with CONFIG_FAULT_INJECTION: selftests/rig/build.
 */
#include <dirent.h>
#include <sys/resource.h>

#include "kselftest_harness.h"

#include "crr_test.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define TTY		"/dev/ttyS2"
#define PEER		"/dev/ttyS3"

/*
 * Every page of a buffer is one more that may fail: small ones. Of them a replay
 * that records what comes after it pins two; and there are some clocks.
 */
#define BUFFER		CRR_BUFFER_MIN
#define PINNED_MAX	(4 * BUFFER)

struct scene {
	struct line line;
	struct line other;	/* JOIN: the tty that is to come in */
	struct log log;
	size_t fed;		/* of the log */
	__u8 buf[64];
};

/* ---- Faults ---- */

static bool put_file(const char *name, const char *value)
{
	int fd = open(name, O_WRONLY);
	bool ok = fd >= 0 && write(fd, value, strlen(value)) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Allocations that may sleep, and single pages, are not spared. */
static bool have_faults(void)
{
	return put_file(DEBUGFS "failslab/ignore-gfp-wait", "N") &&
	       put_file(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N") &&
	       put_file(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N") &&
	       put_file(DEBUGFS "fail_page_alloc/min-order", "0") &&
	       put_file(DEBUGFS "failslab/verbose", "0") &&
	       put_file(DEBUGFS "fail_page_alloc/verbose", "0") &&
	       put_file(DEBUGFS "fail_usercopy/verbose", "0");
}

/*
 * The nth thing of this thread that may fail, will. The fd stays open: to open
 * it is something that may fail as well.
 */
static int open_faults(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/task/%d/fail-nth",
		 (int)syscall(SYS_gettid));
	return open(name, O_RDWR | O_CLOEXEC);
}

static void arm(int faults, unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(faults, text, n, 0) != n)
		abort();
}

/* Has it failed? The read itself may be what does: then it has not. */
static bool disarm(int faults)
{
	char text[16] = "";
	bool failed = pread(faults, text, sizeof(text) - 1, 0) > 0 &&
		      !strtol(text, NULL, 10);

	while (pwrite(faults, "0", 1, 0) != 1)
		continue;
	return failed;
}

static unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* ---- The calls, and what has to be there before ---- */

static int with_pty(struct scene *s)
{
	return open_pty(&s->line);
}

static int with_tty(struct scene *s)
{
	return open_pty(&s->line) ?: attach(s->line.tty);
}

/* Blocking, N_TTY would wait for a pty that is out of memory to say more. */
static int with_nonblocking(struct scene *s)
{
	return with_tty(s) ?: set_flags(s->line.tty, O_NONBLOCK, true);
}

/* Its page tables are filled: no errno tells of a page fault that fails. */
static int with_clock(struct scene *s)
{
	int ret = with_tty(s) ?: map_clock(&s->line);

	if (!ret)
		put(*s->line.counter, look(s->line.state->state));
	return ret;
}

static int with_session(struct scene *s)
{
	return open_line(&s->line) ?:
	       set_flags(s->line.tty, O_NONBLOCK, true);
}

static int with_two(struct scene *s)
{
	return with_session(s) ?: open_pty(&s->other) ?: attach(s->other.tty);
}

static int with_recording(struct scene *s)
{
	return with_session(s) ?:
	       record_into(s->line.session, CRR_RECORD_CAPTURE, BUFFER);
}

static int with_orphan(struct scene *s)
{
	int ret = with_recording(s);

	close_fd(&s->line.session);
	return ret;
}

static int with_input(struct scene *s)
{
	int ret = with_recording(s);

	if (!ret && !deliver(&s->line, "input", 5))
		ret = -ETIMEDOUT;
	return ret;
}

static int with_idle_input(struct scene *s)
{
	int ret = with_tty(s);

	if (!ret && !deliver(&s->line, "input", 5))
		ret = -ETIMEDOUT;
	return ret;
}

static int with_gate(struct scene *s)
{
	return with_session(s) ?:
	       record_into(s->line.session, CRR_RECORD_GATED, BUFFER);
}

static int with_checkpoint(struct scene *s)
{
	return with_gate(s) ?: begin_checkpoint(s->line.tty, 1, 0);
}

static int with_log(struct scene *s)
{
	struct log *log = &s->log;

	log_begin(log);
	log_read(log, 1, 0, "input", 5);
	log_write(log, 1, 6, "output", 6, CRR_FLAG_CAPTURED);
	log_add(log, MARK, .counter = 1, .data = "mark", .length = 4);
	log_finish(log, 2, 0);
	return with_session(s);
}

static int with_replay(struct scene *s)
{
	return with_log(s) ?: replay_from(s->line.session, 0, BUFFER);
}

static int with_fed(struct scene *s)
{
	return with_replay(s) ?: feed_log(s->line.session, &s->log) ?:
	       count(s->line.tty, 1);
}

static int with_written(struct scene *s)
{
	int ret = with_fed(s);

	if (!ret && read(s->line.tty, s->buf, sizeof(s->buf)) != 5)
		ret = -EIO;
	return ret;
}

static int with_diverged(struct scene *s)
{
	int ret = with_written(s);

	if (!ret && write(s->line.tty, "outrun", 6) != -1)
		ret = -EIO;
	return ret;
}

/* The feeder has to answer, which it does beforehand: nothing is waited for. */
static int with_seek(struct scene *s)
{
	struct task task;
	int ret = with_replay(s);

	if (ret)
		return ret;
	catch_interrupts(false);
	begin(&task, SEEK, .fd = s->line.tty, .counter = 0);
	if (!sleeps(&task))
		return -ETIMEDOUT;
	interrupt(&task);
	return ends(&task) ? 0 : -ETIMEDOUT;
}

static int with_hung_up_port(struct scene *s)
{
	if (access(TTY, F_OK))
		return -ENODEV;
	return open_serial(&s->line, TTY, PEER) ?: attach(s->line.tty) ?:
	       hang_up(TTY);
}

static long do_attach(struct scene *s)
{
	return attach(s->line.tty);
}

static long do_detach(struct scene *s)
{
	return detach(s->line.tty);
}

static long do_status(struct scene *s)
{
	struct crr_status arg = { .size = sizeof(arg), .tty_fd = s->line.tty };

	return sys(ioctl(s->line.tty, CRR_IOC_STATUS, &arg));
}

static long do_session(struct scene *s)
{
	int fd = open_session(s->line.tty);

	if (fd < 0)
		return fd;
	s->line.session = fd;
	return 0;
}

static long do_clock(struct scene *s)
{
	int fd = open_clock(s->line.tty);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static long do_map(struct scene *s)
{
	int ret = map_clock(&s->line);

	if (ret < 0)
		close_clock(&s->line);
	return ret;
}

static long do_count_in_page(struct scene *s)
{
	put(*s->line.counter, 7);
	return count(s->line.clock, 8);
}

static long do_count(struct scene *s)
{
	return count(s->line.tty, 8);
}

static long do_join(struct scene *s)
{
	return join(s->other.tty, s->line.session);
}

static long do_record(struct scene *s)
{
	return record_into(s->line.session, 0, BUFFER);
}

static long do_replay(struct scene *s)
{
	return replay_from(s->line.session, 0, BUFFER);
}

static long do_replay_live(struct scene *s)
{
	struct crr_replay_start arg = {
		.size = sizeof(arg),
		.flags = CRR_REPLAY_LIVE | CRR_REPLAY_RECORD,
		.buffer_size = BUFFER,
	};

	return sys(ioctl(s->line.session, CRR_IOC_REPLAY, &arg));
}

static long do_stop(struct scene *s)
{
	return stop(s->line.session);
}

static long do_divergence(struct scene *s)
{
	struct crr_divergence div;

	return divergence(s->line.session, &div);
}

static long do_begin(struct scene *s)
{
	return begin_checkpoint(s->line.tty, 2, 0);
}

static long do_end(struct scene *s)
{
	return end_checkpoint(s->line.tty);
}

static long do_modem(struct scene *s)
{
	return modem(s->line.tty, NULL);
}

static long do_mark(struct scene *s)
{
	return mark(s->line.tty, "mark");
}

static long do_seek(struct scene *s)
{
	return seek(s->line.tty, 0, 5);
}

static long do_seek_ack(struct scene *s)
{
	return seek_ack(s->line.session, 1, 0);
}

static long do_inq(struct scene *s)
{
	return arrived(s->line.tty);
}

static long do_outq(struct scene *s)
{
	return unsent(s->line.tty);
}

static long do_termios(struct scene *s)
{
	return set_raw(s->line.tty, 1, 1);
}

static long do_read(struct scene *s)
{
	return sys(read(s->line.tty, s->buf, sizeof(s->buf)));
}

static long do_write(struct scene *s)
{
	return sys(write(s->line.tty, "output", 6));
}

static long do_poll(struct scene *s)
{
	struct pollfd pollfd = { .fd = s->line.tty, .events = POLLIN };

	return sys(poll(&pollfd, 1, 0));
}

static long do_poll_session(struct scene *s)
{
	struct pollfd pollfd = { .fd = s->line.session, .events = POLLIN };

	return sys(poll(&pollfd, 1, 0));
}

static long do_drain(struct scene *s)
{
	__u8 buf[4096];

	return sys(read(s->line.session, buf, sizeof(buf)));
}

/* Whatever is left; less may be taken. */
static long do_feed(struct scene *s)
{
	ssize_t n = write(s->line.session, s->log.bytes + s->fed,
			  s->log.length - s->fed);

	if (n < 0)
		return -errno;
	s->fed += n;
	return s->fed == s->log.length ? 0 : -ENOMEM;
}

static long do_close_session(struct scene *s)
{
	close_fd(&s->line.session);
	return 0;
}

static long do_close_tty(struct scene *s)
{
	close_fd(&s->line.tty);
	return 0;
}

static long do_close_peer(struct scene *s)
{
	close_fd(&s->line.peer);
	return 0;
}

/* A stranger's open(2): the tty core attaches N_CRR in it. */
static long do_reopen(struct scene *s)
{
	int fd = open(TTY, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* ---- What must hold afterwards ---- */

/* What a read gave is what the log says: the bytes, or that it was in vain. */
static void log_has_read(struct __test_metadata *_metadata, struct scene *s,
			 long result)
{
	struct record rec;

	finish_log(_metadata, &s->line, &s->log);
	if (result == -EFAULT && log_count(&s->log, CRR_TYPE_READ_ERROR)) {
		ASSERT_TRUE(log_get(&s->log, CRR_TYPE_READ_ERROR, 0, &rec));
		EXPECT_EQ(EFAULT, rec.error);
	}
	EXPECT_EQ(result > 0, log_count(&s->log, CRR_TYPE_READ));
	if (result <= 0)
		return;
	ASSERT_TRUE(log_get(&s->log, CRR_TYPE_READ, 0, &rec));
	EXPECT_EQ(result, rec.length);
}

static void log_has_write(struct __test_metadata *_metadata, struct scene *s,
			  long result)
{
	struct record rec;
	unsigned int n;

	finish_log(_metadata, &s->line, &s->log);
	n = log_count(&s->log, CRR_TYPE_WRITE);
	if (result > 0 || result == -EAGAIN) {
		ASSERT_LE(1, n);
		ASSERT_TRUE(log_get(&s->log, CRR_TYPE_WRITE, n - 1, &rec));
		EXPECT_EQ(result, rec.result);
	}
}

static void log_is_whole(struct __test_metadata *_metadata, struct scene *s,
			 long result)
{
	finish_log(_metadata, &s->line, &s->log);
}

/* A read that could not deliver its record has departed from the log. */
static void read_diverged(struct __test_metadata *_metadata, struct scene *s,
			  long result)
{
	EXPECT_EQ(result == 5 ? CRR_STATE_REPLAYING : CRR_STATE_DIVERGED,
		  status(s->line.session).state);
}

/* ---- One after the other ---- */

#define MOST_ERRNOS 4

FIXTURE(fail_nth) {
	int faults;
};

/*
 * errnos: with which it may fail. once: what has failed is not done again.
 * done: what repeating it gives, if only its answer could not be delivered.
 */
FIXTURE_VARIANT(fail_nth) {
	int (*prepare)(struct scene *s);
	long (*act)(struct scene *s);
	void (*verify)(struct __test_metadata *_metadata, struct scene *s,
		       long result);
	int errnos[MOST_ERRNOS];
	bool once;
	int done;
};

#define CALL(_name, _prepare, _act, ...)				\
	FIXTURE_VARIANT_ADD(fail_nth, _name) {				\
		.prepare = (_prepare), .act = (_act), __VA_ARGS__	\
	}
#define ERRNOS(...) .errnos = { __VA_ARGS__ }

CALL(attach, with_pty, do_attach, ERRNOS(EFAULT, ENOMEM));
/* N_TTY's own open wants memory. */
CALL(detach, with_tty, do_detach, ERRNOS(EFAULT, ENOMEM));
CALL(status, with_session, do_status, ERRNOS(EFAULT));
CALL(session, with_tty, do_session, ERRNOS(EFAULT, ENOMEM));
CALL(session_of_orphan, with_orphan, do_session, ERRNOS(EFAULT, ENOMEM));
CALL(clock, with_tty, do_clock, ERRNOS(EFAULT, ENOMEM));
CALL(clock_of_session, with_session, do_clock, ERRNOS(EFAULT, ENOMEM));
CALL(clock_again, with_clock, do_clock, ERRNOS(EFAULT, ENOMEM));
CALL(map, with_tty, do_map, ERRNOS(EFAULT, ENOMEM));
CALL(count_in_page, with_clock, do_count_in_page, ERRNOS(EFAULT));
CALL(count, with_recording, do_count, ERRNOS(EFAULT));
CALL(join, with_two, do_join, ERRNOS(EFAULT, ENOMEM), .done = -EBUSY);
CALL(record, with_session, do_record, ERRNOS(EFAULT, ENOMEM));
CALL(replay, with_session, do_replay, ERRNOS(EFAULT, ENOMEM));
CALL(replay_live, with_session, do_replay_live, ERRNOS(EFAULT, ENOMEM));
CALL(stop, with_recording, do_stop, ERRNOS(EFAULT));
CALL(divergence, with_diverged, do_divergence, ERRNOS(EFAULT));
CALL(checkpoint_begin, with_gate, do_begin, ERRNOS(EFAULT), .done = -EBUSY);
CALL(checkpoint_end, with_checkpoint, do_end, ERRNOS(EFAULT),
	.done = -EPROTO);
CALL(modem, with_recording, do_modem, ERRNOS(EFAULT), .verify = log_is_whole);
CALL(mark, with_recording, do_mark, ERRNOS(EFAULT), .verify = log_is_whole);
CALL(seek, with_session, do_seek, ERRNOS(EFAULT));
CALL(seek_ack, with_seek, do_seek_ack, ERRNOS(EFAULT));
CALL(fionread, with_input, do_inq, ERRNOS(EFAULT), .verify = log_is_whole);
CALL(outq, with_recording, do_outq, ERRNOS(EFAULT), .verify = log_is_whole);
CALL(set_termios, with_recording, do_termios, ERRNOS(EFAULT, ENOMEM),
	.verify = log_is_whole);
CALL(read_idle, with_idle_input, do_read, ERRNOS(EFAULT), .once = true);
CALL(write_idle, with_nonblocking, do_write, ERRNOS(EFAULT, ENOMEM, EAGAIN));
CALL(read_recorded, with_input, do_read, ERRNOS(EFAULT), .once = true,
	.verify = log_has_read);
CALL(read_replayed, with_fed, do_read, ERRNOS(EFAULT), .once = true,
	.verify = read_diverged);
CALL(write_recorded, with_recording, do_write, ERRNOS(EFAULT, ENOMEM, EAGAIN),
	.verify = log_has_write);
CALL(write_replayed, with_written, do_write, ERRNOS(EFAULT, ENOMEM));
CALL(poll, with_input, do_poll, ERRNOS(EFAULT, ENOMEM));
CALL(poll_session, with_input, do_poll_session, ERRNOS(EFAULT, ENOMEM));
CALL(drain, with_input, do_drain, ERRNOS(EFAULT));
CALL(feed, with_replay, do_feed, ERRNOS(EFAULT, ENOMEM));
CALL(close_session, with_recording, do_close_session);
CALL(close_tty, with_recording, do_close_tty, .verify = log_is_whole);
CALL(close_peer, with_recording, do_close_peer, .verify = log_is_whole);
CALL(reopen, with_hung_up_port, do_reopen, ERRNOS(EFAULT, ENOMEM, EIO));

FIXTURE_SETUP(fail_nth)
{
	const struct rlimit limit = { PINNED_MAX, PINNED_MAX };
	const char *missing = crr_unavailable();

	self->faults = -1;
	if (missing)
		SKIP(return, "%s", missing);
	if (!have_faults())
		SKIP(return, "no fault injection in this kernel");
	self->faults = open_faults();
	ASSERT_LE(0, self->faults);
	ASSERT_TRUE(set_ipc_lock(false));
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
}

FIXTURE_TEARDOWN(fail_nth)
{
	close_fd(&self->faults);
}

static void begin_scene(struct scene *s)
{
	const struct line none = {
		.tty = -1, .peer = -1, .session = -1, .clock = -1,
	};

	*s = (struct scene){ .line = none, .other = none };
}

static void end_scene(struct scene *s)
{
	close_line(&s->line);
	close_line(&s->other);
	log_free(&s->log);
}

static bool is_documented(const int *errnos, long result)
{
	for (unsigned int i = 0; i < MOST_ERRNOS; i++)
		if (result < 0 && errnos[i] == -result)
			return true;
	return false;
}

TEST_F(fail_nth, each)
{
	struct scene s;
	long expected, result, again;
	unsigned int nth, fds = 0;
	bool failed;
	int ret;

	begin_scene(&s);
	ret = variant->prepare(&s);
	if (ret == -ENODEV)
		SKIP(return, "no " TTY);
	ASSERT_EQ(0, ret);
	expected = variant->act(&s);
	end_scene(&s);
	fds = open_fds();

	for (nth = 1, failed = true; failed; nth++) {
		begin_scene(&s);
		ASSERT_EQ(0, variant->prepare(&s)) {
			TH_LOG("fault %u", nth);
		}

		arm(self->faults, nth);
		result = variant->act(&s);
		failed = disarm(self->faults);

		if (!failed || result == expected) {
			EXPECT_EQ(expected, result);
		} else {
			EXPECT_TRUE(is_documented(variant->errnos, result)) {
				TH_LOG("fault %u: %s", nth, strerror(-result));
			}
		}
		if (result != expected && !variant->once) {
			again = variant->act(&s);
			if (!variant->done || again != variant->done) {
				EXPECT_EQ(expected, again) {
					TH_LOG("after fault %u", nth);
				}
			}
			result = again;
		}
		if (variant->verify)
			variant->verify(_metadata, &s, result);
		end_scene(&s);
		EXPECT_EQ(fds, open_fds());
	}
	TH_LOG("%u faults", nth - 2);
}

TEST_HARNESS_MAIN
