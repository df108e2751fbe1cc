// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/decide.h"

#include "dnsd/wire.h"

#include <errno.h>

/* How a carried name's type is answered. */
static enum decision_kind carried(const struct config *config, uint16_t type)
{
	switch (type) {
	case DNS_TYPE_A:
		return DECISION_FAKE;
	case DNS_TYPE_AAAA:
		return config->dnsd.fake.ipv6.addr.family == ADDR_NONE
			       ? DECISION_NODATA
			       : DECISION_FAKE;
	case DNS_TYPE_ANY: /* would tell the real addresses too (RFC 8482) */
		return DECISION_NODATA;
	}
	return DECISION_FORWARD;
}

/* Nobody is told about the name, and nobody asked. */
static enum decision_kind dead(const struct config *config, uint16_t type)
{
	enum decision_kind kind = carried(config, type);

	return kind == DECISION_FORWARD ? DECISION_NODATA : kind;
}

static enum decision_kind by_outbound(const struct config *config,
				      uint16_t type, int outbound)
{
	switch (config->outbounds[outbound].type) {
	case OUTBOUND_TYPE_DIRECT:
	case OUTBOUND_TYPE_PASS:
		return DECISION_FORWARD;
	case OUTBOUND_TYPE_REJECT:
		/* One with words of its own wants to be asked. */
		if (outbound == OUTBOUND_REJECT && !config->dnsd.reject_is_fake)
			return DECISION_REJECT;
		return dead(config, type);
	case OUTBOUND_TYPE_REJECT_DROP:
		return dead(config, type);
	case OUTBOUND_TYPE_SOCKS5:
	case OUTBOUND_TYPE_HTTP:
	case OUTBOUND_TYPE_INTERFACE:
	case OUTBOUND_TYPE_FALLBACK:
	case OUTBOUND_TYPE_LATENCY:
	case OUTBOUND_TYPE_LOAD_BALANCE:
		return carried(config, type);
	}
	return DECISION_FORWARD;
}

static enum decision_kind by_verdict(const struct config *config, uint16_t type,
				     const struct verdict *verdict)
{
	switch (verdict->kind) {
	case VERDICT_MATCH:
		return by_outbound(config, type, verdict->outbound);
	case VERDICT_NEEDS_ADDRESS:
		if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA)
			return DECISION_RESOLVE;
		return carried(config, type);
	case VERDICT_NEEDS_FLOW:
		return carried(config, type);
	case VERDICT_NO_RULE:
		break;
	}
	return DECISION_FORWARD;
}

static bool is_root(const struct name *name)
{
	return name->length == 1;
}

/* Does the name of a FORWARD have fake addresses nevertheless? */
static bool is_carried(const struct config *config,
		       const struct verdict *verdict)
{
	return by_verdict(config, DNS_TYPE_A, verdict) != DECISION_FORWARD;
}

struct decision decide_verdict(const struct config *config,
			       const struct question *question,
			       const struct verdict *verdict)
{
	int upstream = verdict->upstream;
	enum decision_kind kind = by_verdict(config, question->type, verdict);

	if (kind == DECISION_FAKE && is_root(&question->name))
		kind = DECISION_NODATA;
	if (verdict->kind == VERDICT_NO_RULE || upstream == UPSTREAM_DEFAULT)
		upstream = config->dnsd.upstream;
	return (struct decision){
		.kind = kind,
		.is_carried = kind == DECISION_FORWARD &&
			      !is_root(&question->name) &&
			      is_carried(config, verdict),
		.upstream = upstream,
		.reverse_slot = -ENOENT,
		.host = -ENOENT,
		.verdict = *verdict,
	};
}

/* The reverse name of an address of the pool, used or not? */
static bool is_reverse(const struct config *config, const struct name *name,
		       struct addr *addr)
{
	return name_to_reverse_addr(name, addr) == 0 &&
	       fake_pool_has(&config->dnsd.fake, addr);
}

static struct decision decide_reverse(const struct config *config,
				      const struct addr *addr)
{
	return (struct decision){
		.kind = DECISION_REVERSE,
		.upstream = config->dnsd.upstream,
		.reverse_slot = fake_slot(&config->dnsd.fake, addr),
		.host = -ENOENT,
		.verdict = {.kind = VERDICT_NO_RULE,
			    .upstream = UPSTREAM_DEFAULT},
	};
}

static struct decision decide_special(const struct config *config,
				      const struct special *special)
{
	return (struct decision){
		.kind = DECISION_SPECIAL,
		.upstream = config->dnsd.upstream,
		.reverse_slot = -ENOENT,
		.host = -ENOENT,
		.verdict = {.kind = VERDICT_NO_RULE,
			    .upstream = UPSTREAM_DEFAULT},
		.special = special,
	};
}

/* Does a rule mean that very name?  A MATCH, or one about ports, does not. */
static bool is_meant(const struct verdict *verdict)
{
	return verdict->kind == VERDICT_MATCH && !verdict->is_any;
}

/* Is what the rules say of the name that it be carried somewhere? */
static bool would_be_carried(const struct config *config,
			     const struct verdict *verdict)
{
	if (verdict->kind != VERDICT_MATCH)
		return verdict->kind != VERDICT_NO_RULE;
	switch (config->outbounds[verdict->outbound].type) {
	case OUTBOUND_TYPE_DIRECT:
	case OUTBOUND_TYPE_PASS:
	case OUTBOUND_TYPE_REJECT:
	case OUTBOUND_TYPE_REJECT_DROP:
		return false;
	case OUTBOUND_TYPE_SOCKS5:
	case OUTBOUND_TYPE_HTTP:
	case OUTBOUND_TYPE_INTERFACE:
	case OUTBOUND_TYPE_FALLBACK:
	case OUTBOUND_TYPE_LATENCY:
	case OUTBOUND_TYPE_LOAD_BALANCE:
		break;
	}
	return true;
}

static bool breaks_when_faked(const struct config *config,
			      const struct special *special,
			      const struct verdict *verdict)
{
	return special && special->kind == SPECIAL_DIRECT &&
	       config->dnsd.has_builtin_direct && !is_meant(verdict) &&
	       would_be_carried(config, verdict);
}

/* A name of this network that no rule sends somewhere by name. */
static bool stays_home(const struct special *special,
		       const struct decision *decision)
{
	const struct verdict *verdict = &decision->verdict;

	if (special->kind != SPECIAL_SITE)
		return false;
	if (!is_meant(verdict))
		return true;
	return decision->kind == DECISION_FORWARD && !decision->is_carried &&
	       verdict->upstream == UPSTREAM_DEFAULT;
}

/* Of the onion only what is faked is anywhere. */
static bool is_nowhere(const struct special *special,
		       const struct decision *decision)
{
	return special->kind == SPECIAL_CARRIED &&
	       (!is_meant(&decision->verdict) ||
		(decision->kind == DECISION_FORWARD && !decision->is_carried));
}

/* Turns what the rules say into what the name is. */
static void respect(const struct config *config, const struct special *special,
		    struct decision *decision)
{
	if (breaks_when_faked(config, special, &decision->verdict)) {
		decision->kind = DECISION_FORWARD;
		decision->is_carried = false;
	} else if (stays_home(special, decision)) {
		decision->kind = DECISION_SITE;
	} else if (is_nowhere(special, decision)) {
		decision->kind = DECISION_SPECIAL;
	} else if (special->kind == SPECIAL_CARRIED &&
		   decision->kind == DECISION_FORWARD) {
		decision->kind = DECISION_NODATA;
		return;
	} else {
		return;
	}
	decision->special = special;
}

static bool comes_before_rules(const struct special *special)
{
	return special->kind == SPECIAL_LOOPBACK ||
	       special->kind == SPECIAL_NOWHERE ||
	       special->kind == SPECIAL_EMPTY;
}

struct decision decide(const struct config *config,
		       const struct question *question,
		       const struct addr *client)
{
	struct facts facts = {.name = &question->name, .src = *client};
	const struct special *special;
	struct decision decision;
	struct verdict verdict;
	struct addr addr;

	if (is_reverse(config, &question->name, &addr))
		return decide_reverse(config, &addr);
	special = special_find(&question->name, question->type);
	if (special && comes_before_rules(special))
		return decide_special(config, special);
	verdict = rules_decide(config->rules, &facts);
	decision = decide_verdict(config, question, &verdict);
	if (special)
		respect(config, special, &decision);
	return decision;
}

/* The entry that has the answer to this question, or -ENOENT. */
static int64_t find_host(const struct hosts *hosts,
			 const struct question *question)
{
	struct name name;
	struct addr addr;

	switch (question->type) {
	case DNS_TYPE_PTR:
		if (name_to_reverse_addr(&question->name, &addr) < 0)
			return -ENOENT;
		return hosts_name(hosts, &addr, &name);
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
	case DNS_TYPE_HTTPS:
	case DNS_TYPE_SVCB:
	case DNS_TYPE_ANY:
		return hosts_find(hosts, &question->name);
	}
	return -ENOENT;
}

static struct decision decide_host(const struct config *config, int64_t host)
{
	return (struct decision){
		.kind = DECISION_HOSTS,
		.upstream = config->dnsd.upstream,
		.reverse_slot = -ENOENT,
		.host = host,
		.verdict = {.kind = VERDICT_NO_RULE,
			    .upstream = UPSTREAM_DEFAULT},
	};
}

struct decision decide_with_hosts(const struct hosts *hosts,
				  const struct config *config,
				  const struct question *question,
				  const struct addr *client)
{
	struct decision decision;
	int64_t host;

	if (hosts_count(hosts) == 0)
		return decide(config, question, client);
	host = find_host(hosts, question);
	if (host >= 0)
		return decide_host(config, host);
	decision = decide(config, question, client);
	host = hosts_find(hosts, &question->name);
	if (host < 0)
		return decision;
	/* Its addresses are written down: it exists. */
	if (decision.kind == DECISION_FORWARD) {
		decision.is_carried = true;
		decision.host = host;
	} else if (decision.kind == DECISION_SITE ||
		   decision.kind == DECISION_SPECIAL ||
		   decision.kind == DECISION_REJECT) {
		return decide_host(config, host);
	}
	return decision;
}

static bool is_direct(const struct verdict *verdict)
{
	return verdict->kind == VERDICT_NO_RULE ||
	       (verdict->kind == VERDICT_MATCH &&
		verdict->outbound == OUTBOUND_DIRECT);
}

bool decide_goes_past(const struct config *config, const struct name *name,
		      const struct addr *client, const struct addr *addr,
		      bool *is_personal)
{
	const struct facts named = {.name = name, .src = *client, .dst = *addr};
	const struct facts alone = {.dst = *addr, .is_final = true};
	struct verdict verdict;

	if (!addr_is_far(addr) || fake_pool_has(&config->dnsd.fake, addr))
		return false;
	verdict = rules_decide(config->rules, &named);
	*is_personal |= verdict.is_personal;
	if (!is_direct(&verdict) &&
	    !breaks_when_faked(config, special_find(name, DNS_TYPE_A),
			       &verdict))
		return false;
	verdict = rules_decide(config->rules, &alone);
	return is_direct(&verdict) || verdict.is_any;
}

const char *decision_word(enum decision_kind kind)
{
	switch (kind) {
	case DECISION_FAKE:
		return "fake";
	case DECISION_NODATA:
		return "nodata";
	case DECISION_REJECT:
		return "reject";
	case DECISION_REVERSE:
		return "reverse";
	case DECISION_FORWARD:
		return "forward";
	case DECISION_RESOLVE:
		return "resolve";
	case DECISION_SPECIAL:
		return "special";
	case DECISION_SITE:
		return "site";
	case DECISION_HOSTS:
		return "hosts";
	}
	return "";
}
