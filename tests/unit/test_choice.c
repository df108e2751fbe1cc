// SPDX-License-Identifier: BSD-2-Clause
/* Groups and what is chosen from them: group.h and choice.h. */
#include "routed/relay/choice.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OUTBOUNDS                                                    \
	"outbounds:\n"                                               \
	"  p0: {type: socks5, server: 192.0.2.1:1}\n"                \
	"  p1: {type: http, server: 192.0.2.1:2}\n"                  \
	"  p2: {type: socks5, server: \"unix:/run/p2\"}\n"           \
	"  first: {type: fallback, members: [p0, p1, p2]}\n"         \
	"  fast: {type: latency, members: [p0, p1, p2], tolerance: " \
	"10ms,\n"                                                    \
	"    probe: {destination: \"a.example:80\"}}\n"              \
	"  by-source: {type: load-balance, members: [p0, p1, p2]}\n" \
	"  by-name: {type: load-balance, members: [p0, p1, p2], "    \
	"balance: name}\n"                                           \
	"  outer: {type: fallback, members: [inner, REJECT]}\n"      \
	"  inner: {type: fallback, members: [p0, p1]}\n"

static struct policy *policy;

static struct policy *load(const char *text)
{
	struct policy *new;
	struct diag diag;

	diag_init(&diag);
	if (policy_new(&new, text, strlen(text), "f", &diag) < 0)
		fail_msg("%s", diag.lines[0]);
	diag_fini(&diag);
	return new;
}

static int setup(void **state)
{
	(void)state;
	policy = load(OUTBOUNDS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	policy_unref(policy);
	return 0;
}

static int index_of(const char *name)
{
	int index = config_outbound(policy->config, name);

	assert_true(index >= 0);
	return index;
}

static struct group *group_of(const char *name)
{
	return policy->outbounds[index_of(name)].group;
}

static const char *choose_for(const char *group, uint32_t source,
			      const struct choice_tried *tried)
{
	const struct choice_key key = {.src = addr_ipv4(source),
				       .dst = addr_ipv4(0xc0000263)};
	int leaf = choice_make(policy, index_of(group), &key, tried);

	return leaf < 0 ? NULL : policy_outbound_name(policy, leaf);
}

static const char *choose(const char *group)
{
	return choose_for(group, 1, NULL);
}

static void set_latency(const char *group, int member, int64_t us)
{
	struct group *one = group_of(group);

	health_on_success(&one->members[member].health, 1);
	one->members[member].health.latency_us = us;
	choice_settle(policy, one, 1);
}

static void what_is_no_group_is_itself(void **state)
{
	(void)state;
	assert_string_equal(choose("p1"), "p1");
	assert_string_equal(choose("DIRECT"), "DIRECT");
}

static void fallback_takes_the_first_that_works(void **state)
{
	(void)state;
	assert_string_equal(choose("first"), "p0");
	assert_true(choice_note_failure(policy, index_of("p0"), 1, "x"));
	assert_string_equal(choose("first"), "p1");
	assert_true(choice_note_failure(policy, index_of("p1"), 1, "x"));
	assert_string_equal(choose("first"), "p2");
	assert_true(choice_note_success(policy, index_of("p0"), 2));
	assert_string_equal(choose("first"), "p0");
}

static void with_all_down_the_first_is_tried_again(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		choice_note_failure(policy, OUTBOUND_FIRST + i, 1, "x");
	assert_false(group_is_usable(group_of("first")));
	assert_string_equal(choose("first"), "p0");
}

static void what_was_tried_is_not_tried_again(void **state)
{
	struct choice_tried tried = {.count = 0};

	(void)state;
	assert_true(choice_add_tried(&tried, index_of("p0")));
	assert_string_equal(choose_for("first", 1, &tried), "p1");
	assert_true(choice_add_tried(&tried, index_of("p1")));
	assert_string_equal(choose_for("first", 1, &tried), "p2");
	assert_string_equal(choose_for("outer", 1, &tried), "REJECT");
	assert_null(choose_for("inner", 1, &tried));
	for (int i = 2; i < CHOICE_TRIES_MAX; i++)
		assert_true(choice_add_tried(&tried, 1000 + i));
	assert_false(choice_add_tried(&tried, 2000));
}

static void the_fastest_is_taken_with_a_tolerance(void **state)
{
	(void)state;
	assert_string_equal(choose("fast"), "p0");
	set_latency("fast", 1, 30000);
	assert_string_equal(choose("fast"), "p1");
	set_latency("fast", 0, 21000);
	assert_string_equal(choose("fast"), "p1");
	set_latency("fast", 0, 19000);
	assert_string_equal(choose("fast"), "p0");
	/* It became slower, but not by so much that it matters. */
	set_latency("fast", 0, 39000);
	assert_string_equal(choose("fast"), "p0");
	choice_note_failure(policy, index_of("p0"), 2, "x");
	assert_string_equal(choose("fast"), "p1");
	/* Back again, and not preferred before it was measured. */
	choice_note_success(policy, index_of("p0"), 3);
	assert_string_equal(choose("fast"), "p1");
}

static void load_is_shared_and_a_failure_moves_its_own_only(void **state)
{
	char before[300][8];
	int counts[3] = {0}, moved = 0;

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		strcpy(before[i], choose_for("by-source", i, NULL));
		assert_string_equal(before[i],
				    choose_for("by-source", i, NULL));
		counts[before[i][1] - '0']++;
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(counts[i], 60, 140);
	choice_note_failure(policy, index_of("p1"), 1, "x");
	for (uint32_t i = 0; i < 300; i++) {
		const char *now = choose_for("by-source", i, NULL);

		assert_string_not_equal(now, "p1");
		moved += strcmp(now, before[i]) != 0;
	}
	assert_int_equal(moved, counts[1]);
}

static const char *choose_by_name(const char *text, uint32_t source)
{
	struct name name;
	struct choice_key key = {.src = addr_ipv4(source), .name = &name};

	assert_int_equal(name_parse(&name, text), 0);
	return policy_outbound_name(
		policy, choice_make(policy, index_of("by-name"), &key, NULL));
}

static void a_name_keeps_its_member_whoever_asks(void **state)
{
	char text[32];
	bool seen[3] = {false};

	(void)state;
	for (uint32_t i = 0; i < 50; i++) {
		const char *one;

		snprintf(text, sizeof(text), "n%u.example", i);
		one = choose_by_name(text, 1);
		assert_string_equal(one, choose_by_name(text, i));
		seen[one[1] - '0'] = true;
	}
	assert_true(seen[0] && seen[1] && seen[2]);
	/* Without a name it is the address. */
	assert_string_equal(choose_for("by-name", 1, NULL),
			    choose_for("by-name", 2, NULL));
}

static void a_group_is_as_its_members_are(void **state)
{
	(void)state;
	assert_string_equal(choose("outer"), "p0");
	choice_note_failure(policy, index_of("p0"), 1, "x");
	assert_string_equal(choose("outer"), "p1");
	assert_int_not_equal(group_of("outer")->members[0].health.state,
			     HEALTH_DOWN);
	choice_note_failure(policy, index_of("p1"), 1, "x");
	assert_int_equal(group_of("outer")->members[0].health.state,
			 HEALTH_DOWN);
	assert_string_equal(choose("outer"), "REJECT");
	choice_note_success(policy, index_of("p1"), 2);
	assert_int_equal(group_of("outer")->members[0].health.state, HEALTH_UP);
	assert_string_equal(choose("outer"), "p1");
}

static void use_reaches_the_groups_below(void **state)
{
	(void)state;
	assert_false(group_is_in_use(group_of("inner"), 1000));
	choice_note_use(policy, index_of("outer"), 1000);
	assert_true(group_is_in_use(group_of("inner"), 1000));
	assert_true(group_is_in_use(group_of("inner"), 1000 + 299999));
	assert_false(group_is_in_use(group_of("inner"), 1000 + 300000));
}

static void a_reload_keeps_what_is_known_of_the_same(void **state)
{
	struct policy *old = policy;

	(void)state;
	choice_note_failure(old, index_of("p0"), 1, "x");
	choice_note_failure(old, index_of("p1"), 1, "x");
	policy = load("outbounds:\n"
		      "  p1: {type: http, server: 192.0.2.1:2}\n"
		      "  p0: {type: socks5, server: 192.0.2.1:99}\n"
		      "  first: {type: fallback, members: [p1, p0]}\n");
	choice_adopt(policy, old);
	assert_int_equal(group_of("first")->members[0].health.state,
			 HEALTH_DOWN);
	/* Another place under the same name. */
	assert_int_equal(group_of("first")->members[1].health.state,
			 HEALTH_UNKNOWN);
	assert_string_equal(choose("first"), "p0");
	policy_unref(old);
}

static void ways_are_the_same_by_where_they_lead(void **state)
{
	const struct outbound_conf *all = policy->config->outbounds;
	struct outbound_conf other = all[OUTBOUND_FIRST];

	(void)state;
	other.name = "another";
	assert_true(choice_is_same_way(&other, &all[OUTBOUND_FIRST]));
	other.server.port++;
	assert_false(choice_is_same_way(&other, &all[OUTBOUND_FIRST]));
	assert_false(choice_is_same_way(&all[OUTBOUND_FIRST],
					&all[OUTBOUND_FIRST + 1]));
	other = all[OUTBOUND_FIRST + 2];
	other.server_path = "/run/other";
	assert_false(choice_is_same_way(&other, &all[OUTBOUND_FIRST + 2]));
}

/* Layers of groups that all lead to one outbound: the walk is bounded. */
static void many_ways_to_one_outbound_end(void **state)
{
	struct choice_tried tried = {.count = 0};
	char text[8192] = "outbounds:\n"
			  "  p: {type: socks5, server: 192.0.2.1:1}\n";
	size_t used = strlen(text);

	(void)state;
	for (int layer = 0; layer < 8; layer++) {
		for (int i = 0; i < 6; i++) {
			used += (size_t)snprintf(
				text + used, sizeof(text) - used,
				"  g%d%d: {type: fallback, members: [", layer,
				i);
			for (int k = 0; layer > 0 && k < 6; k++)
				used += (size_t)snprintf(
					text + used, sizeof(text) - used,
					"g%d%d, ", layer - 1, k);
			used += (size_t)snprintf(text + used,
						 sizeof(text) - used, "p]}\n");
		}
	}
	policy_unref(policy);
	policy = load(text);
	assert_string_equal(choose("g75"), "p");
	assert_true(choice_add_tried(&tried, index_of("p")));
	assert_null(choose_for("g75", 1, &tried));
	choice_note_use(policy, index_of("g75"), 1);
	choice_note_failure(policy, index_of("p"), 1, "x");
	assert_false(group_is_usable(group_of("g70")));
	choice_note_success(policy, index_of("p"), 2);
	assert_true(group_is_usable(group_of("g70")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_no_group_is_itself),
		TEST(fallback_takes_the_first_that_works),
		TEST(with_all_down_the_first_is_tried_again),
		TEST(what_was_tried_is_not_tried_again),
		TEST(the_fastest_is_taken_with_a_tolerance),
		TEST(load_is_shared_and_a_failure_moves_its_own_only),
		TEST(a_name_keeps_its_member_whoever_asks),
		TEST(a_group_is_as_its_members_are),
		TEST(use_reaches_the_groups_below),
		TEST(a_reload_keeps_what_is_known_of_the_same),
		TEST(ways_are_the_same_by_where_they_lead),
		TEST(many_ways_to_one_outbound_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
