// SPDX-License-Identifier: BSD-2-Clause
/* That they come out as they say is held by test_reconcile.c. */
#include "routed/probes.h"

#include "tests/unit/fib_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct fib_model model;
	struct config config;
	struct outbound_conf outbounds[2];
	struct plan_facts facts;
	struct plan plan;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fib_model_laptop(&f.model);
	f.config.dnsd.fake = fake_pool_default();
	f.config.outbounds = f.outbounds;
	f.config.outbound_count = 2;
	for (int i = 0; i < 2; i++)
		f.outbounds[i].type = OUTBOUND_TYPE_SOCKS5;
	f.outbounds[0].server = (struct endpoint){addr_of("192.0.2.7"), 1080};
	f.outbounds[1].server = (struct endpoint){addr_of("127.0.0.1"), 1080};
	f.facts.tun_ifindex = TUN;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	plan_fini(&f->plan);
	return 0;
}

static void plan_again(struct fixture *f)
{
	plan_fini(&f->plan);
	assert_int_equal(
		plan_make(&f->plan, &f->config, &f->model.state, &f->facts), 0);
}

/* How many of that kind; the last of them. */
static size_t find(const struct fixture *f, const char *what,
		   struct nl_lookup *lookup)
{
	size_t count = 0;

	for (size_t i = 0; i < f->plan.probe_count; i++) {
		if (strcmp(f->plan.probes[i].what, what) != 0)
			continue;
		*lookup = f->plan.probes[i].lookup;
		count++;
	}
	return count;
}

static bool addr_is_probed(const struct fixture *f, const char *text)
{
	const struct addr addr = addr_of(text);

	for (size_t i = 0; i < f->plan.probe_count; i++) {
		if (addr_equal(&f->plan.probes[i].lookup.dst, &addr))
			return true;
	}
	return false;
}

static void each_claim_of_the_plan_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct mark_match mark = {0x2a, UINT32_MAX};
	const struct uid_range uid = {107, 107};
	struct nl_lookup lookup;

	f->config.routed.exempt.marks = &mark;
	f->config.routed.exempt.mark_count = 1;
	f->facts.uids = &uid;
	f->facts.uid_count = 1;
	plan_again(f);
	assert_int_equal(find(f, "an address of the pool", &lookup), 2);
	assert_int_equal(find(f, "a far address", &lookup), 2);
	assert_int_equal(find(f, "a flow that is in the TUN", &lookup), 2);
	assert_int_equal(lookup.src.family, ADDR_IPV6);
	assert_int_equal(find(f, "an exempt mark", &lookup), 2);
	assert_int_equal(lookup.mark, 0x2a);
	assert_int_equal(find(f, "an exempt user", &lookup), 2);
	assert_int_equal(lookup.uid, 107);
	assert_int_equal(find(f, "a socket bound to the uplink", &lookup), 2);
	assert_string_equal(lookup.oif, "eth0");
	assert_int_equal(find(f, "the gateway of the uplink", &lookup), 2);
	/* The last one is on this host and dialled unbound. */
	assert_int_equal(find(f, "the server of an outbound", &lookup), 2);
	assert_string_equal(lookup.oif, "");
}

static void far_address_is_one_that_nothing_exempts(void **state)
{
	struct fixture *f = *state;
	struct prefix exempt[] = {prefix_of("203.0.113.0/24"),
				  prefix_of("198.51.100.0/24"),
				  prefix_of("2001:db8::/32")};
	struct prefix far;
	struct nl_lookup lookup = {0};

	f->config.routed.exempt.prefixes = exempt;
	f->config.routed.exempt.prefix_count = 3;
	plan_again(f);
	assert_int_equal(find(f, "a far address", &lookup), 2);
	for (size_t i = 0; i < f->plan.probe_count; i++) {
		for (size_t e = 0; e < 3; e++) {
			far = (struct prefix){f->plan.probes[i].lookup.dst, 0};
			assert_true(strcmp(f->plan.probes[i].what,
					   "a far address") ||
				    !prefix_has(&exempt[e], &far.addr));
		}
	}
	/* The next one belongs to a name now. */
	far = prefix_of("192.0.2.77");
	f->facts.directs = &far;
	f->facts.direct_count = 1;
	plan_again(f);
	assert_true(addr_is_probed(f, "1.1.1.1"));
	assert_false(addr_is_probed(f, "192.0.2.77"));
	/* Everything is exempt: there is nothing to ask. */
	exempt[0] = prefix_of("0.0.0.0/0");
	exempt[1] = prefix_of("::/0");
	plan_again(f);
	assert_int_equal(find(f, "a far address", &lookup), 0);
}

static void far_address_is_asked_for_by_a_plain_user(void **state)
{
	struct fixture *f = *state;
	struct uid_range configured[] = {{0, 9}, {20, 29}};
	const struct uid_range learnt[] = {{30, 30}, {10, 19}};
	struct nl_lookup lookup;

	f->config.routed.exempt.uids = configured;
	f->config.routed.exempt.uid_count = 2;
	f->facts.uids = learnt;
	f->facts.uid_count = 2;
	plan_again(f);
	assert_int_equal(find(f, "a far address", &lookup), 2);
	assert_true(lookup.has_uid);
	assert_int_equal(lookup.uid, 31);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(each_claim_of_the_plan_is_asked_for),
		CLAIM(far_address_is_one_that_nothing_exempts),
		CLAIM(far_address_is_asked_for_by_a_plain_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
