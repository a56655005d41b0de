// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Signal handlers. A signal comes at another point of the program in each run, so
 * what its handler learns of the time is not recorded: a replay would find it at
 * the wrong point. So it is to be known whether a handler is running.
 */
#include <errno.h>
#include <stddef.h>

#include "preload.h"

/* What the program has set, where that is a function. Never taken back. */
static struct sigaction actions[NSIG];

/* Which signals signal(3) lets interrupt system calls: siginterrupt(3). */
static bool interrupts[NSIG];

/* The outermost handler's frame of this thread; NULL: none is running. */
static __thread const char *frame __attribute__((tls_model("initial-exec")));

static bool is_function(const struct sigaction *action)
{
	return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

/**
 * in_handler - is a signal handler running in this thread?
 *
 * One that was left by siglongjmp(3) is not: the stack has shrunk since.
 */
bool in_handler(void)
{
	const char *here = __builtin_frame_address(0);

	if (frame && here > frame)
		frame = NULL;
	return frame;
}

static void handle(int sig, siginfo_t *info, void *context)
{
	const struct sigaction *action = &actions[sig];
	const char *outer = in_handler() ? frame : NULL;

	if (!outer)
		frame = __builtin_frame_address(0);
	if (action->sa_flags & SA_SIGINFO)
		action->sa_sigaction(sig, info, context);
	else
		action->sa_handler(sig);
	frame = outer;
}

EXPORT int sigaction(int sig, const struct sigaction *new, struct sigaction *old)
{
	struct sigaction before, ours;
	sigset_t all, mask;
	int ret;

	/* A probe changes nothing. */
	if (notes_probe() || sig <= 0 || sig >= NSIG)
		return REAL(sigaction)(sig, new, old);
	/* No signal finds one half of the old action and one half of the new. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &mask);
	before = actions[sig];
	if (new && is_function(new)) {
		ours = *new;
		ours.sa_sigaction = handle;
		ours.sa_flags |= SA_SIGINFO;
		actions[sig] = *new;
		new = &ours;
	}
	ret = REAL(sigaction)(sig, new, old);
	if (ret && new == &ours)
		actions[sig] = before;
	/* Neither a default that SA_RESETHAND has set, nor what is ignored. */
	if (!ret && old && old->sa_sigaction == handle)
		*old = before;
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	return ret;
}

EXPORT sighandler_t signal(int sig, sighandler_t handler)
{
	struct sigaction new = { .sa_handler = handler };
	struct sigaction old;

	sigemptyset(&new.sa_mask);
	if (handler == SIG_ERR || sig <= 0 || sig >= NSIG) {
		errno = EINVAL;
		return SIG_ERR;
	}
	if (!interrupts[sig])
		new.sa_flags = SA_RESTART;
	return sigaction(sig, &new, &old) ? SIG_ERR : old.sa_handler;
}

EXPORT int siginterrupt(int sig, int flag)
{
	struct sigaction action;

	if (sigaction(sig, NULL, &action))
		return -1;
	interrupts[sig] = flag;
	if (flag)
		action.sa_flags &= ~SA_RESTART;
	else
		action.sa_flags |= SA_RESTART;
	return sigaction(sig, &action, NULL);
}
