// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/policy.h"

#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "outbounds:\n"
			   "  far: { type: socks5, server: 192.0.2.7:1080 }\n"
			   "  near: { type: socks5, server: 127.0.0.1:1080 }\n"
			   "  mine: { type: socks5, server: 192.0.2.1:1080 }\n"
			   "  wire: { type: interface, interface: eth0 }\n"
			   "rules:\n"
			   "  - MATCH,far\n";

static struct policy *load(const char *what, int expected)
{
	struct policy *policy = NULL;
	struct diag diag;

	diag_init(&diag);
	assert_int_equal(
		policy_new(&policy, what, strlen(what), "test.yaml", &diag),
		expected);
	assert_int_equal(diag.errors > 0, expected < 0);
	diag_fini(&diag);
	return policy;
}

static void outbounds_have_names(void **state)
{
	struct policy *policy = load(text, 0);

	(void)state;
	assert_string_equal(policy_outbound_name(policy, OUTBOUND_DIRECT),
			    "DIRECT");
	assert_string_equal(policy_outbound_name(policy, OUTBOUND_FIRST),
			    "far");
	assert_false(policy->outbounds[OUTBOUND_FIRST].has_login);
	policy_unref(policy);
}

static void a_server_may_be_on_this_host(void **state)
{
	struct nl_ifaddr addr = {.ifindex = 2, .addr = addr_ipv4(0xc0000201)};
	struct nl_state links = {.addrs = &addr, .addr_count = 1};
	struct policy *policy = load(text, 0);

	(void)state;
	policy_look_around(policy, &links);
	assert_true(policy->has_local_server);
	assert_false(policy->outbounds[OUTBOUND_FIRST].is_local);
	assert_true(policy->outbounds[OUTBOUND_FIRST + 1].is_local);
	assert_true(policy->outbounds[OUTBOUND_FIRST + 2].is_local);
	assert_false(policy->outbounds[OUTBOUND_FIRST + 3].is_local);
	assert_false(policy->outbounds[OUTBOUND_DIRECT].is_local);
	/* The address goes: the server is somebody else's now. */
	links.addr_count = 0;
	policy_look_around(policy, &links);
	assert_false(policy->outbounds[OUTBOUND_FIRST + 2].is_local);
	policy_unref(policy);
}

static void it_lives_as_long_as_somebody_follows(void **state)
{
	struct policy *policy = load(text, 0), *flow;

	(void)state;
	flow = policy_ref(policy);
	policy_unref(policy);
	assert_string_equal(policy_outbound_name(flow, OUTBOUND_FIRST), "far");
	policy_unref(flow);
	policy_unref(NULL);
}

static void errors_are_told(void **state)
{
	(void)state;
	load("rules: [ \"MATCH,nobody\" ]\n", ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outbounds_have_names),
		cmocka_unit_test(a_server_may_be_on_this_host),
		cmocka_unit_test(it_lives_as_long_as_somebody_follows),
		cmocka_unit_test(errors_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
