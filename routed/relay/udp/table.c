// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of a pool: those that came back, then those never used. */
struct numbers {
	uint32_t capacity, fresh, count;
	uint32_t free; /* number + 1, 0: none */
};

struct udp_table {
	struct numbers leg_numbers, peer_numbers;
	struct udp_leg *legs;   /* owned */
	struct udp_peer *peers; /* owned */
	struct tuples *ways;    /* owned: legs */
	struct tuples *flows;   /* owned: peers by what was asked */
	struct tuples *reals;   /* owned: peers by who answers */
	uint32_t serial;
};

int udp_table_new(struct udp_table **table, const struct udp_table_conf *conf)
{
	struct udp_table *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	if (!new)
		return -ENOMEM;
	new->leg_numbers.capacity = conf->legs;
	new->peer_numbers.capacity = conf->peers;
	new->legs = calloc(conf->legs, sizeof(new->legs[0]));
	new->peers = calloc(conf->peers, sizeof(new->peers[0]));
	if (!new->legs || !new->peers)
		goto free_table;
	ret = tuples_new(&new->ways, conf->legs);
	if (ret == 0)
		ret = tuples_new(&new->flows, conf->peers);
	if (ret == 0)
		ret = tuples_new(&new->reals, conf->peers);
	if (ret < 0)
		goto free_table;
	*table = new;
	return 0;

free_table:
	udp_table_free(new);
	return ret;
}

void udp_table_free(struct udp_table *table)
{
	if (!table)
		return;
	tuples_free(table->ways);
	tuples_free(table->flows);
	tuples_free(table->reals);
	free(table->legs);
	free(table->peers);
	free(table);
}

/* An endpoint without a family stands for a way out. */
static struct tuple way_tuple(const struct endpoint *client,
			      const struct udp_way *way)
{
	struct tuple tuple = {.src = *client, .dst.port = way->family};
	uint8_t *at = tuple.dst.addr.bytes;

	memcpy(at, &way->policy, sizeof(way->policy));
	memcpy(at + 8, &way->outbound, 4);
	memcpy(at + 12, &way->ifindex, 4);
	return tuple;
}

static struct tuple real_tuple(const struct udp_leg *leg,
			       const struct endpoint *real)
{
	struct tuple tuple = {.dst = *real};

	memcpy(tuple.src.addr.bytes, &leg->number, sizeof(leg->number));
	return tuple;
}

struct udp_leg *udp_leg_add(struct udp_table *table,
			    const struct endpoint *client,
			    const struct udp_way *way)
{
	struct numbers *numbers = &table->leg_numbers;
	const struct tuple tuple = way_tuple(client, way);
	uint32_t number;
	struct udp_leg *leg;

	if (numbers->free > 0) {
		number = numbers->free - 1;
		numbers->free = table->legs[number].next_free;
	} else if (numbers->fresh < numbers->capacity) {
		number = numbers->fresh++;
	} else {
		return NULL;
	}
	numbers->count++;
	leg = &table->legs[number];
	*leg = (struct udp_leg){
		.number = number,
		.state = UDP_LEG_SHUT,
		.client = *client,
		.outbound = way->outbound,
		.ifindex = way->ifindex,
		.family = way->family,
		.fd = -1,
		.control_fd = -1,
		.discover = -1,
	};
	tuples_add(table->ways, number, &tuple);
	return leg;
}

struct udp_leg *udp_leg_find(struct udp_table *table,
			     const struct endpoint *client,
			     const struct udp_way *way)
{
	const struct tuple tuple = way_tuple(client, way);
	int64_t number = tuples_find(table->ways, &tuple);

	return number < 0 ? NULL : &table->legs[number];
}

void udp_leg_move(struct udp_table *table, struct udp_leg *leg,
		  const struct udp_way *way)
{
	const struct tuple tuple = way_tuple(&leg->client, way);

	tuples_del(table->ways, leg->number);
	tuples_add(table->ways, leg->number, &tuple);
}

void udp_leg_del(struct udp_table *table, struct udp_leg *leg)
{
	assert(leg->state != UDP_LEG_NONE && !leg->peers);
	tuples_del(table->ways, leg->number);
	leg->state = UDP_LEG_NONE;
	leg->next_free = table->leg_numbers.free;
	table->leg_numbers.free = leg->number + 1;
	table->leg_numbers.count--;
}

uint32_t udp_leg_count(const struct udp_table *table)
{
	return table->leg_numbers.count;
}

uint32_t udp_leg_end(const struct udp_table *table)
{
	return table->leg_numbers.fresh;
}

struct udp_leg *udp_leg_at(struct udp_table *table, uint32_t number)
{
	struct udp_leg *leg = &table->legs[number];

	return leg->state == UDP_LEG_NONE ? NULL : leg;
}

struct udp_peer *udp_peer_add(struct udp_table *table,
			      const struct tuple *tuple)
{
	struct numbers *numbers = &table->peer_numbers;
	uint32_t number;
	struct udp_peer *peer;

	if (numbers->free > 0) {
		number = numbers->free - 1;
		numbers->free = table->peers[number].next_free;
	} else if (numbers->fresh < numbers->capacity) {
		number = numbers->fresh++;
	} else {
		return NULL;
	}
	numbers->count++;
	peer = &table->peers[number];
	*peer = (struct udp_peer){.number = number,
				  .serial = ++table->serial,
				  .state = UDP_PEER_READY};
	tuples_add(table->flows, number, tuple);
	return peer;
}

struct udp_peer *udp_peer_find(struct udp_table *table,
			       const struct tuple *tuple)
{
	int64_t number = tuples_find(table->flows, tuple);

	return number < 0 ? NULL : &table->peers[number];
}

const struct tuple *udp_peer_tuple(const struct udp_table *table,
				   const struct udp_peer *peer)
{
	return tuples_at(table->flows, peer->number);
}

void udp_peer_ask(struct udp_peer *peer, int64_t now_ms)
{
	if (!peer->is_asked)
		peer->leg->asked_count++;
	peer->is_asked = true;
	peer->asked_ms = now_ms;
}

static void stop_asking(struct udp_peer *peer)
{
	if (peer->is_asked)
		peer->leg->asked_count--;
	peer->is_asked = false;
}

static void leave(struct udp_peer *peer)
{
	if (!peer->leg)
		return;
	stop_asking(peer);
	if (peer->next)
		peer->next->prev = peer->prev;
	else
		peer->leg->last_peer = peer->prev;
	if (peer->prev)
		peer->prev->next = peer->next;
	else
		peer->leg->peers = peer->next;
	peer->leg = NULL;
}

void udp_peer_del(struct udp_table *table, struct udp_peer *peer)
{
	assert(peer->state != UDP_PEER_NONE && peer->held.count == 0);
	leave(peer);
	tuples_del(table->flows, peer->number);
	tuples_del(table->reals, peer->number);
	peer->state = UDP_PEER_NONE;
	peer->next_free = table->peer_numbers.free;
	table->peer_numbers.free = peer->number + 1;
	table->peer_numbers.count--;
}

uint32_t udp_peer_count(const struct udp_table *table)
{
	return table->peer_numbers.count;
}

uint32_t udp_peer_end(const struct udp_table *table)
{
	return table->peer_numbers.fresh;
}

struct udp_peer *udp_peer_at(struct udp_table *table, uint32_t number)
{
	struct udp_peer *peer = &table->peers[number];

	return peer->state == UDP_PEER_NONE ? NULL : peer;
}

void udp_peer_join(struct udp_peer *peer, struct udp_leg *leg)
{
	assert(!peer->leg);
	peer->leg = leg;
	peer->next = NULL;
	peer->prev = leg->last_peer;
	if (leg->last_peer)
		leg->last_peer->next = peer;
	else
		leg->peers = peer;
	leg->last_peer = peer;
}

void udp_peer_part(struct udp_table *table, struct udp_peer *peer)
{
	leave(peer);
	tuples_del(table->reals, peer->number);
	peer->real = (struct endpoint){.port = 0};
}

void udp_peer_set_real(struct udp_table *table, struct udp_peer *peer,
		       const struct endpoint *real)
{
	const struct tuple tuple = real_tuple(peer->leg, real);

	stop_asking(peer);
	if (tuples_find(table->reals, &tuple) == peer->number)
		return;
	tuples_del(table->reals, peer->number);
	tuples_add(table->reals, peer->number, &tuple);
	peer->real = *real;
}

struct udp_peer *udp_peer_by_real(struct udp_table *table,
				  const struct udp_leg *leg,
				  const struct endpoint *real)
{
	const struct tuple tuple = real_tuple(leg, real);
	int64_t number = tuples_find(table->reals, &tuple);

	return number < 0 ? NULL : &table->peers[number];
}
