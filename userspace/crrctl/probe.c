// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl probe: run COMMAND as it is, and say what a replay of it would need. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crrctl.h"

static const struct option_help probe_options[] = {
	{ { NULL, 0, NULL, 0 }, NULL, NULL },
};

static int run_probe(const struct command *cmd, int argc, char **argv)
{
	char *const *command = split_command(&argc, argv);
	struct child child = { .probe = true };

	while (next_option(cmd, argc, argv) != -1)
		;
	if (optind < argc || !*command)
		usage_error(cmd, "no COMMAND given: write it behind --");
	child.preload = preload_library(command);
	notes_make();
	if (!child_start(&child, command, NULL, 0)) {
		waitid(P_PID, (id_t)child.pid, &(siginfo_t){ 0 },
		       WEXITED | WNOWAIT);
		child_reap(&child);
		return child.status;
	}
	/* They are COMMAND's, which says by them that it is to end. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	waitid(P_PID, (id_t)child.pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	child_reap(&child);
	warn("%s:", *command);
	if (qemu_is(command))
		fputs("a QEMU: use --qemu and not --preload, whatever else it does:\n",
		      stderr);
	notes_print(stderr);
	return child.status;
}

const struct command cmd_probe = {
	.name = "probe",
	.synopsis = "-- COMMAND [ARG]...",
	.summary = "run COMMAND, and say what makes a replay of it exact",
	.run = run_probe,
	.options = probe_options,
	.failure = EXIT_CRR_OWN,
};
