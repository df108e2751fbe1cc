// SPDX-License-Identifier: BSD-2-Clause
/*
 * dial.h - connecting the outbound of a flow.
 *
 * By its type an outbound is a proxy that is asked for the name or address,
 * the destination itself by way of the uplink, or the destination by way of
 * a named interface.  The last two need the real addresses of a name
 * (resolver.h) and try one after the other.  Every socket is bound to its
 * link and thereby never enters the TUN; a server on this host is dialled by
 * loopback or its Unix socket, unbound.
 *
 * Whatever does not answer is given up after DIAL_ATTEMPT_MS while there is
 * something else to try, here or by the one who asked.  How long all of it may
 * take is up to him.
 *
 * Errors	a refusal for the application and a reason for the log
 * Ownership	the socket belongs to the dial until it is connected, then to
 *		the one who asked; conf is borrowed until the end
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_DIAL_H
#define ERSATZ_ROUTED_RELAY_DIAL_H

#include "routed/relay/handshake.h"
#include "routed/relay/policy.h"
#include "routed/relay/poller.h"
#include "routed/relay/resolver.h"
#include "routed/relay/tuples.h"

#define DIAL_ATTEMPT_MS 3000

struct dial;

struct dial_failure {
	enum refusal refusal; /* for the application */
	const char *reason;   /* for the log */
	bool is_outbounds;    /* fault, and not the destination's */
	bool is_unsupported;  /* the server does not know the command */
	bool is_answered;     /* the proxy itself said so */
	bool is_rejected;     /* by a rule */
	bool is_closed;       /* by us, for reasons of our own */
	/* What a router said, in place of the refusal; NULL: none did. */
	const struct unreachable_error *heard;
};

struct dial_ops {
	/*
	 * A socket is on its way, from and to here; perhaps not the last.
	 * `own` is NULL where there are no addresses: a Unix socket.
	 */
	void (*on_socket)(void *ctx, struct dial *dial,
			  const struct tuple *own);
	/* The stream begins at `fd`, which is the caller's now. */
	void (*on_connected)(void *ctx, struct dial *dial, int fd, int ifindex);
	/* Nothing came of it. */
	void (*on_failed)(void *ctx, struct dial *dial,
			  const struct dial_failure *failure);
};

/* What all dials share; everything is borrowed. */
struct dialler {
	struct ev_loop *loop;
	struct poller *poller;
	struct resolver *resolver;
	const struct uplink_watch *uplinks;
	const struct dial_ops *ops;
	void *ctx;
};

struct dial_conf {
	struct policy_outbound
		*outbound;       /* no group; learns about pipelining */
	const char *uplink;      /* the one that is pinned, NULL: found */
	const struct name *name; /* NULL: dst is a real address */
	struct endpoint dst;     /* with a name: its fake address */
	bool is_udp;     /* ask a SOCKS5 server for an association instead */
	bool has_others; /* who asked has other outbounds to try */
	bool is_greeting_only; /* of a proxy: would it take a request? */
	bool is_trial;         /* of pipelining, whatever was learnt */
	/*
	 * Directly and by an interface: the first packet goes this far, and
	 * the router where it ends is heard; 0: as far as packets go.
	 */
	uint8_t ttl;
};

enum dial_phase {
	DIAL_NONE, /* not started, ended */
	DIAL_RESOLVING,
	DIAL_CONNECTING,
	DIAL_TALKING,
};

/* Members are private. */
struct dial {
	const struct dialler *dialler;
	struct dial_conf conf;
	struct poller_source *source; /* borrowed: what polls the socket */
	enum dial_phase phase;
	enum addr_family family; /* that is being asked for */
	bool is_second_family;
	int fd, ifindex;
	struct resolver_lookup *lookup;
	size_t at, count; /* of the addresses to try */
	struct addr addrs[RESOLVER_ADDRS_MAX];
	struct ev_timer attempt;
	int64_t started_us, reached_us; /* monotonic: the socket is connected */
	bool is_heard;
	struct unreachable_error heard;
	bool is_pipelined;
	struct handshake handshake;
};

/*
 * Begins; one of on_connected and on_failed follows, perhaps before this
 * returns.  Events of `source` go to dial_on_event() until then.
 */
void dial_start(struct dial *dial, const struct dialler *dialler,
		const struct dial_conf *conf, struct poller_source *source);
void dial_on_event(struct dial *dial, uint32_t events);

/* Gives up silently.  One that has ended is fine. */
void dial_stop(struct dial *dial);

/* What to say when time is over. */
struct dial_failure dial_failure_if_late(const struct dial *dial);

#endif
