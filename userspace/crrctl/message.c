// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages on standard error. COMMAND may use the same terminal, so that each
 * begins in the first column and is printed as a whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crrctl.h"

/* The last line of the terminal is the progress. */
static bool progress_shown;

static void write_all(const char *text, size_t length)
{
	ssize_t n;

	for (; length; text += n, length -= (size_t)n) {
		n = write(STDERR_FILENO, text, length);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return;
	}
}

/**
 * message_print - print lines on standard error, by one write(2)
 * @text: the lines; each ends with a newline
 */
void message_print(const char *text)
{
	bool terminal = isatty(STDERR_FILENO);
	bool raw = terminal && terminal_is_raw();
	char *block = NULL;
	size_t length;
	FILE *out = open_memstream(&block, &length);

	if (!out) {
		write_all(text, strlen(text));
		return;
	}
	if (terminal && progress_shown)
		fputs("\r\033[K", out);
	else if (terminal && terminal_new_line())
		fputs("\r\n", out);
	progress_shown = false;
	for (; *text; text++) {
		if (raw && *text == '\n')
			fputc('\r', out);
		fputc(*text, out);
	}
	if (!fclose(out))
		write_all(block, length);
	free(block);
}

/**
 * message_progress - print a line that the next message takes the place of
 * @text: the line, without its end
 * @last: it stays
 */
void message_progress(const char *text, bool last)
{
	fprintf(stderr, "\r\033[K%s%s", text, last ? "\n" : "");
	fflush(stderr);
	progress_shown = !last;
}

/* One line: what could end it, or do something to a terminal, is escaped. */
void vwarn(const char *format, va_list args)
{
	char *text = NULL, *line = NULL;
	size_t length;
	FILE *out;

	/* Names may come from a log, and that from anybody. */
	if (vasprintf(&text, format, args) < 0)
		return;
	out = open_memstream(&line, &length);
	if (out) {
		fputs("crrctl: ", out);
		print_text(out, text);
		fputc('\n', out);
		if (!fclose(out))
			message_print(line);
	}
	free(line);
	free(text);
}

void warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vwarn(format, args);
	va_end(args);
}
