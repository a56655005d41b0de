/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of crr-qemu.so share. */
#ifndef CRR_QEMU_PLUGIN_H
#define CRR_QEMU_PLUGIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "qemu.h"

#define LINES_MAX 16

/* A tty of the session, and QEMU's character device on it. */
struct line {
	const char *path;
	dev_t rdev;
	int in;	 /* O_NONBLOCK */
	int out; /* blocking: the guest never learns that a tty is full */
	Chardev *chr;
	bool broken; /* output to it has failed, which has been reported */
	int most;    /* bytes that the device has ever taken at a time */
	bool full;   /* there was more for the device than it could take */
};

struct lines {
	struct line line[LINES_MAX];
	unsigned int n;
};

__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *format,
							  ...);
__attribute__((format(printf, 1, 2))) void warn(const char *format, ...);

/* chardev.c */
struct chardev_hooks {
	int (*write)(struct line *line, const uint8_t *buf, int length);
	/* A device can take more input. */
	void (*accept_input)(void);
};

bool chardev_hook(struct lines *lines, const struct chardev_hooks *hooks);
void chardev_find_all(void);
struct line *chardev_line(Chardev *chr);

/* checks.c */
const char *qemu_missing(void);
unsigned int check_machine(void);
bool check_host_timers(void);

#endif
