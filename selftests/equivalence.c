// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tty with N_CRR is a tty: the same script of calls gives the same
 * transcript without it, with it, and while it records.
 */
#include <stdarg.h>

#include "kselftest_harness.h"

#include "crr_test.h"

/* ---- A transcript: what a program and its peer saw ---- */

struct transcript {
	char *text;
	size_t length;
	size_t room;
};

__attribute__((format(printf, 2, 3)))
static void note(struct transcript *t, const char *format, ...)
{
	va_list args;
	int n;

	if (t->room - t->length < 512) {
		t->room = t->room * 2 + 4096;
		t->text = realloc(t->text, t->room);
		if (!t->text)
			abort();
	}
	va_start(args, format);
	n = vsnprintf(t->text + t->length, t->room - t->length, format, args);
	va_end(args);
	t->length += n;
}

static void note_bytes(struct transcript *t, const void *bytes, long n)
{
	const __u8 *p = bytes;

	if (n > 64) {
		note(t, " crc %08x", crc32c(bytes, n));
		return;
	}
	note(t, " '");
	for (long i = 0; i < n; i++)
		note(t, p[i] > 31 && p[i] < 127 ? "%c" : "\\%03o", p[i]);
	note(t, "'");
}

/* ---- The steps ---- */

struct script {
	struct line *line;
	struct transcript *t;
	struct termios raw;
};

/* Begin anew with raw termios, but for what the caller changes in them. */
static struct termios begin_with(struct script *s, const char *what)
{
	set_flags(s->line->tty, O_NONBLOCK, false);
	tcsetattr(s->line->tty, TCSADRAIN, &s->raw);
	tcflush(s->line->tty, TCIFLUSH);
	swallow(s->line->peer);
	note(s->t, "-- %s\n", what);
	return s->raw;
}

static void use_termios(struct script *s, const struct termios *termios)
{
	note(s->t, "termios %ld\n",
	     sys(tcsetattr(s->line->tty, TCSADRAIN, termios)));
}

static void nonblock(struct script *s, bool on)
{
	set_flags(s->line->tty, O_NONBLOCK, on);
}

/* The peer sends, and so many bytes can be read in the end. */
static void gets(struct script *s, const char *bytes, int readable)
{
	int tty = s->line->tty;

	note(s->t, "sent %d", send_all(s->line->peer, bytes, strlen(bytes)));
	if (!eventually(arrived(tty) == readable))
		note(s->t, " LOST");
	note(s->t, ", readable %d, poll %x\n", arrived(tty),
	     polled(tty, POLLIN | POLLPRI | POLLOUT));
}

/* The peer receives just so many bytes: what was written, or an echo. */
static void peer_gets(struct script *s, int length)
{
	char buf[8192];
	int n = receive_all(s->line->peer, buf, length);

	note(s->t, "peer got %d", n);
	note_bytes(s->t, buf, n);
	note(s->t, "\n");
}

static void reads(struct script *s, size_t length)
{
	char buf[8192];
	long n = sys(read(s->line->tty, buf, length));

	note(s->t, "read %zu: %ld", length, n);
	if (n > 0)
		note_bytes(s->t, buf, n);
	note(s->t, ", readable %d\n", arrived(s->line->tty));
}

/* A read that sleeps until the peer sends. */
static void sleeps_and_reads(struct script *s, size_t length,
			     const char *bytes)
{
	struct task task;
	char buf[64];

	begin(&task, READ, .fd = s->line->tty, .buf = buf, .length = length);
	if (!sleeps(&task))
		note(s->t, "did not sleep ");
	send_all(s->line->peer, bytes, strlen(bytes));
	if (!ends(&task)) {
		note(s->t, "sleeps for ever\n");
		return;
	}
	note(s->t, "slept, read %ld", task.result);
	if (task.result > 0)
		note_bytes(s->t, buf, task.result);
	note(s->t, "\n");
}

/* A write, and that the peer gets it, with what output processing adds. */
static void writes(struct script *s, const char *bytes, size_t length,
		   int becomes)
{
	struct task task;

	begin(&task, WRITE, .fd = s->line->tty, .buf = (char *)bytes,
	      .length = length);
	peer_gets(s, becomes);
	if (!ends(&task)) {
		note(s->t, "write sleeps for ever\n");
		return;
	}
	note(s->t, "write %zu: %ld\n", length, task.result);
}

static void polls(struct script *s)
{
	note(s->t, "poll %x\n", polled(s->line->tty, POLLIN | POLLOUT));
}

/* ---- The scripts ---- */

static void raw_reads(struct script *s)
{
	begin_with(s, "raw");
	gets(s, "abcdef", 6);
	reads(s, 2);
	reads(s, 0);
	reads(s, 1);
	reads(s, 100);
	polls(s);
	nonblock(s, true);
	reads(s, 100);
	gets(s, "\001\003\004\021\023\r\n\177", 8);
	reads(s, 100);
	nonblock(s, false);
	sleeps_and_reads(s, 10, "s");
	/* More than a read of the tty core's own size, 64 bytes. */
	gets(s, "012345678901234567890123456789012345678 "
		"0123456789012345678901234567890123456789", 80);
	reads(s, 63);
	reads(s, 64);
}

static void min_and_time(struct script *s)
{
	static const __u8 cases[][2] = {
		{ 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 }, { 3, 0 }, { 3, 1 },
		{ 5, 0 }, { 255, 1 },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		__u8 min = cases[i][0];
		struct termios termios = begin_with(s, "VMIN and VTIME");

		note(s->t, "%u %u\n", min, cases[i][1]);
		termios.c_cc[VMIN] = min;
		termios.c_cc[VTIME] = cases[i][1];
		use_termios(s, &termios);
		if (!min)
			reads(s, 10);
		nonblock(s, true);
		reads(s, 10);
		gets(s, "ab", 2);
		reads(s, 1);
		reads(s, 10);
		reads(s, 10);
		nonblock(s, false);
		gets(s, "cd", 2);
		if (min < 3 || cases[i][1])
			reads(s, 10);
		else
			sleeps_and_reads(s, 10, "efg");
		gets(s, "0123456789", arrived(s->line->tty) + 10);
		reads(s, 4);
		nonblock(s, true);
		reads(s, 20);
	}
}

static void canonical(struct script *s)
{
	struct termios termios = begin_with(s, "canonical");
	static char line[5000];

	termios.c_lflag |= ICANON;
	termios.c_iflag |= ICRNL;
	termios.c_cc[VEOF] = 4;
	termios.c_cc[VERASE] = 0x7f;
	termios.c_cc[VKILL] = 0x15;
	termios.c_cc[VEOL] = ';';
	termios.c_cc[VEOL2] = 0;
	use_termios(s, &termios);
	nonblock(s, true);
	reads(s, 100);
	gets(s, "one\r", 4);
	gets(s, "two\n", 8);
	reads(s, 2);
	reads(s, 100);
	reads(s, 100);
	reads(s, 100);
	gets(s, "ab\177c\025xyz\177\n", 3);
	reads(s, 100);
	/* An end of file alone, in a line, after a line, twice. */
	gets(s, "part\004", 4);
	reads(s, 100);
	nonblock(s, false);
	sleeps_and_reads(s, 10, "\004");
	sleeps_and_reads(s, 4, "four\004");
	sleeps_and_reads(s, 10, "next\n");
	gets(s, "eol;", 4);
	reads(s, 10);
	sleeps_and_reads(s, 10, "slept\n");
	/* A line of which some does not fit. */
	memset(line, 'l', sizeof(line) - 2);
	line[sizeof(line) - 2] = '\n';
	gets(s, line, 4096);
	reads(s, 100);
	reads(s, 5000);
	/* Half a line becomes readable when lines no longer count. */
	gets(s, "half", 0);
	polls(s);
	use_termios(s, &s->raw);
	gets(s, "whole", 9);
	reads(s, 100);
}

static void echo(struct script *s)
{
	struct termios termios = begin_with(s, "echo");

	termios.c_lflag |= ICANON | ECHO | ECHOE | ECHOK | ECHOCTL;
	termios.c_iflag |= ICRNL;
	termios.c_oflag |= OPOST | ONLCR;
	use_termios(s, &termios);
	send_all(s->line->peer, "ab\001\177\177c\r", 7);
	peer_gets(s, 4 + 6 + 3 + 3);
	gets(s, "", 3);
	reads(s, 100);
	writes(s, "a\nb\n", 4, 6);
	/* Output that comes between what is typed. */
	send_all(s->line->peer, "ty", 2);
	peer_gets(s, 2);
	writes(s, "out", 3, 3);
	send_all(s->line->peer, "pe\n", 3);
	peer_gets(s, 4);
	reads(s, 100);
}

static void signals(struct script *s)
{
	struct termios termios = begin_with(s, "signal characters");

	termios.c_lflag |= ISIG | ECHO | ECHOCTL;
	use_termios(s, &termios);
	/* Whatever was typed is flushed. */
	send_all(s->line->peer, "abc", 3);
	peer_gets(s, 3);
	send_all(s->line->peer, "\003de", 3);
	peer_gets(s, 4);
	gets(s, "", 2);
	reads(s, 100);
	termios.c_lflag |= NOFLSH;
	use_termios(s, &termios);
	send_all(s->line->peer, "abc\003de", 6);
	peer_gets(s, 7);
	gets(s, "", 5);
	reads(s, 100);
}

static void input_flags(struct script *s)
{
	struct termios termios = begin_with(s, "input flags");

	termios.c_iflag |= ISTRIP | IGNCR | INLCR | IUCLC;
	termios.c_lflag |= IEXTEN;
	use_termios(s, &termios);
	gets(s, "A\rB\n\303", 4);
	reads(s, 100);
	termios = begin_with(s, "marked bytes");
	termios.c_iflag |= PARMRK;
	use_termios(s, &termios);
	gets(s, "a\377b", 4);
	reads(s, 100);
}

static void flow(struct script *s)
{
	struct termios termios = begin_with(s, "flow control");
	int tty = s->line->tty;
	long held;

	termios.c_iflag |= IXON;
	use_termios(s, &termios);
	nonblock(s, true);
	gets(s, "\023x", 1);
	held = sys(write(tty, "held", 4));
	note(s->t, "stopped, write %ld\n", held);
	gets(s, "\021y", 2);
	/* What a driver has taken comes when it may. */
	peer_gets(s, held > 0 ? held : 0);
	reads(s, 10);
	nonblock(s, false);
	writes(s, "let go", 6, 6);
	nonblock(s, true);
	note(s->t, "TCOOFF %ld\n", sys(tcflow(tty, TCOOFF)));
	held = sys(write(tty, "held", 4));
	note(s->t, "write %ld\n", held);
	note(s->t, "TCOON %ld\n", sys(tcflow(tty, TCOON)));
	peer_gets(s, held > 0 ? held : 0);
	nonblock(s, false);
	writes(s, "let go", 6, 6);
}

static void flushes(struct script *s)
{
	int tty = s->line->tty;
	int queued = -1;

	begin_with(s, "flush");
	nonblock(s, true);
	gets(s, "thrown away", 11);
	note(s->t, "TCIFLUSH %ld\n", sys(tcflush(tty, TCIFLUSH)));
	polls(s);
	reads(s, 100);
	gets(s, "and this", 8);
	note(s->t, "TCIOFLUSH %ld\n", sys(tcflush(tty, TCIOFLUSH)));
	reads(s, 100);
	note(s->t, "TCOFLUSH %ld\n", sys(tcflush(tty, TCOFLUSH)));
	note(s->t, "TCSAFLUSH %ld\n",
	     sys(tcsetattr(tty, TCSAFLUSH, &s->raw)));
	nonblock(s, false);
	writes(s, "drained", 7, 7);
	note(s->t, "drain %ld", sys(tcdrain(tty)));
	note(s->t, ", TIOCOUTQ %ld", sys(ioctl(tty, TIOCOUTQ, &queued)));
	note(s->t, " %d\n", queued);
	note(s->t, "TIOCSTI %ld", sys(ioctl(tty, TIOCSTI, "i")));
	gets(s, "", arrived(tty));
	reads(s, 10);
	note(s->t, "break %ld\n", sys(tcsendbreak(tty, 1)));
	swallow(s->line->peer);
}

static void writing(struct script *s)
{
	static const int sizes[] = {
		1, 64, 65, 1000, 2047, 2048, 2049, 4095, 4096, 5000,
	};
	char bytes[5000];

	begin_with(s, "writes");
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		pattern(bytes, sizes[i], i);
		writes(s, bytes, sizes[i], sizes[i]);
	}
	note(s->t, "write 0: %ld\n", sys(write(s->line->tty, "", 0)));
	note(s->t, "write of nothing mapped: %ld\n",
	     sys(write(s->line->tty, before_hole(0), 1)));
	gets(s, "xyz", 3);
	note(s->t, "read to nowhere: %ld\n",
	     sys(read(s->line->tty, before_hole(0), 2)));
	reads(s, 10);
}

static void play(struct line *line, struct transcript *t)
{
	struct script s = { .line = line, .t = t };

	tcgetattr(line->tty, &s.raw);
	raw_reads(&s);
	min_and_time(&s);
	canonical(&s);
	echo(&s);
	signals(&s);
	input_flags(&s);
	flow(&s);
	flushes(&s);
	writing(&s);
	tcsetattr(line->tty, TCSADRAIN, &s.raw);
	tcflush(line->tty, TCIFLUSH);
}

/* ---- The tests ---- */

FIXTURE(equivalence) {
	struct line line;
	struct log log;
	struct transcript plain;
	struct transcript crr;
};

FIXTURE_VARIANT(equivalence) {
	const char *tty;
	const char *peer;
	bool records;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(equivalence, pty_idle) {};
FIXTURE_VARIANT_ADD(equivalence, pty_recording) { .records = true };
FIXTURE_VARIANT_ADD(equivalence, pty_capturing) {
	.records = true, .flags = CRR_RECORD_CAPTURE | CRR_RECORD_BLOCK,
};

FIXTURE_VARIANT_ADD(equivalence, serial_idle) {
	.tty = "/dev/ttyS2", .peer = "/dev/ttyS3",
};

FIXTURE_VARIANT_ADD(equivalence, serial_recording) {
	.tty = "/dev/ttyS2", .peer = "/dev/ttyS3", .records = true,
};

FIXTURE_SETUP(equivalence)
{
	if (!setup_pair(_metadata, &self->line, variant->tty, variant->peer))
		return;
}

FIXTURE_TEARDOWN(equivalence)
{
	if (self->line.tty >= 0)
		detach(self->line.tty);
	close_line(&self->line);
	log_free(&self->log);
	free(self->plain.text);
	free(self->crr.text);
}

/* The first line in which two transcripts differ, for people. */
static void print_difference(struct __test_metadata *_metadata,
			     const char *plain, const char *crr)
{
	const char *line = plain;
	int n;

	for (n = 0; plain[n] && plain[n] == crr[n]; n++)
		if (plain[n] == '\n')
			line = plain + n + 1;
	TH_LOG("plain: %.*s", (int)strcspn(line, "\n"), line);
	line = crr + (line - plain);
	TH_LOG("crr:   %.*s", (int)strcspn(line, "\n"), line);
}

TEST_F_TIMEOUT(equivalence, script, 240)
{
	struct line *line = &self->line;

	play(line, &self->plain);
	ASSERT_EQ(0, attach(line->tty));
	if (variant->records) {
		line->session = open_session(line->tty);
		ASSERT_LE(0, line->session);
		ASSERT_EQ(0, record(line->session, variant->flags));
	}
	play(line, &self->crr);
	EXPECT_EQ(NULL, strstr(self->plain.text, "LOST")) {
		TH_LOG("%s", self->plain.text);
	}
	EXPECT_EQ(0, strcmp(self->plain.text, self->crr.text)) {
		print_difference(_metadata, self->plain.text, self->crr.text);
	}
	if (variant->records) {
		finish_log(_metadata, line, &self->log);
		EXPECT_LT(40, log_count(&self->log, CRR_TYPE_READ));
		EXPECT_LT(15, log_count(&self->log, CRR_TYPE_WRITE));
		EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_EOF));
	}
}

TEST_HARNESS_MAIN
