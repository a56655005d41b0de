// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * --qemu: add to the command line of a QEMU what it needs so that crr-qemu.so can
 * record and replay it exactly. What an option that is given already lacks is
 * for the plugin to find: it knows the machine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/**
 * qemu_is - is this a QEMU, perhaps behind env(1) or another wrapper?
 * @command: the command
 */
bool qemu_is(char *const *command)
{
	const char *slash;

	for (; *command; command++) {
		slash = strrchr(*command, '/');
		if (!strncmp(slash ? slash + 1 : *command, "qemu-system-", 12))
			return true;
	}
	return false;
}

/* The command with space for so many more words. */
static char **with_space(char *const *command, size_t more, size_t *n)
{
	char **words;

	for (*n = 0; command[*n];)
		++*n;
	words = calloc(*n + more + 1, sizeof(*words));
	if (!words)
		fail("%s", strerror(ENOMEM));
	memcpy(words, command, *n * sizeof(*words));
	return words;
}

static void tell_added(char *const *added)
{
	for (; *added; added += 2)
		warn("added to COMMAND: %s %s", added[0], added[1]);
}

/**
 * qemu_command - complete the command line of a QEMU
 * @command: the command
 * @nlines: how many lines it is for
 * @quiet: do not print what is added
 *
 * A line that no word of the command names becomes a -serial. The result is
 * complete for any machine: qemu_plugin() adds what depends on this one.
 *
 * Returns the command, which lasts as long as the program.
 */
char *const *qemu_command(char *const *command, unsigned int nlines, bool quiet)
{
	bool named = child_names_line(command);
	size_t n, given, i;
	char **words = with_space(command, 2 * (N_NEEDED + nlines), &n);

	given = n;
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
		tell_added(words + given);
	return words;
}

/**
 * qemu_plugin - add the plugin to the command line of a QEMU, if it has none
 * @command: the command
 * @quiet: do not print what is added
 */
char *const *qemu_plugin(char *const *command, bool quiet)
{
	char **words;
	size_t n;

	if (has_plugin(command))
		return command;
	words = with_space(command, 2, &n);
	words[n] = "-plugin";
	words[n + 1] = installed_file("crr-qemu.so", "qemu",
				      ", or give -plugin PATH/crr-qemu.so in COMMAND");
	if (!quiet)
		tell_added(words + n);
	return words;
}

/**
 * qemu_gdb - let a debugger attach to a QEMU
 * @command: the command
 * @where: TCP port on this machine, or path of a socket
 * @stopped: from the beginning
 */
char *const *qemu_gdb(char *const *command, const char *where, bool stopped)
{
	bool port = strspn(where, "0123456789") == strlen(where);
	size_t n;
	char **words = with_space(command, 3, &n);

	words[n++] = "-gdb";
	if (asprintf(&words[n++],
		     port ? "tcp:127.0.0.1:%s" : "unix:%s,server=on,wait=off",
		     where) < 0)
		fail("%s", strerror(ENOMEM));
	if (stopped)
		words[n++] = "-S";
	warn("gdb: target remote %s%s", port ? "localhost:" : "", where);
	return words;
}

/**
 * qemu_option - give the plugin an option, by its environment
 * @format: for printf(3), without a comma
 */
void qemu_option(const char *format, ...)
{
	const char *before = getenv("CRR_QEMU");
	char *option, *all;
	va_list args;

	va_start(args, format);
	if (vasprintf(&option, format, args) < 0 ||
	    asprintf(&all, "%s%s%s", before ? before : "", before ? "," : "",
		     option) < 0 ||
	    setenv("CRR_QEMU", all, 1))
		fail("%s", strerror(ENOMEM));
	va_end(args);
	free(option);
	free(all);
}
