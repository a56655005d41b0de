// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crr-simavr: an AVR, simulated by simavr, whose UART is a tty of the host.
 *
 * On a tty with N_CRR what passes between the two can be recorded, and be
 * replayed to the cycle; on any other tty it just passes. All that concerns crr
 * is between the two rulers below, and one call of crr_tty_open().
 */
#include <crr.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A prime: the polls shall not be in step with a timer of the firmware. */
#define POLL_CYCLES 997
/* At most so many cycles in one piece; timers, and with them polls, end it. */
#define RUN_CYCLES 1000
#define SECOND 1000000000LL
/* In one second of the AVR's time, how often real time is looked at. */
#define SLICES 200
/* So late, it is not to be made up for: we were stopped, or are too slow. */
#define LATE_MAX (SECOND / 10)

enum exit_status {
	EXIT_OWN = 1,
	EXIT_USAGE = 2,
	EXIT_DIVERGED = 3,
	EXIT_LINE = 4,
	EXIT_CRASHED = 5,
};

enum pace { PACE_AUTO, PACE_REAL, PACE_FAST };

/* All of the machine, as it was: a process that waits. */
struct snapshot {
	pid_t pid;  /* 0: none */
	int resume; /* a pipe: to be told the state that it will come to */
};

struct machine {
	avr_t *avr;
	avr_irq_t *uart; /* UART 0's, by UART_IRQ_* */
	bool stopped;	 /* it can take no more just now */
	struct crr_tty *tty;
	struct crr_clock *clock;
	FILE *inject; /* in the tty's place */
	uint64_t inject_cycle;
	uint8_t inject_byte;

	uint64_t poll;	 /* cycles */
	uint8_t in[256]; /* read; the UART has taken in_done of it */
	size_t in_length, in_done;
	uint8_t out[4096]; /* sent by the UART, and not yet written */
	size_t out_length;

	bool untraced; /* several instructions at a time, and no trace */
	enum pace pace;
	uint64_t limit;	      /* the cycle at which to end */
	uint64_t slice;	      /* the cycle at which to look at real time */
	uint64_t epoch_cycle; /* a cycle, */
	int64_t epoch;	      /* and its real time; 0 if not known */

	uint64_t back;		/* the cycle from which to go back; 0: never */
	struct snapshot before; /* the last input, */
	uint64_t input_cycle;	/* which was at this cycle, */
	uint64_t input_state;	/* and what the machine was after it */
	bool returned;		/* we have gone back to that input */

	uint64_t bytes_in, bytes_out, lost, steps, trace;
	const char *end; /* why it has ended */
	int status;
};

static void finish(struct machine *m, const char *end, int status)
{
	if (m->end)
		return;
	m->end = end;
	m->status = status;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 32;
}

/* Over all memory but the registers. */
static uint64_t memory_hash(const struct machine *m)
{
	uint64_t hash = 0;
	unsigned int i;

	for (i = 32; i <= m->avr->ramend; i++)
		hash = mix(hash, m->avr->data[i]);
	return hash;
}

/* ---- Snapshots, and the way back ---------------------------------------- */

static void snapshot_drop(struct snapshot *snapshot)
{
	if (!snapshot->pid)
		return;
	close(snapshot->resume);
	kill(snapshot->pid, SIGKILL);
	waitpid(snapshot->pid, NULL, 0);
	snapshot->pid = 0;
}

/*
 * A copy of this process is a snapshot, with the place in the log at which it
 * was taken. It returns here once more if it is gone back to.
 */
static struct snapshot snapshot_take(struct machine *m)
{
	struct snapshot snapshot = { 0 };
	struct crr_position position;
	int ends[2];

	crr_clock_set(m->clock, m->avr->cycle);
	if (crr_position(m->tty, &position) || pipe(ends)) {
		finish(m, strerror(errno), EXIT_OWN);
		return snapshot;
	}
	snapshot.pid = fork();
	if (snapshot.pid < 0) {
		finish(m, strerror(errno), EXIT_OWN);
		close(ends[0]);
		close(ends[1]);
		/* Not a process, and never to be sent a signal. */
		snapshot.pid = 0;
		return snapshot;
	}
	if (snapshot.pid) {
		close(ends[0]);
		snapshot.resume = ends[1];
		return snapshot;
	}

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(ends[1]);
	if (m->before.pid)
		close(m->before.resume);
	if (read(ends[0], &m->input_state, sizeof(m->input_state)) !=
	    sizeof(m->input_state))
		_exit(0);
	close(ends[0]);
	m->back = 0;
	m->before.pid = 0;
	m->returned = true;
	if (crr_seek(m->tty, &position))
		finish(m, strerror(errno), EXIT_OWN);
	return snapshot;
}

/* The rest of the run, from the last input on, is that process's. */
static void go_back(struct machine *m)
{
	int status = 0;

	if (!m->before.pid) {
		finish(m, "no-input", EXIT_OWN);
		return;
	}
	fprintf(stderr,
		"crr-simavr: at cycle %" PRIu64 ", back to the input at %" PRIu64
		"\n",
		m->avr->cycle, m->input_cycle);
	if (write(m->before.resume, &m->input_state, sizeof(m->input_state)) < 0)
		exit(EXIT_OWN);
	waitpid(m->before.pid, &status, 0);
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_OWN);
}

/* Input has come: is it what we have gone back to? */
static void note_input(struct machine *m)
{
	uint64_t state = mix(m->trace, memory_hash(m));

	if (!m->returned) {
		m->input_cycle = m->avr->cycle;
		m->input_state = state;
		return;
	}
	fprintf(stderr, "crr-simavr: at cycle %" PRIu64 " again, %s state\n",
		m->avr->cycle,
		state == m->input_state ? "in the same" : "but in another");
	m->returned = false;
	if (state != m->input_state)
		finish(m, "another-state", EXIT_OWN);
}

/* ---- crr ---------------------------------------------------------------- */

static size_t line_result(struct machine *m, ssize_t n)
{
	if (n > 0)
		return (size_t)n;
	if (n && errno == ENODATA)
		finish(m, "log-ended", EXIT_SUCCESS);
	else if (n && errno == ENOTRECOVERABLE)
		finish(m, "diverged", EXIT_DIVERGED);
	else if (!n || errno == EIO)
		finish(m, "line-gone", EXIT_LINE);
	else if (errno != EAGAIN) /* else the next poll tries again */
		finish(m, strerror(errno), EXIT_OWN);
	return 0;
}

static size_t line_read(struct machine *m)
{
	struct snapshot snapshot = { 0 };
	size_t n;

	if (!crr_clock_due(m->clock, m->avr->cycle))
		return 0;
	if (m->back)
		snapshot = snapshot_take(m);
	n = line_result(m, crr_tty_read(m->tty, m->in, sizeof(m->in)));
	if (n && (m->back || m->returned)) {
		note_input(m);
		snapshot_drop(&m->before);
		m->before = snapshot;
	} else {
		snapshot_drop(&snapshot);
	}
	return n;
}

static size_t line_write(struct machine *m)
{
	crr_clock_set(m->clock, m->avr->cycle);
	return line_result(m, crr_tty_write(m->tty, m->out, m->out_length));
}

/* ---- Without a line: bytes from a file, to standard output -------------- */

static void inject_next(struct machine *m)
{
	if (fscanf(m->inject, "%" SCNu64 " %2" SCNx8, &m->inject_cycle,
		   &m->inject_byte) != 2)
		m->inject_cycle = UINT64_MAX;
}

static size_t inject_read(struct machine *m)
{
	if (m->inject_cycle > m->avr->cycle)
		return 0;
	m->in[0] = m->inject_byte;
	inject_next(m);
	return 1;
}

static size_t inject_write(struct machine *m)
{
	size_t i;

	for (i = 0; i < m->out_length; i++)
		printf("%" PRIu64 " %02x\n", m->avr->cycle, m->out[i]);
	return i;
}

/* ---- The UART ----------------------------------------------------------- */

static void flush(struct machine *m)
{
	size_t n;

	if (!m->out_length || m->end)
		return;
	n = m->tty ? line_write(m) : inject_write(m);
	m->bytes_out += n;
	m->out_length -= n;
	memmove(m->out, m->out + n, m->out_length);
}

static void on_output(avr_irq_t *irq, uint32_t byte, void *param)
{
	struct machine *m = param;

	if (m->out_length == sizeof(m->out)) {
		m->lost++;
		return;
	}
	m->out[m->out_length++] = (uint8_t)byte;
	/* What could not be written at once waits for the next poll. */
	if (m->out_length == 1)
		flush(m);
}

static void on_xoff(avr_irq_t *irq, uint32_t value, void *param)
{
	((struct machine *)param)->stopped = value;
}

static void on_xon(avr_irq_t *irq, uint32_t value, void *param)
{
	((struct machine *)param)->stopped = false;
}

/* By simavr, every so many cycles; the same ones in each run. */
static avr_cycle_count_t on_poll(avr_t *avr, avr_cycle_count_t when,
				 void *param)
{
	struct machine *m = param;

	flush(m);
	while (!m->stopped && !m->end) {
		if (m->in_done == m->in_length) {
			m->in_done = 0;
			m->in_length = m->tty ? line_read(m) : inject_read(m);
			m->bytes_in += m->in_length;
		}
		if (!m->in_length)
			break;
		avr_raise_irq(m->uart + UART_IRQ_INPUT, m->in[m->in_done++]);
	}
	return when + m->poll;
}

/* ---- The AVR ------------------------------------------------------------ */

static void logger(avr_t *avr, const int level, const char *format, va_list ap)
{
	if (level <= LOG_ERROR)
		vfprintf(stderr, format, ap);
}

/* An AVR that sleeps passes the time in no time. */
static void no_sleep(avr_t *avr, avr_cycle_count_t cycles)
{
}

static void machine_init(struct machine *m, const char *path)
{
	elf_firmware_t firmware = { 0 };
	uint32_t flags;

	avr_global_logger_set(logger);
	if (elf_read_firmware(path, &firmware))
		exit(EXIT_OWN);
	m->avr = avr_make_mcu_by_name(firmware.mmcu);
	if (!m->avr) {
		fprintf(stderr, "%s: does not say which AVR it is for\n", path);
		exit(EXIT_OWN);
	}
	avr_init(m->avr);
	avr_load_firmware(m->avr, &firmware);
	m->avr->sleep = no_sleep;
	/* avr_run() shall run one instruction at a time, if each is traced. */
	m->avr->run_cycle_limit = m->untraced ? RUN_CYCLES : 1;

	m->uart = avr_io_getirq(m->avr, AVR_IOCTL_UART_GETIRQ('0'), 0);
	if (!m->uart) {
		fprintf(stderr, "%s: no UART 0\n", m->avr->mmcu);
		exit(EXIT_OWN);
	}
	avr_ioctl(m->avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
	flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POLL_SLEEP);
	avr_ioctl(m->avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
	avr_irq_register_notify(m->uart + UART_IRQ_OUTPUT, on_output, m);
	avr_irq_register_notify(m->uart + UART_IRQ_OUT_XOFF, on_xoff, m);
	avr_irq_register_notify(m->uart + UART_IRQ_OUT_XON, on_xon, m);
	m->stopped = true; /* until the firmware enables it */
	avr_cycle_timer_register(m->avr, m->poll, on_poll, m);
}

/* ---- Real time ---------------------------------------------------------- */

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/*
 * Wait until real time has come to this cycle; but in a replay there is nobody
 * to wait for.
 */
static void keep_pace(struct machine *m)
{
	uint64_t cycle = m->avr->cycle;
	struct timespec ts;
	int64_t due;

	if (m->pace == PACE_FAST ||
	    (m->pace == PACE_AUTO && crr_tty_attached(m->tty) &&
	     crr_clock_next_due(m->clock) != CRR_NEVER)) {
		m->epoch = 0;
		return;
	}
	due = m->epoch + (int64_t)((double)(cycle - m->epoch_cycle) * SECOND /
				   m->avr->frequency);
	if (!m->epoch || now() - due > LATE_MAX) {
		m->epoch = now();
		m->epoch_cycle = cycle;
		return;
	}
	ts.tv_sec = due / SECOND;
	ts.tv_nsec = due % SECOND;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void run(struct machine *m)
{
	avr_t *avr = m->avr;
	int state;

	while (!m->end) {
		if (!m->untraced) {
			m->trace = mix(mix(m->trace, avr->pc), avr->cycle);
			m->steps++;
		}
		state = avr_run(avr);
		if (state == cpu_Done)
			finish(m, "switched-off", EXIT_SUCCESS);
		else if (state == cpu_Crashed)
			finish(m, "crashed", EXIT_CRASHED);
		if (m->back && avr->cycle >= m->back)
			go_back(m);
		if (avr->cycle < m->slice)
			continue;
		if (avr->cycle >= m->limit)
			finish(m, "limit", EXIT_SUCCESS);
		keep_pace(m);
		m->slice = avr->cycle + avr->frequency / SLICES;
		if (m->slice > m->limit)
			m->slice = m->limit;
	}
}

/* First what is the same in each replay, then what is not. */
static void report(struct machine *m, FILE *to, int64_t took)
{
	double seconds = (double)took / SECOND;
	avr_t *avr = m->avr;
	unsigned int i;

	fprintf(to, "end=%s\n", m->end);
	fprintf(to, "cycle=%" PRIu64 "\n", avr->cycle);
	fprintf(to, "steps=%" PRIu64 "\n", m->steps);
	fprintf(to, "trace=%016" PRIx64 "\n", m->trace);
	fprintf(to, "pc=%04x\n", avr->pc);
	fprintf(to, "sreg=");
	for (i = 8; i--;)
		fputc(avr->sreg[i] ? "CZNVSHTI"[i] : '-', to);
	fprintf(to, "\nregisters=");
	for (i = 0; i < 32; i++)
		fprintf(to, "%02x", avr->data[i]);
	fprintf(to, "\nmemory=%016" PRIx64 "\n", memory_hash(m));
	fprintf(to, "bytes_in=%" PRIu64 "\n", m->bytes_in);
	fprintf(to, "bytes_out=%" PRIu64 "\n", m->bytes_out);
	fprintf(to, "bytes_unwritten=%" PRIu64 "\n", m->lost + m->out_length);
	fprintf(to, "seconds=%.3f\n", seconds);
	fprintf(to, "mhz=%.3f\n", (double)avr->cycle / seconds / 1e6);
}

static const char help[] =
	"Usage: crr-simavr [OPTION]... --firmware ELF TTY\n"
	"\n"
	"Simulate an AVR with its UART 0 at TTY, recorded or replayed by crr if\n"
	"TTY has the line discipline N_CRR.\n"
	"\n"
	"  -f, --firmware ELF  what it runs; built with simavr's AVR_MCU()\n"
	"  -p, --poll CYCLES   how often the line is looked at (default 997);\n"
	"                      the same in a replay as in the recording\n"
	"  -c, --cycles COUNT  end after so many\n"
	"  -r, --report FILE   what to tell at the end (default: standard error)\n"
	"      --fast          do not wait for real time\n"
	"      --no-trace      no hash over what is executed when: faster\n"
	"      --paced         do, even in a replay\n"
	"  -b, --back CYCLE    in a replay: from there, go back to the last input\n"
	"                      before it, once, and on to the end\n"
	"  -i, --inject FILE   instead of TTY: lines \"CYCLE BYTE\", BYTE in\n"
	"                      hexadecimal; the output likewise, to standard output\n"
	"  -h, --help          this\n"
	"\n"
	"Exit status: 0 if the AVR was switched off, at --cycles, and at the end of\n"
	"the log; 1 for an error, 2 for wrong usage, 3 if a replay has diverged from\n"
	"its log, 4 if the line is gone, 5 if the AVR crashed.\n";

static const struct option options[] = {
	{ "firmware", required_argument, NULL, 'f' },
	{ "poll", required_argument, NULL, 'p' },
	{ "cycles", required_argument, NULL, 'c' },
	{ "report", required_argument, NULL, 'r' },
	{ "fast", no_argument, NULL, 'F' },
	{ "no-trace", no_argument, NULL, 'n' },
	{ "paced", no_argument, NULL, 'P' },
	{ "back", required_argument, NULL, 'b' },
	{ "inject", required_argument, NULL, 'i' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (n && !*end && *text != '-')
		return n;
	fprintf(stderr, "crr-simavr: not a number of cycles: %s\n", text);
	exit(EXIT_USAGE);
}

static FILE *open_file(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);

	if (file)
		return file;
	fprintf(stderr, "crr-simavr: %s: %s\n", path, strerror(errno));
	exit(EXIT_OWN);
}

int main(int argc, char **argv)
{
	static struct machine m = { .poll = POLL_CYCLES, .limit = UINT64_MAX };
	const char *firmware = NULL;
	FILE *to = stderr;
	int64_t begun;
	int c;

	while ((c = getopt_long(argc, argv, "f:p:c:r:b:i:h", options, NULL)) !=
	       -1) {
		switch (c) {
		case 'f':
			firmware = optarg;
			break;
		case 'p':
			m.poll = number(optarg);
			break;
		case 'c':
			m.limit = number(optarg);
			break;
		case 'r':
			to = open_file(optarg, "w");
			break;
		case 'F':
			m.pace = PACE_FAST;
			break;
		case 'n':
			m.untraced = true;
			break;
		case 'P':
			m.pace = PACE_REAL;
			break;
		case 'b':
			m.back = number(optarg);
			break;
		case 'i':
			m.inject = open_file(optarg, "r");
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		default:
			fprintf(stderr, "Try crr-simavr --help.\n");
			return EXIT_USAGE;
		}
	}
	if (!firmware || argc - optind != !m.inject || (m.inject && m.back)) {
		fprintf(stderr,
			"One firmware and one TTY: crr-simavr --help\n");
		return EXIT_USAGE;
	}
	machine_init(&m, firmware);
	if (m.inject) {
		inject_next(&m);
		m.pace = PACE_FAST;
	} else {
		m.tty = crr_tty_open(argv[optind], CRR_TTY_RAW);
		if (!m.tty) {
			fprintf(stderr, "crr-simavr: %s: %s\n", argv[optind],
				strerror(errno));
			return EXIT_OWN;
		}
		m.clock = crr_tty_clock(m.tty);
	}

	begun = now();
	run(&m);
	report(&m, to, now() - begun);
	fclose(to);
	crr_tty_close(m.tty);
	return m.status;
}
