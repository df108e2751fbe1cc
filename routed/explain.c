// SPDX-License-Identifier: BSD-2-Clause
#include "routed/explain.h"

#include "common/err.h"
#include "common/fake.h"
#include "routed/groups.h"

#include <assert.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name of a fake address, or the address of a name. */
static int ask_map(struct explanation *e, struct map_reader *reader)
{
	struct map_row row;
	int ret = e->is_fake
			  ? map_reader_by_slot(reader, (uint32_t)e->slot, &row)
			  : map_reader_by_name(reader, &e->name, &row);

	if (ret < 0)
		return ret;
	if (ret == 0) {
		e->has_no_row = e->is_fake;
		e->slot = -1;
		return 0;
	}
	e->slot = row.slot;
	e->name = row.name;
	if (!e->is_fake)
		e->addr = fake_ipv4(&e->config->dnsd.fake, row.slot);
	e->is_fake = true;
	return 0;
}

static void read_map(struct explanation *e)
{
	struct map_reader *reader;
	char *path = config_path(e->config->state_dir, "map.db");
	int ret = -ENOMEM;

	if (path)
		ret = map_reader_open(&reader, path, e->map_error);
	free(path);
	if (ret == -ENOENT) {
		/* No name was ever given an address. */
		e->has_no_row = e->is_fake;
		e->map_error[0] = '\0';
		return;
	}
	if (ret == 0) {
		ret = ask_map(e, reader);
		map_reader_close(reader);
	}
	if (ret < 0 && e->map_error[0] == '\0')
		snprintf(e->map_error, sizeof(e->map_error), "%s",
			 err_text(ret));
}

/* Where a flow to a real address may say a name (`routed.sniff`). */
static bool may_say_name(const struct explanation *e)
{
	const struct routed_conf *conf = &e->config->routed;

	if (e->is_fake || e->name.length > 0)
		return false;
	for (size_t i = 0; i < conf->sniff_count; i++) {
		bool is_quic = conf->sniff[i] == ROUTED_SNIFF_QUIC;

		if (e->query.network == (is_quic ? NETWORK_UDP : NETWORK_TCP))
			return true;
	}
	return false;
}

static struct facts facts_of(const struct explanation *e)
{
	const struct explain_query *query = &e->query;
	struct facts facts = {
		.name = e->name.length ? &e->name : NULL,
		.src = query->from,
		.dst_port = query->port,
		.network = query->network,
		.owner = OWNER_ASKABLE,
		.uid = query->uid,
		.cgroup = query->cgroup,
		.is_final = query->network != NETWORK_UNKNOWN,
	};

	if (!e->is_fake)
		facts.dst = e->addr;
	if (facts.src.family == ADDR_NONE && e->is_carried)
		facts.src = e->route.answer.prefsrc;
	if (query->iif[0] != '\0')
		facts.owner = OWNER_NONE;
	else if (query->has_uid || query->cgroup)
		facts.owner = OWNER_KNOWN;
	return facts;
}

/* Whoever has the flow: could it say a name that changes its way? */
static bool depends_on_name(const struct explanation *e,
			    const struct facts *facts)
{
	struct facts asked = *facts;

	if (!may_say_name(e))
		return false;
	asked.is_name_askable = true;
	if (asked.owner == OWNER_ASKABLE)
		asked.owner = OWNER_NONE;
	return rules_decide(e->config->rules, &asked).kind ==
	       VERDICT_NEEDS_FLOW;
}

static void decide(struct explanation *e)
{
	const struct rules *rules = e->config->rules;
	struct facts facts = facts_of(e);

	e->is_sniffed = depends_on_name(e, &facts);
	e->verdict = rules_decide(rules, &facts);
	if (e->verdict.kind == VERDICT_NEEDS_ADDRESS) {
		/* The relay knows the name only, and decides with that. */
		facts.is_final = true;
		e->verdict = rules_decide(rules, &facts);
	}
	if (e->verdict.kind == VERDICT_NEEDS_FLOW) {
		facts.owner = OWNER_NONE;
		e->needs_owner =
			rules_decide(rules, &facts).kind != VERDICT_NEEDS_FLOW;
	}
}

static void find_interface(struct explanation *e)
{
	const struct outbound_conf *outbound;

	if (e->verdict.kind != VERDICT_MATCH)
		return;
	outbound = &e->config->outbounds[e->verdict.outbound];
	e->has_no_interface = outbound->type == OUTBOUND_TYPE_INTERFACE &&
			      if_nametoindex(outbound->interface) == 0;
}

int explain_find(struct explanation *e, const struct config *config,
		 const struct nl_state *state,
		 const struct explain_query *query)
{
	const struct members *members = e->members;
	const struct fake_pool *pool = &config->dnsd.fake;

	*e = (struct explanation){
		.query = *query,
		.config = config,
		.state = state,
		.members = members,
		.slot = -1,
	};
	if (addr_parse(&e->addr, query->target) == 0) {
		e->is_fake = fake_pool_has(pool, &e->addr);
		e->slot = fake_slot(pool, &e->addr);
		e->has_no_row = e->is_fake && e->slot < 0;
	} else if (name_parse(&e->name, query->target) < 0) {
		return -EINVAL;
	}
	if ((e->is_fake && !e->has_no_row) || e->name.length)
		read_map(e);
	if (e->addr.family != ADDR_NONE)
		explain_find_route(e);
	if (!e->has_no_row) {
		decide(e);
		find_interface(e);
		explain_find_exit(e);
	}
	return 0;
}

/* Appends; what does not fit is cut. */
PRINTF_LIKE(3, 4)
static void append(char *out, size_t size, const char *fmt, ...)
{
	size_t used = strlen(out);
	va_list args;

	va_start(args, fmt);
	vsnprintf(out + used, size - used, fmt, args);
	va_end(args);
}

static void append_rule(const struct explanation *e, char *out, size_t size)
{
	const struct verdict *verdict = &e->verdict;

	if (!verdict->rule) {
		append(out, size, " (no rule matched)");
		return;
	}
	append(out, size, " (rule '%s', %s:%u", verdict->rule->text,
	       verdict->rule->file, verdict->rule->line);
	if (verdict->list_file)
		append(out, size, ", by %s:%u", verdict->list_file,
		       verdict->list_line);
	append(out, size, ")");
}

static const struct outbound_conf *outbound_of(const struct explanation *e)
{
	assert(e->verdict.outbound >= 0 &&
	       (size_t)e->verdict.outbound < e->config->outbound_count);
	return &e->config->outbounds[e->verdict.outbound];
}

/* "by its first member that works, 'proxy' (up, 12 ms)" */
static void append_member(const struct explanation *e,
			  const struct outbound_conf *group, char *out,
			  size_t size)
{
	static const char *const ways[] = {
		[OUTBOUND_TYPE_FALLBACK] = "the first that works",
		[OUTBOUND_TYPE_LATENCY] = "the fastest",
		[OUTBOUND_TYPE_LOAD_BALANCE] = "shared out",
	};
	const struct link_member *member =
		e->members ? members_first(e->members, group->name) : NULL;

	append(out, size, " by one of its %zu members, %s",
	       group->group.name_count, ways[group->type]);
	if (!member)
		return;
	append(out, size, ": '%s', which is %s", member->member,
	       members_state_text(member));
	if (member->latency_us >= 0)
		append(out, size, " (%lld ms)",
		       (long long)(member->latency_us / 1000));
	for (size_t i = 0; i < group->group.name_count; i++) {
		const struct link_member *other = members_find(
			e->members, group->name, group->group.names[i]);

		if (other && other->state == LINK_MEMBER_DOWN)
			append(out, size, "; '%s' is down: %s", other->member,
			       other->reason);
	}
}

static void append_verdict(const struct explanation *e, char *out, size_t size)
{
	const struct outbound_conf *outbound = outbound_of(e);

	switch (outbound->type) {
	case OUTBOUND_TYPE_DIRECT:
		append(out, size, "leaves directly, by the uplink");
		break;
	case OUTBOUND_TYPE_REJECT:
		append(out, size,
		       outbound->with == OUTBOUND_REJECT_SILENT ? "is dropped"
								: "is refused");
		break;
	case OUTBOUND_TYPE_REJECT_DROP:
		append(out, size, "is dropped");
		break;
	case OUTBOUND_TYPE_PASS:
		append(out, size, "is left to the rules that follow");
		break;
	case OUTBOUND_TYPE_SOCKS5:
	case OUTBOUND_TYPE_HTTP:
		append(out, size, "is carried through '%s'", outbound->name);
		break;
	case OUTBOUND_TYPE_FALLBACK:
	case OUTBOUND_TYPE_LATENCY:
	case OUTBOUND_TYPE_LOAD_BALANCE:
		append(out, size, "is carried through '%s'", outbound->name);
		append_member(e, outbound, out, size);
		break;
	case OUTBOUND_TYPE_INTERFACE:
		append(out, size, "leaves by the interface '%s'%s",
		       outbound->interface,
		       e->has_no_interface ? ", which is not there now," : "");
		break;
	}
	append_rule(e, out, size);
}

static void append_who(const struct explanation *e, char *out, size_t size)
{
	char name[NAME_TEXT_SIZE], addr[ADDR_TEXT_SIZE];

	append(out, size, "traffic to ");
	if (e->name.length)
		append(out, size, "%s",
		       name_format(&e->name, name, sizeof(name)));
	if (e->name.length && e->addr.family != ADDR_NONE)
		append(out, size, " (%s)",
		       addr_format(&e->addr, addr, sizeof(addr)));
	else if (e->addr.family != ADDR_NONE)
		append(out, size, "%s",
		       addr_format(&e->addr, addr, sizeof(addr)));
	if (e->query.network != NETWORK_UNKNOWN)
		append(out, size, ", %s port %u",
		       e->query.network == NETWORK_UDP ? "UDP" : "TCP",
		       e->query.port);
	if (e->query.has_uid)
		append(out, size, ", of user %u", e->query.uid);
	if (e->query.cgroup)
		append(out, size, ", of control group '%s'%s", e->query.cgroup,
		       groups_exempt(e->config, e->query.cgroup)
			       ? ", which is exempt,"
			       : "");
	if (e->query.from.family != ADDR_NONE)
		append(out, size, ", from %s",
		       addr_format(&e->query.from, addr, sizeof(addr)));
	if (e->query.iif[0] != '\0')
		append(out, size, ", that comes in by '%s',", e->query.iif);
	append(out, size, " ");
}

/* What such an error of a packet that comes in stands for. */
static const char *hint_of(const struct explanation *e)
{
	if (e->query.iif[0] == '\0')
		return "";
	switch (e->route.error) {
	case -EXDEV:
		return " (rp_filter: answers to the sender would leave by "
		       "another interface)";
	case -EHOSTUNREACH:
		return " (does this host forward?)";
	case -EINVAL:
		return " (nobody can send that from there)";
	}
	return "";
}

/* True if the kernel alone decides where it goes. */
static bool append_route(const struct explanation *e, char *out, size_t size)
{
	if (e->addr.family == ADDR_NONE || e->is_carried)
		return false;
	if (e->route.error < 0)
		append(out, size, "has no way: the kernel says %s%s",
		       err_text(e->route.error), hint_of(e));
	else if (e->route.answer.type == RTN_LOCAL)
		append(out, size, "is for this host itself");
	else if (e->is_fake)
		append(out, size,
		       "goes nowhere now: its address is a fake one, but "
		       "routed does not capture (the kernel would send it by "
		       "'%s')",
		       e->route.device);
	else
		append(out, size, "goes past us: the kernel sends it by '%s'",
		       e->route.device);
	return true;
}

static bool append_map(const struct explanation *e, char *out, size_t size)
{
	if (e->has_no_row)
		append(out, size,
		       "is refused at once: it is a fake address that no name "
		       "has");
	else if (e->is_fake && e->map_error[0] != '\0')
		append(out, size, "cannot be explained: %s", e->map_error);
	else
		return false;
	return true;
}

const char *explain_sentence(const struct explanation *e, char *out,
			     size_t size)
{
	out[0] = '\0';
	append_who(e, out, size);
	if (append_map(e, out, size) || append_route(e, out, size))
		return out;
	if (e->verdict.kind == VERDICT_NEEDS_FLOW) {
		append(out, size,
		       e->needs_owner ? "depends on who sends it"
				      : "depends on its port and protocol");
		append_rule(e, out, size);
		append(out, size, ": ask again with %s",
		       e->needs_owner ? "--uid" : "PORT/PROTOCOL");
		return out;
	}
	append_verdict(e, out, size);
	if (e->is_sniffed)
		append(out, size,
		       ", unless it says a name that an earlier rule has");
	if (e->addr.family != ADDR_NONE)
		return out;
	if (outbound_of(e)->type == OUTBOUND_TYPE_DIRECT)
		append(out, size, ": the name has its real address");
	else
		append(out, size,
		       ": the name gets a fake address when dnsd is asked");
	return out;
}

static void set_member(const struct explanation *e, struct json *json,
		       const char *group)
{
	const struct link_member *member = NULL;

	if (e->members && group)
		member = members_first(e->members, group);
	json_set_text(json, "member", member ? member->member : NULL);
	json_set_text(json, "member_state",
		      member ? members_state_text(member) : NULL);
}

static void set_verdict(const struct explanation *e, struct json *json)
{
	const struct rule *rule = e->verdict.rule;
	bool is_decided =
		!e->has_no_row && (e->verdict.kind == VERDICT_MATCH ||
				   e->verdict.kind == VERDICT_NO_RULE);

	json_set_text(json, "outbound",
		      is_decided ? outbound_of(e)->name : NULL);
	set_member(e, json, is_decided ? outbound_of(e)->name : NULL);
	json_set_text(json, "rule", rule ? rule->text : NULL);
	json_set_text(json, "file", rule ? rule->file : NULL);
	if (rule)
		json_set_int(json, "line", rule->line);
	else
		json_set_null(json, "line");
	json_set_text(json, "list_file", e->verdict.list_file);
	if (e->verdict.list_file)
		json_set_int(json, "list_line", e->verdict.list_line);
	else
		json_set_null(json, "list_line");
}

static void set_target(const struct explanation *e, struct json *json)
{
	char name[NAME_TEXT_SIZE], addr[ADDR_TEXT_SIZE];

	json_set_text(json, "name",
		      e->name.length ? name_format(&e->name, name, sizeof(name))
				     : NULL);
	json_set_text(json, "address",
		      e->addr.family == ADDR_NONE
			      ? NULL
			      : addr_format(&e->addr, addr, sizeof(addr)));
	json_set_bool(json, "fake", e->is_fake);
	if (e->slot >= 0)
		json_set_int(json, "slot", e->slot);
	else
		json_set_null(json, "slot");
	if (e->query.network == NETWORK_UNKNOWN) {
		json_set_null(json, "port");
		json_set_null(json, "network");
		return;
	}
	json_set_int(json, "port", e->query.port);
	json_set_text(json, "network",
		      e->query.network == NETWORK_UDP ? "udp" : "tcp");
}

static void set_sender(const struct explain_query *query, struct json *json)
{
	char addr[ADDR_TEXT_SIZE];

	json_set_text(json, "from",
		      query->from.family == ADDR_NONE
			      ? NULL
			      : addr_format(&query->from, addr, sizeof(addr)));
	if (query->has_uid)
		json_set_int(json, "uid", query->uid);
	else
		json_set_null(json, "uid");
	json_set_text(json, "cgroup", query->cgroup);
	json_set_text(json, "iif", query->iif[0] ? query->iif : NULL);
}

struct json *explain_json(const struct explanation *e)
{
	char reason[EXPLAIN_REASON_SIZE];
	struct json *json = json_new();

	if (!json)
		return NULL;
	json_set_text(json, "target", e->query.target);
	json_set_text(json, "reason",
		      explain_sentence(e, reason, sizeof(reason)));
	set_target(e, json);
	set_sender(&e->query, json);
	set_verdict(e, json);
	explain_set_way(e, json);
	return json;
}
