// SPDX-License-Identifier: BSD-2-Clause
#include "routed/table.h"

#include "routed/exempt.h"
#include "routed/throws.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Behind the address translation and the marks of other programs. */
#define PRIORITY_LATE "300"
/* Before them. */
#define PRIORITY_EARLY "-300"

struct writer {
	FILE *out;
	const struct config *config;
	const struct nl_state *found;
	const struct plan_facts *facts;
};

static const char *ip_word(uint8_t family)
{
	return family == ADDR_IPV4 ? "ip" : "ip6";
}

bool table_is_plain_name(const char *name)
{
	return name[0] && !strpbrk(name, "\"*\\");
}

/* { "lo", "ersatz0", ... }: the TUN, and who else is served if asked for. */
static void put_inner_links(const struct writer *w, bool with_gateways)
{
	fprintf(w->out, "{ \"lo\", \"%s\"", w->config->routed.tun);
	for (size_t i = 0; with_gateways && i < w->facts->gateway_count; i++) {
		if (table_is_plain_name(w->facts->gateways[i]))
			fprintf(w->out, ", \"%s\"", w->facts->gateways[i]);
	}
	fputs(" }", w->out);
}

static struct prefix pool_of(const struct config *config, uint8_t family)
{
	const struct fake_pool *pool = &config->dnsd.fake;

	return family == ADDR_IPV4 ? pool->ipv4 : pool->ipv6;
}

/* "ip daddr 198.18.0.0/15", or saddr. */
static void put_pool(const struct writer *w, uint8_t family, const char *end)
{
	const struct prefix pool = pool_of(w->config, family);
	char text[PREFIX_TEXT_SIZE];

	fprintf(w->out, "\t\t%s %s %s ", ip_word(family), end,
		prefix_format(&pool, text, sizeof(text)));
}

static bool has_pool(const struct writer *w, uint8_t family)
{
	return pool_of(w->config, family).addr.family != ADDR_NONE;
}

static void put_refuse(FILE *out)
{
	fputs("\tchain refuse {\n"
	      "\t\tmeta l4proto tcp reject with tcp reset\n"
	      "\t\tmeta l4proto udp reject with icmpx type port-unreachable\n"
	      "\t\treject with icmpx type host-unreachable\n"
	      "\t}\n",
	      out);
}

/* Whoever asks from outside: a reset would leave with a fake source. */
static void put_refuse_in(FILE *out)
{
	fputs("\tchain refuse_in {\n"
	      "\t\tmeta l4proto udp reject with icmpx type port-unreachable\n"
	      "\t\treject with icmpx type host-unreachable\n"
	      "\t}\n",
	      out);
}

/* Fake addresses that come in by an interface that is not served. */
static void put_prerouting(const struct writer *w)
{
	fputs("\tchain prerouting {\n"
	      "\t\ttype filter hook prerouting priority " PRIORITY_EARLY
	      "; policy accept;\n",
	      w->out);
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		if (!has_pool(w, f))
			continue;
		put_pool(w, f, "daddr");
		fputs("iifname != ", w->out);
		put_inner_links(w, true);
		fputs(" counter name " TABLE_COUNTER_POOL_IN
		      " goto refuse_in\n",
		      w->out);
	}
	fputs("\t}\n", w->out);
}

/*
 * At any way out but the TUN.  A source out of the pool is that of the TUN,
 * which has no business elsewhere, or (forwarded) one that only the relay may
 * have.
 */
static void put_pools(const struct writer *w, bool is_forward)
{
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		if (!has_pool(w, f))
			continue;
		put_pool(w, f, "daddr");
		fputs("counter name " TABLE_COUNTER_POOL_OUT " goto refuse\n",
		      w->out);
		put_pool(w, f, "saddr");
		fputs(is_forward ? "iifname != " : "oifname != ", w->out);
		put_inner_links(w, !is_forward);
		fputs(" counter name " TABLE_COUNTER_POOL_OUT " drop\n",
		      w->out);
	}
}

static bool is_all_closed(const struct config *config)
{
	return config->routed.capture == ROUTED_CAPTURE_ALL;
}

static bool is_ipv6_closed(const struct writer *w)
{
	return is_all_closed(w->config) &&
	       plan_ipv6(w->config, w->found, w->facts) == PLAN_IPV6_REFUSED;
}

/* What is closed: everything, a family, or what is included. */
static void put_jump(const struct writer *w, const char *chain)
{
	if (!table_is_closed(w->config)) {
		if (is_ipv6_closed(w))
			fprintf(w->out, "\t\tmeta nfproto ipv6 goto %s\n",
				chain);
		return;
	}
	if (is_all_closed(w->config)) {
		fprintf(w->out, "\t\tgoto %s\n", chain);
		return;
	}
	fprintf(w->out,
		"\t\tip daddr @included4 goto %s\n"
		"\t\tip6 daddr @included6 goto %s\n",
		chain, chain);
}

static void put_base_chain(const struct writer *w, const char *hook)
{
	const bool is_forward = strcmp(hook, "forward") == 0;

	fprintf(w->out,
		"\tchain %s {\n"
		"\t\ttype filter hook %s priority " PRIORITY_LATE
		"; policy accept;\n"
		"\t\toifname ",
		hook, hook);
	put_inner_links(w, false);
	fputs(" accept\n", w->out);
	put_pools(w, is_forward);
	put_jump(w, is_forward ? "closed_forward" : "closed_output");
	fputs("\t}\n", w->out);
}

static void put_marks(const struct writer *w, const struct mark_match *marks,
		      size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(w->out,
			"\t\tmeta mark & 0x%" PRIx32 " == 0x%" PRIx32
			" accept\n",
			marks[i].mask, marks[i].value);
}

static void put_uids(const struct writer *w, const struct uid_range *uids,
		     size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(w->out,
			"\t\tmeta skuid %" PRIu32 "-%" PRIu32 " accept\n",
			uids[i].first, uids[i].last);
}

/* What local and forwarded packets have in common. */
static void put_closed_rest(const struct writer *w)
{
	struct mark_match adopted[EXEMPT_ADOPTED_MAX], groups;

	fputs("\tchain closed_rest {\n"
	      "\t\tct state established,related ct direction reply accept\n",
	      w->out);
	put_marks(w, w->config->routed.exempt.marks,
		  w->config->routed.exempt.mark_count);
	put_marks(w, &groups, exempt_groups(w->config, &groups));
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2)
		put_marks(w, adopted, exempt_adopt(w->found, f, adopted));
	fputs("\t\tip daddr @direct4 accept\n"
	      "\t\tip6 daddr @direct6 accept\n"
	      "\t\toifname . ip daddr @near4 accept\n"
	      "\t\toifname . ip6 daddr @near6 accept\n"
	      /* A connect() of IPv6 does not end with the ICMP error. */
	      "\t\tmeta nfproto ipv6 tcp flags & (fin | syn | rst | ack) == "
	      "syn counter name " TABLE_COUNTER_CLOSED
	      " reject with tcp reset\n"
	      "\t\tcounter name " TABLE_COUNTER_CLOSED
	      " reject with icmpx type admin-prohibited\n"
	      "\t}\n",
	      w->out);
}

static void put_closed_output(const struct writer *w)
{
	const struct routed_conf *conf = &w->config->routed;

	fputs("\tchain closed_output {\n", w->out);
	if (w->facts->has_own_uid)
		fprintf(w->out, "\t\tmeta skuid %" PRIu32 " accept\n",
			w->facts->own_uid);
	fprintf(w->out, "\t\tmeta priority %x:%x accept\n",
		TABLE_PRIORITY >> 16, TABLE_PRIORITY & 0xffff);
	put_uids(w, conf->exempt.uids, conf->exempt.uid_count);
	put_uids(w, w->facts->uids, w->facts->uid_count);
	for (size_t i = 0; i < w->facts->tunnel_port_count; i++)
		fprintf(w->out, "\t\tudp sport %" PRIu16 " accept\n",
			w->facts->tunnel_ports[i]);
	/* RFC 2131, 8415; the types of RFC 4861 and of RFC 2710, 3810. */
	fputs("\t\tudp sport 68 udp dport 67 accept\n"
	      "\t\tudp sport 67 udp dport 68 accept\n"
	      "\t\tudp sport { 546, 547 } udp dport { 546, 547 } accept\n"
	      "\t\tip6 hoplimit { 1, 255 } icmpv6 type "
	      "{ 130, 131, 132, 133, 134, 135, 136, 143 } accept\n"
	      "\t\tgoto closed_rest\n"
	      "\t}\n",
	      w->out);
}

static void put_closed_forward(const struct writer *w)
{
	const struct routed_conf *conf = &w->config->routed;

	fputs("\tchain closed_forward {\n", w->out);
	for (size_t i = 0; i < conf->exempt.interface_count; i++) {
		if (table_is_plain_name(conf->exempt.interfaces[i]))
			fprintf(w->out, "\t\tiifname \"%s\" accept\n",
				conf->exempt.interfaces[i]);
	}
	fputs("\t\tgoto closed_rest\n\t}\n", w->out);
}

/* A set that begins with `open`, and whose elements follow. */
struct set_writer {
	const struct writer *w;
	bool is_empty;
};

static struct set_writer set_begin(const struct writer *w, const char *name,
				   uint8_t family, bool has_link)
{
	fprintf(w->out, "\tset %s%d {\n\t\ttype %sipv%d_addr\n", name, family,
		has_link ? "ifname . " : "", family);
	fputs("\t\tflags interval\n", w->out);
	return (struct set_writer){w, true};
}

static void set_add(struct set_writer *set, const char *link,
		    const struct prefix *prefix)
{
	FILE *out = set->w->out;
	char text[PREFIX_TEXT_SIZE];

	fputs(set->is_empty ? "\t\telements = {\n" : ",\n", out);
	set->is_empty = false;
	fputs("\t\t\t", out);
	if (link)
		fprintf(out, "\"%s\" . ", link);
	fputs(prefix_format(prefix, text, sizeof(text)), out);
}

static void set_end(const struct set_writer *set)
{
	fputs(set->is_empty ? "\t}\n" : "\n\t\t}\n\t}\n", set->w->out);
}

static void put_direct_set(const struct writer *w, uint8_t family,
			   const struct throw_ways *ways)
{
	struct set_writer set = set_begin(w, "direct", family, false);

	for (size_t i = 0; i < ways->count; i++) {
		const struct throw_way *way = &ways->list[i];

		if (!way->ifindex && way->prefix.addr.family == family)
			set_add(&set, NULL, &way->prefix);
	}
	set_end(&set);
}

static void put_near_set(const struct writer *w, uint8_t family,
			 const struct throw_ways *ways)
{
	struct set_writer set = set_begin(w, "near", family, true);

	for (size_t i = 0; i < ways->count; i++) {
		const struct throw_way *way = &ways->list[i];
		const struct nl_link *link =
			nl_link_by_index(w->found, way->ifindex);

		if (link && table_is_plain_name(link->name) &&
		    way->prefix.addr.family == family)
			set_add(&set, link->name, &way->prefix);
	}
	set_end(&set);
}

static void put_included_set(const struct writer *w, uint8_t family)
{
	const struct routed_conf *conf = &w->config->routed;
	struct set_writer set = set_begin(w, "included", family, false);

	for (size_t i = 0; i < conf->include.prefix_count; i++) {
		if (conf->include.prefixes[i].addr.family == family)
			set_add(&set, NULL, &conf->include.prefixes[i]);
	}
	set_end(&set);
}

static int put_closed(const struct writer *w)
{
	struct throw_ways ways;
	int ret = throws_collect_ways(&ways, w->config, w->found, w->facts);

	if (ret < 0)
		return ret;
	fputs("\tcounter " TABLE_COUNTER_CLOSED " {\n\t}\n", w->out);
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		put_direct_set(w, f, &ways);
		put_near_set(w, f, &ways);
		if (!is_all_closed(w->config))
			put_included_set(w, f);
	}
	put_closed_rest(w);
	put_closed_output(w);
	put_closed_forward(w);
	throw_ways_fini(&ways);
	return 0;
}

static int put_table(const struct writer *w)
{
	const bool is_closed = table_is_closed(w->config);
	int ret = 0;

	fprintf(w->out, "\tcomment \"%s\"\n",
		is_closed ? TABLE_COMMENT_CLOSED : TABLE_COMMENT_OPEN);
	fputs("\tcounter " TABLE_COUNTER_POOL_OUT " {\n\t}\n"
	      "\tcounter " TABLE_COUNTER_POOL_IN " {\n\t}\n",
	      w->out);
	put_refuse(w->out);
	put_refuse_in(w->out);
	if (is_closed || is_ipv6_closed(w))
		ret = put_closed(w);
	put_prerouting(w);
	put_base_chain(w, "output");
	put_base_chain(w, "forward");
	return ret;
}

bool table_is_closed(const struct config *config)
{
	return config->routed.on_crash == ROUTED_ON_CRASH_CLOSED &&
	       (is_all_closed(config) || config->routed.include.prefix_count);
}

int table_make(char **text, const struct config *config,
	       const struct nl_state *found, const struct plan_facts *facts)
{
	struct writer w = {
		.config = config,
		.found = found,
		.facts = facts,
	};
	size_t length;
	int ret;

	*text = NULL;
	w.out = open_memstream(text, &length);
	if (!w.out)
		return -ENOMEM;
	ret = put_table(&w);
	if (fclose(w.out) != 0 && ret == 0)
		ret = -ENOMEM;
	if (ret < 0) {
		free(*text);
		*text = NULL;
	}
	return ret;
}

static void put_guard_chain(FILE *out, const char *hook, bool has_ipv6)
{
	fprintf(out,
		"\tchain %s {\n"
		"\t\ttype filter hook %s priority " PRIORITY_LATE
		"; policy accept;\n"
		"\t\toifname \"lo\" accept\n"
		"\t\tip daddr @guarded4 goto refuse\n",
		hook, hook);
	if (has_ipv6)
		fputs("\t\tip6 daddr @guarded6 goto refuse\n", out);
	fputs("\t}\n", out);
}

int table_make_guard(char **text, const struct config *config)
{
	const int64_t seconds = (config->routed.guard_ms + 999) / 1000;
	bool has_ipv6 = pool_of(config, ADDR_IPV6).addr.family != ADDR_NONE;
	size_t length;
	FILE *out;

	*text = NULL;
	out = open_memstream(text, &length);
	if (!out)
		return -ENOMEM;
	fputs("\tcomment \"" TABLE_COMMENT_GUARD "\"\n", out);
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		const struct prefix pool = pool_of(config, f);
		char prefix[PREFIX_TEXT_SIZE];

		if (pool.addr.family == ADDR_NONE)
			continue;
		fprintf(out,
			"\tset guarded%d {\n"
			"\t\ttype ipv%d_addr\n"
			"\t\tflags interval,timeout\n"
			"\t\telements = { %s timeout %" PRId64 "s }\n"
			"\t}\n",
			f, f, prefix_format(&pool, prefix, sizeof(prefix)),
			seconds);
	}
	put_refuse(out);
	put_guard_chain(out, "output", has_ipv6);
	put_guard_chain(out, "forward", has_ipv6);
	if (fclose(out) == 0)
		return 0;
	free(*text);
	*text = NULL;
	return -ENOMEM;
}

const char *table_add_direct(const struct prefix *prefix, const char *table,
			     char out[TABLE_COMMAND_SIZE])
{
	char text[PREFIX_TEXT_SIZE];

	snprintf(out, TABLE_COMMAND_SIZE,
		 "add element inet %s direct%d { %s }\n", table,
		 prefix->addr.family,
		 prefix_format(prefix, text, sizeof(text)));
	return out;
}
