// SPDX-License-Identifier: BSD-2-Clause
#include "routed/plan_print.h"

#include "common/json.h"
#include "routed/group_mark_limits.h"
#include "routed/side.h"
#include "routed/table.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A line that grows word by word; what does not fit is left out. */
struct line {
	char *text;
	size_t size;
	size_t length;
};

static void put(struct line *line, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void put(struct line *line, const char *fmt, ...)
{
	va_list ap;
	int length;

	if (line->length + 1 >= line->size)
		return;
	va_start(ap, fmt);
	length = vsnprintf(line->text + line->length, line->size - line->length,
			   fmt, ap);
	va_end(ap);
	if (length > 0)
		line->length += (size_t)length;
	if (line->length >= line->size)
		line->length = line->size - 1;
}

static void put_name(struct line *line, const char *before, const char *name)
{
	char clean[IFNAMSIZ] = "";

	for (size_t i = 0; i < IFNAMSIZ - 1 && name[i]; i++)
		clean[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
	put(line, " %s %s", before, clean);
}

static void put_index(struct line *line, const char *before, int ifindex,
		      const struct plan_names *names)
{
	const struct nl_link *link = nl_link_by_index(names->state, ifindex);

	if (ifindex == names->tun_ifindex)
		put_name(line, before, names->tun);
	else if (link)
		put_name(line, before, link->name);
	else
		put(line, " %s if%d", before, ifindex);
}

static void put_addr(struct line *line, const char *before,
		     const struct addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	if (addr->family != ADDR_NONE)
		put(line, " %s %s", before,
		    addr_format(addr, text, sizeof(text)));
}

static void put_prefix(struct line *line, const char *before,
		       const struct prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];

	if (prefix->addr.family != ADDR_NONE)
		put(line, " %s %s", before,
		    prefix_format(prefix, text, sizeof(text)));
}

static const char *type_word(uint8_t type)
{
	switch (type) {
	case RTN_THROW:
		return " throw";
	case RTN_UNREACHABLE:
		return " unreachable";
	case RTN_PROHIBIT:
		return " prohibit";
	}
	return "";
}

static const char *ip_of(uint8_t family)
{
	return family == ADDR_IPV6 ? "ip -6" : "ip";
}

static void put_route(struct line *line, const struct nl_route *route,
		      bool is_removal, const struct plan_names *names)
{
	char dst[PREFIX_TEXT_SIZE] = "default";

	if (route->dst.length)
		prefix_format(&route->dst, dst, sizeof(dst));
	put(line, "%s route %s%s %s", ip_of(route->family),
	    is_removal ? "del" : "add", type_word(route->type), dst);
	if (route->gateway.family != ADDR_NONE)
		put_addr(line,
			 route->gateway.family == route->family ? "via"
			 : route->family == ADDR_IPV4           ? "via inet6"
								: "via inet",
			 &route->gateway);
	if (route->type == RTN_UNICAST)
		put_index(line, "dev", route->oif, names);
	put(line, " table %u proto %u", route->table, route->protocol);
	if (route->type == RTN_UNICAST && route->family == ADDR_IPV4 &&
	    route->scope == RT_SCOPE_UNIVERSE)
		put(line, " scope global");
	put_addr(line, "src", &route->prefsrc);
	if (route->metric)
		put(line, " metric %u", route->metric);
	if (route->mtu)
		put(line, " mtu %u", route->mtu);
	if (route->is_cubic)
		put(line, " congctl cubic");
	if (route->is_onlink)
		put(line, " onlink");
}

static void put_ports(struct line *line, const char *word, uint16_t first,
		      uint16_t last)
{
	if (last && first == last)
		put(line, " %s %u", word, last);
	else if (last)
		put(line, " %s %u-%u", word, first, last);
}

static void put_selectors(struct line *line, const struct nl_rule *rule)
{
	if (rule->is_inverted)
		put(line, " not");
	put_prefix(line, "from", &rule->src);
	put_prefix(line, "to", &rule->dst);
	if (rule->iif[0])
		put_name(line, "iif", rule->iif);
	if (rule->oif[0])
		put_name(line, "oif", rule->oif);
	if (rule->ip_protocol == IPPROTO_UDP)
		put(line, " ipproto udp");
	else if (rule->ip_protocol == IPPROTO_ICMP)
		put(line, " ipproto icmp");
	else if (rule->ip_protocol == IPPROTO_ICMPV6)
		put(line, " ipproto ipv6-icmp");
	else if (rule->ip_protocol)
		put(line, " ipproto %u", rule->ip_protocol);
	put_ports(line, "sport", rule->sport_first, rule->sport_last);
	put_ports(line, "dport", rule->dport_first, rule->dport_last);
	if (rule->mark_mask == UINT32_MAX)
		put(line, " fwmark 0x%x", rule->mark);
	else if (rule->mark_mask)
		put(line, " fwmark 0x%x/0x%x", rule->mark, rule->mark_mask);
	if (rule->has_uid)
		put(line, " uidrange %u-%u", rule->uid_first, rule->uid_last);
}

static void put_rule(struct line *line, const struct nl_rule *rule,
		     bool is_removal)
{
	put(line, "%s rule %s priority %u", ip_of(rule->family),
	    is_removal ? "del" : "add", rule->priority);
	put_selectors(line, rule);
	put(line, " protocol %u", rule->protocol);
	if (rule->action == FR_ACT_UNREACHABLE)
		put(line, " unreachable");
	else if (rule->table == RT_TABLE_MAIN)
		put(line, " lookup main");
	else
		put(line, " lookup %u", rule->table);
	if (rule->suppress_prefixlength >= 0)
		put(line, " suppress_prefixlength %d",
		    rule->suppress_prefixlength);
}

static void put_ifaddr(struct line *line, const struct nl_ifaddr *ifaddr,
		       bool is_removal, const struct plan_names *names)
{
	const bool is_ipv6 = ifaddr->addr.family == ADDR_IPV6;

	put(line, "ip addr %s", is_removal ? "del" : "add");
	put_addr(line, "local", &ifaddr->addr);
	put(line, "/%u", ifaddr->prefix.length);
	put_index(line, "dev", ifaddr->ifindex, names);
	if (!is_removal)
		put(line, is_ipv6 ? " nodad noprefixroute" : " noprefixroute");
}

const char *plan_print_object(const struct nl_object *object, bool is_removal,
			      const struct plan_names *names, char *out,
			      size_t size)
{
	struct line line = {out, size, 0};

	if (size)
		out[0] = '\0';
	switch (object->kind) {
	case NL_OBJECT_LINK_UP:
		put(&line, "ip link set");
		put_index(&line, "dev", object->ifindex, names);
		put(&line, is_removal ? " down" : " up");
		break;
	case NL_OBJECT_IFADDR:
		put_ifaddr(&line, &object->ifaddr, is_removal, names);
		break;
	case NL_OBJECT_ROUTE:
		put_route(&line, &object->route, is_removal, names);
		break;
	case NL_OBJECT_RULE:
		put_rule(&line, &object->rule, is_removal);
		break;
	}
	return out;
}

/* For programs. */
static const char *rank_word(enum plan_rank rank)
{
	switch (rank) {
	case PLAN_RANK_EXIT_TABLE:
		return "exit-table";
	case PLAN_RANK_THROW:
		return "throw";
	case PLAN_RANK_EXEMPTION:
		return "exemption";
	case PLAN_RANK_EXIT:
		return "exit";
	case PLAN_RANK_TUN:
		return "tun";
	case PLAN_RANK_TUN_ROUTE:
		return "tun-route";
	case PLAN_RANK_STAY:
		return "stay";
	case PLAN_RANK_CAPTURE:
		return "capture";
	}
	return "";
}

static const char *rank_words(enum plan_rank rank)
{
	switch (rank) {
	case PLAN_RANK_EXIT_TABLE:
		return "exits: the way out for sockets bound to an interface";
	case PLAN_RANK_THROW:
		return "prefixes that stay out of the TUN";
	case PLAN_RANK_EXEMPTION:
		return "senders that stay out of the TUN";
	case PLAN_RANK_EXIT:
		return "where those end";
	case PLAN_RANK_TUN:
		return "the TUN";
	case PLAN_RANK_TUN_ROUTE:
		return "routes into the TUN; no rule leads to them yet";
	case PLAN_RANK_STAY:
		return "what has a source address already stays where it is";
	case PLAN_RANK_CAPTURE:
		return "from here on new connections enter the TUN";
	}
	return "";
}

#define TABLE_UNDO "nft delete table inet " TABLE_NAME
#define TABLE_WORDS "what must not leave, whatever routes say"

#define SETTING_WORDS "forwarding for them"
#define SIDE_UNDO "nft delete table inet " SIDE_TABLE
#define SIDE_WORDS "which way flows of devices behind this host go"

static void print_table(const char *words, const char *name, const char *text,
			FILE *out)
{
	fprintf(out, "# %s\nnft -f - <<'END'\ntable inet %s {\n%s}\nEND\n\n",
		words, name, text);
}

#define GROUP_WORDS \
	"sockets of control group '%s' get the mark 0x%x, by BPF, from routed"

static void print_groups(const struct plan *plan, FILE *out)
{
	for (size_t i = 0; i < plan->group_count; i++)
		fprintf(out, "# " GROUP_WORDS "\n%s", plan->groups[i],
			GROUP_MARK, i + 1 == plan->group_count ? "\n" : "");
}

static void print_settings(const struct forwarding *settings, bool is_removal,
			   FILE *out)
{
	char apply[FORWARDING_COMMAND_SIZE], undo[FORWARDING_COMMAND_SIZE];

	for (size_t i = 0; settings && i < settings->count; i++) {
		size_t at = is_removal ? settings->count - 1 - i : i;
		const char *text = is_removal ? undo : apply;

		if (forwarding_commands(&settings->list[at], apply, undo) &&
		    text[0])
			fprintf(out, "%s\n", text);
	}
}

/* The rest goes with the TUN. */
static bool is_undone(const struct nl_object *object)
{
	return object->kind == NL_OBJECT_RULE ||
	       object->kind == NL_OBJECT_ROUTE;
}

/* In the reverse order, as a function: so that all of it can be pasted. */
static void print_undo(const struct plan *plan,
		       const struct forwarding *settings,
		       const struct plan_names *names, FILE *out)
{
	char text[PLAN_PRINT_SIZE];
	bool has_born = false;

	fputs("\n# what a stop would do\nersatz_undo() {\n", out);
	print_settings(settings, true, out);
	for (size_t i = plan->count; i-- > 0;) {
		const struct nl_object *object = &plan->objects[i];

		if (object->kind == NL_OBJECT_LINK_UP)
			has_born = object->ifindex == PLAN_TUN_UNBORN;
		if (is_undone(object))
			fprintf(out, "%s\n",
				plan_print_object(object, true, names, text,
						  sizeof(text)));
	}
	fputs(TABLE_UNDO "\n", out);
	if (plan->side)
		fputs(SIDE_UNDO "\n", out);
	if (has_born)
		fprintf(out, "ip tuntap del dev %s mode tun\n", names->tun);
	fputs("}\n", out);
}

void plan_print(const struct plan *plan, const struct forwarding *settings,
		const struct plan_names *names, FILE *out)
{
	char text[PLAN_PRINT_SIZE];

	print_table(TABLE_WORDS, TABLE_NAME, plan->table, out);
	if (plan->side)
		print_table(SIDE_WORDS, SIDE_TABLE, plan->side, out);
	print_groups(plan, out);
	for (size_t i = 0; i < plan->count; i++) {
		const struct nl_object *object = &plan->objects[i];
		enum plan_rank rank = plan_rank_of(object);

		if (i == 0 || plan_rank_of(&plan->objects[i - 1]) != rank)
			fprintf(out, "%s# %s\n", i ? "\n" : "",
				rank_words(rank));
		if (object->kind == NL_OBJECT_LINK_UP &&
		    object->ifindex == PLAN_TUN_UNBORN)
			fprintf(out, "ip tuntap add dev %s mode tun\n",
				names->tun);
		fprintf(out, "%s\n",
			plan_print_object(object, false, names, text,
					  sizeof(text)));
	}
	if (settings && settings->count) {
		fputs("\n# " SETTING_WORDS "\n", out);
		print_settings(settings, false, out);
	}
	print_undo(plan, settings, names, out);
}

/* A step of the plan; NULL texts are null. */
struct step {
	const char *phase, *why, *apply, *undo;
};

static int print_step(size_t number, const struct step *step, FILE *out)
{
	struct json *json = json_new();
	char *line = NULL;

	if (json) {
		json_set_int(json, "step", (int64_t)number);
		json_set_text(json, "phase", step->phase);
		json_set_text(json, "why", step->why);
		json_set_text(json, "do", step->apply);
		json_set_text(json, "undo", step->undo);
		line = json_line(json);
	}
	if (line)
		fprintf(out, "%s\n", line);
	json_free(json);
	free(line);
	return line ? 0 : -ENOMEM;
}

/* For what no command does. */
static int print_group_steps(size_t *number, const struct plan *plan, FILE *out)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < plan->group_count; i++) {
		struct step step = {.phase = "exemption"};
		char *words;

		if (asprintf(&words, GROUP_WORDS, plan->groups[i], GROUP_MARK) <
		    0)
			return -ENOMEM;
		step.why = words;
		ret = print_step(++*number, &step, out);
		free(words);
	}
	return ret;
}

static int print_table_step(size_t number, const char *name, const char *text,
			    FILE *out)
{
	const bool is_side = strcmp(name, SIDE_TABLE) == 0;
	struct step step = {"nftables", is_side ? SIDE_WORDS : TABLE_WORDS,
			    NULL, is_side ? SIDE_UNDO : TABLE_UNDO};
	char *commands;
	int ret;

	if (asprintf(&commands, "nft -f - <<'END'\ntable inet %s {\n%s}\nEND\n",
		     name, text) < 0)
		return -ENOMEM;
	step.apply = commands;
	ret = print_step(number, &step, out);
	free(commands);
	return ret;
}

static int print_setting_steps(size_t number, const struct forwarding *settings,
			       FILE *out)
{
	char apply[FORWARDING_COMMAND_SIZE], undo[FORWARDING_COMMAND_SIZE];
	int ret = 0;

	for (size_t i = 0; settings && ret == 0 && i < settings->count; i++) {
		struct step step = {"settings", SETTING_WORDS, apply, undo};

		if (!forwarding_commands(&settings->list[i], apply, undo))
			continue;
		if (!undo[0])
			step.undo = NULL;
		ret = print_step(++number, &step, out);
	}
	return ret;
}

int plan_print_json(const struct plan *plan, const struct forwarding *settings,
		    const struct plan_names *names, FILE *out)
{
	char apply[PLAN_PRINT_SIZE], undo[PLAN_PRINT_SIZE];
	size_t number = 0;
	int ret = print_table_step(0, TABLE_NAME, plan->table, out);

	if (ret == 0 && plan->side)
		ret = print_table_step(++number, SIDE_TABLE, plan->side, out);
	if (ret == 0)
		ret = print_group_steps(&number, plan, out);
	for (size_t i = 0; ret == 0 && i < plan->count; i++) {
		const struct nl_object *object = &plan->objects[i];
		enum plan_rank rank = plan_rank_of(object);
		struct step step = {rank_word(rank), rank_words(rank), apply,
				    is_undone(object) ? undo : NULL};

		if (object->kind == NL_OBJECT_LINK_UP &&
		    object->ifindex == PLAN_TUN_UNBORN) {
			snprintf(apply, sizeof(apply),
				 "ip tuntap add dev %s mode tun", names->tun);
			snprintf(undo, sizeof(undo),
				 "ip tuntap del dev %s mode tun", names->tun);
			step.undo = undo;
			ret = print_step(++number, &step, out);
			step.undo = NULL;
		}
		plan_print_object(object, false, names, apply, sizeof(apply));
		plan_print_object(object, true, names, undo, sizeof(undo));
		if (ret == 0)
			ret = print_step(++number, &step, out);
	}
	return ret < 0 ? ret : print_setting_steps(number, settings, out);
}
