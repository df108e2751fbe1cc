// SPDX-License-Identifier: BSD-2-Clause
/*
 * The part of the plan that keeps packets out of the TUN because of who sent
 * them, 4991 to 4999 in the figure of plan.h.
 */
#include "routed/draft.h"

#include "routed/exempt.h"

#include <linux/fib_rules.h>
#include <linux/icmp.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

static void append_serve(struct draft *draft, uint8_t family, uint16_t port)
{
	struct nl_rule rule =
		draft_rule(family, PLAN_PRIORITY_SERVE, RT_TABLE_MAIN);

	strcpy(rule.iif, "lo");
	rule.ip_protocol = IPPROTO_UDP;
	rule.sport_first = port;
	rule.sport_last = port;
	draft_append_rule(draft, &rule);
}

static void plan_serve(struct draft *draft, uint8_t family)
{
	const struct routed_conf *conf = &draft->config->routed;

	for (size_t i = 0; i < conf->serve_count; i++)
		append_serve(draft, family, conf->serve[i]);
	for (size_t i = 0; i < draft->facts->udp_server_count; i++) {
		const struct endpoint *server = &draft->facts->udp_servers[i];

		if (server->addr.family == family)
			append_serve(draft, family, server->port);
	}
}

/* A tunnel may have its peers in either family. */
static void plan_tunnels(struct draft *draft, uint8_t family)
{
	for (size_t i = 0; i < draft->facts->tunnel_port_count; i++)
		append_serve(draft, family, draft->facts->tunnel_ports[i]);
}

/*
 * Unreachable; Time Exceeded and Parameter Problem.  Those of IPv6 come behind
 * the rule for the TUN's own address, as no source at all cannot be asked for.
 */
static void plan_errors(struct draft *draft, uint8_t family)
{
	struct nl_rule rule =
		draft_icmp_errors(family, PLAN_PRIORITY_SERVE,
				  ICMP_DEST_UNREACH, ICMP_DEST_UNREACH);

	if (family != ADDR_IPV4 || !draft->facts->gateway_count)
		return;
	draft_append_rule(draft, &rule);
	rule = draft_icmp_errors(family, PLAN_PRIORITY_SERVE,
				 ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB);
	draft_append_rule(draft, &rule);
}

static void append_marks(struct draft *draft, struct nl_rule rule,
			 const struct mark_match *marks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		rule.mark = marks[i].value;
		rule.mark_mask = marks[i].mask;
		draft_append_rule(draft, &rule);
	}
}

static void append_uids(struct draft *draft, struct nl_rule rule,
			const struct uid_range *uids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		rule.has_uid = true;
		rule.uid_first = uids[i].first;
		rule.uid_last = uids[i].last;
		draft_append_rule(draft, &rule);
	}
}

/* `model` with each exempt sender as its selector. */
static void append_exempt(struct draft *draft, const struct nl_rule *model)
{
	const struct routed_conf *conf = &draft->config->routed;
	struct mark_match adopted[EXEMPT_ADOPTED_MAX], groups;
	size_t count = exempt_adopt(draft->found, model->family, adopted);

	append_marks(draft, *model, conf->exempt.marks,
		     conf->exempt.mark_count);
	append_marks(draft, *model, &groups,
		     exempt_groups(draft->config, &groups));
	append_marks(draft, *model, adopted, count);
	append_uids(draft, *model, conf->exempt.uids, conf->exempt.uid_count);
	append_uids(draft, *model, draft->facts->uids, draft->facts->uid_count);
	for (size_t i = 0; i < conf->exempt.interface_count; i++) {
		struct nl_rule rule = *model;

		strncpy(rule.iif, conf->exempt.interfaces[i], IFNAMSIZ - 1);
		draft_append_rule(draft, &rule);
	}
}

/* What keeps packets out of the TUN: harmless while nothing leads into it. */
void plan_exemptions(struct draft *draft, uint8_t family)
{
	struct nl_rule rule =
		draft_rule(family, PLAN_PRIORITY_EXEMPT, RT_TABLE_MAIN);

	if (draft_has_targets(draft, family)) {
		plan_serve(draft, family);
		plan_tunnels(draft, family);
		plan_errors(draft, family);
		append_exempt(draft, &rule);
	}
	for (size_t i = 0; i < draft->exits.count; i++) {
		rule = draft_rule(family, PLAN_PRIORITY_EXIT_LINK,
				  RT_TABLE_MAIN);
		rule.suppress_prefixlength = PLAN_SUPPRESS_LENGTH;
		memcpy(rule.oif, draft->exits.links[i].name, IFNAMSIZ);
		draft_append_rule(draft, &rule);
	}
}

/* What ends those: only together with the first half are they right. */
void plan_exemption_ends(struct draft *draft, uint8_t family)
{
	struct nl_rule rule =
		draft_rule(family, PLAN_PRIORITY_EXEMPT_END, RT_TABLE_UNSPEC);

	rule.action = FR_ACT_UNREACHABLE;
	if (draft_has_targets(draft, family))
		append_exempt(draft, &rule);
	for (size_t i = 0; i < draft->exits.count; i++) {
		const struct exit_link *exit = &draft->exits.links[i];

		rule = draft_rule(family, PLAN_PRIORITY_EXIT, exit->table);
		memcpy(rule.oif, exit->name, IFNAMSIZ);
		draft_append_rule(draft, &rule);
	}
}
