// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin of QEMU: which instructions the guest executes, between marks that
 * it makes itself (bench.c, mark()). At the end, writes a line for each block
 * of code: region, address, instructions executed.
 *
 *   -plugin plugin.so,out=FILE
 *
 * QEMU's own header is in no package of Debian's; this is as much as is needed
 * of version 1 of the interface.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
enum { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t id,
						      struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*cb)(unsigned int cpu, void *data),
					  int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int cpu, void *data),
					    int flags, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
				    void (*cb)(qemu_plugin_id_t id, void *data),
				    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))
#define REGIONS	3

extern int qemu_plugin_version;
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
			int argc, char **argv);

EXPORT int qemu_plugin_version = 1;

/* nopl 0x637272NN(%rax): the region NN begins. */
static const uint8_t mark[] = { 0x0f, 0x1f, 0x80 }, magic[] = { 'r', 'r', 'c' };

/* One instruction, or a row of those that follow each other. */
struct block {
	struct block *next;
	uint64_t address;
	uint64_t times[REGIONS];
	unsigned int length;
};

static struct block *blocks;
static unsigned int region;
static FILE *out;

static void enter(unsigned int cpu, void *data)
{
	region = (uintptr_t)data;
}

static void count(unsigned int cpu, void *data)
{
	struct block *block = data;

	block->times[region]++;
}

/*
 * A block that runs is one that runs to its end, but for a fault; only of
 * calls does anybody want to know more, and calls end a block.
 */
static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);
	struct block *block = calloc(1, sizeof(*block));

	if (!block)
		abort();
	block->address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
	block->length = n;
	block->next = blocks;
	blocks = block;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, count, QEMU_PLUGIN_CB_NO_REGS,
					     block);
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const uint8_t *bytes = qemu_plugin_insn_data(insn);

		if (qemu_plugin_insn_size(insn) == 7 &&
		    !memcmp(bytes, mark, sizeof(mark)) &&
		    !memcmp(bytes + 4, magic, sizeof(magic)) &&
		    bytes[3] < REGIONS)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, enter, QEMU_PLUGIN_CB_NO_REGS,
				(void *)(uintptr_t)bytes[3]);
	}
}

static void finish(qemu_plugin_id_t id, void *data)
{
	for (struct block *block = blocks; block; block = block->next)
		for (unsigned int i = 1; i < REGIONS; i++)
			if (block->times[i])
				fprintf(out, "%u %016llx %llu\n", i,
					(unsigned long long)block->address,
					(unsigned long long)block->times[i] *
					block->length);
	fclose(out);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
			       int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
