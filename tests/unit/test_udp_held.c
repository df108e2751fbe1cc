// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/held.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[DATAGRAM_PAYLOAD_MAX];

static void they_come_back_in_order(void **state)
{
	struct held_queue queue = {.count = 0};
	struct held_pool *pool;

	(void)state;
	assert_int_equal(held_pool_new(&pool), 0);
	for (size_t i = 0; i < HELD_QUEUE_MAX; i++) {
		struct datagram datagram = {.payload = bytes,
					    .length = i * 100};

		memset(bytes, (int)i, datagram.length);
		assert_true(held_put(pool, &queue, &datagram));
	}
	for (size_t i = 0; i < HELD_QUEUE_MAX; i++) {
		struct held *held = held_take(&queue);

		assert_int_equal(held->datagram.length, i * 100);
		for (size_t at = 0; at < i * 100; at++)
			assert_int_equal(held->datagram.payload[at], i);
		held_give(pool, held);
	}
	assert_null(held_take(&queue));
	assert_int_equal(held_pool_count(pool), 0);
	held_pool_free(pool);
}

static void a_queue_is_bounded(void **state)
{
	const struct datagram datagram = {.payload = bytes, .length = 1};
	struct held_queue one = {.count = 0}, two = {.count = 0};
	struct held_pool *pool;

	(void)state;
	assert_int_equal(held_pool_new(&pool), 0);
	while (held_put(pool, &one, &datagram))
		;
	assert_int_equal(one.count, HELD_QUEUE_MAX);
	assert_true(held_put(pool, &two, &datagram));
	held_clear(pool, &one);
	held_clear(pool, &two);
	assert_int_equal(held_pool_count(pool), 0);
	held_pool_free(pool);
}

static void large_ones_are_few(void **state)
{
	const struct datagram large = {.payload = bytes,
				       .length = sizeof(bytes)};
	const struct datagram small = {.payload = bytes, .length = 9};
	struct held_queue queue = {.count = 0};
	struct held_pool *pool;
	unsigned count = 0;

	(void)state;
	assert_int_equal(held_pool_new(&pool), 0);
	while (held_put(pool, &queue, &large))
		count++;
	assert_true(count > 0 && count < HELD_QUEUE_MAX);
	assert_true(held_put(pool, &queue, &small));
	held_clear(pool, &queue);
	held_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_come_back_in_order),
		cmocka_unit_test(a_queue_is_bounded),
		cmocka_unit_test(large_ones_are_few),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
