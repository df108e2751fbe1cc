// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/pieces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	IPV4_SIZE = 20,
	IPV6_SIZE = 40,
	BLOCK = 8, /* offsets count these */
	PAYLOAD_MAX = 65535,
	BLOCKS = (PAYLOAD_MAX + BLOCK) / BLOCK,
	SHARE = 4, /* of the room, for one source: a fourth */
};

struct partial {
	bool is_used;
	struct addr src, dst;
	uint8_t protocol;
	uint32_t id;
	int64_t since_ms;
	size_t total; /* of the payload; 0: the end has not come */
	size_t blocks;
	uint8_t seen[BLOCKS / 8 + 1];
	uint8_t head[IPV6_SIZE]; /* in front of the payload */
	uint8_t payload[PAYLOAD_MAX + BLOCK];
};

struct pieces {
	unsigned capacity, count;
	struct partial pool[];
};

int pieces_new(struct pieces **pieces, unsigned capacity)
{
	struct pieces *new =
		calloc(1, sizeof(*new) + capacity * sizeof(new->pool[0]));

	if (!new)
		return -ENOMEM;
	new->capacity = capacity;
	*pieces = new;
	return 0;
}

void pieces_free(struct pieces *pieces)
{
	free(pieces);
}

static void forget(struct pieces *pieces, struct partial *partial)
{
	partial->is_used = false;
	pieces->count--;
}

static bool is_of(const struct partial *partial, const struct packet *packet)
{
	return partial->id == packet->piece.id &&
	       partial->protocol == packet->protocol &&
	       addr_equal(&partial->src, &packet->src.addr) &&
	       addr_equal(&partial->dst, &packet->dst.addr);
}

/* Whose place a new one takes: its source's oldest, or everybody's. */
static struct partial *choose_victim(struct pieces *pieces,
				     const struct addr *src)
{
	struct partial *oldest = &pieces->pool[0], *own = NULL;
	unsigned count = 0;

	for (unsigned i = 0; i < pieces->capacity; i++) {
		struct partial *partial = &pieces->pool[i];

		if (partial->since_ms < oldest->since_ms)
			oldest = partial;
		if (!addr_equal(&partial->src, src))
			continue;
		count++;
		if (!own || partial->since_ms < own->since_ms)
			own = partial;
	}
	return own && count * SHARE >= pieces->capacity ? own : oldest;
}

static struct partial *find(struct pieces *pieces, const struct packet *packet,
			    int64_t now_ms)
{
	struct partial *vacant = NULL;

	for (unsigned i = 0; i < pieces->capacity; i++) {
		struct partial *partial = &pieces->pool[i];

		if (partial->is_used &&
		    now_ms - partial->since_ms >= PIECES_TIME_MS)
			forget(pieces, partial);
		if (!partial->is_used)
			vacant = partial;
		else if (is_of(partial, packet))
			return partial;
	}
	if (!vacant) {
		vacant = choose_victim(pieces, &packet->src.addr);
		forget(pieces, vacant);
	}
	vacant->is_used = true;
	vacant->src = packet->src.addr;
	vacant->dst = packet->dst.addr;
	vacant->protocol = packet->protocol;
	vacant->id = packet->piece.id;
	vacant->since_ms = now_ms;
	vacant->total = vacant->blocks = 0;
	memset(vacant->seen, 0, sizeof(vacant->seen));
	pieces->count++;
	return vacant;
}

static bool is_seen(const struct partial *partial, size_t block)
{
	return (partial->seen[block / 8] >> block % 8 & 1) != 0;
}

enum fit { FITS, IS_THERE, OVERLAPS };

static enum fit fit_of(const struct partial *partial, size_t first, size_t end)
{
	size_t there = 0;

	for (size_t i = first; i < end; i++)
		there += is_seen(partial, i);
	if (there == 0)
		return FITS;
	return there == end - first ? IS_THERE : OVERLAPS;
}

/* False: it contradicts what came before, or is none. */
static bool put(struct partial *partial, const struct packet *packet)
{
	const uint8_t *bytes = packet->bytes + packet->header_length;
	size_t length = packet->length - packet->header_length;
	size_t at = packet->piece.offset, first = at / BLOCK;
	size_t end = (at + length + BLOCK - 1) / BLOCK;

	if (length == 0 || at + length > PAYLOAD_MAX ||
	    (packet->piece.has_more && length % BLOCK != 0))
		return false;
	if (partial->total > 0 && at + length > partial->total)
		return false;
	switch (fit_of(partial, first, end)) {
	case FITS:
		break;
	case IS_THERE:
		return memcmp(partial->payload + at, bytes, length) == 0;
	case OVERLAPS:
		return false;
	}
	if (!packet->piece.has_more) {
		if (partial->total > 0)
			return false;
		partial->total = at + length;
	}
	memcpy(partial->payload + at, bytes, length);
	for (size_t i = first; i < end; i++)
		partial->seen[i / 8] |= (uint8_t)(1 << i % 8);
	partial->blocks += end - first;
	return true;
}

static void put16(uint8_t *out, size_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

/* Writes the header of the whole in front of the payload. */
static const uint8_t *put_head(struct partial *partial,
			       const struct packet *packet, size_t *length)
{
	uint8_t *head;

	if (packet->src.addr.family == ADDR_IPV6) {
		head = partial->head;
		memcpy(head, packet->bytes, IPV6_SIZE);
		put16(head + 4, partial->total);
		head[6] = partial->protocol;
		*length = IPV6_SIZE + partial->total;
		return head;
	}
	head = partial->head + IPV6_SIZE - IPV4_SIZE;
	*length = IPV4_SIZE + partial->total;
	memcpy(head, packet->bytes, IPV4_SIZE);
	head[0] = 0x45;
	put16(head + 2, *length);
	memset(head + 4, 0, 4);
	memset(head + 10, 0, 2);
	put16(head + 10, packet_sum_fold(packet_sum(0, head, IPV4_SIZE)));
	return head;
}

bool pieces_add(struct pieces *pieces, const struct packet *packet,
		int64_t now_ms, struct packet *whole)
{
	struct partial *partial = find(pieces, packet, now_ms);
	const uint8_t *bytes;
	size_t length;

	if (!put(partial, packet)) {
		forget(pieces, partial);
		return false;
	}
	if (partial->total == 0 ||
	    partial->blocks < (partial->total + BLOCK - 1) / BLOCK)
		return false;
	forget(pieces, partial);
	bytes = put_head(partial, packet, &length);
	/* A header's length has two bytes. */
	return length - (bytes[0] >> 4 == 6 ? IPV6_SIZE : 0) <= PAYLOAD_MAX &&
	       packet_parse(whole, bytes, length) == 0;
}

unsigned pieces_count(const struct pieces *pieces)
{
	return pieces->count;
}
