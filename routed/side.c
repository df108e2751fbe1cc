// SPDX-License-Identifier: BSD-2-Clause
#include "routed/side.h"

#include "common/uplink.h"
#include "routed/gateway.h"
#include "routed/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Behind conntrack, before the address translation and the routing. */
#define PRIORITY_MARK "-150"
#define PRIORITY_INBOUND "-90"
/* Behind the address translation of others: what they do not change. */
#define PRIORITY_NAT "120"

struct writer {
	FILE *out;
	const struct config *config;
	const struct nl_state *found;
	const struct plan_facts *facts;
};

/* { "br0", "lan0" }; of `all`, or only of those that are named. */
static void put_gateways(const struct writer *w, const char *before, bool all)
{
	const char *comma = "";

	fprintf(w->out, "%s { ", before);
	for (size_t i = 0; i < w->facts->gateway_count; i++) {
		const char *name = w->facts->gateways[i];

		if (!table_is_plain_name(name) ||
		    (!all && !config_names_gateway(w->config, name)))
			continue;
		fprintf(w->out, "%s\"%s\"", comma, name);
		comma = ", ";
	}
	fputs(" } ", w->out);
}

static bool has_gateways(const struct writer *w, bool all)
{
	for (size_t i = 0; i < w->facts->gateway_count; i++) {
		const char *name = w->facts->gateways[i];

		if (table_is_plain_name(name) &&
		    (all || config_names_gateway(w->config, name)))
			return true;
	}
	return false;
}

static void put_side(const struct writer *w, const char *where, uint32_t mark)
{
	fprintf(w->out, "%s mark set %s mark | 0x%" PRIx32, where, where, mark);
}

static void put_if_side(const struct writer *w, uint32_t mark)
{
	fprintf(w->out, "ct mark & 0x%" PRIx32 " == 0x%" PRIx32 " ",
		GATEWAY_MARK_MASK, mark);
}

static void put_exempt(const struct writer *w)
{
	const struct routed_conf *conf = &w->config->routed;
	char text[PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < conf->exempt.prefix_count; i++) {
		const struct prefix *prefix = &conf->exempt.prefixes[i];

		fprintf(w->out, "\t\t%s daddr %s accept\n",
			prefix->addr.family == ADDR_IPV4 ? "ip" : "ip6",
			prefix_format(prefix, text, sizeof(text)));
	}
}

/* What began before us, and is none of ours. */
static void put_earlier(const struct writer *w)
{
	if (w->config->routed.on_crash == ROUTED_ON_CRASH_CLOSED)
		return;
	fputs("\t\tct state established,related ", w->out);
	put_side(w, "meta", GATEWAY_MARK_OUT);
	fputs(" accept\n\t\ttcp flags & (syn | rst) == 0 ", w->out);
	put_side(w, "meta", GATEWAY_MARK_OUT);
	fputs(" accept\n", w->out);
}

static void put_prerouting(const struct writer *w)
{
	fputs("\tchain prerouting {\n"
	      "\t\ttype filter hook prerouting priority " PRIORITY_MARK
	      "; policy accept;\n\t\t",
	      w->out);
	put_gateways(w, "iifname !=", true);
	fputs("accept\n"
	      "\t\tfib saddr type local quota name " SIDE_QUOTA_LOOP
	      "\n\t\tfib saddr type local counter name " SIDE_COUNTER_LOOP
	      " drop\n\t\t",
	      w->out);
	put_if_side(w, GATEWAY_MARK_OUT);
	put_side(w, "meta", GATEWAY_MARK_OUT);
	fputs(" accept\n\t\t", w->out);
	put_if_side(w, GATEWAY_MARK_IN);
	put_side(w, "meta", GATEWAY_MARK_IN);
	fputs(" accept\n"
	      "\t\tfib daddr type != unicast accept\n",
	      w->out);
	put_exempt(w);
	put_earlier(w);
	fputs("\t\tip daddr @" SIDE_SET "4 ", w->out);
	put_side(w, "meta", GATEWAY_MARK_OUT);
	fputs(" accept\n\t\tip6 daddr @" SIDE_SET "6 ", w->out);
	put_side(w, "meta", GATEWAY_MARK_OUT);
	fputs(" accept\n\t\t", w->out);
	put_gateways(w, "fib daddr oifname", true);
	fputs("accept\n\t\tmeta l4proto { tcp, udp } th dport 53 ", w->out);
	put_side(w, "meta", GATEWAY_MARK_IN);
	fputs("\n\t}\n", w->out);
}

/*
 * Behind the address translation: what is forwarded to them from outside.  The
 * strict filter of source addresses looks for the way back as for a packet of
 * theirs, and must find what a reply will find.
 */
static void put_inbound(const struct writer *w)
{
	fputs("\tchain inbound {\n"
	      "\t\ttype filter hook prerouting priority " PRIORITY_INBOUND
	      "; policy accept;\n\t\t",
	      w->out);
	put_gateways(w, "iifname", true);
	fprintf(w->out,
		"accept\n"
		"\t\tiifname { \"lo\", \"%s\" } accept\n"
		"\t\tfib daddr type unicast ",
		w->config->routed.tun);
	put_side(w, "meta", GATEWAY_MARK_OUT);
	fputs("\n\t}\n", w->out);
}

static void put_sides(const struct writer *w)
{
	const char *tun = w->config->routed.tun;
	const char *const ends[] = {"iifname", "oifname"};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		fprintf(w->out, "\t\t%s \"%s\" ", ends[i], tun);
		put_if_side(w, 0);
		put_side(w, "ct", GATEWAY_MARK_IN);
		fputs("\n", w->out);
	}
	fprintf(w->out, "\t\tiifname \"%s\" accept\n", tun);
	fprintf(w->out, "\t\toifname \"%s\" accept\n\t\t", tun);
	put_if_side(w, 0);
	put_side(w, "ct", GATEWAY_MARK_OUT);
	fputs("\n\t\t", w->out);
	put_gateways(w, "iifname", true);
	put_if_side(w, GATEWAY_MARK_IN);
	fputs("counter name " SIDE_COUNTER_STRANDED " goto refuse\n", w->out);
}

static void put_forward(const struct writer *w)
{
	fputs("\tchain refuse {\n"
	      "\t\tmeta l4proto tcp reject with tcp reset\n"
	      "\t\treject with icmpx type port-unreachable\n"
	      "\t}\n"
	      "\tchain served {\n",
	      w->out);
	put_sides(w);
	/* RFC 4459, 3.2; only ever made smaller. */
	fputs("\t\ttcp flags & (syn | rst) == syn "
	      "tcp option maxseg size set rt mtu\n"
	      "\t}\n"
	      "\tchain forward {\n"
	      "\t\ttype filter hook forward priority " PRIORITY_MARK
	      "; policy accept;\n\t\t",
	      w->out);
	put_gateways(w, "iifname", true);
	fputs("goto served\n\t\t", w->out);
	put_gateways(w, "oifname", true);
	fputs("goto served\n\t}\n", w->out);
}

static void put_output(const struct writer *w)
{
	fputs("\tchain output {\n"
	      "\t\ttype filter hook output priority " PRIORITY_MARK
	      "; policy accept;\n\t\t",
	      w->out);
	put_gateways(w, "oifname", true);
	fputs("icmp type redirect drop\n\t\t", w->out);
	put_gateways(w, "oifname", true);
	fputs("icmpv6 type nd-redirect drop\n\t}\n", w->out);
}

static void put_masquerade(const struct writer *w)
{
	char last[IFNAMSIZ] = "";

	if (!has_gateways(w, false))
		return;
	fputs("\tchain postrouting {\n"
	      "\t\ttype nat hook postrouting priority " PRIORITY_NAT
	      "; policy accept;\n",
	      w->out);
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		struct uplink uplink;

		if (uplink_find(w->found, f, w->config->routed.uplink,
				&uplink) < 0 ||
		    !table_is_plain_name(uplink.name) ||
		    strcmp(uplink.name, last) == 0)
			continue;
		memcpy(last, uplink.name, sizeof(last));
		put_gateways(w, "\t\tiifname", false);
		fprintf(w->out, "oifname \"%s\" masquerade\n", uplink.name);
	}
	fputs("\t}\n", w->out);
}

static void put_table(const struct writer *w)
{
	fputs("\tcomment \"" SIDE_COMMENT "\"\n"
	      "\tcounter " SIDE_COUNTER_LOOP " {\n\t}\n"
	      "\tcounter " SIDE_COUNTER_STRANDED " {\n\t}\n"
	      "\tquota " SIDE_QUOTA_LOOP " {\n\t\tover 1 bytes\n\t}\n"
	      "\tset " SIDE_SET "4 {\n\t\ttype ipv4_addr\n\t}\n"
	      "\tset " SIDE_SET "6 {\n\t\ttype ipv6_addr\n\t}\n",
	      w->out);
	put_prerouting(w);
	put_inbound(w);
	put_forward(w);
	put_output(w);
	put_masquerade(w);
}

int side_make(char **text, const struct config *config,
	      const struct nl_state *found, const struct plan_facts *facts)
{
	struct writer w = {
		.config = config,
		.found = found,
		.facts = facts,
	};
	size_t length;

	*text = NULL;
	if (!has_gateways(&w, true))
		return 0;
	w.out = open_memstream(text, &length);
	if (!w.out)
		return -ENOMEM;
	put_table(&w);
	if (fclose(w.out) == 0)
		return 0;
	free(*text);
	*text = NULL;
	return -ENOMEM;
}
