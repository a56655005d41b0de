// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl attach, crrctl detach */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crrctl.h"

static const struct option_help attach_options[] = {
	{ { "foreground", no_argument, NULL, 'f' }, NULL,
	  "stay in the foreground" },
	{ { NULL, 0, NULL, 0 }, NULL, NULL },
};

static const struct option_help detach_options[] = {
	{ { NULL, 0, NULL, 0 }, NULL, NULL },
};

static const char *only_tty(const struct command *cmd, int argc, char **argv)
{
	if (optind != argc - 1)
		usage_error(cmd, "expected one TTY");
	return argv[optind];
}

static int run_attach(const struct command *cmd, int argc, char **argv)
{
	bool foreground = false;
	const char *path;
	int c, fd;

	while ((c = next_option(cmd, argc, argv)) != -1)
		foreground = c == 'f';
	path = only_tty(cmd, argc, argv);

	load_module();
	fd = open_tty(path);
	if (crr_attach(fd))
		fail("%s: cannot attach N_CRR: %s", path, strerror(errno));
	if (!foreground && daemon(0, 0))
		fail("cannot go to the background: %s", strerror(errno));
	line_hold(fd);
	return 0;
}

static int run_detach(const struct command *cmd, int argc, char **argv)
{
	struct crr_status status;
	const char *path;
	int fd;

	while (next_option(cmd, argc, argv) != -1)
		;
	path = only_tty(cmd, argc, argv);

	fd = open_tty(path);
	if (crr_status(fd, &status)) {
		if (errno == ENOTTY || errno == EINVAL)
			fail("%s does not have N_CRR", path);
		fail("%s: %s", path, strerror(errno));
	}
	if (status.facts & CRR_STATUS_CONTROLLER)
		fail("%s is being recorded or replayed: end its crrctl first",
		     path);
	if (crr_detach(fd))
		fail("%s: %s", path, strerror(errno));
	return 0;
}

const struct command cmd_attach = {
	.name = "attach",
	.synopsis = "[OPTION]... TTY",
	.summary = "attach N_CRR to a tty and hold it there",
	.run = run_attach,
	.options = attach_options,
	.failure = EXIT_CRR_FAILURE,
};

const struct command cmd_detach = {
	.name = "detach",
	.synopsis = "TTY",
	.summary = "detach N_CRR from a tty",
	.run = run_detach,
	.options = detach_options,
	.failure = EXIT_CRR_FAILURE,
};
