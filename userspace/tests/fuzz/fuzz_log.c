// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzing the reader of logs: front to back, by seeking, past damage, and going
 * on with them. A mutation of its own puts the CRCs right again, so that what
 * lies behind them is reached.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../lib/log.h"
#include "fix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

static void read_on(struct crr_log_reader *log)
{
	struct crr_log_error error;
	struct crr_record rec;
	uint64_t offset = crr_log_offset(log);
	unsigned int tries = 8;
	int ret;

	do {
		while ((ret = crr_log_next(log, &rec, &error)) > 0)
			offset = crr_log_offset(log);
	} while (ret < 0 && tries-- && crr_log_resync(log, offset) > 0 &&
		 (offset = crr_log_offset(log)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t values[] = { 0, 1, 5, 300, 1ULL << 40,
					   UINT64_MAX };
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct crr_log_writer *writer;
	struct crr_log_extent extent;
	struct crr_log_reader *log;
	struct crr_log_error error;
	enum crr_log_key key;
	uint64_t next;
	size_t i;

	assert(fd >= 0);
	assert(write(fd, data, size) == (ssize_t)size);
	lseek(fd, 0, SEEK_SET);
	log = crr_log_open(fd, &error);
	if (log) {
		read_on(log);
		(void)crr_log_extent(log, &extent);
		for (key = CRR_LOG_SEQUENCE; key <= CRR_LOG_TIME; key++) {
			for (i = 0; i < sizeof(values) / sizeof(*values); i++) {
				assert(!crr_log_seek(log, key, values[i]));
				read_on(log);
			}
		}
		crr_log_close(log);
	}
	/* What it accepts it must be able to go on with. */
	writer = crr_log_resume(fd, &next, &error);
	if (writer) {
		assert(!crr_log_finish(writer));
		lseek(fd, 0, SEEK_SET);
		log = crr_log_open(fd, &error);
		assert(log);
		while (crr_log_block(log, (const void **)&data, &size,
				     &error) > 0)
			;
		assert(!crr_log_extent(log, &extent));
		assert(extent.records == next);
		crr_log_close(log);
	}
	close(fd);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	size = LLVMFuzzerMutate(data, size, max);
	/* Now and then the CRCs are what is wrong. */
	if (seed % 16)
		fix_log(data, size);
	return size;
}
