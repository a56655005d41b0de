// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl: record and replay of serial lines, on a command line. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crrctl.h"

static int run_help(const struct command *cmd, int argc, char **argv);

static const struct option_help help_options[] = {
	{ { NULL, 0, NULL, 0 }, NULL, NULL },
};

static const struct command cmd_help = {
	.name = "help",
	.synopsis = "[COMMAND]",
	.summary = "show this help, or that of a command",
	.run = run_help,
	.options = help_options,
	.failure = EXIT_CRR_FAILURE,
};

/* For errors in the word that follows "log". */
static const struct command log_commands = {
	.name = "log",
	.failure = EXIT_CRR_FAILURE,
};

static const struct command *const commands[] = {
	&cmd_attach,	 &cmd_detach,	  &cmd_record,	   &cmd_replay,
	&cmd_probe,	 &cmd_load,	  &cmd_status,	   &cmd_log_info,
	&cmd_log_dump,	 &cmd_log_stat,	  &cmd_log_verify, &cmd_log_repair,
	&cmd_log_diff,	 &cmd_log_cut,	  &cmd_log_cat,	   &cmd_log_export,
	&cmd_log_import, &cmd_log_report, &cmd_help,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Exit status of a failure; set when a command runs. */
static int failure = EXIT_CRR_FAILURE;

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vwarn(format, args);
	va_end(args);
	exit(failure);
}

void usage_error(const struct command *cmd, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vwarn(format, args);
	va_end(args);
	fprintf(stderr, "Try 'crrctl%s%s --help'.\n", cmd ? " " : "",
		cmd ? cmd->name : "");
	exit(cmd && cmd->failure != EXIT_CRR_FAILURE ? cmd->failure :
						       EXIT_CRR_USAGE);
}

/* An error of standard output is an error of the command. */
void flush_output(void)
{
	if (fflush(stdout) || ferror(stdout))
		fail("standard output: %s", strerror(errno));
}

uint64_t parse_size(const struct command *cmd, const char *text)
{
	unsigned long long n;
	unsigned int shift = 0;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end == 'K' || *end == 'k')
		shift = 10;
	else if (*end == 'M' || *end == 'm')
		shift = 20;
	if (shift)
		end++;
	if (errno || end == text || *text == '-' || *end ||
	    n > (UINT64_MAX >> shift))
		usage_error(cmd, "'%s' is not a size, such as 512K or 8M", text);
	return (uint64_t)n << shift;
}

uint64_t parse_seconds(const struct command *cmd, const char *text)
{
	double seconds;
	char *end;

	errno = 0;
	seconds = strtod(text, &end);
	if (errno || end == text || *end || !(seconds >= 0) || seconds > 1e9)
		usage_error(cmd, "'%s' is not a number of seconds", text);
	return (uint64_t)(seconds * 1000);
}

/* Compression level for crr_log_compress(). */
int parse_level(const struct command *cmd, const char *text)
{
	unsigned long level;
	char *end;

	errno = 0;
	level = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || level > 19)
		usage_error(cmd, "'%s' is not a compression level (0-19)",
			    text);
	return (int)level;
}

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- Help, from the tables ---- */

static void print_option(const struct option_help *opt)
{
	bool optional = opt->option.has_arg == optional_argument;
	char text[64];
	int n;

	n = snprintf(text, sizeof(text), "  -%c, --%s%s%s%s", opt->option.val,
		     opt->option.name,
		     optional ? "[=" : opt->argument ? " " : "",
		     opt->argument ? opt->argument : "", optional ? "]" : "");
	printf("%-29s%s%s\n", text, n > 28 ? "\n                             " :
					      "",
	       opt->help);
}

static noreturn void command_help(const struct command *cmd)
{
	const struct option_help *opt;

	printf("Usage: crrctl %s %s\n\n%s.\n\nOptions:\n", cmd->name,
	       cmd->synopsis, cmd->summary);
	for (opt = cmd->options; opt->option.name; opt++)
		print_option(opt);
	printf("  -h, --help                 show this help\n");
	flush_output();
	exit(0);
}

/* List the commands whose names begin with @beginning. */
static void list_commands(const char *beginning)
{
	size_t i;

	printf("Commands:\n");
	for (i = 0; i < N_COMMANDS; i++)
		if (!strncmp(commands[i]->name, beginning, strlen(beginning)))
			printf("  %-12s%s\n", commands[i]->name,
			       commands[i]->summary);
}

static noreturn void help(void)
{
	printf("Usage: crrctl COMMAND [OPTION]... [ARGUMENT]...\n\n"
	       "Record and replay serial lines, beneath the emulator.\n\n");
	list_commands("");
	printf("\nSee 'crrctl COMMAND --help', and crrctl(1).\n");
	flush_output();
	exit(0);
}

static noreturn void log_help(void)
{
	printf("Usage: crrctl log COMMAND [OPTION]... FILE...\n\n"
	       "Show, compare, edit and convert logs.\n\n");
	list_commands("log ");
	printf("\nSee 'crrctl log COMMAND --help', and crrctl-log(1).\n");
	flush_output();
	exit(0);
}

/**
 * split_command - separate COMMAND from crrctl's own arguments
 * @argc: of run(); becomes the number of crrctl's own arguments
 * @argv: of run()
 *
 * Returns the arguments after the first "--", ending with NULL; may be empty.
 */
char *const *split_command(int *argc, char **argv)
{
	int i;

	for (i = 1; i < *argc; i++) {
		if (!strcmp(argv[i], "--")) {
			*argc = i;
			return argv + i + 1;
		}
	}
	return argv + *argc;
}

/**
 * next_option - getopt_long(3) for the options of a command
 * @cmd: the command
 * @argc: of its run()
 * @argv: of its run()
 *
 * Returns the short option, or -1 at the end; handles --help and errors.
 */
int next_option(const struct command *cmd, int argc, char **argv)
{
	struct option options[32];
	char letters[96] = ":h";
	char *p = letters + strlen(letters);
	size_t n = 0;
	int c;

	for (; cmd->options[n].option.name; n++) {
		options[n] = cmd->options[n].option;
		*p++ = (char)options[n].val;
		if (options[n].has_arg != no_argument)
			*p++ = ':';
		if (options[n].has_arg == optional_argument)
			*p++ = ':';
	}
	options[n++] = (struct option){ "help", no_argument, NULL, 'h' };
	options[n] = (struct option){ 0 };
	*p = '\0';

	opterr = 0;
	optopt = 0;
	c = getopt_long(argc, argv, letters, options, NULL);
	switch (c) {
	case 'h':
		command_help(cmd);
	case ':':
		usage_error(cmd, "%s needs an argument", argv[optind - 1]);
	case '?':
		/* A known option, but with an argument: --json=yes. */
		for (n = 0; optopt && options[n].name; n++)
			if (options[n].val == optopt)
				usage_error(cmd, "--%s takes no argument",
					    options[n].name);
		if (optopt)
			usage_error(cmd, "unknown option -%c", optopt);
		usage_error(cmd, "unknown option %s", argv[optind - 1]);
	default:
		return c;
	}
}

/**
 * need_arguments - check the number of arguments after the options
 * @cmd: the command
 * @argc: of its run()
 * @count: number of arguments that it needs
 */
void need_arguments(const struct command *cmd, int argc, int count)
{
	if (argc - optind != count)
		usage_error(cmd, "too %s arguments: crrctl %s %s",
			    argc - optind < count ? "few" : "many", cmd->name,
			    cmd->synopsis);
}

/* Number of words of the command's name, if the arguments begin with it; or 0. */
static int match(const struct command *cmd, int argc, char **argv)
{
	const char *space = strchr(cmd->name, ' ');
	size_t first = space ? (size_t)(space - cmd->name) :
			       strlen(cmd->name);

	if (strlen(argv[0]) != first || strncmp(argv[0], cmd->name, first))
		return 0;
	if (!space)
		return 1;
	return argc > 1 && !strcmp(argv[1], space + 1) ? 2 : 0;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

/* The command with which the arguments begin, and its number of words. */
static const struct command *find_command(int argc, char **argv, int *words)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++) {
		*words = match(commands[i], argc, argv);
		if (*words)
			return commands[i];
	}
	if (strcmp(argv[0], "log"))
		usage_error(NULL, "no such command: %s", argv[0]);
	if (argc > 1 && is_help(argv[1]))
		log_help();
	if (argc > 1)
		usage_error(&log_commands, "no such command: log %s", argv[1]);
	usage_error(&log_commands, "no log command given");
}

static int run_help(const struct command *cmd, int argc, char **argv)
{
	const struct command *which;
	int words;

	while (next_option(cmd, argc, argv) != -1)
		;
	argc -= optind;
	argv += optind;
	if (!argc)
		help();
	if (argc == 1 && !strcmp(argv[0], "log"))
		log_help();
	which = find_command(argc, argv, &words);
	if (argc > words)
		usage_error(cmd, "expected one command");
	command_help(which);
}

/* If one of them is closed, a log must not get its file descriptor. */
static void open_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct command *cmd;
	int words, status;

	open_standard_files();
	/* Whole lines, because COMMAND may also write to stderr. */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	argc--;
	argv++;
	if (!argc)
		usage_error(NULL, "no command given");
	if (is_help(argv[0]))
		help();
	if (!strcmp(argv[0], "--version") || !strcmp(argv[0], "-V")) {
		printf("crrctl %s\n", crr_version());
		flush_output();
		return 0;
	}
	cmd = find_command(argc, argv, &words);
	failure = cmd->failure;
	status = cmd->run(cmd, argc - words + 1, argv + words - 1);
	flush_output();
	return status;
}
