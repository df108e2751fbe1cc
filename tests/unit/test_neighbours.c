// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's table is the test's own here. */
#include "routed/relay/neighbours.h"

#include "common/nl_neigh.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct {
	uint32_t first; /* of the addresses that have a card */
	int dumps, error;
} table;

int __wrap_nl_neigh_dump(struct nl_neigh *neigh, nl_neigh_fn fn, void *ctx);
int __wrap_nl_neigh_dump(struct nl_neigh *neigh, nl_neigh_fn fn, void *ctx)
{
	const struct addr addr = addr_ipv4(table.first);
	const struct mac mac = {{2, 0, 0, 0, 0, 1}};

	(void)neigh;
	table.dumps++;
	fn(ctx, &addr, &mac);
	return table.error;
}

static void a_table_is_read_once_a_second(void **state)
{
	const struct addr here = addr_ipv4(1), away = addr_ipv4(2);
	struct neighbours *neighbours;
	struct mac mac = {{0}};

	(void)state;
	table.first = 1;
	assert_int_equal(neighbours_new(&neighbours), 0);
	assert_true(neighbours_find(neighbours, &here, 5000, &mac));
	assert_int_equal(mac.bytes[5], 1);
	assert_true(neighbours_find(neighbours, &here, 5999, &mac));
	assert_int_equal(table.dumps, 1);
	/* One that is not there may have come just now. */
	assert_false(neighbours_find(neighbours, &away, 5099, &mac));
	assert_int_equal(table.dumps, 1);
	table.first = 2;
	assert_true(neighbours_find(neighbours, &away, 5100, &mac));
	assert_int_equal(table.dumps, 2);
	assert_true(neighbours_find(neighbours, &away, 6100, &mac));
	assert_int_equal(table.dumps, 3);
	neighbours_free(neighbours);
}

static void a_table_that_cannot_be_read_knows_nobody(void **state)
{
	const struct addr here = addr_ipv4(1);
	struct neighbours *neighbours;
	struct mac mac;

	(void)state;
	table.first = 1;
	table.error = -EIO;
	assert_int_equal(neighbours_new(&neighbours), 0);
	assert_false(neighbours_find(neighbours, &here, 0, &mac));
	table.error = 0;
	assert_true(neighbours_find(neighbours, &here, 1000, &mac));
	neighbours_free(neighbours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_read_once_a_second),
		cmocka_unit_test(a_table_that_cannot_be_read_knows_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
