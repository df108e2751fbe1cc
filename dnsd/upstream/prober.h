// SPDX-License-Identifier: BSD-2-Clause
/*
 * prober.h - questions of our own: is it well again, does it lead to us?
 *
 * A server that has failed (health.h) is asked for the name servers of the
 * root, and, once it is broken, after each pause; any answer makes it well. And
 * at the start, and whenever the network is another one, each server is asked
 * for a name that nobody has, the canary.  If that name is then asked for here,
 * the server asks us, be it by way of others: it is told and left out, as every
 * question to it would come back.
 *
 * Ownership	prober_new() gives to the caller; groups and links are borrowed
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_UPSTREAM_PROBER_H
#define ERSATZ_DNSD_UPSTREAM_PROBER_H

#include "common/compiler.h"
#include "dnsd/upstream/exchange.h"

#include <stdbool.h>
#include <stddef.h>

struct prober;

struct prober_conf {
	struct ev_loop *loop; /* borrowed, as all of these */
	const struct uplink_watch *watch;
	const struct fake_pool *pool;
	struct group *groups;
	struct links *links;
	size_t group_count;
};

NODISCARD int prober_new(struct prober **prober,
			 const struct prober_conf *conf);
/* Before the links end. */
void prober_free(struct prober *prober);

/* Servers of that group are to be asked for the canary. */
void prober_send_canaries(struct prober *prober, size_t group);

/* Some server has just failed. */
void prober_wake(struct prober *prober);

/* True: the question is one of ours; the server that brought it is told. */
bool prober_take_canary(struct prober *prober, const struct question *question);

#endif
