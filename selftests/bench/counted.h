/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In a guest whose time is the number of instructions that it has executed, a
 * nanosecond each (rig/boot -i).
 */
#ifndef COUNTED_H
#define COUNTED_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

/* The kernel's account of how long it has had nothing to do: there time leaps. */
static inline uint64_t idled(void)
{
	FILE *file = fopen("/proc/timer_list", "r");
	uint64_t ns, sum = 0;
	unsigned int found = 0;
	char line[256];

	while (file && found < 2 && fgets(line, sizeof(line), file))
		if (sscanf(line, " .idle_sleeptime : %" SCNu64, &ns) == 1 ||
		    sscanf(line, " .iowait_sleeptime: %" SCNu64, &ns) == 1) {
			sum += ns;
			found++;
		}
	if (found < 2) {
		perror("timer_list");
		exit(1);
	}
	fclose(file);
	return sum;
}

/* What all there is in the guest has executed. */
static inline uint64_t executed(void)
{
	uint64_t ns = idled();

	return __rdtsc() - ns;
}

#endif /* COUNTED_H */
