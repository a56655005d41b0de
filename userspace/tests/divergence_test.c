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

static char *printed(uint32_t kind, uint32_t type, uint32_t facts,
		     uint64_t guesses)
{
	const struct crr_divergence div = {
		.size = sizeof(div),
		.kind = kind,
		.sequence = 7,
		.expected_counter = 20,
		.counter = 10,
		.expected_type = CRR_TYPE_WRITE,
		.type = type,
		.facts = facts,
	};
	const struct crr_status st = {
		.size = sizeof(st),
		.buffer_size = 262144,
		.guesses = guesses,
	};
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	print_divergence(out, &div, "a.crr", &st);
	fclose(out);
	return text;
}

/* The buffer is named if it was what was wrong, and only then. */
static void test_full_buffer(void **state)
{
	char *text = printed(CRR_DIVERGENCE_EARLY, CRR_TYPE_WRITE, 0, 0);

	assert_non_null(strstr(text, "record   7, WRITE of stream 0\n"));
	assert_null(strstr(text, "buffer"));
	free(text);
	text = printed(CRR_DIVERGENCE_EARLY, CRR_TYPE_WRITE,
		       CRR_DIVERGENCE_FULL, 0);
	assert_non_null(strstr(text, "record   7, WRITE of stream 0\n"));
	assert_non_null(strstr(text, "262144 bytes"));
	assert_non_null(strstr(text, "--buffer"));
	free(text);
}

/* A run that has not ended is not reported to have ended. */
static void test_record_left(void **state)
{
	char *text = printed(CRR_DIVERGENCE_LEFT, CRR_TYPE_STREAM_END, 0, 0);

	assert_non_null(strstr(text, "the run ended while a record was due"));
	free(text);
	text = printed(CRR_DIVERGENCE_LEFT, CRR_TYPE_READ, 0, 0);
	assert_non_null(strstr(text, "it called read(2) while a record was due"));
	assert_null(strstr(text, "ended"));
	free(text);
}

/* Guesses are printed if there were any. */
static void test_guesses(void **state)
{
	char *text = printed(CRR_DIVERGENCE_EARLY, CRR_TYPE_WRITE, 0, 0);

	assert_null(strstr(text, "guesses"));
	free(text);
	text = printed(CRR_DIVERGENCE_EARLY, CRR_TYPE_WRITE, 0, 3);
	assert_non_null(strstr(text, "guesses  3 poll(2)s"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_buffer),
		cmocka_unit_test(test_record_left),
		cmocka_unit_test(test_guesses),
	};

	return cmocka_run_group_tests_name("divergence", tests, NULL, NULL);
}
