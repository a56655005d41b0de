// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * For languages that cannot compile C: the functions that are inline in the headers
 * as symbols, and constants and members by name.
 *
 * names.inc is made from the headers: see Makefile.
 */
#define CRR_INLINE
#include <stdbool.h>
#include <stdint.h>

struct crr_clock;
bool crr_clock_due(struct crr_clock *clock, uint64_t counter);
uint64_t crr_clock_next_due(const struct crr_clock *clock);
void crr_clock_set(struct crr_clock *clock, uint64_t counter);

#include <crr.h>
#include <string.h>

static const struct {
	const char *name;
	uint64_t value;
} constants[] = {
#define CONSTANT(name) { #name, (uint64_t)(name) },
#define STRUCT(name)
#define MEMBER(structure, name)
#include "names.inc"
#undef CONSTANT
#undef STRUCT
#undef MEMBER
};

static const struct {
	const char *name;
	size_t offset;
	size_t size;
} members[] = {
#define CONSTANT(name)
#define STRUCT(name) { #name, 0, sizeof(struct name) },
#define MEMBER(structure, name)                                                \
	{ #structure "." #name, offsetof(struct structure, name),              \
	  sizeof(((struct structure *)0)->name) },
#include "names.inc"
};

bool crr_constant(const char *name, uint64_t *value)
{
	size_t i;

	for (i = 0; i < sizeof(constants) / sizeof(*constants); i++) {
		if (!strcmp(constants[i].name, name)) {
			*value = constants[i].value;
			return true;
		}
	}
	return false;
}

bool crr_member(const char *name, size_t *offset, size_t *size)
{
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(*members); i++) {
		if (!strcmp(members[i].name, name)) {
			*offset = members[i].offset;
			*size = members[i].size;
			return true;
		}
	}
	return false;
}
