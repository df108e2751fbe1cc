// SPDX-License-Identifier: BSD-2-Clause
#include "common/slots.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MANY 4096

struct seen {
	uint32_t slots[MANY];
	size_t count;
};

static void see(void *ctx, uint32_t slot)
{
	struct seen *seen = ctx;

	assert_true(seen->count < MANY);
	seen->slots[seen->count++] = slot;
}

static void neighbours_become_ranges(void **state)
{
	const uint32_t slots[] = {3, 7, 8, 9, 11, 12, 4711};
	char text[SLOTS_TEXT_SIZE(7)];

	(void)state;
	assert_string_equal(slots_format(slots, 7, text, sizeof(text)),
			    "3,7-9,11-12,4711");
	assert_string_equal(slots_format(slots, 1, text, sizeof(text)), "3");
	assert_string_equal(slots_format(slots, 0, text, sizeof(text)), "");
}

static void what_is_written_is_read_again(void **state)
{
	static char text[SLOTS_TEXT_SIZE(MANY)];
	struct seen written = {.count = 0}, seen;
	uint32_t slot = UINT32_MAX - 5 * MANY, random = 1;

	(void)state;
	for (int round = 0; round < 50; round++) {
		written.count = seen.count = 0;
		while (written.count < (size_t)round * 80) {
			random = random * 1103515245 + 12345;
			slot += 1 + (random >> 30);
			written.slots[written.count++] = slot;
		}
		slots_format(written.slots, written.count, text, sizeof(text));
		assert_int_equal(slots_each(text, UINT32_MAX, see, &seen), 0);
		assert_int_equal(seen.count, written.count);
		assert_memory_equal(seen.slots, written.slots,
				    written.count * sizeof(uint32_t));
		slot = (uint32_t)round * 1000;
	}
}

static void slots_beyond_the_end_are_left_out(void **state)
{
	struct seen seen = {.count = 0};

	(void)state;
	assert_int_equal(slots_each("3,14-4294967295", 16, see, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.slots[2], 15);
}

static void other_text_is_refused(void **state)
{
	static const char *const texts[] = {
		"x",   "3,",  ",3",         "3-",   "-3",    "3 4",
		"9-3", "7,3", "4294967296", "3,,4", "3-4-5",
	};
	struct seen seen = {.count = 0};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(slots_each(texts[i], 16, see, &seen), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_become_ranges),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(slots_beyond_the_end_are_left_out),
		cmocka_unit_test(other_text_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
