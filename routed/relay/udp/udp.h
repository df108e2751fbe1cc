// SPDX-License-Identifier: BSD-2-Clause
/*
 * udp.h - UDP through the relay.
 *
 * Each socket of an application gets a mapping of its own at each outbound
 * that the rules choose for what it sends: an association of a SOCKS5 proxy,
 * or a socket bound to the link that leads there.  The mapping is the same
 * for every destination, and whoever answers is let through: replies come
 * from the address that was asked, fake or not, and others come by their
 * real address.
 *
 * A name goes to the proxy as a name until a reply has told the address that
 * the proxy chose, and then as that address.  As a reply tells an address and
 * no name, of several names with the same port one at a time is asked for the
 * first time.
 *
 * What cannot be carried is told so at once: rules that reject, a proxy
 * without UDP, a network that says no.  What enters the TUN for port 53 goes
 * to dnsd, whatever its destination.
 *
 * Errors	-errno
 * Thread	the thread of the loop
 * Source	RFC 1928 7, 4787 (what NATs owe to UDP), 768
 */
#ifndef ERSATZ_ROUTED_RELAY_UDP_UDP_H
#define ERSATZ_ROUTED_RELAY_UDP_UDP_H

#include "routed/relay/parts.h"

struct udp;

struct udp_counters {
	uint64_t flows_ever, refused;
	uint64_t packets_up, packets_down;
	uint64_t bytes_up, bytes_down;
	uint64_t dropped; /* full buffers, and what was no answer to anything */
	uint64_t queries; /* to dnsd */
};

/* Parts are borrowed, and all there but `udp`; `flows` sockets at most. */
NODISCARD int udp_new(struct udp **udp, struct parts *parts, int link_fd,
		      uint32_t flows);
void udp_free(struct udp *udp);

/* A packet, and the header of its frame. */
void udp_on_packet(struct udp *udp, const struct packet *packet,
		   const uint8_t *header);

/* Is that answer of the parent to a question of ours?  Then it is taken. */
bool udp_on_owner(struct udp *udp, uint32_t id, const struct link_owner *owner);

/* Flows that left by a link or an address that is gone are made anew. */
void udp_on_links(struct udp *udp, const struct nl_state *state);

/* parts->policy is another one: flows of outbounds that are gone end. */
void udp_on_policy(struct udp *udp);

/* By hand: the application finds the port unreachable. */
void udp_close(struct udp *udp, const struct tuple *tuple);

/* Ends every flow, silently. */
void udp_stop(struct udp *udp);

void udp_count(const struct udp *udp, struct link_counters *counters);

/* For people who look: numbers from 0 to udp_end() - 1, false: none there. */
struct udp_line {
	const struct tuple *tuple;
	const struct policy *policy;
	const struct rule *rule;
	const char *sniffed; /* NULL: none */
	uint32_t slot;
	int outbound;
	const char *state;
	bool is_own;
	struct endpoint real; /* where it goes; no family: not known here */
	uint64_t up, down;
	int64_t since_ms;
	const struct flow_setup *setup; /* NULL: none is measured */
};

uint32_t udp_end(const struct udp *udp);
bool udp_line_at(struct udp *udp, uint32_t number, struct udp_line *line);

#endif
