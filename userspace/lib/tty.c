// SPDX-License-Identifier: LGPL-2.1-or-later
/* For an emulator: its tty, and the clock through which it is told to look. */
#include <crr.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

struct crr_tty {
	int fd;
	bool opened; /* by us: ours to close */
	struct crr_clock clock;
	__u64 unclocked; /* the counter, where there is no clock */
	void *counter_page;
	void *state_page;
	size_t page_size;
};

/*
 * A line without N_CRR: only read(2) tells whether there is something. It is
 * due always, because what was seen is never what is there.
 */
static const struct crr_clock_state crr_always_due = { .next_due = CRR_NEVER };

const char *crr_version(void)
{
	return CRR_VERSION;
}

static void crr_tty_unclock(struct crr_tty *tty)
{
	if (tty->counter_page != MAP_FAILED)
		munmap(tty->counter_page, tty->page_size);
	if (tty->state_page != MAP_FAILED)
		munmap(tty->state_page, tty->page_size);
	if (tty->clock.fd >= 0)
		close(tty->clock.fd);
}

/* Make the tty's clock. 0 as well if there is none to be had. */
static int crr_tty_make_clock(struct crr_tty *tty)
{
	struct crr_clock_fd arg = { .size = sizeof(arg), .tty_fd = tty->fd };
	struct crr_clock *clock = &tty->clock;

	tty->counter_page = MAP_FAILED;
	tty->state_page = MAP_FAILED;
	clock->fd = -1;
	clock->kicked = CRR_NEVER;
	if (ioctl(tty->fd, CRR_IOC_CLOCK, &arg)) {
		/* EINVAL: a driver that knows no better than ENOTTY. */
		if (errno != ENOTTY && errno != EINVAL)
			return -1;
		clock->counter = &tty->unclocked;
		clock->state = &crr_always_due;
		clock->seen = crr_always_due.rx_seq + 1;
		return 0;
	}

	clock->fd = arg.clock_fd;
	tty->page_size = (size_t)sysconf(_SC_PAGESIZE);
	tty->counter_page = mmap(NULL, tty->page_size, PROT_READ | PROT_WRITE,
				 MAP_SHARED, clock->fd,
				 CRR_CLOCK_COUNTER_OFFSET);
	tty->state_page = mmap(NULL, tty->page_size, PROT_READ, MAP_SHARED,
			       clock->fd, CRR_CLOCK_STATE_OFFSET);
	if (tty->counter_page == MAP_FAILED || tty->state_page == MAP_FAILED)
		return -1;
	clock->state = tty->state_page;
	if (clock->state->version != CRR_CLOCK_VERSION) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	clock->counter =
		&((struct crr_clock_counter *)tty->counter_page)->counter;
	/* What came before we were here is to be read as well. */
	clock->seen = __atomic_load_n(&clock->state->rx_seq,
				      __ATOMIC_ACQUIRE) - 1;
	return 0;
}

struct crr_tty *crr_tty_adopt(int fd)
{
	struct crr_tty *tty;
	int saved;

	if (!isatty(fd))
		return NULL;
	tty = calloc(1, sizeof(*tty));
	if (!tty)
		return NULL;
	tty->fd = fd;
	if (crr_tty_make_clock(tty)) {
		saved = errno;
		crr_tty_close(tty);
		errno = saved;
		return NULL;
	}
	return tty;
}

static int crr_tty_set_raw(int fd)
{
	struct termios termios;

	if (tcgetattr(fd, &termios))
		return -1;
	cfmakeraw(&termios);
	termios.c_cc[VMIN] = 1;
	termios.c_cc[VTIME] = 0;
	return tcsetattr(fd, TCSANOW, &termios);
}

struct crr_tty *crr_tty_open(const char *path, unsigned int flags)
{
	struct crr_tty *tty;
	int fd, saved;

	if (flags & ~(CRR_TTY_RAW | CRR_TTY_BLOCKING)) {
		errno = EINVAL;
		return NULL;
	}
	/* O_NONBLOCK: not to wait for a carrier. */
	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if ((flags & CRR_TTY_RAW) && crr_tty_set_raw(fd))
		goto close;
	if ((flags & CRR_TTY_BLOCKING) &&
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK))
		goto close;
	tty = crr_tty_adopt(fd);
	if (!tty)
		goto close;
	tty->opened = true;
	return tty;

close:
	saved = errno;
	close(fd);
	errno = saved;
	return NULL;
}

void crr_tty_close(struct crr_tty *tty)
{
	if (!tty)
		return;
	crr_tty_unclock(tty);
	if (tty->opened)
		close(tty->fd);
	free(tty);
}

int crr_tty_fd(const struct crr_tty *tty)
{
	return tty->fd;
}

struct crr_clock *crr_tty_clock(struct crr_tty *tty)
{
	return &tty->clock;
}

bool crr_tty_attached(const struct crr_tty *tty)
{
	return tty->clock.fd >= 0;
}

int crr_clock_kick(struct crr_clock *clock, uint64_t counter)
{
	return crr_count(clock->fd, counter, NULL);
}

ssize_t crr_tty_read(struct crr_tty *tty, void *buf, size_t length)
{
	struct crr_clock *clock = &tty->clock;
	uint64_t seen = __atomic_load_n(&clock->state->rx_seq,
					__ATOMIC_ACQUIRE);
	ssize_t n = read(tty->fd, buf, length);
	int saved = errno;

	if (n > 0 || clock->fd < 0)
		return n;
	/* What came since seen was loaded will make it due again. */
	clock->seen = seen;
	/*
	 * After a hangup the kernel cannot tell when we noticed: say so. It
	 * may also have been an empty read, or a replay's end: no harm done.
	 */
	if (n == 0 || saved == EIO)
		(void)crr_clock_kick(clock,
				     __atomic_load_n(clock->counter,
						     __ATOMIC_RELAXED));
	errno = saved;
	return n;
}

ssize_t crr_tty_read_all(struct crr_tty *tty, void *buf, size_t length)
{
	/*
	 * After an empty read poll(2) says when the next one will not be. If it
	 * is wrong after all, because the input was flushed, the recorded run
	 * has one empty read more, for which this one is not to wait long.
	 */
	struct pollfd pollfd = { .fd = tty->fd, .events = POLLIN };
	size_t done = 0;
	ssize_t n;

	while (done < length) {
		n = crr_tty_read(tty, (char *)buf + done, length - done);
		if (n > 0)
			done += (size_t)n;
		else if (!n)
			break;
		else if (errno == EAGAIN)
			(void)poll(&pollfd, 1, 1000);
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)done;
}

ssize_t crr_tty_write(struct crr_tty *tty, const void *buf, size_t length)
{
	return write(tty->fd, buf, length);
}

int crr_modem(struct crr_tty *tty, struct crr_modem *modem)
{
	struct serial_icounter_struct count;
	int lines;

	*modem = (struct crr_modem){
		.size = sizeof(*modem),
		.tty_fd = tty->fd,
	};
	if (tty->clock.fd >= 0)
		return ioctl(tty->fd, CRR_IOC_MODEM, modem);
	if (ioctl(tty->fd, TIOCMGET, &lines))
		return -1;
	modem->lines = (uint32_t)lines;
	if (ioctl(tty->fd, TIOCGICOUNT, &count))
		return 0;
	modem->facts = CRR_MODEM_COUNTS;
	modem->cts = (uint32_t)count.cts;
	modem->dsr = (uint32_t)count.dsr;
	modem->rng = (uint32_t)count.rng;
	modem->dcd = (uint32_t)count.dcd;
	modem->rx = (uint32_t)count.rx;
	modem->tx = (uint32_t)count.tx;
	modem->frame = (uint32_t)count.frame;
	modem->overrun = (uint32_t)count.overrun;
	modem->parity = (uint32_t)count.parity;
	modem->brk = (uint32_t)count.brk;
	modem->buf_overrun = (uint32_t)count.buf_overrun;
	return 0;
}

int crr_mark(struct crr_tty *tty, const char *label)
{
	struct crr_mark arg = { .size = sizeof(arg), .tty_fd = tty->fd };
	size_t length = strlen(label);

	if (length > CRR_MARK_MAX ||
	    !crr_label_is_valid((const __u8 *)label, (__u32)length)) {
		errno = EINVAL;
		return -1;
	}
	if (tty->clock.fd < 0)
		return 0;
	arg.length = (__u32)length;
	memcpy(arg.label, label, length);
	return ioctl(tty->fd, CRR_IOC_MARK, &arg);
}

int crr_value(struct crr_tty *tty, uint32_t kind, uint64_t *value)
{
	struct crr_value arg = {
		.size = sizeof(arg),
		.tty_fd = tty->fd,
		.kind = kind,
		.value = *value,
	};

	if (tty->clock.fd < 0)
		return 0;
	if (ioctl(tty->fd, CRR_IOC_VALUE, &arg))
		return -1;
	*value = arg.value;
	return 0;
}

int crr_checkpoint_begin(struct crr_tty *tty, uint64_t counter,
			 uint32_t max_bytes)
{
	struct crr_checkpoint_begin arg = {
		.size = sizeof(arg),
		.tty_fd = tty->fd,
		.max_bytes = max_bytes,
		.counter = counter,
	};

	if (tty->clock.fd < 0)
		return 0;
	return ioctl(tty->fd, CRR_IOC_CHECKPOINT_BEGIN, &arg);
}

/*
 * Whether a replay has something for a read(2) that poll(2) does not report as
 * input: the end of a pty's other end, as POLLHUP stays when that was read; or, for
 * a file without O_NONBLOCK, what is still to be fed.
 */
static bool crr_tty_is_silent(const struct crr_tty *tty,
			      const struct crr_status *status, short events)
{
	if (status->state != CRR_STATE_REPLAYING)
		return false;
	if (events & POLLHUP)
		return status->next_due <= status->counter;
	return !(fcntl(tty->fd, F_GETFL) & O_NONBLOCK) &&
	       !(status->facts & CRR_STATUS_END_FED) &&
	       status->horizon <= status->counter;
}

int crr_checkpoint_pending(struct crr_tty *tty)
{
	struct pollfd pollfd = { .fd = tty->fd, .events = POLLIN };
	struct crr_status status;

	if (tty->clock.fd < 0)
		return 0;
	if (crr_status(tty->fd, &status))
		return -1;
	if (status.state != CRR_STATE_RECORDING &&
	    status.state != CRR_STATE_REPLAYING)
		return 0;
	if (!(status.facts & CRR_STATUS_CHECKPOINT)) {
		errno = EPROTO;
		return -1;
	}
	if (poll(&pollfd, 1, 0) < 0)
		return -1;
	/* A hangup, or the session's end, which crr_checkpoint_end() reports. */
	if (pollfd.revents & POLLERR)
		return 0;
	return pollfd.revents & POLLIN ||
	       crr_tty_is_silent(tty, &status, pollfd.revents);
}

int64_t crr_checkpoint_end(struct crr_tty *tty)
{
	struct crr_checkpoint_end arg = {
		.size = sizeof(arg),
		.tty_fd = tty->fd,
	};

	if (tty->clock.fd < 0)
		return 0;
	if (ioctl(tty->fd, CRR_IOC_CHECKPOINT_END, &arg))
		return -1;
	return (int64_t)arg.consumed;
}

int crr_position(struct crr_tty *tty, struct crr_position *position)
{
	struct crr_status status;

	if (tty->clock.fd < 0) {
		*position = (struct crr_position){
			.counter = *tty->clock.counter
		};
		return 0;
	}
	if (crr_status(tty->fd, &status))
		return -1;
	/* While nothing is recorded or replayed the kernel looks at no page. */
	*position = (struct crr_position){
		.sequence = status.position,
		.counter = __atomic_load_n(tty->clock.counter,
					   __ATOMIC_RELAXED),
	};
	return 0;
}

int crr_seek(struct crr_tty *tty, const struct crr_position *position)
{
	struct crr_seek arg = {
		.size = sizeof(arg),
		.tty_fd = tty->fd,
		.sequence = position->sequence,
		.counter = position->counter,
	};
	struct crr_clock *clock = &tty->clock;

	if (clock->fd < 0) {
		*clock->counter = position->counter;
		return 0;
	}
	if (ioctl(tty->fd, CRR_IOC_SEEK, &arg))
		return -1;
	/* What was seen, and who was woken, belongs to another time. */
	clock->seen = __atomic_load_n(&clock->state->rx_seq,
				      __ATOMIC_ACQUIRE) - 1;
	clock->kicked = CRR_NEVER;
	return 0;
}

int crr_count(int fd, uint64_t counter, uint64_t *next_due)
{
	/* On a clock fd the kernel does not look at tty_fd. */
	struct crr_counter arg = {
		.size = sizeof(arg),
		.tty_fd = fd,
		.counter = counter,
	};

	if (ioctl(fd, CRR_IOC_COUNTER, &arg))
		return -1;
	if (next_due)
		*next_due = arg.next_due;
	return 0;
}
