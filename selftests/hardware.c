// SPDX-License-Identifier: GPL-2.0-only
/*
 * What only a port can do: receive a break, and be unplugged. For a guest of
 * rig/boot, whose QEMU has its monitor at /dev/ttyS7.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

#define MONITOR "/dev/ttyS7"

/*
 * A command for QEMU, as QMP has it, and that it was carried out. The first one
 * must be qmp_capabilities, and fails if it is not the first one. Before it a
 * byte that JSON does not have: QEMU's parser begins anew after it, whatever
 * part of its own greeting was echoed to it while the port was being opened.
 */
static bool monitor(const char *command, const char *arguments)
{
	int fd = open(MONITOR, O_RDWR | O_NOCTTY | O_NONBLOCK);
	char text[512], answer[4096] = "";
	const char *mine;
	size_t n = 0;
	bool done;

	if (fd < 0)
		return false;
	set_raw(fd, 0, 0);
	tcflush(fd, TCIFLUSH);
	set_flags(fd, O_NONBLOCK, false);
	snprintf(text, sizeof(text),
		 "\377{ 'execute': 'qmp_capabilities' }"
		 "{ 'execute': '%s', 'arguments': {%s}, 'id': 'crr' }\n",
		 command, arguments);
	done = !send_all(fd, text, strlen(text)) && eventually(({
		ssize_t got = read(fd, answer + n, sizeof(answer) - 1 - n);

		n += got > 0 ? got : 0;
		mine = strstr(answer, "\"id\": \"crr\"");
		mine && strchr(mine, '\n');
	}));
	close(fd);
	if (!done || !strstr(answer, "\"return\": {}, \"id\"")) {
		fprintf(stderr, "# QEMU: %s\n", answer);
		return false;
	}
	return true;
}

FIXTURE(hardware) {
	struct line line;
	struct line other;
	struct log log;
};

FIXTURE_SETUP(hardware)
{
	const char *missing = crr_unavailable();

	if (missing)
		SKIP(return, "%s", missing);
	if (access(MONITOR, F_OK))
		SKIP(return, "no " MONITOR);
	self->line = self->other = (struct line){ -1, -1, -1, -1 };
}

FIXTURE_TEARDOWN(hardware)
{
	close_line(&self->line);
	close_line(&self->other);
	log_free(&self->log);
}

/* ---- Break ---- */

/* What a break makes readable: so many bytes. */
static long read_break(const struct line *line, tcflag_t iflag, char *buf,
		       int bytes)
{
	struct termios termios;
	__u64 before;

	tcgetattr(line->tty, &termios);
	termios.c_iflag = iflag;
	tcsetattr(line->tty, TCSADRAIN, &termios);
	before = status(line->tty).received;
	if (!monitor("chardev-send-break", "'id': 'isaa'"))
		return -ETIMEDOUT;
	/* The byte after it, from another source, ends the wait. */
	send_all(line->peer, "x", 1);
	/* While it is recorded, FIONREAD would be, too. */
	if (line->session < 0 ?
	    !eventually(arrived(line->tty) >= bytes + 1) :
	    !eventually(status(line->tty).received - before ==
			(bytes ? 2 : 1)))
		return -ETIME;
	return sys(read(line->tty, buf, 16));
}

TEST_F(hardware, break_is_as_termios_has_it)
{
	static const struct {
		tcflag_t iflag;
		const char *bytes;
		int length;
	} cases[] = {
		{ 0, "\0x", 2 },
		{ IGNBRK, "x", 1 },
		{ PARMRK, "\377\0\0x", 4 },
	};
	struct line *line = &self->line;
	char buf[16];

	ASSERT_EQ(0, open_serial(line, "/dev/ttyS2", "/dev/ttyS3"));
	for (int way = 0; way < 2; way++) {
		for (int i = 0; i < ARRAY_SIZE(cases); i++) {
			int length = cases[i].length;

			EXPECT_EQ(length, read_break(line, cases[i].iflag, buf,
						     length - 1));
			EXPECT_EQ(0, memcmp(cases[i].bytes, buf, length));
		}
		if (way)
			break;
		/* Without the discipline, and now recording. */
		ASSERT_EQ(0, attach(line->tty));
		line->session = open_session(line->tty);
		ASSERT_LE(0, line->session);
		ASSERT_EQ(0, record(line->session, 0));
	}
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(7, log_bytes_in(&self->log, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp("\0xx\377\0\0x", buf, 7));
}

/* ---- Unplugged ---- */

/* The last device gives its connection back when nobody looks at it any more. */
static bool plug_in(void)
{
	return eventually(monitor("device_add",
				  "'driver': 'usb-serial', 'bus': 'xhci.0',"
				  "'id': 'usbtty', 'chardev': 'usba'")) &&
	       eventually(!access("/dev/ttyUSB0", F_OK));
}

TEST_F_TIMEOUT(hardware, unplugged_while_recording, 90)
{
	struct line *line = &self->line;
	struct line *other = &self->other;
	struct crr_divergence div;
	struct task reader;
	struct record rec;
	char buf[16];

	/* There is a QEMU, but the kernel may know no USB. */
	if (access("/sys/bus/usb", F_OK))
		SKIP(return, "no /dev/ttyUSB0");
	ASSERT_TRUE(eventually(!access("/dev/ttyUSB0", F_OK)));
	ASSERT_EQ(0, open_serial(line, "/dev/ttyUSB0", "/dev/ttyS6"));
	ASSERT_EQ(0, attach(line->tty));
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	ASSERT_EQ(0, record(line->session, CRR_RECORD_CAPTURE));
	ASSERT_EQ(0, count(line->tty, 10));
	ASSERT_EQ(4, write(line->tty, "ping", 4));
	ASSERT_EQ(4, receive_all(line->peer, buf, 4));
	ASSERT_TRUE(deliver(line, "pong", 4));
	ASSERT_EQ(0, count(line->tty, 20));
	ASSERT_EQ(4, read(line->tty, buf, sizeof(buf)));
	ASSERT_EQ(0, count(line->tty, 30));
	begin(&reader, READ, .fd = line->tty, .buf = buf,
	      .length = sizeof(buf));
	ASSERT_TRUE(sleeps(&reader));

	ASSERT_TRUE(monitor("device_del", "'id': 'usbtty'"));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(0, reader.result);
	EXPECT_EQ(0, sys(read(line->tty, buf, 1)));
	EXPECT_EQ(-EIO, sys(write(line->tty, "x", 1)));
	EXPECT_TRUE(eventually(polled(line->session, POLLIN) & POLLHUP));
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_READ));
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_WRITE));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_HANGUP, 0, &rec));
	EXPECT_EQ(30, rec.counter);

	/* On a pty, which stays, it is all the same. */
	ASSERT_EQ(0, open_line(other));
	ASSERT_EQ(0, replay(other->session, 0));
	ASSERT_EQ(0, feed_log(other->session, &self->log));
	ASSERT_EQ(0, count(other->tty, 10));
	EXPECT_EQ(4, write(other->tty, "ping", 4));
	ASSERT_EQ(0, count(other->tty, 20));
	EXPECT_EQ(4, read(other->tty, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp("pong", buf, 4));
	ASSERT_EQ(0, count(other->tty, 30));
	EXPECT_EQ(0, sys(read(other->tty, buf, sizeof(buf))));
	EXPECT_EQ(-EIO, sys(write(other->tty, "x", 1)));
	EXPECT_EQ(0, stop(other->session));
	EXPECT_EQ(-ENODATA, divergence(other->session, &div));

	/* The port is to be had again. */
	close_line(line);
	EXPECT_TRUE(eventually(access("/dev/ttyUSB0", F_OK)));
	EXPECT_TRUE(plug_in());
}

TEST_HARNESS_MAIN
