// SPDX-License-Identifier: BSD-2-Clause
#include "routed/probes.h"

#include "common/uplink.h"
#include "routed/exempt.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define POOL_SLOT 3 /* the first that a name can have */

struct draft {
	struct plan *plan;
	const struct config *config;
	const struct nl_state *found;
	const struct plan_facts *facts;
	const struct throws *throws;
	int error;
};

static void append(struct draft *draft, const struct plan_probe *probe)
{
	struct plan *plan = draft->plan;
	struct plan_probe *grown;

	if (draft->error)
		return;
	/* Full at every power of two. */
	if ((plan->probe_count & (plan->probe_count - 1)) == 0) {
		size_t room = plan->probe_count ? plan->probe_count * 2 : 1;

		grown = realloc(plan->probes, room * sizeof(*grown));
		if (!grown) {
			draft->error = -ENOMEM;
			return;
		}
		plan->probes = grown;
	}
	plan->probes[plan->probe_count++] = *probe;
}

static bool is_direct(const struct plan_facts *facts, const struct addr *addr)
{
	for (size_t i = 0; i < facts->direct_count; i++) {
		if (prefix_has(&facts->directs[i], addr))
			return true;
	}
	return false;
}

/* An address that nothing makes an exception of; family ADDR_NONE: none. */
static struct addr far_addr(const struct draft *draft, uint8_t family)
{
	/* Documentation (RFC 5737, 3849), then two that every host reaches. */
	static const struct addr candidates[] = {
		{ADDR_IPV4, {203, 0, 113, 77}},
		{ADDR_IPV4, {198, 51, 100, 77}},
		{ADDR_IPV4, {192, 0, 2, 77}},
		{ADDR_IPV4, {1, 1, 1, 1}},
		{ADDR_IPV6, {0x20, 0x01, 0x0d, 0xb8, [15] = 0x77}},
		{ADDR_IPV6, {0x26, 0x20, 0, 0xfe, [13] = 0xfe, [15] = 0xfe}},
	};

	for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
		if (candidates[i].family == family &&
		    !throws_cover(draft->throws, &candidates[i]) &&
		    !is_direct(draft->facts, &candidates[i]) &&
		    !nl_state_is_local(draft->found, &candidates[i]))
			return candidates[i];
	}
	return (struct addr){0};
}

static void probe_pool(struct draft *draft, uint8_t family)
{
	const struct fake_pool *pool = &draft->config->dnsd.fake;
	struct plan_probe probe = {
		.what = "an address of the pool",
		.way = PLAN_WAY_TUN,
	};

	if (family == ADDR_IPV6 && pool->ipv6.addr.family == ADDR_NONE)
		return;
	probe.lookup.dst = family == ADDR_IPV4 ? fake_ipv4(pool, POOL_SLOT)
					       : fake_ipv6(pool, POOL_SLOT);
	append(draft, &probe);
}

/* Past the end of the range that has it; the same if there is none. */
static uint32_t skip_range(uint32_t uid, const struct uid_range *uids,
			   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (uid >= uids[i].first && uid <= uids[i].last)
			return uids[i].last + 1;
	}
	return uid;
}

/* One that is not exempt; there may be none, then 0. */
static uint32_t plain_uid(const struct draft *draft)
{
	const struct routed_conf *conf = &draft->config->routed;
	size_t ranges = conf->exempt.uid_count + draft->facts->uid_count;
	uint32_t uid = 0;

	for (size_t i = 0; i <= ranges; i++) {
		uid = skip_range(uid, conf->exempt.uids,
				 conf->exempt.uid_count);
		uid = skip_range(uid, draft->facts->uids,
				 draft->facts->uid_count);
	}
	return uid;
}

static void probe_tun(struct draft *draft, const struct addr *far)
{
	/* Without a user the kernel takes ours, which may be exempt. */
	struct plan_probe probe = {
		.what = "a far address",
		.lookup = {.dst = *far,
			   .uid = plain_uid(draft),
			   .has_uid = true},
		.way = PLAN_WAY_TUN,
	};

	append(draft, &probe);
	probe.what = "a flow that is in the TUN";
	probe.lookup.src = plan_tun_addr(draft->config, far->family);
	append(draft, &probe);
}

static void probe_uids(struct draft *draft, const struct addr *far,
		       const struct uid_range *uids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct plan_probe probe = {
			.what = "an exempt user",
			.lookup = {.dst = *far,
				   .uid = uids[i].first,
				   .has_uid = true},
			.way = PLAN_WAY_NOT_TUN,
			.may_fail = true,
		};

		append(draft, &probe);
	}
}

static void probe_marks(struct draft *draft, const struct addr *far,
			const char *what, const struct mark_match *marks,
			size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct plan_probe probe = {
			.what = what,
			.lookup = {.dst = *far, .mark = marks[i].value},
			.way = PLAN_WAY_NOT_TUN,
			.may_fail = true,
		};

		append(draft, &probe);
	}
}

static void probe_exempt(struct draft *draft, const struct addr *far)
{
	const struct routed_conf *conf = &draft->config->routed;
	struct mark_match groups;

	probe_marks(draft, far, "an exempt mark", conf->exempt.marks,
		    conf->exempt.mark_count);
	probe_marks(draft, far, "an exempt control group", &groups,
		    exempt_groups(draft->config, &groups));
	probe_uids(draft, far, conf->exempt.uids, conf->exempt.uid_count);
	probe_uids(draft, far, draft->facts->uids, draft->facts->uid_count);
}

static void probe_uplink(struct draft *draft, const struct addr *far)
{
	struct plan_probe probe = {
		.what = "a socket bound to the uplink",
		.lookup = {.dst = *far},
		.way = PLAN_WAY_NOT_TUN,
		.may_fail = true,
	};
	struct uplink uplink;

	if (uplink_find(draft->found, far->family, draft->config->routed.uplink,
			&uplink) < 0)
		return;
	memcpy(probe.lookup.oif, uplink.name, sizeof(uplink.name));
	append(draft, &probe);
}

/* Dialled as the relay does: bound, or unbound if it is on this host. */
static void probe_servers(struct draft *draft, uint8_t family)
{
	const struct config *config = draft->config;

	for (size_t i = 0; i < config->outbound_count; i++) {
		const struct outbound_conf *outbound = &config->outbounds[i];
		struct plan_probe probe = {
			.what = "the server of an outbound",
			.lookup = {.dst = outbound->server.addr},
			.way = PLAN_WAY_NOT_TUN,
			.may_fail = true,
		};
		struct uplink way;
		int ret;

		if (!config_is_proxy(outbound->type) ||
		    outbound->server.addr.family != family)
			continue;
		ret = uplink_toward(draft->found, &outbound->server.addr,
				    config->routed.uplink, &way);
		if (ret < 0)
			continue;
		if (ret == 0)
			memcpy(probe.lookup.oif, way.name, sizeof(way.name));
		append(draft, &probe);
	}
}

/* The gateway, if it is on a link that is thrown. */
static void probe_lan(struct draft *draft, uint8_t family)
{
	struct plan_probe probe = {
		.what = "the gateway of the uplink",
		.way = PLAN_WAY_NOT_TUN,
		.may_fail = true,
	};
	struct uplink uplink;

	if (uplink_find(draft->found, family, draft->config->routed.uplink,
			&uplink) < 0 ||
	    uplink.gateway.family != family ||
	    !throws_cover(draft->throws, &uplink.gateway))
		return;
	probe.lookup.dst = uplink.gateway;
	append(draft, &probe);
}

/* Refused by a route, where else it would go out past us. */
static void probe_refused(struct draft *draft, const struct addr *far)
{
	const struct plan_probe probe = {
		.what = "a far address of the family that is off",
		.lookup = {.dst = *far,
			   .uid = plain_uid(draft),
			   .has_uid = true},
		.way = PLAN_WAY_NOWHERE,
	};

	append(draft, &probe);
}

static void probe_family(struct draft *draft, uint8_t family)
{
	struct addr far = far_addr(draft, family);
	const bool is_carried = family == ADDR_IPV4 ||
				plan_ipv6(draft->config, draft->found,
					  draft->facts) == PLAN_IPV6_CARRIED;
	bool has_tun = draft->facts->tun_ifindex && is_carried;

	if (has_tun)
		probe_pool(draft, family);
	if (draft->config->routed.capture != ROUTED_CAPTURE_ALL)
		return;
	probe_servers(draft, family);
	probe_lan(draft, family);
	if (far.family == ADDR_NONE)
		return;
	if (has_tun)
		probe_tun(draft, &far);
	if (!is_carried)
		probe_refused(draft, &far);
	if (draft->config->routed.mode == ROUTED_MODE_POLICY)
		probe_exempt(draft, &far);
	probe_uplink(draft, &far);
}

int probes_make(struct plan *plan, const struct config *config,
		const struct nl_state *found, const struct plan_facts *facts,
		const struct throws *throws)
{
	struct draft draft = {plan, config, found, facts, throws, 0};

	probe_family(&draft, ADDR_IPV4);
	if (plan_ipv6(config, found, facts) != PLAN_IPV6_ABSENT)
		probe_family(&draft, ADDR_IPV6);
	return draft.error;
}
