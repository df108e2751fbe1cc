// SPDX-License-Identifier: BSD-2-Clause
#include "routed/learnt.h"

#include "tests/unit/fib_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void facts_are_copies(void **state)
{
	struct uid_range uids[] = {{1, 2}};
	struct endpoint servers[] = {{{ADDR_IPV4, {0}}, 53}};
	struct learnt learnt = {.facts = {.tun_ifindex = TUN}};

	(void)state;
	assert_int_equal(learnt_set_uids(&learnt, uids, 1), 0);
	assert_int_equal(learnt_set_udp_servers(&learnt, servers, 1), 0);
	uids[0].first = 9;
	servers[0].port = 9;
	assert_int_equal(learnt.facts.uid_count, 1);
	assert_int_equal(learnt.facts.uids[0].first, 1);
	assert_int_equal(learnt.facts.udp_servers[0].port, 53);
	assert_int_equal(learnt_set_uids(&learnt, NULL, 0), 0);
	assert_int_equal(learnt.facts.uid_count, 0);
	assert_int_equal(learnt.facts.tun_ifindex, TUN);
	learnt_fini(&learnt);
}

static void far_end_is_added_once(void **state)
{
	const struct prefix known[] = {prefix_of("10.0.0.0/8")};
	const struct prefix inside = prefix_of("10.1.1.1");
	const struct prefix other = prefix_of("192.0.2.1");
	struct learnt learnt = {0};

	(void)state;
	assert_int_equal(learnt_set_far_ends(&learnt, known, 1), 0);
	assert_int_equal(learnt_add_far_end(&learnt, &inside), 0);
	assert_int_equal(learnt_add_far_end(&learnt, &other), 1);
	assert_int_equal(learnt_add_far_end(&learnt, &other), 0);
	assert_int_equal(learnt.facts.far_end_count, 2);
	assert_true(addr_equal(&learnt.facts.far_ends[1].addr, &other.addr));
	learnt_fini(&learnt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_copies),
		cmocka_unit_test(far_end_is_added_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
