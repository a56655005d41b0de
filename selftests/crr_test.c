// SPDX-License-Identifier: GPL-2.0-only
/*
 * What crr's tests share.
 */
#include <endian.h>
#include <linux/capability.h>
#include <linux/serial.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sysmacros.h>

#include "crr_test.h"

/* ---- Waiting ---- */

long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Between two looks at something: let others run. */
void breathe(void)
{
	struct timespec ts = { .tv_nsec = 500000 };

	nanosleep(&ts, NULL);
}

/* ---- Chance ---- */

__u64 draw(struct rng *rng)
{
	__u64 z = rng->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

unsigned int below(struct rng *rng, unsigned int n)
{
	return draw(rng) % n;
}

bool chance(struct rng *rng, unsigned int percent)
{
	return below(rng, 100) < percent;
}

/* ---- Rights ---- */

/* Memory of callers with CAP_IPC_LOCK is not counted. */
bool set_ipc_lock(bool on)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	if (on)
		data[0].effective |= 1U << CAP_IPC_LOCK;
	else
		data[0].effective &= ~(1U << CAP_IPC_LOCK);
	return !syscall(SYS_capset, &header, data);
}

/* ---- Lines ---- */

static int find_discipline(void)
{
	FILE *file = fopen("/proc/tty/ldiscs", "r");
	int number, found = -1;
	char name[32];

	if (!file)
		return -1;
	while (fscanf(file, "%31s %d", name, &number) == 2)
		if (!strcmp(name, "n_crr"))
			found = number;
	fclose(file);
	return found;
}

/* The number of N_CRR in this kernel, or -1. */
int crr_discipline(void)
{
	static int number = -1;

	if (number < 0)
		number = find_discipline();
	if (number < 0 && !system("modprobe n_crr 2>/dev/null"))
		number = find_discipline();
	return number;
}

/* Why nothing can be tested here; NULL if it can. */
const char *crr_unavailable(void)
{
	if (geteuid())
		return "needs root";
	if (crr_discipline() < 0)
		return "no line discipline n_crr";
	return NULL;
}

bool user_mode_linux(void)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	bool is = false;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		is = is || strstr(line, "User Mode Linux");
	if (file)
		fclose(file);
	return is;
}

/* A number from the environment. */
long env_number(const char *name, long otherwise)
{
	const char *value = getenv(name);

	return value ? strtol(value, NULL, 0) : otherwise;
}

int set_raw(int fd, int vmin, int vtime)
{
	struct termios termios;

	if (tcgetattr(fd, &termios))
		return -errno;
	cfmakeraw(&termios);
	termios.c_cflag |= CLOCAL | CREAD;
	termios.c_cflag &= ~CRTSCTS;
	termios.c_cc[VMIN] = vmin;
	termios.c_cc[VTIME] = vtime;
	cfsetspeed(&termios, B115200);
	return sys(tcsetattr(fd, TCSANOW, &termios));
}

int set_discipline(int fd, int discipline)
{
	return sys(ioctl(fd, TIOCSETD, &discipline));
}

int attach(int fd)
{
	return set_discipline(fd, crr_discipline());
}

int detach(int fd)
{
	return set_discipline(fd, 0);
}

/* Set or clear O_NONBLOCK and the like. */
int set_flags(int fd, int flags, bool on)
{
	int now = fcntl(fd, F_GETFL);

	if (now < 0)
		return -errno;
	return sys(fcntl(fd, F_SETFL, on ? now | flags : now & ~flags));
}

static void no_line(struct line *line)
{
	*line = (struct line){
		.tty = -1, .peer = -1, .session = -1, .clock = -1,
	};
}

int open_pty(struct line *line)
{
	int unlock = 0;
	int ret;

	no_line(line);
	line->peer = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (line->peer < 0 || ioctl(line->peer, TIOCSPTLCK, &unlock))
		return -errno;
	ret = ptsname_r(line->peer, line->name, sizeof(line->name));
	if (ret)
		return -ret;
	line->tty = open(line->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (line->tty < 0)
		return -errno;
	return set_raw(line->tty, 1, 0);
}

/* Who closes a port with output that nobody takes waits for half a minute. */
static void close_at_once(int fd)
{
	struct serial_struct serial;

	if (ioctl(fd, TIOCGSERIAL, &serial))
		return;
	serial.closing_wait = ASYNC_CLOSING_WAIT_NONE;
	ioctl(fd, TIOCSSERIAL, &serial);
}

static int open_port(const char *name)
{
	/* Not to wait for a carrier. */
	int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	close_at_once(fd);
	ret = set_raw(fd, 1, 0);
	if (!ret)
		ret = set_flags(fd, O_NONBLOCK, false);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

/* Has this text come, after whatever came before it? */
static bool has_come(int fd, const char *text, size_t *matched)
{
	char c;

	while (text[*matched] && polled(fd, POLLIN) & POLLIN &&
	       read(fd, &c, 1) == 1)
		*matched = c == text[*matched] ? *matched + 1 : c == text[0];
	return !text[*matched];
}

/*
 * What others have sent, who were killed perhaps, may be under way, where no
 * flush finds it: send something that comes after it. Its first letter comes once.
 */
static int clear_way(int from, int to)
{
	const char *text = "begin\n";
	size_t matched = 0;

	if (send_all(from, text, strlen(text)) ||
	    !eventually(has_come(to, text, &matched)))
		return -EIO;
	return 0;
}

int open_serial(struct line *line, const char *tty, const char *peer)
{
	int ret;

	no_line(line);
	snprintf(line->name, sizeof(line->name), "%s", tty);
	line->tty = open_port(tty);
	if (line->tty < 0)
		return line->tty;
	line->peer = open_port(peer);
	if (line->peer < 0)
		return line->peer;
	tcflush(line->peer, TCIOFLUSH);
	tcflush(line->tty, TCIOFLUSH);
	ret = clear_way(line->peer, line->tty);
	return ret ?: clear_way(line->tty, line->peer);
}

/* A pty whose tty is attached, and has a session. */
int open_line(struct line *line)
{
	int ret = open_pty(line);

	if (!ret)
		ret = attach(line->tty);
	if (ret)
		return ret;
	line->session = open_session(line->tty);
	return line->session < 0 ? line->session : 0;
}

void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void close_line(struct line *line)
{
	close_clock(line);
	close_fd(&line->session);
	close_fd(&line->tty);
	close_fd(&line->peer);
}

/* Hang up a tty, as its next user's login would. */
int hang_up(const char *name)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		/* The hangup signals the session's leader. */
		signal(SIGHUP, SIG_IGN);
		setsid();
		_exit(open(name, O_RDWR | O_NONBLOCK) < 0 || vhangup());
	}
	if (waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

/* FIONREAD */
int arrived(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) ? -errno : n;
}

/* TIOCOUTQ */
int unsent(int fd)
{
	int n = -1;

	return ioctl(fd, TIOCOUTQ, &n) ? -errno : n;
}

/*
 * Send, and see that it has come to the tty: without asking FIONREAD, which is
 * one of the queries that are recorded.
 */
bool deliver(const struct line *line, const void *bytes, size_t length)
{
	__u64 before = status(line->tty).received;

	return !send_all(line->peer, bytes, length) &&
	       eventually(status(line->tty).received - before == length);
}

/* ---- Ioctls ---- */

int open_session(int tty)
{
	struct crr_session_fd arg = { .size = sizeof(arg), .tty_fd = tty };
	int ret;

	if (ioctl(tty, CRR_IOC_SESSION, &arg))
		return -errno;
	ret = set_flags(arg.session_fd, O_NONBLOCK, true);
	return ret ?: arg.session_fd;
}

/* Returns the number of the tty's stream. */
int join(int tty, int session)
{
	struct crr_join arg = {
		.size = sizeof(arg), .tty_fd = tty, .session_fd = session,
	};

	return ioctl(tty, CRR_IOC_JOIN, &arg) ? -errno : (int)arg.stream;
}

int open_clock(int tty)
{
	struct crr_clock_fd arg = { .size = sizeof(arg), .tty_fd = tty };

	return ioctl(tty, CRR_IOC_CLOCK, &arg) ? -errno : arg.clock_fd;
}

/* Give the line a clock, and map it. */
int map_clock(struct line *line)
{
	size_t page = sysconf(_SC_PAGESIZE);

	line->clock = open_clock(line->tty);
	if (line->clock < 0)
		return line->clock;
	line->page = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED,
			  line->clock, CRR_CLOCK_COUNTER_OFFSET);
	line->state = mmap(NULL, page, PROT_READ, MAP_SHARED, line->clock,
			   CRR_CLOCK_STATE_OFFSET);
	if (line->page == MAP_FAILED || line->state == MAP_FAILED)
		return -ENOMEM;
	line->counter = &line->page->counter;
	return 0;
}

void unmap_clock(struct line *line)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (line->page && line->page != MAP_FAILED)
		munmap(line->page, page);
	if (line->state && line->state != MAP_FAILED)
		munmap((void *)line->state, page);
	line->page = NULL;
	line->counter = NULL;
	line->state = NULL;
}

void close_clock(struct line *line)
{
	unmap_clock(line);
	close_fd(&line->clock);
}

/* Of a tty or a clock. */
int count(int fd, __u64 counter)
{
	struct crr_counter arg = {
		.size = sizeof(arg), .tty_fd = fd, .counter = counter,
	};

	return sys(ioctl(fd, CRR_IOC_COUNTER, &arg));
}

int record_into(int session, __u32 flags, __u64 buffer_size)
{
	struct crr_record_start arg = {
		.size = sizeof(arg),
		.flags = flags,
		.buffer_size = buffer_size,
	};

	return sys(ioctl(session, CRR_IOC_RECORD, &arg));
}

int record(int session, __u32 flags)
{
	return record_into(session, flags, 0);
}

int replay_from(int session, __u32 flags, __u64 buffer_size)
{
	struct crr_replay_start arg = {
		.size = sizeof(arg),
		.flags = flags,
		.buffer_size = buffer_size,
	};

	return sys(ioctl(session, CRR_IOC_REPLAY, &arg));
}

int replay(int session, __u32 flags)
{
	return replay_from(session, flags, 0);
}

int replay_live(int session, __u32 flags, __u32 record_flags)
{
	struct crr_replay_start arg = {
		.size = sizeof(arg),
		.flags = flags | CRR_REPLAY_LIVE,
		.record_flags = record_flags,
	};

	return sys(ioctl(session, CRR_IOC_REPLAY, &arg));
}

int seek(int tty, __u64 sequence, __u64 counter)
{
	struct crr_seek arg = {
		.size = sizeof(arg), .tty_fd = tty, .sequence = sequence,
		.counter = counter,
	};

	return sys(ioctl(tty, CRR_IOC_SEEK, &arg));
}

int seek_ack(int session, __u32 generation, __u64 sequence)
{
	struct crr_seek_ack arg = {
		.size = sizeof(arg), .generation = generation,
		.sequence = sequence,
	};

	return sys(ioctl(session, CRR_IOC_SEEK_ACK, &arg));
}

int stop(int session)
{
	struct crr_stop arg = { .size = sizeof(arg) };

	return sys(ioctl(session, CRR_IOC_STOP, &arg));
}

/* Of anything that has one; a state that does not exist if it has none. */
struct crr_status status(int fd)
{
	struct crr_status arg = { .size = sizeof(arg), .tty_fd = fd };

	if (ioctl(fd, CRR_IOC_STATUS, &arg))
		arg.state = -1;
	return arg;
}

/* The modem lines; the whole answer, if it is wanted. */
int modem(int tty, struct crr_modem *answer)
{
	struct crr_modem arg = { .size = sizeof(arg), .tty_fd = tty };
	int ret = sys(ioctl(tty, CRR_IOC_MODEM, &arg));

	if (answer)
		*answer = arg;
	return ret ?: (int)arg.lines;
}

int mark(int tty, const char *label)
{
	struct crr_mark arg = {
		.size = sizeof(arg), .tty_fd = tty, .length = strlen(label),
	};

	memcpy(arg.label, label, arg.length);
	return sys(ioctl(tty, CRR_IOC_MARK, &arg));
}

/* A value: its kind, number and uses; out: the answer. */
int renew(int tty, struct crr_value *value)
{
	value->size = sizeof(*value);
	value->tty_fd = tty;
	return sys(ioctl(tty, CRR_IOC_VALUE, value));
}

int divergence(int session, struct crr_divergence *div)
{
	*div = (struct crr_divergence){ .size = sizeof(*div) };
	return sys(ioctl(session, CRR_IOC_DIVERGENCE, div));
}

/* What /proc/self/fdinfo has under that name. False: no such line. */
bool fdinfo(int fd, const char *name, char *value, size_t room)
{
	size_t length = strlen(name);
	char path[64], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, length) || strncmp(line + length, ":\t", 2))
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(value, room, "%s", line + length + 2);
		found = true;
	}
	if (file)
		fclose(file);
	return found;
}

/* ---- Logs ---- */

/* CRC32C: reflected, polynomial 0x1edc6f41, all ones before and after. */
static __u32 crc_table[256];

static void fill_crc_table(void)
{
	for (unsigned int i = 0; i < 256; i++) {
		__u32 r = i;

		for (int bit = 0; bit < 8; bit++)
			r = r & 1 ? r >> 1 ^ 0x82f63b78 : r >> 1;
		crc_table[i] = r;
	}
}

__u32 crc32c(const void *data, size_t length)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const __u8 *p = data;
	__u32 crc = ~0U;

	pthread_once(&once, fill_crc_table);
	while (length--)
		crc = crc >> 8 ^ crc_table[(crc ^ *p++) & 0xff];
	return ~crc;
}

void log_free(struct log *log)
{
	free(log->bytes);
	*log = (struct log){};
}

void log_append(struct log *log, const void *bytes, size_t length)
{
	if (log->length + length > log->room) {
		log->room = 2 * (log->length + length);
		log->bytes = realloc(log->bytes, log->room);
		if (!log->bytes)
			abort();
	}
	memcpy(log->bytes + log->length, bytes, length);
	log->length += length;
}

static void put16(__u8 *to, __u16 value)
{
	value = htole16(value);
	memcpy(to, &value, sizeof(value));
}

static void put32(__u8 *to, __u32 value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

static void put64(__u8 *to, __u64 value)
{
	value = htole64(value);
	memcpy(to, &value, sizeof(value));
}

static __u16 get16(const __u8 *from)
{
	__u16 value;

	memcpy(&value, from, sizeof(value));
	return le16toh(value);
}

static __u32 get32(const __u8 *from)
{
	__u32 value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

static __u64 get64(const __u8 *from)
{
	__u64 value;

	memcpy(&value, from, sizeof(value));
	return le64toh(value);
}

/* Where members lie, as the uapi header has them. */
enum {
	HEADER = 24,
	IN = 8,
	ERROR_LENGTH = 16,
	WRITE_LENGTH = 24,
	END_LENGTH = 24,
	QUERY_LENGTH = 16,
	MODEM_LENGTH = 64,
	MARK_LENGTH = 8,
	VALUE_LENGTH = 32,
	TIME_LENGTH = 8,
	STREAM_LENGTH = 24,
};

static size_t fixed_length(unsigned int type)
{
	switch (type) {
	case CRR_TYPE_STREAM:
	case CRR_TYPE_TERMIOS:
		return STREAM_LENGTH;
	case CRR_TYPE_READ:
	case CRR_TYPE_EOF:
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
		return IN;
	case CRR_TYPE_READ_ERROR:
		return ERROR_LENGTH;
	case CRR_TYPE_WRITE:
		return WRITE_LENGTH;
	case CRR_TYPE_STREAM_END:
		return END_LENGTH;
	case CRR_TYPE_INQ:
	case CRR_TYPE_OUTQ:
		return QUERY_LENGTH;
	case CRR_TYPE_MODEM:
		return MODEM_LENGTH;
	case CRR_TYPE_MARK:
		return MARK_LENGTH;
	case CRR_TYPE_VALUE:
		return VALUE_LENGTH;
	case CRR_TYPE_TIME:
		return TIME_LENGTH;
	default:
		return 0;
	}
}

static size_t padded(size_t length)
{
	return (length + 7) / 8 * 8;
}

/*
 * Add a record. It gets the next sequence number, and WRITE its CRC; all else
 * is the caller's, right or wrong.
 */
void log_put(struct log *log, struct record record)
{
	size_t fixed = fixed_length(record.type);
	size_t length = record.data ? record.length : 0;
	__u8 bytes[HEADER + 65536 + 8] = { 0 };
	__u8 *p = bytes + HEADER;

	if (record.type == CRR_TYPE_WRITE && !(record.flags & CRR_FLAG_CAPTURED))
		length = 0;
	put16(bytes, record.type);
	put16(bytes + 2, record.flags);
	put16(bytes + 4, record.stream);
	put16(bytes + 6, fixed + length);
	put64(bytes + 8, log->sequence);
	put64(bytes + 16, record.counter);
	switch (record.type) {
	case CRR_TYPE_STREAM:
	case CRR_TYPE_TERMIOS:
		memcpy(p, &record.termios, STREAM_LENGTH);
		break;
	case CRR_TYPE_MODEM:
		put64(p, record.refused);
		for (int i = 0; i < MODEM_LENGTH / 4 - 2; i++)
			put32(p + 8 + 4 * i, record.modem[i]);
		break;
	case CRR_TYPE_OUTQ:
	case CRR_TYPE_MARK:
		put64(p, record.refused);
		if (record.type == CRR_TYPE_OUTQ)
			put32(p + 8, record.value);
		break;
	case CRR_TYPE_VALUE:
		put64(p, record.refused);
		put64(p + 8, record.number);
		put64(p + 16, record.uses);
		put32(p + 24, record.kind);
		break;
	case CRR_TYPE_INQ:
		put64(p, record.empty_reads);
		put32(p + 8, record.value);
		break;
	case CRR_TYPE_WRITE:
		put64(p, record.refused);
		put32(p + 8, record.requested);
		put32(p + 12, record.result);
		put32(p + 16, record.offset);
		put32(p + 20, record.data ? crc32c(record.data, record.length) :
					    record.crc);
		break;
	case CRR_TYPE_READ_ERROR:
		put64(p, record.empty_reads);
		put32(p + 8, record.error);
		break;
	case CRR_TYPE_STREAM_END:
		put64(p, record.empty_reads);
		put64(p + 8, record.refused);
		put32(p + 16, record.reason);
		break;
	default:
		if (fixed)
			put64(p, record.empty_reads);
		break;
	}
	if (length)
		memcpy(p + fixed, record.data, length);
	log_append(log, bytes, HEADER + padded(fixed + length));
	log->counter = record.counter;
	if (!(record.type & CRR_TYPE_OPTIONAL))
		log->sequence++;
}

void log_begin(struct log *log)
{
	log_free(log);
	log_add(log, STREAM, .data = "test", .length = 4);
}

void log_read(struct log *log, __u64 counter, __u64 empty_reads,
	      const void *data, size_t length)
{
	log_add(log, READ, .counter = counter, .empty_reads = empty_reads,
		.data = data, .length = length);
}

void log_write(struct log *log, __u64 counter, int result,
	       const void *data, size_t length, unsigned int flags)
{
	log_add(log, WRITE, .flags = flags, .counter = counter,
		.requested = length, .result = result,
		.offset = result > 0 ? result : 0,
		.data = data, .length = length);
}

/* The end, as STOP makes it. */
void log_finish(struct log *log, __u64 counter, __u64 empty_reads)
{
	log_add(log, STREAM_END, .counter = counter, .empty_reads = empty_reads,
		.reason = CRR_END_STOP);
	log_add(log, END, .counter = counter);
}

/*
 * The record after this one; all zero before the first. False at the end, or
 * where no whole record follows.
 */
bool log_next(const struct log *log, struct record *record)
{
	size_t at = record->at + record->size;
	const __u8 *p = log->bytes + at;
	size_t length, fixed;

	if (log->length - at < HEADER)
		return false;
	length = get16(p + 6);
	*record = (struct record){
		.type = get16(p),
		.flags = get16(p + 2),
		.stream = get16(p + 4),
		.sequence = get64(p + 8),
		.counter = get64(p + 16),
		.at = at,
		.size = HEADER + padded(length),
	};
	fixed = fixed_length(record->type);
	if (log->length - at < record->size || length < fixed)
		return false;
	p += HEADER;
	switch (record->type) {
	case CRR_TYPE_MODEM:
		record->refused = get64(p);
		for (int i = 0; i < MODEM_LENGTH / 4 - 2; i++)
			record->modem[i] = get32(p + 8 + 4 * i);
		break;
	case CRR_TYPE_OUTQ:
	case CRR_TYPE_MARK:
		record->refused = get64(p);
		if (record->type == CRR_TYPE_OUTQ)
			record->value = get32(p + 8);
		break;
	case CRR_TYPE_VALUE:
		record->refused = get64(p);
		record->number = get64(p + 8);
		record->uses = get64(p + 16);
		record->kind = get32(p + 24);
		break;
	case CRR_TYPE_INQ:
		record->empty_reads = get64(p);
		record->value = get32(p + 8);
		break;
	case CRR_TYPE_STREAM:
	case CRR_TYPE_TERMIOS:
		record->termios = (struct crr_record_termios){
			.iflag = get32(p),
			.oflag = get32(p + 4),
			.cflag = get32(p + 8),
			.lflag = get32(p + 12),
			.ispeed = get32(p + 16),
			.ospeed = get32(p + 20),
		};
		break;
	case CRR_TYPE_WRITE:
		record->refused = get64(p);
		record->requested = get32(p + 8);
		record->result = (__s32)get32(p + 12);
		record->offset = get32(p + 16);
		record->crc = get32(p + 20);
		break;
	case CRR_TYPE_READ_ERROR:
		record->empty_reads = get64(p);
		record->error = get32(p + 8);
		break;
	case CRR_TYPE_STREAM_END:
		record->empty_reads = get64(p);
		record->refused = get64(p + 8);
		record->reason = get32(p + 16);
		break;
	default:
		if (fixed)
			record->empty_reads = get64(p);
		break;
	}
	record->data = p + fixed;
	record->length = length - fixed;
	return true;
}

/* The nth record of a type, from 0 on. */
bool log_get(const struct log *log, unsigned int type, unsigned int nth,
	     struct record *record)
{
	*record = (struct record){};
	while (log_next(log, record))
		if (record->type == type && !nth--)
			return true;
	return false;
}

unsigned int log_count(const struct log *log, unsigned int type)
{
	struct record record = {};
	unsigned int n = 0;

	while (log_next(log, &record))
		n += record.type == type;
	return n;
}

/* All bytes that reads delivered; returns how many. */
size_t log_bytes_in(const struct log *log, void *to, size_t room)
{
	struct record record = {};
	size_t n = 0;

	while (log_next(log, &record)) {
		if (record.type != CRR_TYPE_READ)
			continue;
		if (n + record.length <= room)
			memcpy((char *)to + n, record.data, record.length);
		n += record.length;
	}
	return n;
}

static const char *write_fault(const struct record *record)
{
	bool captured = record->flags & CRR_FLAG_CAPTURED;

	if (record->flags & ~(CRR_FLAG_CUT | CRR_FLAG_CAPTURED |
			      CRR_FLAG_INTERRUPTED))
		return "unknown flags";
	if (!record->requested || record->requested > CRR_WRITE_MAX)
		return "impossible number of bytes requested";
	if (!record->result || record->result < -511 ||
	    (record->result > 0 && (__u32)record->result > record->requested))
		return "impossible result";
	if (record->offset != (record->result > 0 ? (__u32)record->result : 0))
		return "offset is not what was taken";
	if (record->result == -EINTR && !(record->flags & CRR_FLAG_CUT))
		return "interrupted, but not cut";
	if (record->length != (captured ? record->requested : 0))
		return "wrong number of bytes captured";
	if (captured && crc32c(record->data, record->length) != record->crc)
		return "wrong CRC";
	return NULL;
}

/* Does this type tell of writes that were refused before it? */
static bool bears_refused(unsigned int type)
{
	return type == CRR_TYPE_OUTQ || type == CRR_TYPE_MODEM ||
	       type == CRR_TYPE_MARK || type == CRR_TYPE_VALUE ||
	       type == CRR_TYPE_STREAM_END;
}

static const char *record_fault(const struct log *log,
				const struct record *record)
{
	const __u8 *p = log->bytes + record->at;
	size_t length = HEADER + get16(p + 6);

	if (record->size > CRR_RECORD_SIZE_MAX)
		return "too large";
	for (; length < record->size; length++)
		if (p[length])
			return "padding is not zero";
	if (record->type != CRR_TYPE_WRITE &&
	    record->flags & ~(bears_refused(record->type) ?
			      CRR_FLAG_INTERRUPTED : 0))
		return "unknown flags";
	if (record->flags & CRR_FLAG_INTERRUPTED && !record->refused)
		return "interrupted, but not refused";
	switch (record->type) {
	case CRR_TYPE_STREAM:
		return !record->length || record->length > CRR_STREAM_NAME_MAX ?
		       "impossible name" : NULL;
	case CRR_TYPE_READ:
		return !record->length || record->length > CRR_READ_MAX ?
		       "impossible number of bytes" : NULL;
	case CRR_TYPE_WRITE:
		return write_fault(record);
	case CRR_TYPE_READ_ERROR:
		if (get32(p + HEADER + 12))
			return "reserved member is not zero";
		if (!record->error || record->error > 511)
			return "impossible errno";
		break;
	case CRR_TYPE_INQ:
	case CRR_TYPE_OUTQ:
		if (get32(p + HEADER + 12))
			return "reserved member is not zero";
		if (record->value > INT32_MAX ||
		    (!record->value && record->type == CRR_TYPE_INQ))
			return "impossible answer";
		break;
	case CRR_TYPE_MODEM:
		if (record->modem[0] > 511 ||
		    (record->modem[0] && (record->modem[1] || record->modem[2])))
			return "impossible error";
		break;
	case CRR_TYPE_MARK:
		return !record->length || record->length > CRR_MARK_MAX ?
		       "impossible label" : NULL;
	case CRR_TYPE_VALUE:
		if (get32(p + HEADER + 28))
			return "reserved member is not zero";
		break;
	case CRR_TYPE_STREAM_END:
		if (get32(p + HEADER + 20))
			return "reserved member is not zero";
		if (record->reason < CRR_END_STOP ||
		    record->reason > CRR_END_HANGUP)
			return "impossible reason";
		break;
	case CRR_TYPE_EOF:
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
	case CRR_TYPE_END:
	case CRR_TYPE_TERMIOS:
	case CRR_TYPE_TIME:
		break;
	default:
		return "unknown type";
	}
	return record->length ? "too long" : NULL;
}

/*
 * What is wrong with a log, or NULL. A whole one goes from its first record to
 * END.
 */
const char *log_fault(const struct log *log, bool whole)
{
	static char text[128];
	enum { NONE, OPEN, HUNG_UP, ENDED } part[MOST_STREAMS] = { NONE };
	struct record record = {};
	const char *fault = NULL;
	__u64 sequence = 0, counter = 0;
	unsigned int open = 0;
	bool over = false;

	while (!fault && log_next(log, &record)) {
		unsigned int n = record.stream;

		fault = record_fault(log, &record);
		if (fault)
			break;
		if (record.sequence != sequence)
			fault = "not the next sequence number";
		else if (record.counter < counter)
			fault = "the counter goes back";
		else if (n >= MOST_STREAMS)
			fault = "impossible stream";
		else if (over)
			fault = "after END";
		if (fault)
			break;
		counter = record.counter;
		if (record.type & CRR_TYPE_OPTIONAL)
			continue;
		sequence++;
		switch (record.type) {
		case CRR_TYPE_STREAM:
			fault = part[n] == NONE ? NULL : "STREAM once more";
			part[n] = OPEN;
			open++;
			break;
		case CRR_TYPE_STREAM_END:
			if (part[n] != OPEN && part[n] != HUNG_UP)
				fault = "ends, and is not open";
			else if ((part[n] == HUNG_UP) !=
				 (record.reason == CRR_END_HANGUP))
				fault = "ends for another reason";
			part[n] = ENDED;
			open--;
			break;
		case CRR_TYPE_END:
			fault = !open && part[0] == ENDED ? NULL :
							    "END too early";
			over = true;
			break;
		case CRR_TYPE_HANGUP:
			fault = part[n] == OPEN ? NULL : "hung up, not open";
			part[n] = HUNG_UP;
			break;
		default:
			fault = part[n] == OPEN ? NULL : "stream is not open";
			break;
		}
	}
	if (!fault && record.at + record.size != log->length)
		fault = "not whole";
	if (!fault && whole && !over)
		fault = "no END";
	if (!fault)
		return NULL;
	snprintf(text, sizeof(text),
		 "record %llu (type %u, stream %u, offset %zu): %s",
		 (unsigned long long)record.sequence, record.type,
		 record.stream, record.at, fault);
	return text;
}

void log_print(const struct log *log)
{
	struct record record = {};

	while (log_next(log, &record))
		fprintf(stderr,
			"#   %llu: stream %u type %u flags %x counter %llu empty_reads %llu refused %llu requested %u result %d error %u reason %u value %u length %zu\n",
			(unsigned long long)record.sequence, record.stream,
			record.type, record.flags, (unsigned long long)record.counter,
			(unsigned long long)record.empty_reads,
			(unsigned long long)record.refused, record.requested,
			record.result, record.error, record.reason,
			record.value, record.length);
}

/*
 * Read what there is to be read from a session. 0: there may be more to come;
 * 1: that was the end; or what read(2) said.
 */
int drain(int session, struct log *log)
{
	__u8 buf[128 << 10];

	for (;;) {
		ssize_t n = read(session, buf, sizeof(buf));

		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (!n)
			return 1;
		log_append(log, buf, n);
	}
}

/* The same, up to the end; 0, or what read(2) said. */
int drain_to_end(int session, struct log *log)
{
	long long until = now_ms() + PATIENCE_MS;
	int ret;

	do {
		ret = drain(session, log);
		if (ret)
			return ret == 1 ? 0 : ret;
		breathe();
	} while (now_ms() < until);
	return -ETIMEDOUT;
}

/* Write records to a session: 0, if all are taken. */
int feed(int session, const void *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(session, bytes, length);

		if (n < 0)
			return -errno;
		bytes = (const char *)bytes + n;
		length -= n;
	}
	return 0;
}

int feed_log(int session, const struct log *log)
{
	return feed(session, log->bytes, log->length);
}

/* ---- Gated delivery ---- */

int begin_checkpoint(int tty, __u64 counter, __u32 max_bytes)
{
	struct crr_checkpoint_begin arg = {
		.size = sizeof(arg),
		.tty_fd = tty,
		.max_bytes = max_bytes,
		.counter = counter,
	};

	return sys(ioctl(tty, CRR_IOC_CHECKPOINT_BEGIN, &arg));
}

/* Returns how much was consumed. */
int end_checkpoint(int tty)
{
	struct crr_checkpoint_end arg = { .size = sizeof(arg), .tty_fd = tty };

	return ioctl(tty, CRR_IOC_CHECKPOINT_END, &arg) ? -errno :
							  (int)arg.consumed;
}

/* ---- Calls that sleep ---- */

static void *run(void *arg)
{
	struct task *task = arg;
	struct pollfd pollfd = { .fd = task->fd, .events = task->events };

	task->tid = syscall(SYS_gettid);
	switch (task->call) {
	case CALL_READ:
		task->result = sys(read(task->fd, task->buf, task->length));
		break;
	case CALL_WRITE:
		task->result = sys(write(task->fd, task->buf, task->length));
		break;
	case CALL_POLL:
		task->result = sys(poll(&pollfd, 1, task->timeout));
		task->revents = pollfd.revents;
		break;
	case CALL_COUNT:
		task->result = count(task->fd, task->counter);
		break;
	case CALL_SEEK:
		task->result = seek(task->fd, task->length, task->counter);
		break;
	case CALL_DETACH:
		task->result = detach(task->fd);
		break;
	case CALL_CHECKPOINT_BEGIN:
		task->result = begin_checkpoint(task->fd, task->counter,
						task->length);
		break;
	case CALL_CHECKPOINT_END:
		task->result = end_checkpoint(task->fd);
		break;
	}
	task->done = true;
	return NULL;
}

void start(struct task *task, struct task how)
{
	*task = how;
	if (pthread_create(&task->thread, NULL, run, task))
		abort();
}

static bool is_asleep(const struct task *task)
{
	char name[64], text[512];
	const char *state;
	FILE *file;
	bool asleep = false;

	if (!task->tid)
		return false;
	snprintf(name, sizeof(name), "/proc/self/task/%d/stat",
		 (int)task->tid);
	file = fopen(name, "r");
	if (!file)
		return false;
	if (fgets(text, sizeof(text), file)) {
		state = strrchr(text, ')');
		asleep = state && !strncmp(state, ") S", 3);
	}
	fclose(file);
	return asleep;
}

/*
 * Does it sleep in its system call? Waits until it does. Between telling its
 * number and the call a task has nothing to sleep for.
 */
bool sleeps(struct task *task)
{
	return eventually(task->done || is_asleep(task)) && !task->done;
}

/* Does it return? Then task->result is there. */
bool ends(struct task *task)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	return !pthread_timedjoin_np(task->thread, NULL, &until);
}

static void nothing(int sig)
{
}

/* How interrupt() interrupts: with or without SA_RESTART. */
void catch_interrupts(bool restart)
{
	struct sigaction action = {
		.sa_handler = nothing,
		.sa_flags = restart ? SA_RESTART : 0,
	};

	sigaction(SIGUSR1, &action, NULL);
}

void interrupt(struct task *task)
{
	pthread_kill(task->thread, SIGUSR1);
}

/* ---- Linux's own aio ---- */

/*
 * Not in user-mode Linux: when a context goes it looks at the mappings without their
 * lock, of which PROVE_RCU complains.
 */
int io_setup(unsigned int requests, aio_context_t *context)
{
	static int user_mode = -1;

	if (user_mode < 0)
		user_mode = user_mode_linux();
	*context = 0;
	if (user_mode)
		return -EOPNOTSUPP;
	return sys(syscall(SYS_io_setup, requests, context));
}

/* Returns when no request is under way any more. */
int io_destroy(aio_context_t context)
{
	return sys(syscall(SYS_io_destroy, context));
}

/* Submit one IOCB_CMD_POLL. Returns 1, or -errno. */
int io_poll(aio_context_t context, struct iocb *iocb, int fd, short events)
{
	*iocb = (struct iocb){
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_fildes = fd,
		.aio_buf = (unsigned short)events,
	};
	return sys(syscall(SYS_io_submit, context, 1L, &iocb));
}

/* Returns -EINPROGRESS if there will be an event that says so. */
int io_cancel(aio_context_t context, struct iocb *iocb)
{
	struct io_event event;

	return sys(syscall(SYS_io_cancel, context, iocb, &event));
}

/* Returns how many events came. */
int io_events(aio_context_t context, unsigned int most, struct io_event *events,
	      int ms)
{
	struct timespec timeout = {
		.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L,
	};

	return sys(syscall(SYS_io_getevents, context, (long)!!ms, (long)most,
			   events, &timeout));
}

/* ---- Ways to wait for a file ---- */

const char * const ways_to_wait[WAYS_TO_WAIT] = {
	[BY_POLL] = "poll", [BY_SELECT] = "select", [BY_EPOLL] = "epoll",
	[BY_AIO] = "aio of epoll", [BY_AIO_ALONE] = "aio", [BY_SIGNAL] = "SIGIO",
	[BY_EDGE] = "EPOLLET", [BY_NESTED] = "nested EPOLLET",
};

static int epoll_of(int fd, unsigned int events, int *epoll)
{
	struct epoll_event event = { .events = events };

	*epoll = epoll_create1(EPOLL_CLOEXEC);
	if (*epoll < 0)
		return -errno;
	return sys(epoll_ctl(*epoll, EPOLL_CTL_ADD, fd, &event));
}

/* SIGIO may stay ignored: while it is blocked it is kept all the same. */
static int open_signal(int fd)
{
	struct f_owner_ex owner = {
		.type = F_OWNER_TID, .pid = syscall(SYS_gettid),
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (fcntl(fd, F_SETSIG, 0) || fcntl(fd, F_SETOWN_EX, &owner))
		return -errno;
	return set_flags(fd, O_ASYNC, true);
}

/* What open_waiter() has left of one that failed, close_waiter() takes away. */
int open_waiter(struct waiter *waiter, enum way_to_wait how, int fd, short events)
{
	unsigned int edge = how >= BY_EDGE ? EPOLLET : 0;
	int ret = 0;

	*waiter = (struct waiter){
		.how = how, .fd = fd, .events = events, .epoll = -1, .outer = -1,
	};
	if (how == BY_AIO || how == BY_AIO_ALONE)
		ret = io_setup(4, &waiter->aio);
	if (how == BY_SIGNAL)
		ret = open_signal(fd);
	if (!ret && (how == BY_EPOLL || how == BY_AIO || how >= BY_EDGE))
		ret = epoll_of(fd, events | edge, &waiter->epoll);
	if (!ret && how == BY_NESTED)
		ret = epoll_of(waiter->epoll, EPOLLIN | edge, &waiter->outer);
	return ret;
}

static int await_select(const struct waiter *waiter, int ms)
{
	struct timeval timeout = {
		.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L,
	};
	fd_set sets[3];

	for (int i = 0; i < 3; i++) {
		static const short events[] = { POLLIN, POLLOUT, POLLPRI };

		FD_ZERO(&sets[i]);
		if (waiter->events & events[i])
			FD_SET(waiter->fd, &sets[i]);
	}
	return sys(select(waiter->fd + 1, &sets[0], &sets[1], &sets[2], &timeout));
}

/* A request that has not ended when the time is over is waited for next time. */
static int await_aio(struct waiter *waiter, int fd, short events, int ms)
{
	struct io_event event;
	int ret;

	if (!waiter->submitted) {
		ret = io_poll(waiter->aio, &waiter->iocb, fd, events);
		if (ret < 0)
			return ret;
		waiter->submitted = true;
	}
	ret = io_events(waiter->aio, 1, &event, ms);
	if (ret > 0)
		waiter->submitted = false;
	return ret;
}

/*
 * As a program does that has seen nothing: from then on a signal tells, and
 * nothing else.
 */
static int await_signal(struct waiter *waiter, int ms)
{
	struct timespec timeout = {
		.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L,
	};
	sigset_t set;
	int ret;

	ret = waiter->submitted ? 0 : polled(waiter->fd, waiter->events);
	if (!ret) {
		waiter->submitted = true;
		sigemptyset(&set);
		sigaddset(&set, SIGIO);
		ret = sys(sigtimedwait(&set, NULL, &timeout));
		if (ret < 0)
			return ret == -EAGAIN ? 0 : ret;
		ret = polled(waiter->fd, waiter->events);
	}
	if (ret > 0)
		waiter->submitted = false;
	return ret < 0 ? ret : !!ret;
}

/*
 * Is the file ready, or will it be in so many milliseconds? Returns 1, 0, or
 * -errno.
 */
int await(struct waiter *waiter, int ms)
{
	struct pollfd pollfd = { .fd = waiter->fd, .events = waiter->events };
	struct epoll_event event;
	int ret;

	switch (waiter->how) {
	case BY_SELECT:
		if (waiter->fd < 0 || waiter->fd >= FD_SETSIZE)
			break;
		ret = await_select(waiter, ms);
		return ret > 0 ? 1 : ret;
	case BY_EPOLL:
	case BY_EDGE:
		return sys(epoll_wait(waiter->epoll, &event, 1, ms));
	case BY_NESTED:
		ret = sys(epoll_wait(waiter->outer, &event, 1, ms));
		/* What is inside may have been overtaken by what it told of. */
		return ret <= 0 ? ret : sys(epoll_wait(waiter->epoll, &event, 1, 0));
	case BY_AIO:
		ret = await_aio(waiter, waiter->epoll, POLLIN, ms);
		return ret <= 0 ? ret : sys(epoll_wait(waiter->epoll, &event, 1, 0));
	case BY_AIO_ALONE:
		ret = await_aio(waiter, waiter->fd, waiter->events, ms);
		if (ret != -EINVAL)
			return ret;
		break;
	case BY_SIGNAL:
		return await_signal(waiter, ms);
	default:
		break;
	}
	return sys(poll(&pollfd, 1, ms));
}

void close_waiter(struct waiter *waiter)
{
	if (waiter->aio)
		io_destroy(waiter->aio);
	waiter->aio = 0;
	close_fd(&waiter->outer);
	close_fd(&waiter->epoll);
}

/* ---- Bytes ---- */

/* An endless pattern, in which no stretch looks like another. */
void pattern(void *to, size_t length, size_t offset)
{
	__u8 *p = to;

	for (; length--; offset++)
		*p++ = offset ^ offset >> 8 ^ offset * 2654435761U >> 24;
}

/* Write all, to a peer that takes it. */
int send_all(int fd, const void *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0)
			return -errno;
		bytes = (const char *)bytes + n;
		length -= n;
	}
	return 0;
}

/* Read so many bytes from a peer that gives them; returns how many came. */
int receive_all(int fd, void *bytes, size_t length)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	size_t done = 0;

	while (done < length && poll(&pollfd, 1, PATIENCE_MS) == 1) {
		ssize_t n = read(fd, (char *)bytes + done, length - done);

		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

/* Read and forget what there is; returns how much it was. */
int swallow(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	char buf[4096];
	int done = 0;

	while (poll(&pollfd, 1, 0) == 1 && pollfd.revents & POLLIN) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

/* A buffer of so many bytes, after which nothing is mapped. */
void *before_hole(size_t length)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t room = (length + page - 1) / page * page;
	char *p = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	munmap(p + room, page);
	return p + room - length;
}

/* What poll(2) says now. */
short polled(int fd, short events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	return poll(&pollfd, 1, 0) < 0 ? -errno : pollfd.revents;
}
