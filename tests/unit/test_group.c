// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SERVERS_MAX 20

struct setting {
	struct upstream_server_conf servers[SERVERS_MAX];
	struct upstream_way way;
	struct upstream_conf conf;
	struct endpoint listen[2];
	struct group_self self;
	struct resolvconf system;
	struct group group;
};

static struct endpoint endpoint_of(const char *text)
{
	struct endpoint endpoint;
	assert_int_equal(endpoint_parse(&endpoint, text, 53), 0);
	return endpoint;
}

/* "system" or an address; NULL ends. */
static void set(struct setting *s, const char *const *servers)
{
	memset(s, 0, sizeof(*s));
	s->conf.name = "home";
	s->conf.servers = s->servers;
	s->conf.ways = &s->way;
	s->conf.way_count = 1;
	for (; *servers; servers++) {
		struct upstream_server_conf *one =
			&s->servers[s->conf.server_count++];
		one->transport = UPSTREAM_SYSTEM;
		if (strcmp(*servers, "system") == 0)
			continue;
		one->transport = UPSTREAM_UDP;
		one->endpoint = endpoint_of(*servers);
	}
	s->self.listen = s->listen;
	s->group.conf = &s->conf;
}

static void listen_at(struct setting *s, const char *text)
{
	s->listen[s->self.listen_count++] = endpoint_of(text);
}

static const char *fill(struct setting *s)
{
	static char text[512];
	group_fill(&s->group, &s->system, &s->self, NULL);
	return group_describe(&s->group, text, sizeof(text));
}

static uint8_t order[GROUP_SERVERS];

static size_t order_at(struct group *group, int64_t now_ms)
{
	return group_order(group, 0, now_ms, order);
}

static void servers_are_asked_in_the_order_of_the_config(void **state)
{
	(void)state;
	static const char *const servers[] = {"192.0.2.1", "[2001:db8::1]:5353",
					      NULL};
	struct setting s;
	set(&s, servers);
	s.servers[1].transport = UPSTREAM_TCP;
	s.conf.interface = "wg0";
	assert_string_equal(fill(&s),
			    "192.0.2.1:53, [2001:db8::1]:5353 (tcp) by wg0");
}

static void system_is_replaced_by_the_resolvers_of_the_host(void **state)
{
	(void)state;
	static const char *const servers[] = {"192.0.2.1", "system", NULL};
	struct setting s;
	set(&s, servers);
	s.system.servers[0] = addr_ipv4(0xc0a80101);
	s.system.servers[1] = addr_ipv4(0xc0a80102);
	s.system.count = 2;
	assert_string_equal(fill(&s),
			    "192.0.2.1:53, 192.168.1.1:53, 192.168.1.2:53");
	s.system.count = 0;
	assert_string_equal(fill(&s), "192.0.2.1:53");
	assert_true(group_has_system(&s.conf));
	s.conf.server_count = 1;
	assert_false(group_has_system(&s.conf));
}

static void we_do_not_ask_ourselves(void **state)
{
	(void)state;
	static const char *const servers[] = {"127.0.0.1", "127.0.0.1:5353",
					      "127.0.0.53", NULL};
	struct setting s;
	set(&s, servers);
	/* The control: with nothing to listen at, all three are asked. */
	assert_string_equal(fill(&s),
			    "127.0.0.1:53, 127.0.0.1:5353, 127.0.0.53:53");
	listen_at(&s, "127.0.0.1:53");
	assert_string_equal(fill(&s), "127.0.0.1:5353, 127.0.0.53:53");
	assert_int_equal(s.group.left_out, 1);
}

static void the_wildcard_is_every_address_of_this_host(void **state)
{
	(void)state;
	static const char *const servers[] = {"127.0.0.53", "192.0.2.1",
					      "[::1]:53", NULL};
	struct setting s;
	set(&s, servers);
	listen_at(&s, "0.0.0.0:53");
	assert_string_equal(fill(&s), "192.0.2.1:53, [::1]:53");
	listen_at(&s, "[::]:53");
	assert_string_equal(fill(&s), "192.0.2.1:53");
}

static void a_group_of_nobody_has_no_server(void **state)
{
	(void)state;
	static const char *const servers[] = {"127.0.0.1", NULL};
	struct setting s;
	set(&s, servers);
	listen_at(&s, "127.0.0.1:53");
	assert_string_equal(fill(&s), "no server");
	assert_int_equal(order_at(&s.group, 0), 0);
}

static void more_servers_than_there_is_room_for_are_left_out(void **state)
{
	(void)state;
	const char *servers[SERVERS_MAX + 1] = {NULL};
	char text[SERVERS_MAX][16];
	for (int i = 0; i < SERVERS_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "192.0.2.%d", i);
		servers[i] = text[i];
	}
	struct setting s;
	set(&s, servers);
	fill(&s);
	assert_int_equal(s.group.count, GROUP_SERVERS);
}

static void the_server_that_answered_goes_first_for_a_while(void **state)
{
	(void)state;
	static const char *const servers[] = {"192.0.2.1", "192.0.2.2",
					      "192.0.2.3", NULL};
	struct setting s;
	set(&s, servers);
	fill(&s);
	struct group *group = &s.group;
	assert_int_equal(order_at(group, 0), 3);
	assert_memory_equal(order, "\0\1\2", 3);

	group_prefer(group, 1, 1000);
	assert_int_equal(order_at(group, 2000), 3);
	assert_memory_equal(order, "\1\2\0", 3);
	/* Also when the list was made anew, */
	fill(&s);
	assert_int_equal(order_at(group, 2000), 3);
	assert_memory_equal(order, "\1\2\0", 3);
	/* but not for ever, */
	assert_int_equal(order_at(group, 31000), 3);
	assert_memory_equal(order, "\0\1\2", 3);
	/* and not when it is another list. */
	group_prefer(group, 1, 1000);
	s.servers[1].endpoint.port = 5353;
	fill(&s);
	assert_int_equal(order_at(group, 2000), 3);
	assert_memory_equal(order, "\0\1\2", 3);
}

static void what_is_broken_comes_last_and_what_leads_to_us_not(void **state)
{
	(void)state;
	static const char *const servers[] = {"192.0.2.1", "192.0.2.2",
					      "192.0.2.3", NULL};
	struct setting s;
	char text[128];
	set(&s, servers);
	fill(&s);
	for (int i = 0; i < HEALTH_FAILURES; i++)
		(void)health_on_failure(&s.group.healths[0], 0);
	assert_int_equal(order_at(&s.group, 0), 3);
	assert_memory_equal(order, "\1\2\0", 3);
	s.group.loops = 1U << 1;
	assert_int_equal(order_at(&s.group, 0), 2);
	assert_memory_equal(order, "\2\0", 2);
	assert_string_equal(group_describe(&s.group, text, sizeof(text)),
			    "192.0.2.1:53 (does not answer), "
			    "192.0.2.2:53 (asks us: left out), 192.0.2.3:53");
	/* What is known goes with the server to its new place. */
	s.servers[0].endpoint = endpoint_of("192.0.2.9");
	s.servers[2].endpoint = endpoint_of("192.0.2.1");
	fill(&s);
	assert_int_equal(order_at(&s.group, 0), 2);
	assert_memory_equal(order, "\0\2", 2);
}

static void the_fastest_is_asked_first_once_all_are_measured(void **state)
{
	(void)state;
	static const char *const servers[] = {"192.0.2.1", "192.0.2.2",
					      "192.0.2.3", NULL};
	struct setting s;
	set(&s, servers);
	s.conf.strategy = UPSTREAM_LATENCY;
	fill(&s);
	(void)health_on_answer(&s.group.healths[0], 30000);
	(void)health_on_answer(&s.group.healths[1], 10000);
	assert_int_equal(order_at(&s.group, 0), 3);
	assert_memory_equal(order, "\2\1\0", 3);
	(void)health_on_answer(&s.group.healths[2], 20000);
	assert_int_equal(order_at(&s.group, 0), 3);
	assert_memory_equal(order, "\1\2\0", 3);
	/* The others are tried again some day, as they may be faster now. */
	for (int i = 0; i < 100 && order[0] == 1; i++)
		assert_int_equal(order_at(&s.group, 0), 3);
	assert_int_equal(order[0], 2);
}

static void the_key_is_of_the_servers_and_not_of_their_place(void **state)
{
	(void)state;
	static const char *const servers[] = {"192.0.2.1", "192.0.2.2", NULL};
	struct setting s, other;
	set(&s, servers);
	set(&other, servers);
	other.conf.name = "other";
	fill(&s);
	fill(&other);
	assert_true(s.group.key == other.group.key);
	other.servers[0].transport = UPSTREAM_TLS;
	fill(&other);
	assert_false(s.group.key == other.group.key);
	other.servers[0].transport = UPSTREAM_UDP;
	other.way.interface = "wg0";
	fill(&other);
	assert_false(s.group.key == other.group.key);
}

static void a_description_is_cut_to_fit(void **state)
{
	(void)state;
	static const char *const servers[] = {"192.0.2.1", "192.0.2.2", NULL};
	struct setting s;
	char text[16];
	set(&s, servers);
	fill(&s);
	assert_string_equal(group_describe(&s.group, text, sizeof(text)),
			    "192.0.2.1:53, 1");
}

static void a_private_group_has_no_public_server(void **state)
{
	struct setting s;

	(void)state;
	set(&s, (const char *const[]){"192.168.1.1", "fd00::1", NULL});
	fill(&s);
	assert_true(group_is_private(&s.group));
	set(&s, (const char *const[]){"192.168.1.1", "9.9.9.9", NULL});
	fill(&s);
	assert_false(group_is_private(&s.group));
	/* The resolvers of the host count as what they are. */
	set(&s, (const char *const[]){"system", NULL});
	fill(&s);
	assert_false(group_is_private(&s.group));
	s.system.servers[s.system.count++] = endpoint_of("10.0.0.1").addr;
	fill(&s);
	assert_true(group_is_private(&s.group));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_are_asked_in_the_order_of_the_config),
		cmocka_unit_test(
			system_is_replaced_by_the_resolvers_of_the_host),
		cmocka_unit_test(we_do_not_ask_ourselves),
		cmocka_unit_test(the_wildcard_is_every_address_of_this_host),
		cmocka_unit_test(a_group_of_nobody_has_no_server),
		cmocka_unit_test(
			more_servers_than_there_is_room_for_are_left_out),
		cmocka_unit_test(
			the_server_that_answered_goes_first_for_a_while),
		cmocka_unit_test(
			what_is_broken_comes_last_and_what_leads_to_us_not),
		cmocka_unit_test(
			the_fastest_is_asked_first_once_all_are_measured),
		cmocka_unit_test(
			the_key_is_of_the_servers_and_not_of_their_place),
		cmocka_unit_test(a_private_group_has_no_public_server),
		cmocka_unit_test(a_description_is_cut_to_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
