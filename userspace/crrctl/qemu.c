// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * --qemu: add to the command line of a QEMU what it needs so that crr-qemu.so can
 * record and replay it exactly. What an option that is given already lacks is
 * for the plugin to find: it knows the machine.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crrctl.h"

/* In recording and replay alike, so that the same command is run in both. */
static const struct {
	const char *name;
	const char *value;
	/* Options any of which makes it unnecessary, with a blank after each. */
	const char *unless;
} needed[] = {
	{ "-icount", "shift=3,sleep=off", "icount " },
	{ "-seed", "1", "seed " },
	{ "-rtc", "base=2000-01-01T00:00:00,clock=vm", "rtc " },
	{ "-nic", "none", "nic net netdev " },
	{ "-display", "none", "display nographic curses vnc spice " },
};

#define N_NEEDED (sizeof(needed) / sizeof(needed[0]))

/* Is the word one of these options? QEMU takes one dash or two. */
static bool is_option(const char *word, const char *names)
{
	size_t length;
	const char *p;

	if (*word++ != '-')
		return false;
	word += *word == '-';
	length = strlen(word);
	for (p = names; *p; p = strchr(p, ' ') + 1)
		if (length && !strncmp(p, word, length) && p[length] == ' ')
			return true;
	return false;
}

static bool has_option(char *const *command, const char *names)
{
	for (; *command; command++)
		if (is_option(*command, names))
			return true;
	return false;
}

static bool has_plugin(char *const *command)
{
	for (; *command; command++)
		if (is_option(*command, "plugin ") && command[1] &&
		    strstr(command[1], "crr-qemu"))
			return true;
	return false;
}

/* Of the same installation, or build, as libcrr. */
static char *find_plugin(void)
{
	static const char *const folders[] = { "crr", "qemu" };
	char library[PATH_MAX], *path;
	Dl_info info;
	size_t i;

	if (!dladdr((void *)crr_version, &info) ||
	    !realpath(info.dli_fname, library))
		fail("cannot find where libcrr is installed: give -plugin PATH/crr-qemu.so in COMMAND");
	*strrchr(library, '/') = '\0';
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (asprintf(&path, "%s/%s/crr-qemu.so", library, folders[i]) < 0)
			fail("%s", strerror(ENOMEM));
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	fail("%s/crr/crr-qemu.so is missing: install it with 'make install', or give -plugin PATH/crr-qemu.so in COMMAND",
	     library);
}

/**
 * qemu_command - complete the command line of a QEMU
 * @command: the command
 * @nlines: how many lines it is for
 * @quiet: do not print what is added
 *
 * A line that no word of the command names becomes a -serial.
 *
 * Returns the command, which lasts as long as the program.
 */
char *const *qemu_command(char *const *command, unsigned int nlines, bool quiet)
{
	bool named = child_names_line(command);
	size_t n = 0, given, i;
	char **words;

	while (command[n])
		n++;
	words = calloc(n + 2 * (1 + N_NEEDED + nlines) + 1, sizeof(*words));
	if (!words)
		fail("%s", strerror(ENOMEM));
	memcpy(words, command, n * sizeof(*words));
	given = n;
	if (!has_plugin(command)) {
		words[n++] = "-plugin";
		words[n++] = find_plugin();
	}
	for (i = 0; i < N_NEEDED; i++) {
		if (has_option(command, needed[i].unless))
			continue;
		words[n++] = (char *)needed[i].name;
		words[n++] = (char *)needed[i].value;
	}
	for (i = 0; i < nlines && !named; i++) {
		words[n++] = "-serial";
		if (asprintf(&words[n++], "{%zu}", i) < 0)
			fail("%s", strerror(ENOMEM));
	}
	if (!quiet)
		for (i = given; i < n; i += 2)
			warn("added to COMMAND: %s %s", words[i], words[i + 1]);
	return words;
}
