/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is imported: readers of other formats, which trust nothing. */
#ifndef CRRCTL_IMPORT_H
#define CRRCTL_IMPORT_H

#include <crr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct import - something that is to become a log
 * @bytes: the whole of it
 * @length: how many bytes
 * @info: of the log; complete when the first record is put
 * @put: takes the records; they have no numbers yet. Returns 0, or an enum
 *	crr_reason
 * @order: of the records so far
 * @where: what is wrong: the line, or the byte
 * @error: likewise, in words
 * @writes_to: qemu-rr: the chardev that writes belong to; -1: the only one
 */
struct import {
	const unsigned char *bytes;
	size_t length;
	struct crr_log_info info;
	int (*put)(struct import *in, struct crr_record *rec);
	struct crr_order order;
	uint64_t where;
	char error[160];
	int writes_to;
};

int import_fail(struct import *in, uint64_t where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int import_put(struct import *in, struct crr_record *rec, uint64_t where);
int import_text(struct import *in);
int import_qemu_rr(struct import *in);

#endif /* CRRCTL_IMPORT_H */
