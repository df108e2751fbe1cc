// SPDX-License-Identifier: BSD-2-Clause
/*
 * With the real kernel, in a network namespace of this process alone; without
 * the privilege to make one there is nothing to test.  What it means for
 * packets is in tests/net/test_routes.py.
 */
#include "routed/host.h"

#include "routed/nl_device.h"
#include "routed/plan.h"
#include "routed/tun.h"
#include "tests/unit/fib_model.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* libev and the host ask here: time passes when a test says so. */
static time_t clock_ahead_s;

int clock_gettime(clockid_t id, struct timespec *now)
{
	int ret = (int)syscall(SYS_clock_gettime, id, now);

	now->tv_sec += clock_ahead_s;
	return ret;
}

struct fixture {
	char folder[40];
	struct ev_loop *loop;
	struct config config;
	struct host *host;
	struct nl_edit *other; /* another program */
	struct nl_reader *reader;
	struct nl_state before;
	int uplink, tun;
	unsigned changes;
	char why[HOST_WHY_SIZE];
};

static void on_change(void *ctx, const struct nl_state *state)
{
	struct fixture *f = ctx;

	(void)state;
	f->changes++;
}

/* A TUN that is pinned does for an uplink. */
static int make_network(struct fixture *f)
{
	const struct addr own = addr_of("192.168.7.2");
	struct nl_object route = {.kind = NL_OBJECT_ROUTE};
	struct nl_device *device;
	int ret;

	f->uplink = tun_open("up0", 1500);
	if (f->uplink < 0 || nl_device_open(&device) < 0)
		return -1;
	ret = nl_device_up(device, "lo", 0);
	if (ret == 0)
		ret = nl_device_up(device, "up0", 0);
	if (ret == 0)
		ret = nl_device_add_addr(device, "up0", &own);
	nl_device_close(device);
	route.route.family = ADDR_IPV4;
	route.route.type = RTN_UNICAST;
	route.route.protocol = RTPROT_STATIC;
	route.route.table = RT_TABLE_MAIN;
	route.route.dst.addr.family = ADDR_IPV4;
	route.route.oif = (int)if_nametoindex("up0");
	return ret == 0 ? nl_edit_add(f->other, &route) : ret;
}

static int setup(void **state)
{
	static struct fixture f;

	*state = NULL;
	if (access("/dev/net/tun", R_OK | W_OK) < 0 ||
	    unshare(CLONE_NEWNET) < 0)
		return 0;
	memset(&f, 0, sizeof(f));
	clock_ahead_s = 0;
	strcpy(f.folder, "/tmp/test_host.XXXXXX");
	f.loop = ev_loop_new(0);
	if (!f.loop || !mkdtemp(f.folder) || nl_edit_open(&f.other) < 0 ||
	    nl_reader_open(&f.reader) < 0 || make_network(&f) < 0)
		return -1;
	f.config.run_dir = f.folder;
	f.config.dnsd.fake = fake_pool_default();
	f.config.routed.tun = "ersatz0";
	f.config.routed.uplink = "up0";
	f.config.routed.resolver = ROUTED_RESOLVER_OFF;
	f.tun = tun_open("ersatz0", 1500);
	if (f.tun < 0 || nl_reader_dump(f.reader, &f.before) < 0 ||
	    host_open(&f.host, f.loop, &f.config, on_change, &f) < 0)
		return -1;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (!f)
		return 0;
	host_close(f->host);
	nl_edit_close(f->other);
	nl_reader_close(f->reader);
	nl_state_free(&f->before);
	close(f->uplink);
	close(f->tun);
	ev_loop_destroy(f->loop);
	return rmdir(f->folder);
}

static struct fixture *capture(void **state)
{
	struct fixture *f = *state;

	if (!f)
		skip();
	assert_int_equal(f->changes, 1);
	assert_int_equal(
		host_capture(f->host, (int)if_nametoindex("ersatz0"), f->why),
		0);
	assert_true(host_status(f->host).is_captured);
	return f;
}

static bool leads_into_tun(struct fixture *f, const char *far)
{
	const struct nl_lookup lookup = {.dst = addr_of(far)};
	struct nl_lookup_answer answer;

	return nl_edit_lookup(f->other, &lookup, &answer) == 0 &&
	       answer.oif == (int)if_nametoindex("ersatz0");
}

/* Waits for the host, as long as the test program is let live. */
static void wait_for_way(struct fixture *f, const char *far, bool is_tun)
{
	while (leads_into_tun(f, far) != is_tun)
		ev_run(f->loop, EVRUN_ONCE);
}

static size_t count_ours(struct fixture *f)
{
	struct nl_state now;
	size_t count = 0;

	assert_int_equal(nl_reader_dump(f->reader, &now), 0);
	for (size_t i = 0; i < now.rule_count; i++)
		count += now.rules[i].protocol == NL_PROTOCOL;
	for (size_t i = 0; i < now.route_count; i++)
		count += now.routes[i].protocol == NL_PROTOCOL;
	nl_state_free(&now);
	return count;
}

static void captured_and_released_is_as_before(void **state)
{
	struct fixture *f = capture(state);

	assert_true(leads_into_tun(f, "1.1.1.1"));
	assert_true(leads_into_tun(f, "198.18.0.9"));
	assert_true(count_ours(f) > 20);
	host_release(f->host);
	assert_int_equal(count_ours(f), 0);
	assert_false(host_status(f->host).is_captured);
	host_release(f->host);
	assert_false(leads_into_tun(f, "1.1.1.1"));
}

static void what_others_remove_comes_back(void **state)
{
	struct fixture *f = capture(state);
	struct nl_object rule = {.kind = NL_OBJECT_RULE};

	rule.rule.family = ADDR_IPV4;
	rule.rule.action = FR_ACT_TO_TBL;
	rule.rule.priority = 5001;
	rule.rule.table = PLAN_TABLE_LOCAL;
	rule.rule.suppress_prefixlength = -1;
	assert_int_equal(nl_edit_del(f->other, &rule), 0);
	assert_false(leads_into_tun(f, "1.1.1.1"));
	wait_for_way(f, "1.1.1.1", true);
	assert_int_equal(host_status(f->host).repairs, 1);
	assert_true(f->changes > 1);
}

static const struct host_facts nothing;

static void facts_are_acted_upon(void **state)
{
	struct fixture *f = capture(state);
	const struct prefix end = prefix_of("203.0.113.9");
	const struct uid_range root = {0, 0};
	const struct endpoint server = {{ADDR_IPV4, {0}}, 500};

	assert_int_equal(host_add_far_end(f->host, &end), 0);
	assert_false(leads_into_tun(f, "203.0.113.9"));
	const struct host_facts known = {
		.uids = &root,
		.uid_count = 1,
		.far_ends = &end,
		.far_end_count = 1,
		.udp_servers = &server,
		.udp_server_count = 1,
	};
	const struct host_facts end_alone = {.far_ends = &end,
					     .far_end_count = 1};
	assert_int_equal(host_learn(f->host, &known), 0);
	wait_for_way(f, "1.1.1.1", false);
	assert_int_equal(host_learn(f->host, &end_alone), 0);
	wait_for_way(f, "1.1.1.1", true);
	assert_false(leads_into_tun(f, "203.0.113.9"));
	assert_int_equal(host_learn(f->host, &nothing), 0);
	wait_for_way(f, "203.0.113.9", true);
	assert_int_equal(host_status(f->host).repairs, 0);
}

static void direct_names_go_past_the_tun_for_their_time(void **state)
{
	struct fixture *f = capture(state);
	const struct addr addrs[] = {addr_of("203.0.113.9"),
				     addr_of("203.0.113.10")};
	size_t ours = count_ours(f);

	assert_int_equal(host_add_directs(f->host, addrs, 2, 1), 0);
	assert_false(leads_into_tun(f, "203.0.113.9"));
	assert_int_equal(count_ours(f), ours + 2);
	/* Kept when all is compared anew. */
	assert_int_equal(host_learn(f->host, &nothing), 0);
	unsigned changes = f->changes;
	while (f->changes == changes)
		ev_run(f->loop, EVRUN_ONCE);
	assert_false(leads_into_tun(f, "203.0.113.9"));
	assert_int_equal(host_status(f->host).directs.count, 2);
	clock_ahead_s = 50;
	assert_int_equal(host_add_directs(f->host, addrs, 1, 1), 0);
	clock_ahead_s = 63;
	wait_for_way(f, "203.0.113.10", true);
	assert_false(leads_into_tun(f, "203.0.113.9"));
	clock_ahead_s = 113;
	wait_for_way(f, "203.0.113.9", true);
	assert_int_equal(count_ours(f), ours);
	assert_int_equal(host_status(f->host).repairs, 0);
	/* And at the end, whatever their time is. */
	assert_int_equal(host_add_directs(f->host, addrs, 2, 1000), 0);
	host_release(f->host);
	assert_int_equal(count_ours(f), 0);
}

static void
direct_names_need_nothing_where_pools_alone_are_captured(void **state)
{
	struct fixture *f = *state;
	const struct addr addr = addr_of("203.0.113.9");

	if (!f)
		skip();
	f->config.routed.capture = ROUTED_CAPTURE_FAKE;
	capture(state);
	size_t ours = count_ours(f);
	assert_int_equal(host_add_directs(f->host, &addr, 1, 1), 0);
	assert_int_equal(count_ours(f), ours);
	assert_int_equal(host_status(f->host).directs.count, 0);
}

static void tun_may_go_and_another_come(void **state)
{
	struct fixture *f = capture(state);

	close(f->tun);
	host_set_tun(f->host, 0);
	assert_false(leads_into_tun(f, "1.1.1.1"));
	f->tun = tun_open("ersatz0", 1500);
	assert_true(f->tun >= 0);
	host_set_tun(f->host, (int)if_nametoindex("ersatz0"));
	wait_for_way(f, "1.1.1.1", true);
	wait_for_way(f, "198.18.0.9", true);
}

static void another_configuration_is_followed(void **state)
{
	struct fixture *f = capture(state);
	struct config fake = f->config;

	fake.routed.capture = ROUTED_CAPTURE_FAKE;
	host_set_config(f->host, &fake);
	wait_for_way(f, "1.1.1.1", false);
	assert_true(leads_into_tun(f, "198.18.0.9"));
	host_set_config(f->host, &f->config);
	wait_for_way(f, "1.1.1.1", true);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(captured_and_released_is_as_before),
		CLAIM(what_others_remove_comes_back),
		CLAIM(facts_are_acted_upon),
		CLAIM(direct_names_go_past_the_tun_for_their_time),
		CLAIM(direct_names_need_nothing_where_pools_alone_are_captured),
		CLAIM(tun_may_go_and_another_come),
		CLAIM(another_configuration_is_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
