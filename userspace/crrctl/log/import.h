/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsers of other formats. They do not trust their input. */
#ifndef CRRCTL_IMPORT_H
#define CRRCTL_IMPORT_H

#include <crr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct import - an import in progress
 * @bytes: the input
 * @length: its length in bytes
 * @info: header of the log; must be complete before the first record
 * @put: takes a record; returns 0 or an enum crr_reason
 * @order: state of the records so far
 * @where: place of an error: number of the line, or offset in bytes
 * @error: its description
 * @writes_to: qemu-rr: the chardev that writes; -1: the only one
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
