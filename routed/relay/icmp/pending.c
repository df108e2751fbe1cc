// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/icmp/pending.h"

#include "routed/relay/tuples.h"

#include <errno.h>
#include <stdlib.h>

/* Ids that are tried when another application has the one asked for. */
#define IDS_TRIED 16

struct pending {
	struct tuples *index;
	uint32_t capacity, next;
	struct icmp_quote ring[];
};

int pending_new(struct pending **pending, uint32_t capacity)
{
	struct pending *new =
		calloc(1, sizeof(*new) + capacity * sizeof(new->ring[0]));
	int ret;

	if (!new)
		return -ENOMEM;
	ret = tuples_new(&new->index, capacity);
	if (ret < 0) {
		free(new);
		return ret;
	}
	new->capacity = capacity;
	*pending = new;
	return 0;
}

void pending_free(struct pending *pending)
{
	if (!pending)
		return;
	tuples_free(pending->index);
	free(pending);
}

/* What an answer tells, in the clothes of a flow. */
static struct tuple key_of(const struct addr *dst, uint16_t id, uint16_t seq)
{
	return (struct tuple){
		.src = {.port = id},
		.dst = {.addr = *dst, .port = seq},
	};
}

static bool is_same_sender(const struct icmp_quote *a,
			   const struct icmp_quote *b)
{
	return a->id == b->id && addr_equal(&a->src, &b->src);
}

uint16_t pending_add(struct pending *pending, const struct addr *dst,
		     const struct icmp_quote *quote)
{
	uint16_t id = quote->id;
	struct tuple key = key_of(dst, id, quote->seq);
	uint32_t number = pending->next;

	for (int i = 0; i < IDS_TRIED; i++) {
		int64_t other = tuples_find(pending->index, &key);

		if (other < 0)
			break;
		/* Asked again, or out of ids: the older one is given up. */
		if (is_same_sender(&pending->ring[other], quote) ||
		    i == IDS_TRIED - 1) {
			tuples_del(pending->index, (uint32_t)other);
			break;
		}
		id = (uint16_t)(quote->id + 0x3d09 * (i + 1));
		key.src.port = id;
	}
	tuples_del(pending->index, number);
	tuples_add(pending->index, number, &key);
	pending->ring[number] = *quote;
	pending->next = (number + 1) % pending->capacity;
	return id;
}

const struct icmp_quote *pending_find(const struct pending *pending,
				      const struct addr *dst, uint16_t id,
				      uint16_t seq)
{
	const struct tuple key = key_of(dst, id, seq);
	int64_t number = tuples_find(pending->index, &key);

	return number < 0 ? NULL : &pending->ring[number];
}
