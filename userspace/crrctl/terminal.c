// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The user's terminal, joined to the other end of a pty of our making: what
 * the emulator writes is seen, what is typed goes to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "crrctl.h"

/* Put back at exit, however that comes about. */
static struct terminal *joined;
/* What was last written to it ends in the middle of a line. */
static bool mid_line;

static void put_back(void)
{
	if (joined)
		terminal_leave(joined);
}

/**
 * terminal_size - give a pty the size of the user's terminal
 * @master: of the pty
 *
 * Without a terminal the pty keeps the size that it has.
 */
void terminal_size(int master)
{
	struct winsize size;

	if (!ioctl(STDIN_FILENO, TIOCGWINSZ, &size) ||
	    !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		(void)ioctl(master, TIOCSWINSZ, &size);
}

void terminal_join(struct terminal *term, int master, bool input)
{
	struct termios raw;

	fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
	term->in = (struct direction){ .from = STDIN_FILENO, .to = master };
	term->out = (struct direction){ .from = master, .to = STDOUT_FILENO };
	if (!input) {
		term->in.from = -1;
		return;
	}
	if (tcgetattr(STDIN_FILENO, &term->saved))
		return;
	raw = term->saved;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw))
		return;
	term->raw = true;
	joined = term;
	atexit(put_back);
}

/* Is the user's terminal raw? A line then wants a carriage return. */
bool terminal_is_raw(void)
{
	return joined;
}

/* Must a message begin with a new line? It is taken to do so. */
bool terminal_new_line(void)
{
	bool mid = mid_line;

	mid_line = false;
	return mid;
}

void terminal_leave(struct terminal *term)
{
	if (term->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &term->saved);
	term->raw = false;
	joined = NULL;
}

/* What this direction waits for. */
struct pollfd direction_poll(const struct direction *dir)
{
	if (dir->length)
		return (struct pollfd){ .fd = dir->to, .events = POLLOUT };
	return (struct pollfd){ .fd = dir->from, .events = POLLIN };
}

static void direction_read(struct terminal *term, struct direction *dir)
{
	ssize_t n = read(dir->from, dir->buf, sizeof(dir->buf));
	char *escape;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		/* Of the pty: nobody has it open just now, or ever again. */
		dir->from = -1;
		return;
	}
	dir->length = (size_t)n;
	if (dir != &term->in || !term->raw)
		return;
	escape = memchr(dir->buf, TERMINAL_ESCAPE, dir->length);
	if (escape) {
		term->escaped = true;
		dir->length = (size_t)(escape - dir->buf);
	}
}

static void direction_write(struct terminal *term, struct direction *dir)
{
	ssize_t n = write(dir->to, dir->buf, dir->length);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		/* A closed pipe ends the run; a pty's end ends elsewhere. */
		if (dir == &term->out)
			term->escaped = true;
		dir->from = -1;
		n = (ssize_t)dir->length;
	} else if (dir == &term->out && n > 0 && isatty(dir->to)) {
		mid_line = dir->buf[n - 1] != '\n';
	}
	dir->length -= (size_t)n;
	memmove(dir->buf, dir->buf + n, dir->length);
}

/* poll(2) has reported what direction_poll() waits for. */
void terminal_move(struct terminal *term, struct direction *dir)
{
	if (dir->length)
		direction_write(term, dir);
	else
		direction_read(term, dir);
}

/* Is there something that the emulator wrote, and that is not shown yet? */
bool terminal_pending(const struct terminal *term)
{
	struct pollfd pfd = { .fd = term->out.from, .events = POLLIN };

	if (term->out.from < 0)
		return false;
	return term->out.length ||
	       (poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLIN));
}
