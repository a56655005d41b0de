/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crr-preload.so: for programs that wait for their line by poll(2) and the like,
 * and cannot be changed. See README.md.
 */
#ifndef CRR_PRELOAD_H
#define CRR_PRELOAD_H

#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "notes.h"

/* Overrides a function of the C library. */
#define EXPORT __attribute__((visibility("default")))

/* The function that is overridden. Two threads may look it up at once. */
#define REAL(name)                                                             \
	({                                                                     \
		static __typeof__(name) *found;                                \
		__typeof__(name) *real = __atomic_load_n(&found,               \
							 __ATOMIC_RELAXED);    \
									       \
		if (!real) {                                                   \
			real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);    \
			__atomic_store_n(&found, real, __ATOMIC_RELAXED);      \
		}                                                              \
		real;                                                          \
	})

/* What a line has to read, for poll(2) and for epoll(7). */
#define LINE_INPUT (POLLIN | POLLRDNORM)

/* ---- line.c ---- */

bool line_is(int fd);
bool line_may_be(int fd);
bool line_replays(int fd);
int line_unread(int fd);
const char *line_path(unsigned int number);
const char *line_path_of(unsigned int number);

/* ---- clock.c ---- */

void thread_uses_line(void);
void clock_waited(void);

/* ---- signal.c ---- */

bool in_handler(void);

/* ---- notes.c ---- */

void note(enum note what);
bool notes_probe(void);
void note_wait(const struct pollfd *fds, nfds_t n, int ready);

/* ---- wait.c ---- */

int wait_for(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	     const sigset_t *mask);
const struct timespec *wait_ms(int ms, struct timespec *timeout);

/* ---- epoll.c ---- */

void epoll_forget(int fd);

/* ---- pty.c ---- */

bool pty_is_master(int fd);
int pty_ioctl(int fd, unsigned long request, void *arg);
void pty_forget(int fd);

#endif /* CRR_PRELOAD_H */
