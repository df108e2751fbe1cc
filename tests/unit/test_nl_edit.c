// SPDX-License-Identifier: BSD-2-Clause
/*
 * With the real kernel, in a network namespace of this process alone; without
 * the privilege to make one there is nothing to test.
 */
#include "routed/nl_edit.h"

#include "routed/object.h"
#include "tests/unit/fib_model.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct nl_edit *edit;
	struct nl_reader *reader;
};

static int setup(void **state)
{
	static struct fixture fixture;
	struct nl_object lo = {.kind = NL_OBJECT_LINK_UP, .ifindex = LO};

	*state = NULL;
	if (unshare(CLONE_NEWNET) < 0)
		return 0;
	if (nl_edit_open(&fixture.edit) < 0)
		return 0;
	if (nl_reader_open(&fixture.reader) < 0)
		return -1;
	if (nl_edit_add(fixture.edit, &lo) == 0)
		*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f) {
		nl_edit_close(f->edit);
		nl_reader_close(f->reader);
	}
	return 0;
}

static struct fixture *get(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static struct nl_object route_make(const char *dst, uint8_t type)
{
	struct nl_object object = {.kind = NL_OBJECT_ROUTE};
	struct nl_route *route = &object.route;

	route->dst = prefix_of(dst);
	route->family = route->dst.addr.family;
	route->type = type;
	route->protocol = NL_PROTOCOL;
	route->table = 196;
	route->metric = 1024;
	if (type == RTN_UNICAST)
		route->oif = LO;
	return object;
}

static struct nl_object rule_make(uint8_t family, uint32_t priority)
{
	struct nl_object object = {.kind = NL_OBJECT_RULE};
	struct nl_rule *rule = &object.rule;

	rule->family = family;
	rule->priority = priority;
	rule->protocol = NL_PROTOCOL;
	rule->action = FR_ACT_TO_TBL;
	rule->table = 196;
	rule->suppress_prefixlength = -1;
	return object;
}

static bool is_there(struct fixture *f, const struct nl_object *object)
{
	struct nl_object found = {.kind = object->kind};
	struct nl_state now;
	bool is = false;

	assert_int_equal(nl_reader_dump(f->reader, &now), 0);
	for (size_t i = 0; i < now.route_count && !is; i++) {
		found.route = now.routes[i];
		is = object->kind == NL_OBJECT_ROUTE &&
		     object_is_equal(&found, object);
	}
	for (size_t i = 0; i < now.rule_count && !is; i++) {
		found.rule = now.rules[i];
		is = object->kind == NL_OBJECT_RULE &&
		     object_is_equal(&found, object);
	}
	nl_state_free(&now);
	return is;
}

static void assert_comes_and_goes(struct fixture *f,
				  const struct nl_object *object)
{
	struct nl_object other = *object;

	assert_int_equal(nl_edit_add(f->edit, object), 0);
	assert_true(is_there(f, object));
	assert_int_equal(nl_edit_add(f->edit, object), -EEXIST);
	/* Of another protocol: not what was asked to be deleted. */
	if (object->kind == NL_OBJECT_ROUTE)
		other.route.protocol = RTPROT_STATIC;
	else
		other.rule.protocol = RTPROT_STATIC;
	assert_true(nl_edit_del(f->edit, &other) < 0);
	assert_true(is_there(f, object));
	assert_int_equal(nl_edit_del(f->edit, object), 0);
	assert_false(is_there(f, object));
	assert_true(nl_edit_del(f->edit, object) < 0);
}

static void routes_come_back_as_they_were_made(void **state)
{
	struct fixture *f = get(state);
	struct nl_object object = route_make("198.18.0.0/15", RTN_UNICAST);

	object.route.is_cubic = true;
	object.route.mtu = 1400;
	object.route.prefsrc = addr_of("127.0.0.1");
	assert_comes_and_goes(f, &object);
	object = route_make("2001:2::/48", RTN_UNICAST);
	object.route.is_cubic = true;
	assert_comes_and_goes(f, &object);
	object = route_make("0.0.0.0/0", RTN_UNICAST);
	object.route.gateway = addr_of("192.0.2.1");
	object.route.is_onlink = true;
	assert_comes_and_goes(f, &object);
	object = route_make("10.0.0.0/8", RTN_THROW);
	assert_comes_and_goes(f, &object);
	object = route_make("fe80::/10", RTN_THROW);
	assert_comes_and_goes(f, &object);
	object = route_make("2001:2::/48", RTN_UNREACHABLE);
	assert_comes_and_goes(f, &object);
}

static void rules_come_back_as_they_were_made(void **state)
{
	struct fixture *f = get(state);
	struct nl_object object = rule_make(ADDR_IPV4, 5001);

	object.rule.src = prefix_of("0.0.0.0/32");
	strcpy(object.rule.iif, "lo");
	assert_comes_and_goes(f, &object);
	object = rule_make(ADDR_IPV6, 5001);
	object.rule.src = prefix_of("8000::/1");
	assert_comes_and_goes(f, &object);
	object = rule_make(ADDR_IPV4, 4998);
	object.rule.table = RT_TABLE_MAIN;
	object.rule.suppress_prefixlength = 0;
	strcpy(object.rule.oif, "eth7");
	assert_comes_and_goes(f, &object);
	object = rule_make(ADDR_IPV6, 4993);
	object.rule.action = FR_ACT_UNREACHABLE;
	object.rule.table = 0;
	object.rule.has_uid = true;
	object.rule.uid_first = 0;
	object.rule.uid_last = 1000;
	assert_comes_and_goes(f, &object);
	object = rule_make(ADDR_IPV4, 4992);
	object.rule.mark = 0x2a;
	object.rule.mark_mask = UINT32_MAX;
	object.rule.ip_protocol = IPPROTO_UDP;
	object.rule.sport_first = 5060;
	object.rule.sport_last = 5061;
	object.rule.dport_first = 53;
	object.rule.dport_last = 54;
	assert_comes_and_goes(f, &object);
	object.rule.sport_last = 5060;
	assert_comes_and_goes(f, &object);
}

static void failure_in_a_batch_stops_nobody_else(void **state)
{
	struct fixture *f = get(state);
	struct nl_change changes[NL_EDIT_BATCH_MAX] = {0};
	int failed;

	for (uint32_t i = 0; i < NL_EDIT_BATCH_MAX; i++)
		changes[i].object = rule_make(ADDR_IPV4, 100 + i);
	changes[1].object.rule.priority = 100;
	failed = nl_edit_batch(f->edit, changes, NL_EDIT_BATCH_MAX);
	assert_int_equal(failed, 1);
	assert_int_equal(changes[1].result, -EEXIST);
	assert_int_equal(changes[0].result, 0);
	assert_int_equal(changes[NL_EDIT_BATCH_MAX - 1].result, 0);
	for (uint32_t i = 0; i < NL_EDIT_BATCH_MAX; i++)
		changes[i].is_removal = true;
	failed = nl_edit_batch(f->edit, changes, NL_EDIT_BATCH_MAX);
	assert_int_equal(failed, 1);
	assert_false(is_there(f, &changes[5].object));
	assert_int_equal(nl_edit_batch(f->edit, changes, NL_EDIT_BATCH_MAX + 1),
			 -EINVAL);
}

static void lookup_tells_what_the_kernel_would_do(void **state)
{
	struct fixture *f = get(state);
	struct nl_object rule = rule_make(ADDR_IPV4, 300);
	const struct nl_object route = route_make("0.0.0.0/1", RTN_UNICAST);
	struct nl_lookup lookup = {.dst = addr_of("10.1.2.3")};
	struct nl_lookup_answer answer;

	rule.rule.has_uid = true;
	rule.rule.uid_first = 42;
	rule.rule.uid_last = 42;
	assert_int_equal(nl_edit_add(f->edit, &route), 0);
	assert_int_equal(nl_edit_add(f->edit, &rule), 0);
	lookup.has_uid = true;
	lookup.uid = 41;
	assert_int_equal(nl_edit_lookup(f->edit, &lookup, &answer),
			 -ENETUNREACH);
	lookup.uid = 42;
	assert_int_equal(nl_edit_lookup(f->edit, &lookup, &answer), 0);
	assert_int_equal(answer.type, RTN_UNICAST);
	assert_int_equal(answer.table, 196);
	assert_int_equal(answer.oif, LO);
	lookup.dst = addr_of("127.0.0.1");
	assert_int_equal(nl_edit_lookup(f->edit, &lookup, &answer), 0);
	assert_int_equal(answer.type, RTN_LOCAL);
	strcpy(lookup.oif, "none0");
	assert_int_equal(nl_edit_lookup(f->edit, &lookup, &answer), -ENODEV);
	assert_int_equal(nl_edit_del(f->edit, &rule), 0);
	assert_int_equal(nl_edit_del(f->edit, &route), 0);
}

static void link_that_is_not_there_cannot_be_deleted(void **state)
{
	struct fixture *f = get(state);

	assert_int_equal(nl_edit_del_link(f->edit, 4711), -ENODEV);
	assert_int_not_equal(nl_edit_portid(f->edit), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_come_back_as_they_were_made),
		cmocka_unit_test(rules_come_back_as_they_were_made),
		cmocka_unit_test(failure_in_a_batch_stops_nobody_else),
		cmocka_unit_test(lookup_tells_what_the_kernel_would_do),
		cmocka_unit_test(link_that_is_not_there_cannot_be_deleted),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
