// SPDX-License-Identifier: LGPL-2.1-or-later
/* For a controller: the ioctls of tty and session fd. */
#include <crr.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* A signal that comes while it waits for a lock has changed nothing. */
static int crr_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret && errno == EINTR);
	return ret;
}

int crr_ldisc(void)
{
	FILE *file = fopen("/proc/tty/ldiscs", "re");
	char name[32];
	int number;
	int found = -1;

	if (!file)
		return -1;
	while (fscanf(file, "%31s %d", name, &number) == 2)
		if (!strcmp(name, "n_crr"))
			found = number;
	fclose(file);
	if (found < 0)
		errno = ENOENT;
	return found;
}

int crr_attach(int tty_fd)
{
	int number = crr_ldisc();

	return number < 0 ? -1 : ioctl(tty_fd, TIOCSETD, &number);
}

int crr_detach(int tty_fd)
{
	int n_tty = 0;

	return ioctl(tty_fd, TIOCSETD, &n_tty);
}

int crr_session_open(int tty_fd)
{
	struct crr_session_fd arg = { .size = sizeof(arg), .tty_fd = tty_fd };

	if (crr_ioctl(tty_fd, CRR_IOC_SESSION, &arg))
		return -1;
	return arg.session_fd;
}

int crr_session_join(int session_fd, int tty_fd)
{
	struct crr_join arg = {
		.size = sizeof(arg),
		.tty_fd = tty_fd,
		.session_fd = session_fd,
	};

	if (crr_ioctl(tty_fd, CRR_IOC_JOIN, &arg))
		return -1;
	return (int)arg.stream;
}

int crr_session_record(int session_fd, unsigned int flags, size_t buffer_size)
{
	struct crr_record_start arg = {
		.size = sizeof(arg),
		.flags = flags,
		.buffer_size = buffer_size,
	};

	return crr_ioctl(session_fd, CRR_IOC_RECORD, &arg);
}

int crr_session_replay(int session_fd, unsigned int flags, size_t buffer_size)
{
	struct crr_replay_start arg = {
		.size = sizeof(arg),
		.flags = flags,
		.buffer_size = buffer_size,
	};

	return crr_ioctl(session_fd, CRR_IOC_REPLAY, &arg);
}

int crr_session_replay_record(int session_fd, unsigned int flags,
			      unsigned int record_flags, size_t buffer_size)
{
	struct crr_replay_start arg = {
		.size = sizeof(arg),
		.flags = flags | CRR_REPLAY_LIVE | CRR_REPLAY_RECORD,
		.buffer_size = buffer_size,
		.record_flags = record_flags,
	};

	return crr_ioctl(session_fd, CRR_IOC_REPLAY, &arg);
}

int crr_session_seek_ack(int session_fd, uint32_t generation, uint64_t sequence)
{
	struct crr_seek_ack arg = {
		.size = sizeof(arg),
		.generation = generation,
		.sequence = sequence,
	};

	return crr_ioctl(session_fd, CRR_IOC_SEEK_ACK, &arg);
}

int crr_session_stop(int session_fd)
{
	struct crr_stop arg = { .size = sizeof(arg) };

	return crr_ioctl(session_fd, CRR_IOC_STOP, &arg);
}

int crr_status(int fd, struct crr_status *status)
{
	/* Of a tty; on other fds the kernel does not look at tty_fd. */
	*status = (struct crr_status){ .size = sizeof(*status), .tty_fd = fd };
	return crr_ioctl(fd, CRR_IOC_STATUS, status);
}

int crr_session_divergence(int session_fd, struct crr_divergence *divergence)
{
	*divergence = (struct crr_divergence){ .size = sizeof(*divergence) };
	return crr_ioctl(session_fd, CRR_IOC_DIVERGENCE, divergence);
}
