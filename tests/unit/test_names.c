// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SLOTS 4096

static struct name numbered(unsigned number)
{
	struct name name;
	char text[64];

	snprintf(text, sizeof(text), "host-%u.example.com", number);
	assert_int_equal(name_parse(&name, text), 0);
	return name;
}

static int add(struct names *names, uint32_t slot, const struct name *name)
{
	return names_add(names, slot, name,
			 name_hash(name->wire, name->length));
}

static int64_t find(const struct names *names, const struct name *name)
{
	return names_find(names, name, name_hash(name->wire, name->length));
}

static int make(void **state)
{
	struct names *names;

	if (names_new(&names, SLOTS))
		return -1;
	*state = names;
	return 0;
}

static int unmake(void **state)
{
	names_free(*state);
	return 0;
}

static void a_name_leads_to_its_slot_and_back(void **state)
{
	struct name name = numbered(1), back;

	assert_int_equal(find(*state, &name), -ENOENT);
	assert_int_equal(add(*state, 4000, &name), 0);
	assert_int_equal(find(*state, &name), 4000);
	assert_int_equal(names_get(*state, 4000, &back), 0);
	assert_true(name_equal(&name, &back));
	assert_int_equal(names_get(*state, 3999, &back), -ENOENT);
	assert_int_equal(names_get(*state, SLOTS, &back), -ENOENT);
	assert_int_equal(names_count(*state), 1);
}

static void neither_name_nor_slot_is_taken_twice(void **state)
{
	struct name one = numbered(1), two = numbered(2);

	assert_int_equal(add(*state, 7, &one), 0);
	assert_int_equal(add(*state, 8, &one), -EEXIST);
	assert_int_equal(add(*state, 7, &two), -EEXIST);
	assert_int_equal(find(*state, &two), -ENOENT);
	assert_int_equal(names_count(*state), 1);
}

static void slots_outside_of_the_pool_are_refused(void **state)
{
	struct name name = numbered(1);

	assert_int_equal(add(*state, 0, &name), -EINVAL);
	assert_int_equal(add(*state, SLOTS, &name), -EINVAL);
	names_del(*state, SLOTS);
	names_del(*state, 1);
	assert_int_equal(names_count(*state), 0);
}

static void the_root_and_the_longest_name_are_names(void **state)
{
	struct name root, longest = {.length = NAME_WIRE_MAX}, back;

	assert_int_equal(name_parse(&root, "."), 0);
	for (size_t at = 0; at < NAME_WIRE_MAX - 1; at += 2) {
		longest.wire[at] = 1;
		longest.wire[at + 1] = 'x';
	}
	assert_int_equal(add(*state, 1, &root), 0);
	assert_int_equal(add(*state, 2, &longest), 0);
	assert_int_equal(find(*state, &root), 1);
	assert_int_equal(find(*state, &longest), 2);
	assert_int_equal(names_get(*state, 2, &back), 0);
	assert_true(name_equal(&longest, &back));
}

/* All of a full pool, then every third one deleted, then added anew. */
static void deletion_loses_no_other_name(void **state)
{
	for (unsigned i = 1; i < SLOTS; i++) {
		struct name name = numbered(i);

		assert_int_equal(add(*state, i, &name), 0);
	}
	for (unsigned i = 3; i < SLOTS; i += 3)
		names_del(*state, i);
	for (unsigned i = 1; i < SLOTS; i++) {
		struct name name = numbered(i);

		assert_int_equal(find(*state, &name),
				 i % 3 ? (int64_t)i : -ENOENT);
	}
	for (unsigned i = 3; i < SLOTS; i += 3) {
		struct name name = numbered(i + SLOTS);

		assert_int_equal(add(*state, i, &name), 0);
	}
	assert_int_equal(names_count(*state), SLOTS - 1);
}

/* Buckets of one hash, at the table's end: they go round. */
static void equal_hashes_are_told_apart(void **state)
{
	const uint64_t hash = UINT64_MAX;

	for (unsigned i = 1; i <= 20; i++) {
		struct name name = numbered(i);

		assert_int_equal(names_add(*state, i, &name, hash), 0);
	}
	for (unsigned i = 1; i <= 20; i++) {
		struct name name = numbered(i);

		assert_int_equal(names_find(*state, &name, hash), i);
	}
}

/* What a failed commit does: the newest first, over and over. */
static void taking_the_newest_back_uses_no_memory_up(void **state)
{
	for (unsigned round = 0; round < 1000; round++) {
		for (unsigned i = 1; i <= 200; i++) {
			struct name name = numbered(round * 200 + i);

			assert_int_equal(add(*state, i, &name), 0);
		}
		for (unsigned i = 200; i >= 1; i--)
			names_del(*state, i);
	}
	assert_int_equal(names_count(*state), 0);
}

static void a_large_pool_grows_its_table(void **state)
{
	const uint32_t slots = UINT32_C(1) << 18;
	struct names *names;

	(void)state;
	assert_int_equal(names_new(&names, slots), 0);
	for (unsigned i = 1; i < slots; i++) {
		struct name name = numbered(i);

		assert_int_equal(add(names, i, &name), 0);
	}
	for (unsigned i = 1; i < slots; i += 2)
		names_del(names, i);
	for (unsigned i = 1; i < slots; i++) {
		struct name name = numbered(i);

		assert_int_equal(find(names, &name), i % 2 ? -ENOENT : (int)i);
	}
	names_free(names);
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, make, unmake)

/* Far more names than the arena has room for, one after the other. */
static void deleted_names_make_room_for_others(void **state)
{
	const uint32_t slots = 64;
	struct names *names;
	struct name name;
	char text[200];

	(void)state;
	assert_int_equal(names_new(&names, slots), 0);
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t slot = 1 + i % (slots - 1);

		names_del(names, slot);
		snprintf(text, sizeof(text), "%0*u.example", (int)(i % 40 + 8),
			 i);
		assert_int_equal(name_parse(&name, text), 0);
		assert_int_equal(names_add(names, slot, &name,
					   name_hash(name.wire, name.length)),
				 0);
		assert_int_equal(names_find(names, &name,
					    name_hash(name.wire, name.length)),
				 slot);
	}
	assert_int_equal(names_count(names), slots - 1);
	for (uint32_t slot = 1; slot < slots; slot++) {
		assert_int_equal(names_get(names, slot, &name), 0);
		assert_int_equal(names_find(names, &name,
					    name_hash(name.wire, name.length)),
				 slot);
	}
	names_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_leads_to_its_slot_and_back),
		TEST(neither_name_nor_slot_is_taken_twice),
		TEST(slots_outside_of_the_pool_are_refused),
		TEST(the_root_and_the_longest_name_are_names),
		TEST(deletion_loses_no_other_name),
		TEST(equal_hashes_are_told_apart),
		TEST(taking_the_newest_back_uses_no_memory_up),
		cmocka_unit_test(a_large_pool_grows_its_table),
		cmocka_unit_test(deleted_names_make_room_for_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
