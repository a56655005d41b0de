// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trace.so - what a guest has executed, as one line, to compare a replay with the
 * recording
 *
 *     LD_PRELOAD=trace.so qemu-system-... -plugin trace.so,to=PATH
 *
 * At exit it writes to PATH: how many writes the guest has made to its lines, and, as
 * of the last one, the count of instructions, the guest's clock, and a hash over
 * all executed instructions and accesses to memory, and over the count and the clock
 * at each write.
 *
 * A write is what is comparable. When QEMU ends, it is not: a guest that has
 * switched itself off runs on until the main loop notices, and one that is
 * killed stops anywhere. So write(2) is replaced, which is why the plugin is
 * preloaded, too: crr-qemu.so calls it in the CPU's thread, at an instruction
 * that may ask for the time.
 *
 * What is hashed must not depend on where QEMU begins and ends the blocks that it
 * translates: a recording leaves a block in the middle for an access to a device, and
 * a replay with a timer right behind it has cut the block there. So each
 * instruction counts for itself. One that accesses memory counts when it has done so:
 * QEMU begins an access to a device, finds that it is not the last of its block, and
 * begins anew; if the CPU is to stop in between, which happens in the recording
 * alone, it does something else first.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../qemu.h"

#define EXPORT	   __attribute__((visibility("default")))
#define MULTIPLIER 0x9e3779b97f4a7c15ULL
#define TTYS_MAX   16
#define READ_WRITE 3

struct qemu_plugin_tb;
struct qemu_plugin_insn;

WEAK size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
WEAK struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
WEAK uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
WEAK void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
						void (*fn)(void *, void *),
						void *opaque);
WEAK void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
						 void (*fn)(unsigned int cpu,
							    void *opaque),
						 int flags, void *opaque);
WEAK void qemu_plugin_register_vcpu_mem_cb(
	struct qemu_plugin_insn *insn,
	void (*fn)(unsigned int cpu, uint32_t info, uint64_t address,
		   void *opaque),
	int flags, int which, void *opaque);
WEAK int64_t icount_get_raw(void);

/* Of all translations of an address: blocks that are cut have their own. */
struct instruction {
	uint64_t address;
	bool used;
	bool accesses; /* it has been seen to access memory */
};

#define TABLE_BITS 21
static struct instruction table[1 << TABLE_BITS];

static struct {
	const char *file;
	/* It has begun, and is not in the hash yet. */
	struct instruction *begun;
	dev_t ttys[TTYS_MAX];
	int nttys;
	uint64_t hash; /* so far */
	/* As of the last write. */
	uint64_t writes, hash_then;
	int64_t instructions, clock;
} trace;

/* As in crr-qemu.c. */
EXPORT int qemu_plugin_version = 1;

__attribute__((constructor)) static void choose_version(void)
{
	qemu_plugin_version = qemu_newest_version();
}

static void mix(uint64_t value)
{
	trace.hash = trace.hash * MULTIPLIER + value;
}

static bool is_line(int fd)
{
	struct stat st;
	int i;

	if (fstat(fd, &st) || !S_ISCHR(st.st_mode))
		return false;
	for (i = 0; i < trace.nttys; i++)
		if (trace.ttys[i] == st.st_rdev)
			return true;
	return false;
}

EXPORT ssize_t write(int fd, const void *buf, size_t size)
{
	ssize_t n = syscall(SYS_write, fd, buf, size);
	int saved = errno;

	/* What the session refuses is past the log's end. */
	if (n > 0 && trace.file && is_line(fd)) {
		trace.instructions = icount_get_raw();
		trace.clock = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
		mix((uint64_t)trace.instructions);
		mix((uint64_t)trace.clock);
		trace.hash_then = trace.hash;
		trace.writes++;
	}
	errno = saved;
	return n;
}

static void on_instruction(unsigned int cpu, void *opaque)
{
	if (trace.begun && !trace.begun->accesses)
		mix(trace.begun->address);
	trace.begun = opaque;
}

static void on_access(unsigned int cpu, uint32_t info, uint64_t address,
		      void *opaque)
{
	struct instruction *instruction = opaque;

	instruction->accesses = true;
	mix(instruction->address ^ address);
	if (trace.begun == instruction)
		trace.begun = NULL;
}

static struct instruction *find(uint64_t address)
{
	size_t i = address * MULTIPLIER >> (64 - TABLE_BITS), left;

	for (left = 1 << TABLE_BITS; left; left--) {
		struct instruction *instruction = &table[i];

		if (!instruction->used) {
			instruction->address = address;
			instruction->used = true;
		}
		if (instruction->address == address)
			return instruction;
		i = (i + 1) % (1 << TABLE_BITS);
	}
	fprintf(stderr, "trace: too many instructions\n");
	abort();
}

/* The block is the first argument from 11.1 on, and the second one before. */
static void on_translation(void *first, void *second)
{
	struct qemu_plugin_tb *tb = second == &trace ? first : second;
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		struct instruction *instruction =
			find(qemu_plugin_insn_vaddr(insn));

		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_instruction, 0,
						       instruction);
		qemu_plugin_register_vcpu_mem_cb(insn, on_access, 0, READ_WRITE,
						 instruction);
	}
}

static void print(void)
{
	FILE *file = fopen(trace.file, "we");

	if (!file) {
		fprintf(stderr, "trace: %s: %s\n", trace.file, strerror(errno));
		_exit(1);
	}
	fprintf(file, "writes %llu instructions %lld clock %lld hash %016llx\n",
		(unsigned long long)trace.writes,
		(long long)trace.instructions, (long long)trace.clock,
		(unsigned long long)trace.hash_then);
	fclose(file);
}

EXPORT int qemu_plugin_install(uint64_t id, const qemu_info_t *info, int argc,
			       char **argv)
{
	char name[16];
	struct stat st;
	int i;

	if (argc != 1 || strncmp(argv[0], "to=", 3)) {
		fprintf(stderr, "trace: give to=PATH\n");
		return 1;
	}
	if (!icount_get_raw) {
		fprintf(stderr, "trace: this QEMU does not export icount_get_raw\n");
		return 1;
	}
	for (i = 0; i < TTYS_MAX; i++) {
		snprintf(name, sizeof(name), "CRR_TTY%d", i);
		if (!getenv(name) || stat(getenv(name), &st))
			break;
		trace.ttys[trace.nttys++] = st.st_rdev;
	}
	trace.file = argv[0] + 3;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation, &trace);
	return atexit(print);
}
