// SPDX-License-Identifier: BSD-2-Clause
#include "common/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void parts_are_aligned_zeroed_and_apart(void **state)
{
	struct arena arena = {0};
	unsigned char *parts[200];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		parts[i] = arena_alloc(&arena, i * 3);
		assert_non_null(parts[i]);
		assert_int_equal((uintptr_t)parts[i] % alignof(max_align_t), 0);
		for (size_t j = 0; j < i * 3; j++)
			assert_int_equal(parts[i][j], 0);
		memset(parts[i], (int)i, i * 3);
	}
	for (size_t i = 0; i < 200; i++) {
		for (size_t j = 0; j < i * 3; j++)
			assert_int_equal(parts[i][j], i);
	}
	arena_fini(&arena);
	assert_null(arena.blocks);
}

static void a_part_can_be_larger_than_a_block(void **state)
{
	struct arena arena = {0};
	char *large = arena_alloc(&arena, 1 << 20);

	(void)state;
	assert_non_null(large);
	memset(large, 1, 1 << 20);
	assert_non_null(arena_alloc(&arena, 1));
	arena_fini(&arena);
}

static void an_array_too_large_for_memory_is_no_array(void **state)
{
	struct arena arena = {0};

	(void)state;
	assert_null(arena_array(&arena, SIZE_MAX / 2, 3));
	assert_null(arena_alloc(&arena, SIZE_MAX - 1));
	arena_fini(&arena);
}

static void text_is_copied_with_its_end(void **state)
{
	struct arena arena = {0};

	(void)state;
	assert_string_equal(arena_text(&arena, "abcd", 2), "ab");
	assert_string_equal(arena_text(&arena, "", 0), "");
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_aligned_zeroed_and_apart),
		cmocka_unit_test(a_part_can_be_larger_than_a_block),
		cmocka_unit_test(an_array_too_large_for_memory_is_no_array),
		cmocka_unit_test(text_is_copied_with_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
