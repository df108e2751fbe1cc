// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/decide.h"

#include "routed/direct.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/map.h"
#include "routed/relay/choice.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DIRECTS_AT_ONCE 64

struct decider {
	char *path;                /* owned */
	struct map_reader *reader; /* owned, NULL: not open */
	struct fake_pool pool;     /* that the map was made for */
	dev_t device;              /* of the file that is open */
	ino_t inode;
	struct log_limit limit;
	struct uses *uses;             /* borrowed, or NULL */
	struct neighbours *neighbours; /* the same */
	struct direct *directs;        /* owned */
};

int decider_new(struct decider **decider, const char *map_path)
{
	struct decider *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->path = strdup(map_path);
	if (!new->path || direct_new(&new->directs) < 0) {
		decider_free(new);
		return -ENOMEM;
	}
	new->limit.burst = 5;
	*decider = new;
	return 0;
}

void decider_free(struct decider *decider)
{
	if (!decider)
		return;
	map_reader_close(decider->reader);
	direct_free(decider->directs);
	free(decider->path);
	free(decider);
}

void decider_set_uses(struct decider *decider, struct uses *uses)
{
	decider->uses = uses;
}

void decider_set_neighbours(struct decider *decider,
			    struct neighbours *neighbours)
{
	decider->neighbours = neighbours;
}

void decider_note_direct(struct decider *decider,
			 const struct link_direct *direct)
{
	struct addr gone[DIRECTS_AT_ONCE], evicted;

	while (direct_expire(decider->directs, clock_monotonic_ms(), gone,
			     DIRECTS_AT_ONCE) == DIRECTS_AT_ONCE)
		;
	if (direct_ask(decider->directs, &direct->addr, direct->until_ms,
		       &evicted))
		log_debug("know one more address of a DIRECT name");
}

/* A map that was moved aside must not answer for the one that is there. */
static int open_map(struct decider *decider)
{
	char reason[MAP_REASON_SIZE];
	struct stat file;
	int ret;

	if (stat(decider->path, &file) < 0)
		return -errno;
	if (decider->reader && file.st_dev == decider->device &&
	    file.st_ino == decider->inode)
		return 0;
	map_reader_close(decider->reader);
	decider->reader = NULL;
	ret = map_reader_open(&decider->reader, decider->path, reason);
	if (ret < 0) {
		if (ret != -ENOENT && log_limit_pass(&decider->limit))
			log_warning("%s", reason);
		return ret;
	}
	map_reader_pool(decider->reader, &decider->pool);
	decider->device = file.st_dev;
	decider->inode = file.st_ino;
	return 0;
}

/* 1: that is the name; 0: nobody has it; or an error. */
static int find_name(struct decider *decider, uint32_t slot, struct name *name)
{
	struct map_row row;
	int ret = open_map(decider);

	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return ret;
	ret = map_reader_by_slot(decider->reader, slot, &row);
	if (ret == 1)
		*name = row.name;
	if (ret < 0 && log_limit_pass(&decider->limit))
		log_warning("cannot read map '%s': %s", decider->path,
			    err_text(ret));
	return ret;
}

bool decider_name(struct decider *decider, uint32_t slot, struct name *name)
{
	return slot > 0 && find_name(decider, slot, name) == 1;
}

/* The name behind a fake address; false: refused. */
static bool name_fake(struct decider *decider, const struct fake_pool *pool,
		      const struct addr *addr, struct decision *decision)
{
	int64_t slot = fake_slot(pool, addr);
	int ret = 0;

	if (slot > 0)
		ret = find_name(decider, (uint32_t)slot, &decision->name);
	/* A map of another pool says nothing about this address. */
	if (ret == 1 && fake_slot(&decider->pool, addr) != slot)
		ret = 0;
	if (ret == 1) {
		decision->slot = (uint32_t)slot;
		if (decider->uses)
			uses_note(decider->uses, decision->slot);
		return true;
	}
	decision->is_refused = true;
	decision->refusal = ret < 0 ? REFUSAL_HOST : REFUSAL_RESET;
	return false;
}

static enum network network_of(const struct packet *packet)
{
	switch (packet->protocol) {
	case PACKET_TCP:
		return NETWORK_TCP;
	case PACKET_UDP:
		return NETWORK_UDP;
	default: /* a byte, no enum */
		return NETWORK_ICMP;
	}
}

bool decide_is_refused(const struct policy *policy, int outbound,
		       enum refusal *refusal)
{
	static const enum refusal refusals[] = {
		[OUTBOUND_REJECT_RESET] = REFUSAL_RESET,
		[OUTBOUND_REJECT_PORT] = REFUSAL_PORT,
		[OUTBOUND_REJECT_HOST] = REFUSAL_HOST,
		[OUTBOUND_REJECT_NET] = REFUSAL_NET,
		[OUTBOUND_REJECT_PROHIBITED] = REFUSAL_PROHIBITED,
		[OUTBOUND_REJECT_SILENT] = REFUSAL_SILENT,
	};
	const struct outbound_conf *conf = policy->outbounds[outbound].conf;

	switch (conf->type) {
	case OUTBOUND_TYPE_REJECT:
		*refusal = refusals[conf->with];
		return true;
	case OUTBOUND_TYPE_REJECT_DROP:
		*refusal = REFUSAL_SILENT;
		return true;
	case OUTBOUND_TYPE_DIRECT:
	case OUTBOUND_TYPE_PASS:
	case OUTBOUND_TYPE_SOCKS5:
	case OUTBOUND_TYPE_HTTP:
	case OUTBOUND_TYPE_INTERFACE:
	case OUTBOUND_TYPE_FALLBACK:
	case OUTBOUND_TYPE_LATENCY:
	case OUTBOUND_TYPE_LOAD_BALANCE:
		break;
	}
	return false;
}

struct decide_flow decide_flow_of(const struct packet *packet)
{
	return (struct decide_flow){
		.src = packet->src,
		.dst = packet->dst,
		.network = network_of(packet),
	};
}

static void follow_outbound(const struct policy *policy,
			    const struct decide_flow *flow,
			    struct decision *decision)
{
	const struct choice_key key = {
		.src = flow->src.addr,
		.dst = flow->dst.addr,
		.name = decision->name.length > 0 ? &decision->name : NULL,
	};

	choice_note_use(policy, decision->group, clock_monotonic_ms());
	decision->outbound = choice_make(policy, decision->group, &key, NULL);
	/* Some member of a group always is the first one to try. */
	assert(decision->outbound >= 0);
	decision->is_refused = decide_is_refused(policy, decision->outbound,
						 &decision->refusal);
}

/* An empty text is one that is not known. */
static const char *text_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static void set_owner(struct facts *facts, const struct decide_flow *flow)
{
	const struct link_owner *owner = flow->owner;

	facts->owner = flow->is_askable && !owner ? OWNER_ASKABLE : OWNER_NONE;
	if (!owner || !owner->is_known)
		return;
	facts->owner = OWNER_KNOWN;
	facts->uid = owner->uid;
	facts->process = text_or_null(owner->process);
	facts->cgroup = text_or_null(owner->cgroup);
}

static void set_mac(struct facts *facts, const struct decider *decider,
		    const struct decide_flow *flow)
{
	if (flow->is_askable || flow->owner)
		facts->has_mac = MAC_NONE;
	else if (decider->neighbours &&
		 neighbours_find(decider->neighbours, &flow->src.addr,
				 clock_monotonic_ms(), &facts->mac))
		facts->has_mac = MAC_KNOWN;
}

/* What dnsd has told of it holds for every port and every sender. */
static bool is_of_direct_name(const struct decider *decider,
			      const struct facts *facts)
{
	return facts->dst.family != ADDR_NONE &&
	       direct_has(decider->directs, &facts->dst, clock_monotonic_ms());
}

void decide(struct decider *decider, const struct policy *policy,
	    const struct decide_flow *flow, struct decision *decision)
{
	const struct fake_pool *pool = &policy->config->dnsd.fake;
	struct facts facts = {
		.src = flow->src.addr,
		.src_port = flow->src.port,
		.dst_port = flow->dst.port,
		.network = flow->network,
		.is_final = true,
	};
	struct verdict verdict;
	int64_t began_us = clock_monotonic_us(), named_us = began_us;

	*decision = (struct decision){.is_refused = false};
	if (fake_pool_has(pool, &flow->dst.addr)) {
		if (!name_fake(decider, pool, &flow->dst.addr, decision))
			return;
		facts.name = &decision->name;
		named_us = clock_monotonic_us();
		decision->map_us = (uint32_t)(named_us - began_us);
	} else {
		facts.dst = flow->dst.addr;
		facts.is_name_askable = flow->is_sniffable && !flow->name;
		if (flow->name) {
			decision->name = *flow->name;
			facts.name = &decision->name;
		}
	}
	set_owner(&facts, flow);
	if (policy->asks_mac)
		set_mac(&facts, decider, flow);
	if (is_of_direct_name(decider, &facts)) {
		decision->group = OUTBOUND_DIRECT;
		follow_outbound(policy, flow, decision);
		return;
	}
	verdict = rules_decide(policy->config->rules, &facts);
	if (verdict.kind == VERDICT_NEEDS_FLOW && facts.is_name_askable) {
		facts.is_name_askable = false;
		decision->needs_name = true;
		verdict = rules_decide(policy->config->rules, &facts);
	}
	decision->rules_us = (uint32_t)(clock_monotonic_us() - named_us);
	decision->rule = verdict.rule;
	if (verdict.kind == VERDICT_NEEDS_FLOW) {
		decision->needs_owner = true;
		decision->needs_name = false; /* it is asked for later */
		return;
	}
	decision->group = verdict.outbound;
	follow_outbound(policy, flow, decision);
}
