// SPDX-License-Identifier: BSD-2-Clause
/*
 * table.h - every UDP flow that the relay knows.
 *
 * A *leg* is what one socket of an application has at one outbound: an
 * association of a SOCKS proxy, or a socket bound to a link.  Its mapping
 * does not depend on who is asked (RFC 4787: endpoint-independent), and
 * whoever sends to it is let through (full cone).  A *peer* is one address
 * that the application sends to: what is behind it, and by which leg.
 *
 * Three indices: peers by (application, what it asked), peers by (leg, who
 * answers), legs by (application, way out).
 *
 * Errors	NULL: not found, full
 * Ownership	both are pools of fixed size; a pointer is valid until ..._del()
 * Thread	the thread of the loop
 * Source	RFC 4787
 */
#ifndef ERSATZ_ROUTED_RELAY_UDP_TABLE_H
#define ERSATZ_ROUTED_RELAY_UDP_TABLE_H

#include "routed/relay/policy.h"
#include "routed/relay/poller.h"
#include "routed/relay/resolver.h"
#include "routed/relay/tuples.h"
#include "routed/relay/udp/held.h"

enum udp_leg_state {
	UDP_LEG_NONE,
	UDP_LEG_DIALLING, /* the association is being made */
	UDP_LEG_OPEN,
	UDP_LEG_SHUT, /* it was lost; the next datagram makes it anew */
};

enum udp_peer_state {
	UDP_PEER_NONE,
	UDP_PEER_ASKING,    /* the parent, whose traffic it is */
	UDP_PEER_SNIFFING,  /* more datagrams may tell its name */
	UDP_PEER_RESOLVING, /* dnsd, for the real address */
	UDP_PEER_READY,     /* it has a leg */
};

struct udp;
struct udp_chunk;
struct udp_dial;
struct udp_peer;

struct udp_leg {
	uint32_t number;
	enum udp_leg_state state;
	struct endpoint client;
	struct policy *policy; /* a reference */
	int outbound;
	bool is_proxy;
	bool is_long;    /* it has more than short questions */
	bool has_no_gso; /* sending segments failed once */
	int fd;          /* datagrams; owned, -1: none */
	int control_fd;  /* of an association, or its stream; owned, -1: none */
	int ifindex;     /* 0: not bound */
	struct addr local;
	uint8_t family;        /* of the socket */
	uint32_t mtu_bytes;    /* of the link */
	int discover;          /* IP_MTU_DISCOVER, as it was last set */
	int64_t last_ms;       /* monotonic */
	struct udp_dial *dial; /* borrowed, while dialling */
	struct poller_source socket, control;
	bool is_stream, is_heard; /* something has come by it */
	int64_t opened_ms;        /* monotonic, of a stream */
	struct udp_chunk *input,
		*output;        /* the half of a datagram; NULL: none */
	struct udp_peer *peers; /* a list of its own, the oldest first */
	struct udp_peer *last_peer;
	uint32_t asked_count; /* of them, that have not answered yet */
};

struct udp_peer {
	uint32_t number;
	struct udp *udp; /* borrowed, for callbacks */
	uint32_t serial; /* another peer's with the same number differs */
	enum udp_peer_state state;
	struct policy *policy; /* a reference */
	int outbound, group; /* the same, or the one that it was chosen from */
	const struct rule *rule; /* of the policy; NULL: none */
	uint32_t slot;           /* of the fake address, 0: a real one */
	struct endpoint real;    /* no family: only the name is known */
	bool is_own;             /* of an outbound's own server */
	bool needs_owner;        /* before anything is decided */
	bool needs_name;         /* what is decided may change by it */
	bool is_heard_out;       /* and that was looked for */
	char *sniffed;           /* owned; what it said; NULL: none */
	const char *full;        /* of what there is no more for it, or NULL */
	bool is_asked;           /* by its name, and has not answered yet */
	bool is_second_family;
	int64_t asked_ms, last_ms; /* monotonic */
	int64_t since_ms;          /* wall clock */
	uint64_t up, down;         /* bytes */
	struct resolver_lookup *lookup;
	struct held_queue held;
	struct udp_leg *leg;
	struct udp_peer *next, *prev; /* of the leg */
};

struct udp_table;

struct udp_table_conf {
	uint32_t legs, peers;
};

NODISCARD int udp_table_new(struct udp_table **table,
			    const struct udp_table_conf *conf);
void udp_table_free(struct udp_table *table);

/* What a leg is found by, beside the application's endpoint. */
struct udp_way {
	const struct policy *policy;
	int outbound;
	int ifindex;    /* 0: a proxy's, or not bound */
	uint8_t family; /* of the socket, 0: a proxy's */
};

struct udp_leg *udp_leg_add(struct udp_table *table,
			    const struct endpoint *client,
			    const struct udp_way *way);
struct udp_leg *udp_leg_find(struct udp_table *table,
			     const struct endpoint *client,
			     const struct udp_way *way);
/* It is found by another way from now on. */
void udp_leg_move(struct udp_table *table, struct udp_leg *leg,
		  const struct udp_way *way);
/* Its peers must have gone. */
void udp_leg_del(struct udp_table *table, struct udp_leg *leg);
uint32_t udp_leg_count(const struct udp_table *table);
/* For a walk: numbers below udp_leg_end(), NULL: none there. */
uint32_t udp_leg_end(const struct udp_table *table);
struct udp_leg *udp_leg_at(struct udp_table *table, uint32_t number);

/* Without a leg yet. */
struct udp_peer *udp_peer_add(struct udp_table *table,
			      const struct tuple *tuple);
struct udp_peer *udp_peer_find(struct udp_table *table,
			       const struct tuple *tuple);
const struct tuple *udp_peer_tuple(const struct udp_table *table,
				   const struct udp_peer *peer);
void udp_peer_del(struct udp_table *table, struct udp_peer *peer);
uint32_t udp_peer_count(const struct udp_table *table);
uint32_t udp_peer_end(const struct udp_table *table);
struct udp_peer *udp_peer_at(struct udp_table *table, uint32_t number);

void udp_peer_join(struct udp_peer *peer, struct udp_leg *leg);
/* Away from its leg, for another one. */
void udp_peer_part(struct udp_table *table, struct udp_peer *peer);
/* Its name was sent, and whoever answers next is who it is. */
void udp_peer_ask(struct udp_peer *peer, int64_t now_ms);
/*
 * Who answers is known, or known anew: found before others with the same
 * real address, as the last one that was sent to.
 */
void udp_peer_set_real(struct udp_table *table, struct udp_peer *peer,
		       const struct endpoint *real);
struct udp_peer *udp_peer_by_real(struct udp_table *table,
				  const struct udp_leg *leg,
				  const struct endpoint *real);

#endif
