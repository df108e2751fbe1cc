// SPDX-License-Identifier: BSD-2-Clause
/* With real rules, and the commands made, by tests/net/test_gateway_ways.py. */
#include "routed/blockade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                            \
	"table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook "   \
	"forward priority filter; policy drop;\n\t\tjump DOCKER-USER\n" \
	"\t}\n\n\tchain DOCKER-USER {\n"
#define TAIL "\t}\n}\n"

static size_t find(struct blockade list[BLOCKADE_MAX], const char *ruleset)
{
	memset(list, 0, BLOCKADE_MAX * sizeof(*list));
	return blockade_find(list, ruleset, "ersatz0", "lan0");
}

static void policy_that_drops_is_found_and_opened(void **state)
{
	struct blockade list[BLOCKADE_MAX];

	(void)state;
	assert_int_equal(find(list, HEAD TAIL), 1);
	assert_string_equal(list[0].table, "ip filter");
	assert_string_equal(list[0].chain, "FORWARD");
	assert_string_equal(list[0].mend,
			    "iptables -I DOCKER-USER -i lan0 -o ersatz0 -j "
			    "ACCEPT && iptables -I DOCKER-USER -i ersatz0 -o "
			    "lan0 -j ACCEPT");
	assert_int_equal(find(list, HEAD "\t\tiifname \"lan0\" oifname "
					 "\"ersatz0\" counter packets 0 bytes "
					 "0 accept\n" TAIL),
			 0);
	/* Another way, or another interface, is none of ours. */
	assert_int_equal(find(list, HEAD "\t\tiifname \"lan0\" oifname "
					 "\"eth0\" accept\n" TAIL),
			 1);
	assert_int_equal(find(list, HEAD "\t\tiifname \"lan0\" accept\n" TAIL),
			 0);
}

static void chain_that_ends_with_a_refusal_is_found(void **state)
{
	struct blockade list[BLOCKADE_MAX];

	(void)state;
	assert_int_equal(find(list,
			      "table inet f {\n\tchain through {\n\t\ttype "
			      "filter hook forward priority 0; policy "
			      "accept;\n\t\tct state established accept\n"
			      "\t\tcounter packets 1 bytes 2 reject\n\t}\n}\n"),
			 1);
	assert_string_equal(
		list[0].mend,
		"nft insert rule inet f through iifname lan0 oifname ersatz0 "
		"accept; nft insert rule inet f through iifname ersatz0 "
		"oifname lan0 accept");
}

static void other_chains_are_no_blockade(void **state)
{
	struct blockade list[BLOCKADE_MAX];

	(void)state;
	assert_int_equal(find(list, ""), 0);
	assert_int_equal(find(list,
			      "table inet f {\n\tchain in {\n\t\ttype filter "
			      "hook input priority 0; policy drop;\n\t}\n"
			      "\tchain through {\n\t\ttype filter hook forward "
			      "priority 0; policy accept;\n"
			      "\t\tip daddr 192.0.2.1 drop\n\t}\n}\n"),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_that_drops_is_found_and_opened),
		cmocka_unit_test(chain_that_ends_with_a_refusal_is_found),
		cmocka_unit_test(other_chains_are_no_blockade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
