// SPDX-License-Identifier: BSD-2-Clause
/*
 * parts.h - what the UDP half of the relay is made of.
 *
 *	udp.h	the whole, for the relay
 *	parts.h	what its files share
 *
 *	TUN -> udp.c -> table.h: who is that? -> outbox.h -> leg's socket
 *	leg's socket -> inbox.h: who does the application think that is?
 *	    -> train.h -> TUN
 *	sniffing.c	looks for the name of what is QUIC
 *	stream.h	a leg whose datagrams go through a stream
 *	begin.c	decides what is new, leg.c makes sockets and associations
 *	trouble.c	tells the application of errors
 *	dns.c	port 53
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_UDP_PARTS_H
#define ERSATZ_ROUTED_RELAY_UDP_PARTS_H

#include "routed/relay/parts.h"
#include "routed/relay/pieces.h"
#include "routed/relay/sniff/quic.h"
#include "routed/relay/sources.h"
#include "routed/relay/udp/dns.h"
#include "routed/relay/udp/outbox.h"
#include "routed/relay/udp/servers.h"
#include "routed/relay/udp/stream.h"
#include "routed/relay/udp/table.h"
#include "routed/relay/udp/train.h"
#include "routed/relay/udp/udp.h"

struct inbox;
struct udp_dials;

struct udp {
	struct parts *parts; /* borrowed */
	struct udp_table *table;
	struct sources *sources; /* of legs */
	struct held_pool *held;
	struct pieces *pieces;
	struct outbox *outbox;
	struct inbox *inbox;
	struct udp_dns *dns;
	struct udp_servers_told *servers;
	struct udp_dials *dials;
	struct udp_streams *streams;
	struct train train;
	struct quic_hello hello; /* for one look */
	struct dialler dialler;  /* with our own callbacks */
	struct ev_timer tick;
	struct ev_prepare turn; /* sends what a turn of the loop gathered */
	int64_t now_ms;         /* monotonic, of this turn */
	/* Is there a leg of an older configuration than this one? */
	const struct policy *policy_seen; /* borrowed, to compare only */
	bool has_older;
	struct udp_counters counters;
};

/* --- udp.c --- */

/* The peer gets what waits for it, as far as it may have it now. */
void udp_wake(struct udp *udp, struct udp_peer *peer);
/* Its datagrams are answered by an error, and it is forgotten. */
void udp_fail(struct udp *udp, struct udp_peer *peer, enum refusal refusal);
/* Closes, fails what waits, and forgets it with all its peers. */
void udp_end_leg(struct udp *udp, struct udp_leg *leg, enum refusal refusal);

/* --- begin.c --- */

/* Nobody knows this one yet: refused, or on its way to a leg. */
void udp_begin(struct udp *udp, const struct packet *packet,
	       const struct datagram *datagram);
/* Its outbound refuses UDP: by another member of the group, if there is one. */
void udp_begin_again(struct udp *udp, struct udp_peer *peer);

/* With the name that was sniffed, or without one. */
void udp_sniff_end(struct udp *udp, struct udp_peer *peer);

/* --- sniffing.c --- */

/* Could a flow that begins with it say a name that is looked for? */
bool udp_is_sniffable(const struct policy *policy,
		      const struct datagram *datagram);
/* Looks at what waits; the peer goes on, or waits for more. */
void udp_sniff(struct udp *udp, struct udp_peer *peer);

/* --- leg.c --- */

NODISCARD int udp_dials_new(struct udp_dials **dials);
void udp_dials_free(struct udp_dials *dials);

/*
 * The leg of that application there, open or on its way; NULL: refused, and
 * `refusal` says how.  `to` is whom it wants to reach first.
 */
struct udp_leg *udp_leg_get(struct udp *udp, struct udp_peer *peer,
			    const struct endpoint *client,
			    const struct addr *to, enum refusal *refusal);
/* Makes a leg that is shut anew.  The leg may be gone after this. */
void udp_leg_mend(struct udp *udp, struct udp_leg *leg);
/* Its sockets go, its peers stay. */
void udp_leg_shut(struct udp *udp, struct udp_leg *leg);
/* The proxy does not know this kind of UDP after all.  The leg is gone. */
void udp_leg_refuse(struct udp *udp, struct udp_leg *leg, const char *reason);
/* Gives up associations that took too long. */
void udp_dials_on_time(struct udp *udp);
/* Does the outbound refuse UDP now, by configuration or by experience? */
bool udp_is_refused(const struct udp *udp, const struct policy *policy,
		    int outbound, enum refusal *refusal);

/* --- inbox.c --- */

NODISCARD int inbox_new(struct inbox **inbox);
void inbox_free(struct inbox *inbox);
/* One datagram, from where the proxy says, without its header. */
void inbox_deliver(struct udp *udp, struct udp_leg *leg,
		   struct socks_source *source, struct datagram *datagram);
/* Reads what has come; true: there is more. */
bool inbox_read(struct udp *udp, struct udp_leg *leg);

/* --- trouble.c --- */

/* Answers a datagram of the application by an error. */
void udp_refuse(struct udp *udp, const struct datagram *datagram,
		enum refusal refusal);
/* Passes on what the kernel has heard of the way; how much that was. */
unsigned udp_hear(struct udp *udp, struct udp_leg *leg);
/*
 * The proxy says that a port is unreachable, and cannot say of whom.  Dante
 * does so when it cannot reach a destination; an association that is gone is
 * told by its connection.
 */
void udp_hear_proxy(struct udp *udp, const struct udp_leg *leg);
/* What was sent to that one has come to nothing. */
void udp_refuse_peer(struct udp *udp, const struct udp_peer *peer,
		     enum refusal refusal);
/* What a failed system call says of the way. */
enum refusal udp_refusal_of(int error);

#endif
