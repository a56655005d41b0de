// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every number of the interface has a name: the header's enums are read, so
 * that a value that is added there cannot be forgotten here.
 */
#include <crr.h>
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VALUES_MAX 64

struct value {
	char name[64];
	unsigned int value;
};

/* The values of an enum of the header. */
static size_t read_enum(const char *name, struct value *values)
{
	FILE *file = fopen(UAPI_HEADER, "re");
	char line[256], begin[64];
	bool inside = false;
	size_t n = 0;
	int value;

	assert_non_null(file);
	snprintf(begin, sizeof(begin), "enum %s {\n", name);
	while (fgets(line, sizeof(line), file)) {
		if (!strcmp(line, begin))
			inside = true;
		else if (inside && line[0] == '}')
			break;
		if (!inside || sscanf(line, " %63[A-Z0-9_] = %i",
				      values[n].name, &value) != 2)
			continue;
		values[n++].value = (unsigned int)value;
		assert_in_range(n, 0, VALUES_MAX - 1);
	}
	fclose(file);
	return n;
}

typedef const char *name_fn(unsigned int value);

/* All have a text of their own. */
static void check_texts(const char *name, size_t at_least, name_fn *text,
			unsigned int all_but)
{
	struct value values[VALUES_MAX];
	size_t n = read_enum(name, values), i, j;
	const char *unknown = text(12345);

	assert_in_range(n, at_least, VALUES_MAX);
	for (i = 0; i < n; i++) {
		const char *mine = text(values[i].value);

		if (values[i].value == all_but)
			continue;
		if (!mine || !*mine || (unknown && !strcmp(mine, unknown)))
			fail_msg("%s has no name", values[i].name);
		for (j = 0; j < i; j++)
			if (values[j].value != all_but &&
			    !strcmp(mine, text(values[j].value)))
				fail_msg("%s and %s are both '%s'",
					 values[i].name, values[j].name, mine);
	}
}

/* The name is what the constant is called behind its prefix. */
static void check_names(const char *name, const char *prefix, name_fn *text,
			unsigned int all_but)
{
	struct value values[VALUES_MAX];
	size_t n = read_enum(name, values), i;
	char *p;

	for (i = 0; i < n; i++) {
		if (values[i].value == all_but)
			continue;
		assert_memory_equal(values[i].name, prefix, strlen(prefix));
		p = values[i].name + strlen(prefix);
		assert_string_equal(text(values[i].value), p);
	}
}

static const char *upper(const char *p)
{
	static char name[32];
	size_t i;

	for (i = 0; p[i] && i < sizeof(name) - 1; i++)
		name[i] = (char)toupper((unsigned char)p[i]);
	name[i] = '\0';
	return name;
}

static const char *upper_state(unsigned int state)
{
	return upper(crr_state_name(state));
}

static const char *upper_reason(unsigned int reason)
{
	return upper(crr_reason_name(reason));
}

static const char *upper_divergence(unsigned int reason)
{
	return upper(crr_divergence_name(reason));
}

static void test_states(void **state)
{
	check_texts("crr_state", 6, crr_state_name, UINT32_MAX);
	check_names("crr_state", "CRR_STATE_", upper_state, UINT32_MAX);
}

static void test_reasons(void **state)
{
	check_texts("crr_reason", 15, crr_reason_text, UINT32_MAX);
	check_names("crr_reason", "CRR_REASON_", upper_reason, UINT32_MAX);
}

static void test_types(void **state)
{
	check_texts("crr_record_type", 14, crr_type_name, CRR_TYPE_OPTIONAL);
	check_names("crr_record_type", "CRR_TYPE_", crr_type_name,
		    CRR_TYPE_OPTIONAL);
}

static void test_divergences(void **state)
{
	check_texts("crr_divergence_kind", 6, crr_divergence_text, UINT32_MAX);
	check_names("crr_divergence_kind", "CRR_DIVERGENCE_",
		    upper_divergence, UINT32_MAX);
}

/* Numbers that nobody has given yet: a name nevertheless, or NULL if said. */
static void test_unknown(void **state)
{
	unsigned int i;

	for (i = 0; i < 70000; i++) {
		assert_non_null(crr_state_name(i));
		assert_non_null(crr_reason_name(i));
		assert_non_null(crr_reason_text(i));
		assert_non_null(crr_divergence_text(i));
		assert_non_null(crr_divergence_name(i));
	}
	assert_non_null(crr_state_name(UINT32_MAX));
	assert_non_null(crr_reason_name(UINT32_MAX));
	assert_non_null(crr_reason_text(UINT32_MAX));
	assert_non_null(crr_divergence_text(UINT32_MAX));
	assert_null(crr_type_name(0));
	for (i = CRR_TYPE_VALUE + 1; i < 70000; i++)
		if (i != CRR_TYPE_TERMIOS && i != CRR_TYPE_TIME)
			assert_null(crr_type_name(i));
	assert_null(crr_type_name(UINT32_MAX));
}

static void test_constants(void **state)
{
	static const char *const enums[] = {
		"crr_state", "crr_reason", "crr_record_type",
		"crr_divergence_kind", "crr_delivery", "crr_end",
	};
	struct value values[VALUES_MAX];
	uint64_t value;
	size_t i, n;

	for (i = 0; i < sizeof(enums) / sizeof(*enums); i++) {
		n = read_enum(enums[i], values);
		assert_in_range(n, 2, VALUES_MAX);
		while (n--) {
			assert_true(crr_constant(values[n].name, &value));
			assert_int_equal(value, values[n].value);
		}
	}
	assert_true(crr_constant("CRR_NEVER", &value) && value == CRR_NEVER);
	assert_true(crr_constant("CRR_IOC_VALUE", &value) &&
		    value == CRR_IOC_VALUE);
	assert_true(crr_constant("CRR_RECORD_GATED", &value) &&
		    value == CRR_RECORD_GATED);
	assert_true(crr_constant("CRR_TYPE_TIME", &value) &&
		    value == CRR_TYPE_TIME);
	assert_true(crr_constant("CRR_TTY_RAW", &value) && value == CRR_TTY_RAW);
	assert_true(crr_constant("N_CRR", &value) && value == N_CRR);
	value = 7;
	assert_false(crr_constant("CRR_VERSION", &value));
	assert_false(crr_constant("CRR_", &value));
	assert_false(crr_constant("", &value));
	assert_int_equal(value, 7);
}

static void test_members(void **state)
{
	size_t offset = 1, size = 1;

	assert_true(crr_member("crr_status", &offset, &size));
	assert_int_equal(offset, 0);
	assert_int_equal(size, sizeof(struct crr_status));
	assert_true(crr_member("crr_status.guesses", &offset, &size));
	assert_int_equal(offset, offsetof(struct crr_status, guesses));
	assert_int_equal(size, sizeof(__u64));
	assert_true(crr_member("crr_mark.label", &offset, &size));
	assert_int_equal(offset, offsetof(struct crr_mark, label));
	assert_int_equal(size, CRR_MARK_MAX);
	assert_true(crr_member("crr_divergence.got", &offset, &size));
	assert_int_equal(offset, offsetof(struct crr_divergence, got));
	assert_true(crr_member("crr_clock_state.diverged", &offset, &size));
	assert_int_equal(offset, offsetof(struct crr_clock_state, diverged));
	assert_true(crr_member("crr_record.termios.ispeed", &offset, &size));
	assert_int_equal(offset, offsetof(struct crr_record, termios.ispeed));
	assert_int_equal(size, sizeof(uint32_t));
	assert_true(crr_member("crr_record.crc32c", &offset, &size));
	assert_int_equal(offset, offsetof(struct crr_record, crc32c));
	assert_true(crr_member("crr_record.data", &offset, &size));
	assert_int_equal(size, sizeof(void *));
	assert_true(crr_member("crr_log_info.run", &offset, &size));
	assert_int_equal(size, sizeof(((struct crr_log_info *)0)->run));
	assert_false(crr_member("crr_clock.fd", &offset, &size));
	assert_false(crr_member("crr_record.ispeed", &offset, &size));
	assert_true(crr_member("crr_position.counter", &offset, &size));
	assert_int_equal(offset, offsetof(struct crr_position, counter));
	assert_int_equal(size, sizeof(uint64_t));
	assert_false(crr_member("crr_status.", &offset, &size));
	assert_false(crr_member("crr_status.none", &offset, &size));
	assert_false(crr_member("crr_none", &offset, &size));
}

static void test_version(void **state)
{
	assert_string_equal(crr_version(), CRR_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_divergences),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_constants),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
