// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ioctl(2): TIOCMGET and TIOCGICOUNT never reach a line discipline. CRR_IOC_MODEM
 * asks the same, and is recorded. And what closes an fd, which then is no line.
 */
#include <linux/crr.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "preload.h"

static int ask_modem(int fd, unsigned long request, void *arg)
{
	struct crr_modem modem = { .size = sizeof(modem), .tty_fd = fd };

	if (REAL(ioctl)(fd, CRR_IOC_MODEM, &modem))
		return -1;
	if (request == TIOCMGET) {
		*(int *)arg = (int)modem.lines;
		return 0;
	}
	*(struct serial_icounter_struct *)arg = (struct serial_icounter_struct){
		.cts = (int)modem.cts,
		.dsr = (int)modem.dsr,
		.rng = (int)modem.rng,
		.dcd = (int)modem.dcd,
		.rx = (int)modem.rx,
		.tx = (int)modem.tx,
		.frame = (int)modem.frame,
		.overrun = (int)modem.overrun,
		.parity = (int)modem.parity,
		.brk = (int)modem.brk,
		.buf_overrun = (int)modem.buf_overrun,
	};
	return 0;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if ((request == TIOCMGET || request == TIOCGICOUNT) && notes_probe())
		note(NOTE_MODEM);
	if ((request == TIOCMGET || request == TIOCGICOUNT) && line_is(fd)) {
		thread_uses_line();
		return ask_modem(fd, request, arg);
	}
	if (pty_is_master(fd))
		return pty_ioctl(fd, request, arg);
	return REAL(ioctl)(fd, request, arg);
}

static void forget(int fd)
{
	epoll_forget(fd);
	pty_forget(fd);
}

EXPORT int close(int fd)
{
	forget(fd);
	return REAL(close)(fd);
}

EXPORT int dup2(int from, int to)
{
	if (from != to)
		forget(to);
	return REAL(dup2)(from, to);
}

EXPORT int dup3(int from, int to, int flags)
{
	if (from != to)
		forget(to);
	return REAL(dup3)(from, to, flags);
}
