// SPDX-License-Identifier: BSD-2-Clause
#include "routed/members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "outbounds:\n"
			   "  a: {type: socks5, server: 192.0.2.1:1}\n"
			   "  b: {type: socks5, server: 192.0.2.1:2}\n"
			   "  auto: {type: fallback, members: [a, b]}\n";

static struct members members;
static struct config *config;

static int setup(void **state)
{
	struct diag diag;
	int ret;

	(void)state;
	memset(&members, 0, sizeof(members));
	diag_init(&diag);
	ret = config_load(&config, text, strlen(text), "f", &diag);
	diag_fini(&diag);
	return ret;
}

static int teardown(void **state)
{
	(void)state;
	config_free(config);
	return 0;
}

static struct link_member *make(const char *group, const char *name)
{
	static struct link_member member;

	memset(&member, 0, sizeof(member));
	snprintf(member.group, sizeof(member.group), "%s", group);
	snprintf(member.member, sizeof(member.member), "%s", name);
	member.latency_us = -1;
	return &member;
}

static void note(const char *group, const char *name, bool is_first)
{
	struct link_member *member = make(group, name);

	member->is_first = is_first;
	members_note(&members, config, member);
}

static void they_are_in_the_order_of_the_configuration(void **state)
{
	(void)state;
	assert_null(members_at(&members, config, 0));
	note("auto", "b", false);
	note("auto", "a", true);
	assert_string_equal(members_at(&members, config, 0)->member, "a");
	assert_string_equal(members_at(&members, config, 1)->member, "b");
	assert_null(members_at(&members, config, 2));
	assert_string_equal(members_first(&members, "auto")->member, "a");
	note("auto", "a", false);
	assert_int_equal(members.count, 2);
	assert_null(members_first(&members, "auto"));
	members_clear(&members);
	assert_null(members_at(&members, config, 0));
}

static void what_the_configuration_does_not_have_is_not_shown(void **state)
{
	(void)state;
	note("none", "a", true);
	note("a", "a", true);
	note("auto", "c", true);
	assert_null(members_at(&members, config, 0));
}

static void a_relay_that_makes_things_up_fills_nothing(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < 3 * MEMBERS_MAX; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		note("auto", name, false);
	}
	note("auto", "a", true);
	assert_true(members.count <= MEMBERS_MAX);
	assert_string_equal(members_at(&members, config, 0)->member, "a");
}

static void json_has_null_for_what_there_is_not(void **state)
{
	struct link_member *member = make("auto", "a");
	struct json *json;
	char *line;

	(void)state;
	member->state = LINK_MEMBER_DOWN;
	snprintf(member->reason, sizeof(member->reason), "hung up");
	json = members_json(member, config);
	line = json_line(json);
	assert_string_equal(
		line, "{\"group\":\"auto\",\"type\":\"fallback\",\"member\":"
		      "\"a\",\"state\":\"down\",\"first\":false,\"latency_us\":"
		      "null,\"reason\":\"hung up\",\"since\":"
		      "\"1970-01-01T00:00:00Z\"}");
	free(line);
	json_free(json);
	member->state = 200;
	assert_string_equal(members_state_text(member), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_are_in_the_order_of_the_configuration),
		TEST(what_the_configuration_does_not_have_is_not_shown),
		TEST(a_relay_that_makes_things_up_fills_nothing),
		TEST(json_has_null_for_what_there_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
