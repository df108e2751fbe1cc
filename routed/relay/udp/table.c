// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/table.h"

#include "routed/relay/numbers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	new->legs = calloc(conf->legs, sizeof(new->legs[0]));
	new->peers = calloc(conf->peers, sizeof(new->peers[0]));
	if (!new->legs || !new->peers)
		goto free_table;
	ret = numbers_init(&new->leg_numbers, conf->legs);
	if (ret == 0)
		ret = numbers_init(&new->peer_numbers, conf->peers);
	if (ret == 0)
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
	numbers_fini(&table->leg_numbers);
	numbers_fini(&table->peer_numbers);
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
	const struct tuple tuple = way_tuple(client, way);
	int64_t number = numbers_take(&table->leg_numbers);
	struct udp_leg *leg;

	if (number < 0)
		return NULL;
	leg = &table->legs[number];
	*leg = (struct udp_leg){
		.number = (uint32_t)number,
		.state = UDP_LEG_SHUT,
		.client = *client,
		.outbound = way->outbound,
		.ifindex = way->ifindex,
		.family = way->family,
		.fd = -1,
		.control_fd = -1,
		.discover = -1,
	};
	tuples_add(table->ways, leg->number, &tuple);
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
	numbers_give(&table->leg_numbers, leg->number);
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
	int64_t number = numbers_take(&table->peer_numbers);
	struct udp_peer *peer;

	if (number < 0)
		return NULL;
	peer = &table->peers[number];
	*peer = (struct udp_peer){.number = (uint32_t)number,
				  .serial = ++table->serial,
				  .state = UDP_PEER_READY};
	tuples_add(table->flows, peer->number, tuple);
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
	numbers_give(&table->peer_numbers, peer->number);
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
