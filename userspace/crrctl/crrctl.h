/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crrctl: declarations shared by its commands. */
#ifndef CRRCTL_H
#define CRRCTL_H

#include <crr.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdnoreturn.h>
#include <sys/types.h>
#include <termios.h>

/*
 * Exit statuses. record and replay otherwise return that of COMMAND; therefore
 * those of crrctl itself are numbers that few commands use.
 */
enum {
	EXIT_CRR_FAILURE = 1,	  /* attach, detach, status, log */
	EXIT_CRR_USAGE = 2,	  /* attach, detach, status, log */
	EXIT_CRR_DIVERGED = 120,  /* the replay diverged from its log */
	EXIT_CRR_STALLED = 121,	  /* the replay made no progress */
	EXIT_CRR_EARLY = 122,	  /* COMMAND ended before its log did */
	EXIT_CRR_LOG = 123,	  /* the log is damaged or incomplete */
	EXIT_CRR_TIMEOUT = 124,	  /* --timeout, as in timeout(1) */
	EXIT_CRR_OWN = 125,	  /* record, replay: crrctl itself failed */
	EXIT_CRR_NOEXEC = 126,	  /* COMMAND cannot be executed */
	EXIT_CRR_NOTFOUND = 127,  /* COMMAND was not found */
};


/* ---- main.c ---- */

/**
 * struct option_help - one option of a command
 * @option: for getopt_long(3); val is the short option
 * @argument: name of its argument; NULL for none
 * @help: description
 */
struct option_help {
	struct option option;
	const char *argument;
	const char *help;
};

/**
 * struct command - one of crrctl's commands
 * @name: one word, or two
 * @synopsis: arguments, for --help
 * @summary: description in one line
 * @run: runs the command; argv[0] is the last word of the name
 * @options: its options; the last one has the name NULL
 * @failure: exit status of a failure, and of wrong usage
 */
struct command {
	const char *name;
	const char *synopsis;
	const char *summary;
	int (*run)(const struct command *cmd, int argc, char **argv);
	const struct option_help *options;
	int failure;
};

char *const *split_command(int *argc, char **argv);
int next_option(const struct command *cmd, int argc, char **argv);
void need_arguments(const struct command *cmd, int argc, int count);
noreturn void usage_error(const struct command *cmd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
noreturn void fail(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
void flush_output(void);
uint64_t parse_size(const struct command *cmd, const char *text);
uint64_t parse_seconds(const struct command *cmd, const char *text);
int parse_level(const struct command *cmd, const char *text);
uint64_t now_ms(void);

extern const struct command cmd_attach, cmd_detach, cmd_record, cmd_replay,
	cmd_probe, cmd_load, cmd_status, cmd_log_info, cmd_log_dump, cmd_log_stat,
	cmd_log_verify, cmd_log_repair, cmd_log_diff, cmd_log_cut, cmd_log_cat,
	cmd_log_export, cmd_log_import, cmd_log_report;

/* ---- message.c ---- */

void message_print(const char *text);
void message_progress(const char *text, bool last);
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void vwarn(const char *format, va_list args)
	__attribute__((format(printf, 1, 0)));

/* ---- user.c: the user who called sudo ---- */

void user_find(void);
uid_t user_id(void);
bool user_become(void);
bool user_enter(void);
void user_leave(void);
int user_open(const char *path, int flags);
int user_open_regular(const char *path);
void user_own(int fd);

/* ---- spool.c ---- */

int spool(int from);

/* ---- line.c: ttys with N_CRR ---- */

/**
 * struct line - a tty with N_CRR
 * @path: its path
 * @fd: the tty, held as long as the session
 * @master: the master, if crrctl has made the pty; otherwise -1
 * @session: the session fd, only of the first line
 * @previous: its previous line discipline, which lines_close() restores
 */
struct line {
	char path[PATH_MAX];
	int fd;
	int master;
	int session;
	int previous;
};

/* Maximum number of lines in a session of crrctl. */
#define LINES_MAX 64

void load_module(void);
void lines_check(const struct command *cmd, char *const *paths);
void lines_open(struct line **lines, unsigned int *nlines,
		const char *const *paths, unsigned int n);
void lines_close(struct line *lines, unsigned int nlines);
void line_hold(int fd);
bool line_is_gone(const struct line *line);
void line_warn_cooked(const struct line *line);
int open_tty(const char *path);

/* ---- child.c: COMMAND and the peer ---- */

/**
 * struct child - a process that crrctl started
 * @pid: process ID; 0: none
 * @ended: it has ended. It is not reaped, so that its ID is not used again.
 * @status: its exit status, as in a shell
 * @directory: where it is started; NULL: here
 * @preload: the library that is loaded into it; NULL: none
 * @clock: with it: what COMMAND learns of the time is recorded, or replayed
 * @replay: with it: this is a replay
 * @probe: with it: it only takes notes
 */
struct child {
	pid_t pid;
	bool ended;
	int status;
	const char *directory;
	const char *preload;
	bool clock;
	bool replay;
	bool probe;
};

const char *child_wrong_line(char *const *argv, unsigned int nlines);
bool child_names_line(char *const *argv);
bool child_start(struct child *child, char *const *argv,
		 const struct line *lines, unsigned int nlines);
void child_start_shell(struct child *child, const char *command, int fd);
void child_reap(struct child *child);
void child_signal(const struct child *child, int sig);
bool child_runs(const struct child *child);
bool child_is_stopped(const struct child *child);
bool child_group_ended(struct child *child);

/* ---- installed.c: files that are installed beside libcrr ---- */

char *installed_file(const char *name, const char *built,
		     const char *otherwise);

/* ---- preload.c: a COMMAND with crr-preload.so ---- */

const char *preload_library(char *const *command);
void preload_export(const char *library, bool ptys, bool clock, bool replay);

/* ---- notes.c: what crr-preload.so has seen of COMMAND ---- */

void notes_make(void);
void notes_export(bool probe);
void notes_print(FILE *out);
void notes_warn(bool quiet, bool clock);

/* ---- qemu.c: command lines of a QEMU ---- */

/* Is COMMAND a QEMU? If so, does it accept breakpoints? */
enum qemu {
	QEMU_NO,
	QEMU_EXACT,
	QEMU_DEBUGGABLE,
};

bool qemu_is(char *const *command);
char *const *qemu_command(char *const *command, unsigned int nlines,
			  bool quiet);
char *const *qemu_plugin(char *const *command, bool quiet);
char *const *qemu_gdb(char *const *command, const char *where, bool stopped);
void qemu_option(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- position.c: places in a log ---- */

/**
 * struct position - a place in a log
 * @sequence: behind this record; or CRR_NO_SEQUENCE, for a counter
 * @counter: of the record, or the counter
 */
struct position {
	uint64_t sequence;
	uint64_t counter;
};

struct position position_find(const struct command *cmd, const char *option,
			      const char *what, struct crr_log_reader *log,
			      const char *path);

/* ---- back.c: replay --back-to ---- */

/**
 * struct back - where to go back to from the end of a first run
 * @what: as --back-to has it; NULL: nowhere
 * @report: in the first run: fd to say where that has ended
 * @place: in the second one: where that was, the number of the next record
 */
struct back {
	const char *what;
	int report;
	uint64_t place;
};

bool back_is_first(const struct command *cmd, struct back *back);
void back_report(const struct back *back, uint64_t place);
const char *back_until(const struct command *cmd, const struct back *back);

/* ---- stored.c: how COMMAND was run, in the log's header ---- */

void stored_make(struct crr_log_info *info, char *const *command,
		 enum qemu qemu, bool preload, bool clock);
enum qemu stored_qemu(const struct crr_log_info *info);
bool stored_preload(const struct crr_log_info *info);
bool stored_clock(const struct crr_log_info *info);
char *find_executable(const char *name);
char *const *stored_command(const struct crr_log_info *info, const char *log,
			    struct child *child);

/* ---- terminal.c: the user's terminal, connected to the pty's master ---- */

/* The key that ends the connection, as in telnet. */
#define TERMINAL_ESCAPE 0x1d

/* One direction, a buffer at a time: a slow end delays nobody else. */
struct direction {
	int from;	/* -1: closed */
	int to;
	size_t length;	/* bytes to be written */
	char buf[4096]; /* PIPE_BUF: what a pipe takes after POLLOUT */
};

struct terminal {
	struct direction in;	/* standard input to the pty */
	struct direction out; /* the pty to standard output */
	bool raw;	/* standard input is a terminal, made raw */
	bool escaped;	/* the user has pressed the key, or has gone */
	struct termios saved;
};

void terminal_size(int master);
void terminal_join(struct terminal *term, int master, bool input);
void terminal_leave(struct terminal *term);
bool terminal_is_raw(void);
bool terminal_new_line(void);
struct pollfd direction_poll(const struct direction *dir);
void terminal_move(struct terminal *term, struct direction *dir);
bool terminal_pending(const struct terminal *term);

/* ---- control.c: one session, from its start to its end ---- */

/**
 * struct control - common state of record and replay
 * @line: the first tty, which has the session; the others follow it
 * @nlines: number of ttys
 * @command: COMMAND; its pid is 0 if crrctl has not started the emulator
 * @peer: the peer on the master of the pty
 * @term: the terminal on the master of the pty
 * @sized: the pty has the size of the user's terminal, and follows it
 * @signals: signalfd
 * @interrupted: the signal that is to end crrctl; SIGTERM for the escape key
 * @timeout_ms: limit of the wall-clock time; 0: none
 * @timeout_at: when this time expires; 0: never
 * @timed_out: it has expired
 * @quiet: print neither progress nor a summary
 * @progress_next: when to show progress again
 * @kill_at: when COMMAND gets the next signal; 0: it need not end yet
 * @killing: COMMAND has got a signal
 * @told: the user was told that COMMAND is stopped
 * @name: "recording" or "replaying", for messages
 */
struct control {
	struct line *line;
	unsigned int nlines;
	struct child command;
	struct child peer;
	struct terminal term;
	bool sized;
	int signals;
	int interrupted;
	uint64_t timeout_ms;
	uint64_t timeout_at;
	bool timed_out;
	bool quiet;
	uint64_t progress_next;
	uint64_t kill_at;
	bool killing;
	bool told;
	const char *name;
};

void control_begin(struct control *ctl, const char *name);
void control_start(struct control *ctl, int (*begin)(int, unsigned int, size_t),
		   unsigned int flags, size_t buffer_size);
void control_size(struct control *ctl);
void control_join(struct control *ctl, const char *peer, bool input);
void control_wait(struct control *ctl, int timeout_ms, short session_events);
bool control_over(struct control *ctl);
bool control_timed_out(struct control *ctl);
void control_end_command(struct control *ctl, uint64_t grace_ms);
void control_end_peer(struct control *ctl, uint64_t grace_ms);
void control_hurry(struct control *ctl, uint64_t grace_ms);
int control_give_up(struct control *ctl, uint64_t grace_ms);
void control_progress(struct control *ctl, bool last);
void control_summary(struct control *ctl, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- output.c: output files ---- */

/**
 * struct output - an output file
 * @path: as the user has given it; "-" for standard output
 * @fd: file descriptor to write to
 * @force: it may replace a file
 * @direct: it is written directly: a pipe, a device, or an open file
 * @dir: the directory of the file
 * @name: its name in @dir
 * @temp: its temporary name in @dir; empty without one
 */
struct output {
	const char *path;
	int fd;
	bool force;
	bool direct;
	int dir;
	char name[NAME_MAX + 1];
	char temp[32];
};

void output_reads(const char *path);
void output_open(struct output *out, const char *path, bool force,
		 const char *what);
bool output_same(const struct output *a, const struct output *b);
bool output_publish(struct output *out);
void output_finish(struct output *out);

/* ---- result.c: the result of a replay as JSON ---- */

bool result_write(struct output *out, const char *log, const char *outcome,
		  int status, const struct crr_status *st,
		  const struct crr_divergence *div);

/* ---- lock.c: logs that are being recorded ---- */

bool log_lock(int fd);
bool log_is_locked(int fd);
const char *log_no_end(int fd);

/* ---- sequel.c: a log that continues a replayed one ---- */

/**
 * struct sequel - the log of a replay and of what follows it
 * @path: of its file; NULL: there is no such log
 * @out: the file
 * @log: its writer
 * @begun: the replay has reached the end of its log
 * @broken: it cannot be written, which was reported
 */
struct sequel {
	const char *path;
	struct output out;
	struct crr_log_writer *log;
	bool begun;
	bool broken;
};

void sequel_open(struct sequel *sequel, const char *path, bool force);
void sequel_begin(struct sequel *sequel, const struct crr_log_info *info);
void sequel_drain(struct sequel *sequel, int session, int old, off_t begin);
uint64_t sequel_finish(struct sequel *sequel, int old, off_t begin);

/* ---- print.c: print records and divergences for people ---- */

size_t utf8_length(const void *bytes, size_t length);
void print_bytes(FILE *out, const void *bytes, size_t length);
void print_text(FILE *out, const char *text);
void print_record(FILE *out, const struct crr_record *rec, size_t most);
void print_guesses(FILE *out, const struct crr_status *st);
void print_divergence(FILE *out, const struct crr_divergence *div,
		      const char *log, const struct crr_status *st);

#endif /* CRRCTL_H */
