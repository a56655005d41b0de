// SPDX-License-Identifier: GPL-2.0-or-later
/* Check the records of an import and pass them on. */
#include <stdarg.h>
#include <stdio.h>

#include "import.h"

/**
 * import_fail - report that the input is invalid
 * @in: the import
 * @where: number of the line, or offset in bytes
 * @format: description
 *
 * Returns -1.
 */
int import_fail(struct import *in, uint64_t where, const char *format, ...)
{
	va_list args;

	in->where = where;
	va_start(args, format);
	vsnprintf(in->error, sizeof(in->error), format, args);
	va_end(args);
	return -1;
}

/**
 * import_put - pass the next record on
 * @in: the import
 * @rec: the record; gets the next sequence number
 * @where: its place in the input, as for import_fail()
 *
 * Returns 0, or -1 if the record is invalid or out of order.
 */
int import_put(struct import *in, struct crr_record *rec, uint64_t where)
{
	static unsigned char bytes[CRR_RECORD_SIZE_MAX];
	struct crr_record same;
	size_t size;
	int reason = CRR_REASON_LENGTH;

	rec->sequence = in->order.sequence;
	if (rec->data_length < CRR_RECORD_SIZE_MAX &&
	    crr_record_size(rec) <= sizeof(bytes)) {
		size = crr_record_encode(bytes, rec);
		reason = crr_record_decode(bytes, size, &size, &same);
	}
	if (!reason)
		reason = crr_order_check(&in->order, rec);
	if (!reason) {
		crr_order_add(&in->order, rec);
		reason = in->put(in, rec);
	}
	if (reason)
		return import_fail(in, where, "record %llu: %s",
				   (unsigned long long)rec->sequence,
				   crr_reason_text((unsigned int)reason));
	return 0;
}
