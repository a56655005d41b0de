// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mklog KIND [N [MS]] > FILE: a log for the tests of crrctl, that no emulator makes
 * on demand:
 *
 *   all     a record of every type
 *   odd     what a log may hold and few do: types and errnos without a name,
 *           a command that needs quoting
 *   asked   queries, marks, and what is there for people
 *   two     two streams
 *   long    3 MiB of input, due at once
 *   escape  a command that would set the title of the reader's terminal
 *   console N bytes of output, typed for: a shell on an emulator that counts
 *           instructions, 20 million a second; not captured; with MS its times,
 *           as looked at each MS milliseconds
 *   random  N bytes of input that cannot be compressed
 *   split   the log of standard input, a block for each record, and those not
 *           compressed
 *   pieces  the same, as columns
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../lib/log.h"

#define CREATED 1700000000000000000ULL

static struct crr_log_writer *out;
static uint64_t sequence;

static void die(const char *what)
{
	fprintf(stderr, "mklog: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void begin(const char *counter, const char *command)
{
	struct crr_log_info info = { .created = CREATED };

	snprintf(info.counter, sizeof(info.counter), "%s", counter);
	snprintf(info.command, sizeof(info.command), "%s", command);
	out = crr_log_create(STDOUT_FILENO, &info);
	if (!out)
		die("create");
}

static void put(struct crr_record rec, const void *data, size_t length)
{
	static unsigned char buf[CRR_RECORD_SIZE_MAX];

	rec.sequence = sequence;
	if (!(rec.type & CRR_TYPE_OPTIONAL))
		sequence++;
	rec.data = data;
	rec.data_length = (uint32_t)length;
	if (crr_log_append(out, buf, crr_record_encode(buf, &rec)))
		die("append");
}

/* A record of this type with a text, or "", for data. */
#define PUT(_type, _counter, _text, ...)                   \
	put((struct crr_record){ .type = CRR_TYPE_##_type, \
				 .counter = (_counter),    \
				 ##__VA_ARGS__ },          \
	    _text, strlen(_text))

static void make_all(void)
{
	static const unsigned char bytes[] = { 0x00, 0x41, 0x22, 0x5c,
					       0x0a, 0x07, 0x7f, 0xff };

	begin("cycles", "emulator --verbose {}");
	PUT(STREAM, 0, "ttyS0", .termios = { 1, 2, 3, 4, 9600, 115200 });
	put((struct crr_record){ .type = CRR_TYPE_READ, .counter = 10 }, bytes,
	    sizeof(bytes));
	PUT(READ, 10, "x", .empty_reads = 3);
	PUT(READ_ERROR, 11, "", .error = EINTR);
	PUT(EOF, 12, "");
	PUT(WRITE, 13, "hello", .flags = CRR_FLAG_CAPTURED, .requested = 5,
	    .result = 5, .offset = 5, .crc32c = crr_record_crc("hello", 5));
	PUT(WRITE, 14, "abc", .flags = CRR_FLAG_CAPTURED | CRR_FLAG_CUT,
	    .refused = 2, .requested = 3, .result = 2, .offset = 2,
	    .crc32c = crr_record_crc("abc", 3));
	PUT(WRITE, 15, "", .requested = 3, .result = -EAGAIN,
	    .crc32c = crr_record_crc("abc", 3));
	PUT(PEER_CLOSED, 16, "");
	PUT(HANGUP, 17, "", .empty_reads = 1);
	PUT(STREAM_END, 17, "", .reason = CRR_END_HANGUP);
	PUT(END, 18446744073709551615ULL, "");
}

static void make_odd(void)
{
	begin("", "/opt/j\xc3\xbcrg \"quoted\" back\\slash");
	PUT(STREAM, 0, "a");
	PUT(READ_ERROR, 0, "", .error = 500);
	PUT(WRITE, 0, "", .requested = 1, .result = -500,
	    .crc32c = crr_record_crc("x", 1));
	put((struct crr_record){ .type = CRR_TYPE_OPTIONAL | 77,
				 .stream = 65535 },
	    NULL, 0);
	PUT(STREAM_END, 0, "", .reason = CRR_END_CLOSED);
	PUT(END, 0, "");
}

static void make_asked(void)
{
	begin("", "");
	PUT(STREAM, 0, "ttyS0");
	PUT(INQ, 1, "", .empty_reads = 2, .value = 80);
	PUT(OUTQ, 2, "", .value = 0);
	PUT(MODEM, 3, "", .refused = 1, .flags = CRR_FLAG_INTERRUPTED,
	    .modem = { .lines = TIOCM_DTR | TIOCM_CTS,
		       .facts = CRR_MODEM_COUNTS,
		       .counts = { 1, 0, 0, 2, 100, 50, 3, 4, 5, 6, 7 } });
	PUT(MODEM, 4, "", .modem = { .error = ENOTTY });
	PUT(MARK, 5, "state \"1a2b\"");
	PUT(TERMIOS, 6, "", .termios = { 1, 2, 3, 4, 300, 1200 });
	PUT(TIME, 7, "", .time = 1700000001234000000);
	PUT(STREAM_END, 8, "", .reason = CRR_END_STOP, .refused = 3);
	PUT(END, 8, "");
}

static void make_two(void)
{
	begin("", "");
	PUT(STREAM, 0, "ttyS0");
	PUT(STREAM, 0, "ttyS1", .stream = 1);
	PUT(READ, 5, "a", .stream = 1);
	PUT(STREAM_END, 9, "", .reason = CRR_END_STOP, .stream = 1);
	PUT(STREAM_END, 9, "", .reason = CRR_END_STOP);
	PUT(END, 9, "");
}

static void make_long(void)
{
	static char data[CRR_READ_MAX];
	int i;

	begin("", "");
	memset(data, 'x', sizeof(data));
	PUT(STREAM, 0, "ttyS0");
	for (i = 0; i < 768; i++)
		put((struct crr_record){ .type = CRR_TYPE_READ, .counter = 1 },
		    data, sizeof(data));
	PUT(STREAM_END, 2, "", .reason = CRR_END_STOP);
	PUT(END, 2, "");
}

/* No crr writes such a header; but who says that crr wrote it? */
static void make_escape(void)
{
	struct crr_log_info info = { .command = "X]0;title@" };
	struct crr_file_header header;
	int fd = memfd_create("header", 0);
	char bytes[256], *p;
	ssize_t n;

	out = crr_log_create(fd, &info);
	if (!out)
		die("create");
	n = pread(fd, bytes, sizeof(bytes), 0);
	p = memmem(bytes, (size_t)n, "X]0;title@", 10);
	p[0] = '\033';
	p[9] = '\a';
	memcpy(&header, bytes, sizeof(header));
	header.crc32c = 0;
	memcpy(bytes, &header, sizeof(header));
	header.crc32c = htole32(crr_record_crc(bytes, (size_t)n));
	memcpy(bytes, &header, sizeof(header));
	if (write(STDOUT_FILENO, bytes, (size_t)n) != n)
		die("write");
}

/* splitmix64 */
static uint64_t random_number(void)
{
	static uint64_t state;
	uint64_t z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t counter;
static uint64_t look_every; /* ns; 0: never */
static uint64_t next_look;

/* The time, as crrctl record would have stamped it before the next record. */
static void look(void)
{
	uint64_t now = counter * 50;

	if (!look_every || now < next_look)
		return;
	crr_log_stamp(out, sequence, CREATED + next_look);
	next_look += (now - next_look) / look_every * look_every;
	crr_log_stamp(out, sequence, CREATED + next_look);
	next_look += look_every;
}

/* The driver writes a byte as soon as the last one has gone. */
static void put_output(const char *text)
{
	for (; *text; text++) {
		counter += random_number() % 16 ? 1736 :
						  1736 + random_number() % 400;
		look();
		put((struct crr_record){
			    .type = CRR_TYPE_WRITE,
			    .counter = counter,
			    .requested = 1,
			    .result = 1,
			    .offset = 1,
			    .crc32c = crr_record_crc(text, 1),
		    },
		    NULL, 0);
	}
}

static void make_console(uint64_t bytes)
{
	static const char *const words[] = {
		"ls -l /etc\r", "dmesg | tail\r", "cat /proc/interrupts\r",
		"uname -a\r", "ps\r", "mount\r", "echo $?\r", "df -h\r",
	};
	const char *word;
	char line[96], echo[3];
	uint64_t done = 0;
	unsigned int n;

	begin("instructions", "emulator");
	PUT(STREAM, 0, "ttyS0");
	while (done < bytes) {
		for (word = words[random_number() % 8]; *word; word++) {
			counter += 3000000 + random_number() % 9000000;
			look();
			put((struct crr_record){ .type = CRR_TYPE_READ,
						 .counter = counter },
			    word, 1);
			counter += 20000;
			echo[0] = *word;
			echo[1] = *word == '\r' ? '\n' : '\0';
			echo[2] = '\0';
			put_output(echo);
			done += strlen(echo);
		}
		for (n = (unsigned int)(random_number() % 24); n; n--) {
			done += (uint64_t)snprintf(
				line, sizeof(line),
				"%u: drwxr-xr-x %u root root %u %s\r\n", n,
				(unsigned int)(random_number() % 9),
				(unsigned int)(random_number() % 100000),
				words[random_number() % 8] + 1);
			put_output(line);
		}
		put_output("# ");
		done += 2;
	}
	PUT(STREAM_END, counter, "", .reason = CRR_END_STOP);
	PUT(END, counter, "");
}

static void make_random(uint64_t bytes)
{
	uint64_t data[64];
	size_t i;

	begin("", "");
	PUT(STREAM, 0, "ttyS0");
	for (; bytes >= sizeof(data); bytes -= sizeof(data)) {
		for (i = 0; i < sizeof(data) / sizeof(*data); i++)
			data[i] = random_number();
		counter += 1000;
		put((struct crr_record){ .type = CRR_TYPE_READ,
					 .counter = counter },
		    data, sizeof(data));
	}
	PUT(STREAM_END, counter, "", .reason = CRR_END_STOP);
	PUT(END, counter, "");
}

static void make_blocks(int level)
{
	static unsigned char buf[CRR_RECORD_SIZE_MAX];
	struct crr_log_error error;
	struct crr_log_reader *in;
	struct crr_record rec;

	in = crr_log_open(STDIN_FILENO, &error);
	if (!in)
		die("open");
	out = crr_log_create(STDOUT_FILENO, crr_log_get_info(in));
	if (!out)
		die("create");
	(void)crr_log_compress(out, level);
	while (crr_log_next(in, &rec, &error) > 0)
		if (crr_log_append(out, buf, crr_record_encode(buf, &rec)) ||
		    crr_log_flush(out))
			die("append");
	crr_log_close(in);
}

static void make_split(void)
{
	make_blocks(0);
}

static void make_pieces(void)
{
	make_blocks(3);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *kind;
		void (*make)(void);
	} kinds[] = {
		{ "all", make_all },	   { "odd", make_odd },
		{ "asked", make_asked },   { "two", make_two },	   { "long", make_long },
		{ "escape", make_escape }, { "split", make_split },
		{ "pieces", make_pieces },
	};
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	size_t i;

	if (n && argc == 4)
		look_every = strtoull(argv[3], NULL, 10) * 1000000;
	if (n && !strcmp(argv[1], "console")) {
		make_console(n);
		return crr_log_finish(out) ? 1 : 0;
	}
	if (n && !strcmp(argv[1], "random")) {
		make_random(n);
		return crr_log_finish(out) ? 1 : 0;
	}
	for (i = 0; argc == 2 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[1], kinds[i].kind))
			continue;
		kinds[i].make();
		if (crr_log_finish(out))
			die("finish");
		return 0;
	}
	fputs("usage: mklog all|odd|asked|two|long|escape|split|pieces\n       mklog console N [MS]\n       mklog random N\n", stderr);
	return 2;
}
