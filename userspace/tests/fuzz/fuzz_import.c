// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzing what is imported. Built twice: IMPORT is import_text, or
 * import_qemu_rr. Whatever is accepted must be records that make a log.
 */
#include <assert.h>
#include <string.h>

#include "../../crrctl/log/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crr_order order;

static int put(struct import *in, struct crr_record *rec)
{
	(void)in;
	assert(!crr_order_check(&order, rec));
	crr_order_add(&order, rec);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int writes_to[] = { -1, 3 };
	static struct import in;
	size_t i;

	for (i = 0; i < 2; i++) {
		order = (struct crr_order){ 0 };
		in = (struct import){
			.bytes = data,
			.length = size,
			.put = put,
			.writes_to = writes_to[i],
		};
		if (IMPORT(&in))
			assert(strlen(in.error) > 0);
	}
	return 0;
}
