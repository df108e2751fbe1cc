// SPDX-License-Identifier: BSD-2-Clause
/*
 * Configurations as they are written, and in which order their servers are
 * then asked.
 */
#include "dnsd/upstream/ways.h"

#include "common/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OUTBOUNDS                                                 \
	"outbounds:\n"                                            \
	"  a: { type: socks5, server: \"unix:/run/a.sock\" }\n"   \
	"  b: { type: socks5, server: 192.0.2.2:1080 }\n"         \
	"  c: { type: http, server: 192.0.2.3:8080 }\n"           \
	"  bc: { type: fallback, members: [b, c] }\n"             \
	"  fast: { type: latency, members: [a, bc, REJECT],\n"    \
	"    probe: { destination: \"www.example.com:443\" } }\n" \
	"  shared: { type: load-balance, members: [a, b, c] }\n"  \
	"  last: { type: fallback, members: [bc, DIRECT] }\n"

struct setting {
	struct config *config;
	struct resolvconf system;
	struct group_self self;
	struct group group;
	uint8_t order[GROUP_SERVERS];
};

static void set_up(struct setting *s, const char *upstream)
{
	struct diag diag;
	char text[2048];

	*s = (struct setting){.config = NULL};
	snprintf(text, sizeof(text),
		 OUTBOUNDS "upstreams: { home: { %s } }\n"
			   "rules: [ \"MATCH,DIRECT\" ]\n",
		 upstream);
	diag_init(&diag);
	if (config_load(&s->config, text, strlen(text), "test.yaml", &diag) < 0)
		fail_msg("%s", diag.lines[0]);
	diag_fini(&diag);
	s->group.conf = &s->config->upstreams[0];
	s->group.outbounds = s->config->outbounds;
	group_fill(&s->group, &s->system, &s->self, NULL);
}

/* "1a 2a 1b 2b": the last digit of a server's address, and its way. */
static const char *order_of(struct setting *s, uint64_t key)
{
	static char text[256];
	size_t count = group_order(&s->group, key, 0, s->order), used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		const struct upstream_server_conf *server =
			&s->group.servers[s->order[i]];

		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%u%s",
			i ? " " : "", server->endpoint.addr.bytes[3],
			group_way(s->group.conf, server)->outbound->name);
	}
	return text;
}

static void measure(struct setting *s, const char *way, int64_t rtt_us)
{
	for (size_t i = 0; i < s->group.count; i++) {
		const struct upstream_server_conf *server =
			&s->group.servers[i];

		if (strcmp(group_way(s->group.conf, server)->outbound->name,
			   way) == 0)
			s->group.healths[i].rtt_us = rtt_us;
	}
}

static void break_way(struct setting *s, const char *way, bool is_broken)
{
	for (size_t i = 0; i < s->group.count; i++) {
		const struct upstream_server_conf *server =
			&s->group.servers[i];

		if (strcmp(group_way(s->group.conf, server)->outbound->name,
			   way) == 0)
			s->group.healths[i].pause_ms = is_broken ? 1000 : 0;
	}
}

static void tear_down(struct setting *s)
{
	config_free(s->config);
}

static void fallback_goes_on_with_the_next_member(void **state)
{
	struct setting s;
	char text[512];

	(void)state;
	set_up(&s, "servers: [192.0.2.51, 192.0.2.52], via: last");
	assert_string_equal(order_of(&s, 0), "51b 52b 51c 52c 51DIRECT "
					     "52DIRECT");
	/* One server that is silent there is not the way's fault. */
	s.group.healths[0].pause_ms = 1000;
	assert_string_equal(order_of(&s, 0), "52b 51c 52c 51DIRECT 52DIRECT "
					     "51b");
	break_way(&s, "b", true);
	assert_string_equal(order_of(&s, 0), "51c 52c 51DIRECT 52DIRECT 51b "
					     "52b");
	break_way(&s, "c", true);
	assert_string_equal(order_of(&s, 0), "51DIRECT 52DIRECT 51b 52b 51c "
					     "52c");
	break_way(&s, "b", false);
	break_way(&s, "c", false);
	/* The one that answered when the first did not goes first a while. */
	group_prefer(&s.group, 2, 0);
	assert_string_equal(order_of(&s, 0), "51c 51b 52b 52c 51DIRECT "
					     "52DIRECT");
	group_describe(&s.group, text, sizeof(text));
	assert_non_null(strstr(text, "192.0.2.51:53 via b, "));
	tear_down(&s);
}

static void latency_prefers_the_fastest_member(void **state)
{
	struct setting s;

	(void)state;
	set_up(&s, "servers: [192.0.2.51], via: fast");
	measure(&s, "a", 30000);
	measure(&s, "b", 20000);
	measure(&s, "c", 10000);
	/* A group is as fast as its fastest, and has an order of its own. */
	assert_string_equal(order_of(&s, 0), "51b 51c 51a");
	break_way(&s, "c", true);
	measure(&s, "b", 40000);
	assert_string_equal(order_of(&s, 0), "51a 51b 51c");
	tear_down(&s);
}

static void load_is_shared_by_name(void **state)
{
	unsigned first[128] = {0}, moved = 0;
	char before[200];
	struct setting s;

	(void)state;
	set_up(&s, "servers: [192.0.2.51], via: shared");
	for (size_t key = 0; key < sizeof(before); key++) {
		before[key] = order_of(&s, key)[2];
		first[(size_t)before[key]]++;
		assert_int_equal(order_of(&s, key)[2], before[key]);
	}
	for (char way = 'a'; way <= 'c'; way++)
		assert_in_range(first[(size_t)way], 40, 95);
	break_way(&s, "b", true);
	for (size_t key = 0; key < sizeof(before); key++) {
		char now = order_of(&s, key)[2];

		assert_int_not_equal(now, 'b');
		moved += now != before[key];
		assert_true(now == before[key] || before[key] == 'b');
	}
	assert_int_equal(moved, first['b']);
	tear_down(&s);
}

static void one_way_changes_nothing(void **state)
{
	struct setting s;
	char text[512];

	(void)state;
	set_up(&s, "servers: [192.0.2.51, 192.0.2.52], via: a");
	assert_string_equal(order_of(&s, 7), "51a 52a");
	assert_string_equal(group_describe(&s.group, text, sizeof(text)),
			    "192.0.2.51:53, 192.0.2.52:53 via a");
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fallback_goes_on_with_the_next_member),
		cmocka_unit_test(latency_prefers_the_fastest_member),
		cmocka_unit_test(load_is_shared_by_name),
		cmocka_unit_test(one_way_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
