// SPDX-License-Identifier: BSD-2-Clause
/*
 * host.h - the host's routing state as one thing: captured or as it was.
 *
 * Ties dump, plan, reconcile, journal and apply together.  Whatever changes -
 * an uplink, a foreign program that flushes rules, a fact that was learnt -
 * only marks the state dirty; one function then dumps, plans and applies the
 * difference, within 200 ms, several changes at once, at most ten times a
 * second.  After three repairs in a row of what nobody of us removed, a
 * warning says so and names who may have.
 *
 * Start	host_open(); the TUN is made, with the addresses of
 *		plan_tun_addr(); host_capture()
 * Run		host_set_*() whenever a fact changes; host_set_tun(0) when the
 *		relay died, with the new index when there is another
 * Stop		host_release(), then the TUN may go; host_close()
 *
 * Privilege	CAP_NET_ADMIN; nothing else once host_open() has returned (but
 *		for the resolver's files, which routed's root owns)
 * Errors	-errno, ERR_FOREIGN (somebody has what we need: `why` tells)
 * Thread	the thread of the loop; in the network namespace in which
 *		host_open() was called
 */
#ifndef ERSATZ_ROUTED_HOST_H
#define ERSATZ_ROUTED_HOST_H

#include "common/config.h"
#include "common/nl.h"
#include "routed/capture.h"
#include "routed/direct.h"
#include "routed/lan.h"
#include "routed/reconcile.h"

#include <ev.h>

#define HOST_WHY_SIZE 512
#define HOST_DIRECTS_MAX CAPTURE_DIRECTS_MAX

struct host;

/*
 * Called after the state was dumped anew and differs, and once within
 * host_open(): uplinks may be others now.
 */
typedef void (*host_change_fn)(void *ctx, const struct nl_state *state);

/*
 * Dumps, follows changes, takes nothing yet.  What an earlier instance left
 * behind is removed (recover.h).  Config and loop are borrowed.
 */
NODISCARD int host_open(struct host **host, struct ev_loop *loop,
			const struct config *config, host_change_fn fn,
			void *ctx);

/* Releases if need be. */
void host_close(struct host *host);

/*
 * Installs everything, verifies, takes the resolver over; on failure all is
 * as before and `why` (HOST_WHY_SIZE) says what could not be done.
 */
NODISCARD int host_capture(struct host *host, int tun_ifindex, char *why);

/*
 * Removes everything in the reverse order, but for the guard that the
 * configuration may want.  Logs what it cannot.
 */
void host_release(struct host *host);

/*
 * For an end that nobody asked for: where `on-crash: closed` closes this host
 * everything stays as it is, for --recover or the next start; else released.
 */
void host_abandon(struct host *host);

/* Another configuration (the old one may be freed after this). */
void host_set_config(struct host *host, const struct config *config);

/*
 * Facts; copied.  They are acted upon soon, or with host_capture().  0 for a
 * TUN that is gone: new connections go directly then.
 */
void host_set_tun(struct host *host, int tun_ifindex);

/* What is known of this host's sockets: all of it, each time. */
struct host_facts {
	const struct uid_range *uids;
	size_t uid_count;
	const struct prefix *far_ends;
	size_t far_end_count;
	const struct endpoint *udp_servers;
	size_t udp_server_count;
	const uint16_t *tunnel_ports;
	size_t tunnel_port_count;
};
NODISCARD int host_learn(struct host *host, const struct host_facts *facts);

/*
 * For one far end that must work before the next packet: added at once
 * (existing ones are 0), kept by later host_learn() only if listed.
 */
NODISCARD int host_add_far_end(struct host *host, const struct prefix *end);

/*
 * At most HOST_DIRECTS_MAX addresses of a DIRECT name, direct_is_fit() each:
 * when it returns their throws stand, and they go after the TTL and some grace
 * (direct.h).  Only `capture: all` has a use for them: nothing is done
 * otherwise.
 */
NODISCARD int host_add_directs(struct host *host, const struct addr *addrs,
			       size_t count, int64_t ttl_s);

/* The last dump. */
const struct nl_state *host_state(const struct host *host);

/*
 * Whether this host has switched IPv6 off, for the TUN or, while there is
 * none, for devices that are yet to come.
 */
bool host_is_ipv6_off(const struct config *config);

/* What the configuration and this host say without being asked twice. */
void host_find_facts(struct plan_facts *facts, const struct config *config);

/* For --status. */
struct host_status {
	bool is_captured;
	size_t objects;    /* wanted and in place */
	uint64_t repairs;  /* objects that others had removed */
	uint64_t foreign;  /* objects of others where ours should be */
	const char *rival; /* who removes ours again and again; "": nobody */
	bool has_resolver;
	bool is_resolved_told; /* it, in place of resolv.conf */
	struct direct_stats directs;
	bool is_closed; /* nothing leaves past us, nor after us */
};
struct host_status host_status(const struct host *host);

/*
 * What stands now against what should: all that a repair would do, for
 * reconcile_fini().  `why` (HOST_WHY_SIZE) tells what could not be done.
 */
NODISCARD int host_diff(struct host *host, struct reconcile *diff, char *why);

/* Both ask the kernel. */
struct firewall_counters host_refused(struct host *host);
struct lan_counters host_lan(struct host *host);

#endif
