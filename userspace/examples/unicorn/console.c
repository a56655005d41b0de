// SPDX-License-Identifier: GPL-2.0-or-later
/* console FIRMWARE TTY: a Cortex-M3 with a UART, in Unicorn. */
#include <crr.h>
#include <stdio.h>
#include <stdlib.h>
#include <unicorn/unicorn.h>

static struct crr_tty *tty;
static uint64_t executed; /* bytes of blocks: the counter */
static unsigned char key;
static bool full; /* there is a key */

static void block(uc_engine *uc, uint64_t address, uint32_t size, void *data)
{
	executed += size;
}

static uint64_t uart_read(uc_engine *uc, uint64_t reg, unsigned int size,
			  void *data)
{
	if (!full && crr_clock_due(crr_tty_clock(tty), executed))
		full = crr_tty_read(tty, &key, 1) == 1;
	if (reg == 0) /* STATUS */
		return full;
	full = false; /* DATA */
	return key;
}

static void uart_write(uc_engine *uc, uint64_t reg, unsigned int size,
		       uint64_t value, void *data)
{
	unsigned char byte = (unsigned char)value;

	crr_clock_set(crr_tty_clock(tty), executed);
	if (reg != 4) /* STOP */
		uc_emu_stop(uc);
	else if (crr_tty_write(tty, &byte, 1) != 1)
		perror("write");
}

int main(int argc, char **argv)
{
	unsigned char code[4096];
	uc_engine *uc;
	uc_hook hook;
	FILE *file;
	size_t n;

	tty = crr_tty_open(argv[argc - 1], CRR_TTY_RAW);
	file = fopen(argv[1], "rb");
	if (argc != 3 || !tty || !file) {
		perror("console FIRMWARE TTY");
		return 1;
	}
	n = fread(code, 1, sizeof(code), file);
	fclose(file);
	if (uc_open(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, &uc) ||
	    uc_mem_map(uc, 0, sizeof(code), UC_PROT_ALL) ||
	    uc_mem_write(uc, 0, code, n) ||
	    uc_mmio_map(uc, 0x40000000, 4096, uart_read, NULL, uart_write,
			NULL) ||
	    uc_hook_add(uc, &hook, UC_HOOK_BLOCK, block, NULL, 1, 0) ||
	    uc_emu_start(uc, 1, UINT64_MAX, 0, 0))
		return 1;
	return 0;
}
