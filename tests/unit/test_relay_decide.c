// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/decide.h"

#include "common/map.h"
#include "tests/unit/relay_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, relay_fixture_setup, \
					relay_fixture_teardown)

static struct decision decision;

/* TCP to the slot or, with text, to that address. */
static void decide_for(uint32_t slot, const char *text, uint16_t port)
{
	const struct fake_pool pool = fake_pool_default();
	struct packet packet = {
		.protocol = PACKET_TCP,
		.src = {.addr = fake_ipv4(&pool, 1), .port = 40000},
		.dst = {.addr = fake_ipv4(&pool, slot), .port = port},
	};

	if (text)
		assert_int_equal(addr_parse(&packet.dst.addr, text), 0);
	const struct decide_flow flow = decide_flow_of(&packet);
	decide(fixture.parts.decider, fixture.parts.policy, &flow, &decision);
}

static void expect_outbound(const char *name)
{
	assert_false(decision.is_refused);
	assert_string_equal(
		policy_outbound_name(fixture.parts.policy, decision.outbound),
		name);
}

static void expect_refusal(enum refusal refusal)
{
	assert_true(decision.is_refused);
	assert_int_equal(decision.refusal, refusal);
}

static void a_fake_address_has_its_name(void **state)
{
	struct name name;

	(void)state;
	decide_for(SLOT_SITE, NULL, 443);
	expect_outbound("proxy");
	assert_int_equal(decision.slot, SLOT_SITE);
	assert_int_equal(name_parse(&name, "site.example"), 0);
	assert_true(name_equal(&name, &decision.name));
	assert_string_equal(decision.rule->text, "MATCH,proxy");
	decide_for(0, "2001:2::1267", 443);
	assert_true(name_equal(&name, &decision.name));
	decide_for(SLOT_DIRECT, NULL, 443);
	expect_outbound("DIRECT");
}

static void a_real_address_has_none(void **state)
{
	(void)state;
	decide_for(0, "192.0.2.1", 443);
	expect_outbound("proxy");
	assert_int_equal(decision.slot, 0);
	assert_int_equal(decision.name.length, 0);
	decide_for(0, "127.0.0.1", 443);
	expect_outbound("DIRECT");
}

static void an_address_of_the_pool_without_a_name_is_reset(void **state)
{
	(void)state;
	decide_for(SLOT_UNKNOWN, NULL, 443);
	expect_refusal(REFUSAL_RESET);
	assert_null(decision.rule);
	decide_for(0, "198.18.0.0", 443);
	expect_refusal(REFUSAL_RESET);
	decide_for(0, "198.19.255.255", 443);
	expect_refusal(REFUSAL_RESET);
	decide_for(0, "2001:2:0:1::", 443);
	expect_refusal(REFUSAL_RESET);
}

static void rules_that_reject_refuse(void **state)
{
	(void)state;
	decide_for(SLOT_REJECT, NULL, 443);
	expect_refusal(REFUSAL_RESET);
	assert_string_equal(decision.rule->text,
			    "DOMAIN,reject.example,REJECT");
	decide_for(SLOT_DROP, NULL, 443);
	expect_refusal(REFUSAL_SILENT);
}

static void the_port_is_known_now(void **state)
{
	(void)state;
	relay_fixture_follow("  - DST-PORT,22,lo\n"
			     "  - NETWORK,udp,REJECT\n"
			     "  - MATCH,proxy\n");
	decide_for(SLOT_SITE, NULL, 22);
	expect_outbound("lo");
	decide_for(SLOT_SITE, NULL, 443);
	expect_outbound("proxy");
}

static void no_rule_is_direct(void **state)
{
	(void)state;
	relay_fixture_follow("  - DOMAIN,other.example,proxy\n");
	decide_for(SLOT_SITE, NULL, 443);
	expect_outbound("DIRECT");
	assert_null(decision.rule);
}

static void a_map_that_comes_later_is_found(void **state)
{
	char path[64], moved[72];

	(void)state;
	snprintf(path, sizeof(path), "%s/map.db", fixture.folder);
	snprintf(moved, sizeof(moved), "%s.away", path);
	assert_int_equal(rename(path, moved), 0);
	decide_for(SLOT_SITE, NULL, 443);
	expect_refusal(REFUSAL_RESET);
	assert_int_equal(rename(moved, path), 0);
	decide_for(SLOT_SITE, NULL, 443);
	expect_outbound("proxy");
}

static void a_map_that_was_replaced_is_read_anew(void **state)
{
	const struct fake_pool pool = fake_pool_default();
	char path[64], command[160], reason[MAP_REASON_SIZE];
	struct map_row row = {.slot = SLOT_SITE, .created_ms = 1};
	struct map *map;

	(void)state;
	decide_for(SLOT_SITE, NULL, 443);
	expect_outbound("proxy");
	snprintf(path, sizeof(path), "%s/map.db", fixture.folder);
	snprintf(command, sizeof(command), "mkdir %s/old && mv %s* %s/old",
		 fixture.folder, path, fixture.folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(map_open(&map, path, &pool, reason), 0);
	assert_int_equal(map_reserve(map, 8192), 0);
	assert_int_equal(name_parse(&row.name, "direct.example"), 0);
	assert_int_equal(map_add(map, &row, 1), 0);
	map_close(map);
	decide_for(SLOT_SITE, NULL, 443);
	expect_outbound("DIRECT");
}

static void a_name_can_be_asked_by_slot(void **state)
{
	struct name name;
	char text[NAME_TEXT_SIZE];

	(void)state;
	assert_true(decider_name(fixture.parts.decider, SLOT_SITE, &name));
	assert_string_equal(name_format(&name, text, sizeof(text)),
			    "site.example");
	assert_false(decider_name(fixture.parts.decider, 0, &name));
	assert_false(decider_name(fixture.parts.decider, SLOT_UNKNOWN, &name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fake_address_has_its_name),
		TEST(a_real_address_has_none),
		TEST(an_address_of_the_pool_without_a_name_is_reset),
		TEST(rules_that_reject_refuse),
		TEST(the_port_is_known_now),
		TEST(no_rule_is_direct),
		TEST(a_map_that_comes_later_is_found),
		TEST(a_map_that_was_replaced_is_read_anew),
		TEST(a_name_can_be_asked_by_slot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
