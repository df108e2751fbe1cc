// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random hosts, random configurations, random damage; the model kernel of
 * fib_model.h says what became of them.
 */
#include "routed/reconcile.h"

#include "routed/object.h"
#include "tests/unit/fib_model.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 400

/* A configuration with everything in it that a plan can be made of. */
struct wish {
	struct config config;
	struct plan_facts facts;
	struct uid_range uids[3];
	struct mark_match marks[2];
	struct prefix includes[2];
	const char *interfaces[1];
	uint16_t ports[2];
	struct prefix prefixes[3];
	struct prefix far_ends[3];
	struct prefix directs[3];
	struct endpoint udp_servers[2];
	struct outbound_conf outbounds[1];
};

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32) % below;
}

static void host_draw(struct fib_model *model, uint64_t *seed)
{
	static const char *const routes[][2] = {
		{"10.0.0.0/8", "192.168.7.66"},
		{"203.0.113.0/24", "192.168.7.66"},
		{"172.16.0.0/12", "192.168.7.66"},
		{"fd00::/8", "fe80::66"},
		{"2001:db8:66::/48", "fe80::66"},
	};
	static const uint8_t protocols[] = {RTPROT_STATIC, RTPROT_BOOT,
					    RTPROT_DHCP, RTPROT_RA};

	fib_model_laptop(model);
	if (draw(seed, 2)) {
		fib_model_link(model, WLAN)->is_up = draw(seed, 4);
		fib_model_addr(model, WLAN, "203.0.114.9/24");
		fib_model_route(model, "0.0.0.0/0", WLAN, "203.0.114.1")
			->metric = draw(seed, 2) * 600;
	}
	if (draw(seed, 2)) {
		fib_model_link(model, WG);
		fib_model_addr(model, WG, "10.9.0.2/24");
		fib_model_route(model, "198.51.100.0/24", WG, NULL);
	}
	if (draw(seed, 2)) {
		fib_model_link(model, BRIDGE);
		fib_model_addr(model, BRIDGE, "172.17.0.1/16");
	}
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (draw(seed, 2))
			fib_model_route(model, routes[i][0], ETH, routes[i][1])
				->protocol = protocols[draw(seed, 4)];
	}
	if (draw(seed, 3) == 0)
		fib_model_rule(model, ADDR_IPV4, 5270, 52);
}

static void wish_draw(struct wish *wish, uint64_t *seed)
{
	static const struct uid_range uids[] = {
		{107, 107}, {1000, 1001}, {42, 42}};
	static const struct mark_match marks[] = {{1, 0xff},
						  {0x2a, UINT32_MAX}};
	static const char *const prefixes[] = {
		"198.51.96.0/20", "2001:db8:77::/48", "8.8.8.8/32"};
	static const char *const far_ends[] = {"198.51.100.44", "192.0.2.200",
					       "2001:db8:99::1"};
	static const char *const directs[] = {"198.51.100.45", "203.0.113.77",
					      "2001:db8:99::1"};

	memset(wish, 0, sizeof(*wish));
	wish->config.dnsd.fake = fake_pool_default();
	if (draw(seed, 4) == 0)
		wish->config.dnsd.fake.ipv6 = (struct prefix){0};
	wish->config.routed.tun = "ersatz0";
	wish->config.routed.capture =
		draw(seed, 5) ? ROUTED_CAPTURE_ALL : ROUTED_CAPTURE_FAKE;
	memcpy(wish->uids, uids, sizeof(uids));
	memcpy(wish->marks, marks, sizeof(marks));
	wish->ports[0] = 5060;
	wish->ports[1] = 123;
	for (size_t i = 0; i < 3; i++) {
		wish->prefixes[i] = prefix_of(prefixes[i]);
		wish->far_ends[i] = prefix_of(far_ends[i]);
		wish->directs[i] = prefix_of(directs[i]);
	}
	wish->udp_servers[0] = (struct endpoint){{ADDR_IPV4, {0}}, 500};
	wish->udp_servers[1] = (struct endpoint){{ADDR_IPV6, {0}}, 5060};
	wish->outbounds[0].type = OUTBOUND_TYPE_INTERFACE;
	wish->outbounds[0].interface = "wg0";
	wish->config.routed.exempt.uid_count = draw(seed, 3);
	wish->includes[0] = prefix_of("10.1.0.0/16");
	wish->includes[1] = prefix_of("2001:db8:66::/48");
	wish->interfaces[0] = "wlan0";
	wish->config.routed.on_crash =
		draw(seed, 3) ? ROUTED_ON_CRASH_OPEN : ROUTED_ON_CRASH_CLOSED;
	wish->config.routed.is_ipv6_refused = draw(seed, 6) == 0;
	wish->config.routed.include.prefix_count = draw(seed, 3);
	wish->config.routed.exempt.interface_count = draw(seed, 2);
	wish->config.routed.exempt.mark_count = draw(seed, 3);
	wish->config.routed.exempt.prefix_count = draw(seed, 4);
	wish->config.routed.serve_count = draw(seed, 3);
	wish->config.outbound_count = draw(seed, 2);
	wish->facts.tun_ifindex = draw(seed, 6) ? TUN : 0;
	wish->facts.is_ipv6_off = draw(seed, 6) == 0;
	wish->facts.has_no_ipv6 = draw(seed, 9) == 0;
	wish->facts.uid_count = draw(seed, 4);
	wish->facts.far_end_count = draw(seed, 4);
	wish->facts.udp_server_count = draw(seed, 3);
	wish->facts.direct_count = draw(seed, 4);
}

/* Members that point into the wish itself, wherever that lies. */
static int wish_plan(struct wish *wish, const struct fib_model *model,
		     struct plan *plan)
{
	struct config *config = &wish->config;

	config->routed.exempt.uids = wish->uids;
	config->routed.exempt.marks = wish->marks;
	config->routed.exempt.interfaces = wish->interfaces;
	config->routed.include.prefixes = wish->includes;
	config->routed.exempt.prefixes = wish->prefixes;
	config->routed.serve = wish->ports;
	config->outbounds = wish->outbounds;
	wish->facts.uids = wish->uids;
	wish->facts.far_ends = wish->far_ends;
	wish->facts.udp_servers = wish->udp_servers;
	wish->facts.directs = wish->directs;
	return plan_make(plan, config, &model->state, &wish->facts);
}

static void step(struct fib_model *model, const struct reconcile_entry *entry)
{
	const struct nl_change change = {
		.is_removal = entry->verdict == RECONCILE_REMOVED,
		.object = entry->object,
	};

	if (reconcile_is_step(entry))
		assert_int_equal(fib_model_change(model, &change), 0);
}

static void run(struct fib_model *model, const struct plan *plan)
{
	struct reconcile todo;

	assert_int_equal(reconcile_make(&todo, plan, &model->state), 0);
	assert_int_equal(todo.of[RECONCILE_FOREIGN], 0);
	for (size_t i = 0; i < todo.count; i++)
		step(model, &todo.entries[i]);
	reconcile_fini(&todo);
}

static void assert_nothing_to_do(const struct fib_model *model,
				 const struct plan *plan)
{
	struct reconcile todo;

	assert_int_equal(reconcile_make(&todo, plan, &model->state), 0);
	assert_int_equal(todo.of[RECONCILE_ADDED], 0);
	assert_int_equal(todo.of[RECONCILE_REMOVED], 0);
	if (plan)
		assert_int_equal(todo.of[RECONCILE_SEEN], plan->count);
	reconcile_fini(&todo);
}

/* Somebody removes some of ours and bends others. */
static void damage(struct fib_model *model, uint64_t *seed)
{
	for (uint32_t i = draw(seed, 8); i > 0; i--) {
		size_t at = draw(seed, (uint32_t)model->state.rule_count);
		size_t after = model->state.rule_count - at - 1;

		if (model->rules[at].protocol != NL_PROTOCOL)
			continue;
		memmove(&model->rules[at], &model->rules[at + 1],
			after * sizeof(model->rules[0]));
		model->state.rule_count--;
	}
	for (uint32_t i = draw(seed, 8); i > 0; i--) {
		size_t at = draw(seed, (uint32_t)model->state.route_count);

		if (model->routes[at].protocol != NL_PROTOCOL)
			continue;
		model->routes[at].oif = ETH;
		model->routes[at].type =
			draw(seed, 2) ? RTN_UNICAST : RTN_THROW;
	}
}

static void whatever_is_found_becomes_what_is_wanted(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		uint64_t seed = round * 0x9e3779b97f4a7c15U;
		struct fib_model model, before;
		struct wish first, second;
		struct plan plan;

		host_draw(&model, &seed);
		fib_model_copy(&before, &model);
		wish_draw(&first, &seed);
		assert_int_equal(wish_plan(&first, &model, &plan), 0);
		run(&model, &plan);
		assert_nothing_to_do(&model, &plan);
		plan_fini(&plan);
		damage(&model, &seed);
		wish_draw(&second, &seed);
		assert_int_equal(wish_plan(&second, &model, &plan), 0);
		run(&model, &plan);
		assert_nothing_to_do(&model, &plan);
		plan_fini(&plan);
		/* And all of it goes again; links and addresses apart. */
		run(&model, NULL);
		assert_nothing_to_do(&model, NULL);
		assert_int_equal(model.state.rule_count,
				 before.state.rule_count);
		assert_memory_equal(model.rules, before.rules,
				    before.state.rule_count *
					    sizeof(before.rules[0]));
		assert_int_equal(model.state.route_count,
				 before.state.route_count);
		assert_memory_equal(model.routes, before.routes,
				    before.state.route_count *
					    sizeof(before.routes[0]));
	}
}

enum { SENDERS = 9, TARGETS = 14 };

/* What a packet looks like, and from when to when it is exempt. */
struct packet {
	struct nl_lookup lookup;
	bool is_pool;
};

static void packet_make(struct packet *packet, size_t sender, size_t target)
{
	static const char *const targets[TARGETS] = {
		"1.1.1.1",       "198.18.0.9",     "192.168.7.66",
		"224.0.0.251",   "169.254.3.3",    "10.1.2.3",
		"198.51.100.44", "192.0.2.200",    "8.8.8.8",
		"2600::1",       "2001:2::9",      "fe80::9",
		"2001:db8:7::9", "2001:db8:99::1",
	};
	struct nl_lookup *lookup = &packet->lookup;

	memset(packet, 0, sizeof(*packet));
	lookup->dst = addr_of(targets[target]);
	packet->is_pool = target == 1 || target == 10;
	lookup->has_uid = true;
	lookup->uid = 7;
	switch (sender) {
	case 1:
		lookup->uid = 107;
		break;
	case 2:
		lookup->uid = 42;
		break;
	case 3:
		lookup->mark = 0x2a;
		break;
	case 4:
		strcpy(lookup->oif, "eth0");
		break;
	case 5:
		lookup->ip_protocol = IPPROTO_UDP;
		lookup->sport = 5060;
		break;
	case 6:
		lookup->ip_protocol = IPPROTO_UDP;
		lookup->sport = 500;
		break;
	case 7:
		strcpy(lookup->iif, "eth0");
		break;
	case 8:
		lookup->src = addr_of(lookup->dst.family == ADDR_IPV4
					      ? "192.168.7.2"
					      : "2001:db8:7::2");
		break;
	}
}

/* Safe, as plan.h says it, but for being exempt. */
static void assert_harmless(const struct fib_model *model,
			    const struct packet *packet, bool may_refuse)
{
	int way = fib_model_lookup(model, &packet->lookup, false);
	int alone = fib_model_lookup(model, &packet->lookup, true);

	if (way == alone || way == TUN)
		return;
	if ((way == -EHOSTUNREACH || way == -EACCES) &&
	    (packet->is_pool || alone < 0 || may_refuse))
		return;
	/* A socket bound to an exit may get a way out that main has not. */
	assert_true(packet->lookup.oif[0] && way > 0);
}

static bool is_out_of_tun(const struct fib_model *model,
			  const struct packet *packet)
{
	return fib_model_lookup(model, &packet->lookup, false) != TUN;
}

struct transition {
	struct fib_model from, to;
	bool is_exempt[SENDERS][TARGETS]; /* before and after */
	/* By either plan: in a closed profile, or IPv6 that is off. */
	bool may_refuse, may_refuse_ipv6;
};

static void assert_safe(const struct fib_model *model,
			const struct transition *transition)
{
	for (size_t s = 0; s < SENDERS; s++) {
		for (size_t t = 0; t < TARGETS; t++) {
			struct packet packet;

			packet_make(&packet, s, t);
			assert_harmless(model, &packet,
					transition->may_refuse ||
						(transition->may_refuse_ipv6 &&
						 packet.lookup.dst.family ==
							 ADDR_IPV6));
			if (transition->is_exempt[s][t])
				assert_true(is_out_of_tun(model, &packet));
		}
	}
}

/* `exempt` grows by nothing: only who is exempt in both states must be. */
static void find_exempt(struct transition *transition)
{
	for (size_t s = 0; s < SENDERS; s++) {
		for (size_t t = 0; t < TARGETS; t++) {
			struct packet packet;

			packet_make(&packet, s, t);
			transition->is_exempt[s][t] =
				is_out_of_tun(&transition->from, &packet) &&
				is_out_of_tun(&transition->to, &packet);
		}
	}
}

static void walk(struct transition *transition, const struct plan *plan)
{
	struct fib_model model;
	struct reconcile todo;

	fib_model_copy(&model, &transition->from);
	fib_model_copy(&transition->to, &transition->from);
	run(&transition->to, plan);
	find_exempt(transition);
	assert_int_equal(reconcile_make(&todo, plan, &model.state), 0);
	for (size_t i = 0; i < todo.count; i++) {
		assert_safe(&model, transition);
		step(&model, &todo.entries[i]);
	}
	assert_safe(&model, transition);
	reconcile_fini(&todo);
}

/* What may have been refused before may be until it is changed. */
static void note_refusals(struct transition *transition,
			  const struct wish *wish)
{
	const struct routed_conf *conf = &wish->config.routed;

	transition->may_refuse |= conf->on_crash == ROUTED_ON_CRASH_CLOSED;
	transition->may_refuse_ipv6 |=
		conf->is_ipv6_refused || wish->facts.is_ipv6_off;
}

static void every_prefix_of_the_list_is_safe(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= ROUNDS / 4; round++) {
		uint64_t seed = round * 0xd1342543de82ef95U;
		struct transition transition = {.may_refuse = false};
		struct wish wish;
		struct plan plan;

		host_draw(&transition.from, &seed);
		/* Install, change twice, remove. */
		for (int i = 0; i < 3; i++) {
			wish_draw(&wish, &seed);
			note_refusals(&transition, &wish);
			assert_int_equal(
				wish_plan(&wish, &transition.from, &plan), 0);
			walk(&transition, &plan);
			plan_fini(&plan);
			fib_model_copy(&transition.from, &transition.to);
		}
		walk(&transition, NULL);
	}
}

static void probes_come_out_as_the_plan_says(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		uint64_t seed = round * 0x2545f4914f6cdd1dU;
		struct fib_model model;
		struct wish wish;
		struct plan plan;

		host_draw(&model, &seed);
		wish_draw(&wish, &seed);
		assert_int_equal(wish_plan(&wish, &model, &plan), 0);
		run(&model, &plan);
		for (size_t i = 0; i < plan.probe_count; i++) {
			const struct plan_probe *probe = &plan.probes[i];
			int way =
				fib_model_lookup(&model, &probe->lookup, false);
			bool is_refused = probe->way == PLAN_WAY_NOWHERE;

			assert_int_equal(way == TUN,
					 probe->way == PLAN_WAY_TUN);
			if (is_refused)
				assert_int_equal(way, -EACCES);
			assert_true(way > 0 || probe->may_fail || is_refused);
		}
		plan_fini(&plan);
	}
}

static void objects_of_others_are_left_alone(void **state)
{
	struct fib_model model;
	struct wish wish = {0};
	struct plan plan;
	struct reconcile todo;
	struct nl_rule *rule;
	size_t foreign_rules = 0;

	(void)state;
	fib_model_laptop(&model);
	wish.config.dnsd.fake = fake_pool_default();
	wish.facts.tun_ifindex = TUN;
	/* In a table of ours; in the place of a rule of ours; beside both. */
	fib_model_route(&model, "10.1.0.0/16", ETH, NULL)->table = 199;
	rule = fib_model_rule(&model, ADDR_IPV4, 5001, PLAN_TABLE_LOCAL);
	rule->src = (struct prefix){{ADDR_IPV4, {0}}, 32};
	strcpy(rule->iif, "lo");
	rule = fib_model_rule(&model, ADDR_IPV4, 5001, RT_TABLE_MAIN);
	strcpy(rule->iif, "eth0");
	assert_int_equal(wish_plan(&wish, &model, &plan), 0);
	assert_int_equal(reconcile_make(&todo, &plan, &model.state), 0);
	assert_int_equal(todo.of[RECONCILE_REMOVED], 0);
	assert_int_equal(todo.of[RECONCILE_FOREIGN], 2);
	/* The rule does what ours would do, the route is not in the way. */
	assert_int_equal(todo.conflicts, 0);
	for (size_t i = 0; i < todo.count; i++) {
		const struct reconcile_entry *entry = &todo.entries[i];

		assert_int_equal(reconcile_is_step(entry),
				 entry->verdict == RECONCILE_ADDED);
		foreign_rules += entry->verdict == RECONCILE_FOREIGN &&
				 entry->object.kind == NL_OBJECT_RULE;
	}
	assert_int_equal(foreign_rules, 1);
	reconcile_fini(&todo);
	/* Now one that does something else. */
	fib_model_route(&model, "0.0.0.0/1", ETH, NULL)->table = 199;
	assert_int_equal(reconcile_make(&todo, &plan, &model.state), 0);
	assert_int_equal(todo.of[RECONCILE_FOREIGN], 3);
	assert_int_equal(todo.conflicts, 1);
	reconcile_fini(&todo);
	plan_fini(&plan);
}

static void second_route_of_a_key_goes(void **state)
{
	struct fib_model model;
	struct wish wish = {0};
	struct plan plan;
	struct reconcile todo;

	(void)state;
	fib_model_laptop(&model);
	wish.config.dnsd.fake = fake_pool_default();
	wish.facts.tun_ifindex = TUN;
	assert_int_equal(wish_plan(&wish, &model, &plan), 0);
	run(&model, &plan);
	/* ip route append */
	model.routes[model.state.route_count] =
		model.routes[model.state.route_count - 1];
	model.routes[model.state.route_count++].oif = ETH;
	assert_int_equal(reconcile_make(&todo, &plan, &model.state), 0);
	assert_int_equal(todo.of[RECONCILE_SEEN], plan.count);
	assert_int_equal(todo.of[RECONCILE_REMOVED], 1);
	reconcile_fini(&todo);
	run(&model, &plan);
	assert_nothing_to_do(&model, &plan);
	plan_fini(&plan);
}

static void each_verdict_is_one_word(void **state)
{
	(void)state;
	assert_string_equal(reconcile_word(RECONCILE_SEEN), "seen");
	assert_string_equal(reconcile_word(RECONCILE_ADDED), "added");
	assert_string_equal(reconcile_word(RECONCILE_REMOVED), "removed");
	assert_string_equal(reconcile_word(RECONCILE_FOREIGN), "foreign");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_found_becomes_what_is_wanted),
		cmocka_unit_test(every_prefix_of_the_list_is_safe),
		cmocka_unit_test(probes_come_out_as_the_plan_says),
		cmocka_unit_test(objects_of_others_are_left_alone),
		cmocka_unit_test(second_route_of_a_key_goes),
		cmocka_unit_test(each_verdict_is_one_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
