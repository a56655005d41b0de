// SPDX-License-Identifier: GPL-2.0-or-later
/* How crrctl prints a divergence, tested without a line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "../crrctl/print.c"
#include "../crrctl/record_types.c"

#include <cmocka.h>

/* Replaces that of user.c: the log that would be shown does not exist. */
int user_open(const char *path, int flags)
{
	errno = ENOENT;
	return -1;
}

static char *printed(uint32_t facts, uint64_t buffer_size)
{
	const struct crr_divergence div = {
		.size = sizeof(div),
		.kind = CRR_DIVERGENCE_EARLY,
		.sequence = 7,
		.expected_counter = 20,
		.counter = 10,
		.expected_type = CRR_TYPE_WRITE,
		.type = CRR_TYPE_WRITE,
		.facts = facts,
	};
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	print_divergence(out, &div, "a.crr", buffer_size);
	fclose(out);
	return text;
}

/* The buffer is named if it was what was wrong, and only then. */
static void test_full_buffer(void **state)
{
	char *text = printed(0, 262144);

	assert_non_null(strstr(text, "record   7, WRITE of stream 0\n"));
	assert_null(strstr(text, "buffer"));
	free(text);
	text = printed(CRR_DIVERGENCE_FULL, 262144);
	assert_non_null(strstr(text, "record   7, WRITE of stream 0\n"));
	assert_non_null(strstr(text, "262144 bytes"));
	assert_non_null(strstr(text, "--buffer"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_buffer),
	};

	return cmocka_run_group_tests_name("divergence", tests, NULL, NULL);
}
