// SPDX-License-Identifier: BSD-2-Clause
/*
 * relays.h - there is one relay, and it lives.
 *
 * Makes the TUNs and the relay, hands over what it needs, asks every half
 * second whether it is alive (a stopped one is killed after two), and makes
 * another one, with new TUNs, when it dies; after too many deaths
 * (backoff.h) it gives up.  What a relay asks for is passed on only if it is
 * one of the known requests in the state where it may come; anything else is
 * the end of that relay.
 *
 *	(none) --start--> STARTING --LINK_READY--> READY --stop--> STOPPING
 *	   ^		     |			     |		      |
 *	   +--back-off-------+------- death ---------+	       on_stopped
 *
 * Privilege	CAP_NET_ADMIN
 * Errors	-errno
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAYS_H
#define ERSATZ_ROUTED_RELAYS_H

#include "common/compiler.h"
#include "routed/inner.h"
#include "routed/link.h"
#include "routed/spawner.h"

#include <ev.h>

struct relays;

struct relays_events {
	/* The TUN is there and a relay serves it. */
	void (*on_ready)(void *ctx, int tun_ifindex);
	/* The TUN is gone; `will_return` unless stopped or given up. */
	void (*on_lost)(void *ctx, bool will_return);
	/* Too many deaths, or the spawner is gone. */
	void (*on_give_up)(void *ctx);
	void (*on_stopped)(void *ctx);

	/* Requests; the values of flow, server and member are unchecked. */
	void (*on_owner)(void *ctx, uint32_t id, const struct link_flow *flow);
	void (*on_udp_server)(void *ctx, const struct endpoint *server);
	void (*on_member)(void *ctx, const struct link_member *member);
	void (*on_counters)(void *ctx, uint32_t id,
			    const struct link_counters *counters);
	/* The MTU of both TUNs. */
	uint32_t (*on_mtu)(void *ctx);
};

struct relays_conf {
	char tun[IFNAMSIZ]; /* name of the host's TUN */
	struct link_setup setup;
	int config_fd; /* borrowed: memfd with the text */
};

/* Everything is borrowed but `conf`, which is copied. */
NODISCARD int relays_new(struct relays **relays, struct ev_loop *loop,
			 struct spawner *spawner, struct inner *inner,
			 const struct relays_conf *conf);
void relays_free(struct relays *relays);

/* The first relay; on_ready, or on_lost and so on, follow. */
NODISCARD int relays_start(struct relays *relays,
			   const struct relays_events *events, void *ctx);

/* Asks the relay to end, kills it if it does not; on_stopped follows. */
void relays_stop(struct relays *relays);

/* Another configuration: for this relay and those to come. */
NODISCARD int relays_set_config(struct relays *relays, int config_fd);

/* on_mtu() may say something else now: the TUNs that there are follow. */
NODISCARD int relays_follow_mtu(struct relays *relays);

/* -ENOTCONN when none is ready. */
NODISCARD int relays_ask_counters(struct relays *relays, uint32_t id);
NODISCARD int relays_send_flows(struct relays *relays, int client_fd,
				const struct link_viewer *viewer);
NODISCARD int relays_answer_owner(struct relays *relays, uint32_t id,
				  const struct link_owner *owner);

/* Resets it, if there is such a flow. */
NODISCARD int relays_close_flow(struct relays *relays,
				const struct link_flow *flow);

/* A raw socket for an exit (icmp_exits.h); it stays the caller's. */
NODISCARD int relays_give_icmp(struct relays *relays, int ifindex,
			       uint8_t family, int fd);

/* An address of a DIRECT name, until then: flows to it are. */
NODISCARD int relays_tell_direct(struct relays *relays,
				 const struct link_direct *direct);

bool relays_is_ready(const struct relays *relays);

/* 0: there is none now. */
pid_t relays_pid(const struct relays *relays);
/* Of those that died. */
uint64_t relays_deaths(const struct relays *relays);

#endif
