// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/icmp/targets.h"

#include "common/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TARGETS = 64,
	KEPT = 128, /* pages that are never touched cost nothing */
};

struct icmp_targets {
	struct icmp_target list[TARGETS];
	struct icmp_kept *free;
	unsigned fresh; /* from here on never used */
	struct icmp_kept kept[KEPT];
};

int icmp_targets_new(struct icmp_targets **targets)
{
	struct icmp_targets *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	*targets = new;
	return 0;
}

void icmp_targets_free(struct icmp_targets *targets)
{
	if (!targets)
		return;
	for (size_t i = 0; i < TARGETS; i++) {
		assert(targets->list[i].state != TARGET_BUSY);
		policy_unref(targets->list[i].policy);
	}
	free(targets);
}

/* The destination's own place, or the best one for it; NULL: all in use. */
static struct icmp_target *find_place(struct icmp_targets *targets,
				      const struct addr *asked)
{
	struct icmp_target *oldest = NULL;

	for (size_t i = 0; i < TARGETS; i++) {
		struct icmp_target *target = &targets->list[i];

		if (addr_equal(&target->asked, asked))
			return target;
		if (target->state != TARGET_BUSY && target->waiting == 0 &&
		    (!oldest || target->used_us < oldest->used_us))
			oldest = target;
	}
	return oldest;
}

struct icmp_target *icmp_targets_get(struct icmp_targets *targets,
				     const struct packet *packet,
				     struct policy *policy,
				     const struct decision *decision)
{
	struct icmp_target *target = find_place(targets, &packet->dst.addr);

	if (!target)
		return NULL;
	target->used_us = clock_monotonic_us();
	if (target->state == TARGET_BUSY ||
	    (addr_equal(&target->asked, &packet->dst.addr) &&
	     target->policy == policy &&
	     target->outbound == decision->outbound))
		return target;
	policy_unref(target->policy);
	target->asked = packet->dst.addr;
	target->state = TARGET_UNKNOWN;
	target->policy = policy_ref(policy);
	target->outbound = decision->outbound;
	target->name = decision->name;
	return target;
}

/* NULL: all are in use. */
static struct icmp_kept *take_kept(struct icmp_targets *targets)
{
	struct icmp_kept *kept = targets->free;

	if (kept)
		targets->free = kept->next;
	else if (targets->fresh < KEPT)
		kept = &targets->kept[targets->fresh++];
	return kept;
}

struct icmp_kept *icmp_targets_keep(struct icmp_targets *targets,
				    struct icmp_target *target,
				    const struct packet *packet)
{
	struct icmp_kept *kept;

	if (packet->length > sizeof(kept->bytes))
		return NULL;
	kept = take_kept(targets);
	if (!kept)
		return NULL;
	kept->next = NULL;
	kept->target = target;
	kept->since_us = clock_monotonic_us();
	kept->packet = *packet;
	kept->packet.bytes = kept->bytes;
	memcpy(kept->bytes, packet->bytes, packet->length);
	target->waiting++;
	return kept;
}

void icmp_targets_give(struct icmp_targets *targets, struct icmp_kept *kept)
{
	kept->target->waiting--;
	kept->target = NULL;
	kept->next = targets->free;
	targets->free = kept;
}

void icmp_target_push(struct icmp_target *target, struct icmp_kept *kept)
{
	kept->next = target->first;
	target->first = kept;
}

struct icmp_kept *icmp_target_pop(struct icmp_target *target)
{
	struct icmp_kept *kept = target->first;

	if (kept)
		target->first = kept->next;
	return kept;
}

struct icmp_target *icmp_targets_at(struct icmp_targets *targets,
				    unsigned number)
{
	return number < TARGETS ? &targets->list[number] : NULL;
}

struct icmp_kept *icmp_targets_kept_at(struct icmp_targets *targets,
				       unsigned number)
{
	return number < targets->fresh ? &targets->kept[number] : NULL;
}
