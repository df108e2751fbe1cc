// SPDX-License-Identifier: BSD-2-Clause
/*
 * upstream.h - asking the real DNS: groups of servers, one answer.
 *
 * Every ask ends with exactly one call of its function: with a checked answer
 * (source, ID and question are those that were asked), or with an error and
 * the sentence for an Extended DNS Error.  UDP from a random port with a
 * random ID, TCP when truncated, the next server on time-out or refusal,
 * within the time of the whole ask.
 *
 * Ownership	the result's bytes live until the function returns
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_UPSTREAM_H
#define ERSATZ_DNSD_UPSTREAM_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/uplink.h"
#include "dnsd/question.h"

#include <ev.h>

struct cache_note;
struct upstreams;

struct upstream_result {
	int status; /* 0, ERR_TIMEOUT, ERR_REFUSED, -ENETUNREACH, ... */
	const uint8_t *message; /* the ID is the upstream's: set your own */
	size_t length;
	const char *why; /* with an error: "all 2 servers of ..." */
	uint16_t ede;    /* RFC 8914 code: 22, 23, ...; 0: none */
	/* Set by lookup.h: no query was made; `ede` says so where it matters.
	 */
	bool is_cached, is_stale;
	struct cache_note *note; /* borrowed; NULL: none */
};

typedef void (*upstream_done_fn)(void *ctx,
				 const struct upstream_result *result);

struct upstreams_stats {
	uint64_t ignored; /* datagrams that answered nothing we had asked */
	uint64_t by_tcp;  /* truncated answers that were asked for again */
};

struct upstreams_conf {
	const struct upstream_conf *groups; /* borrowed from the config */
	const struct outbound_conf
		*outbounds; /* the same; for groups of them */
	size_t group_count;
	int64_t timeout_ms;
	const char *run_dir; /* resolv.conf from before routed's take-over */
	const struct fake_pool *fake;  /* answers inside it are refused */
	const struct endpoint *listen; /* ourselves: never asked */
	size_t listen_count;
	struct upstreams_stats before; /* they go on over a reload */
};

/* What a config says of it; it borrows from the config. */
struct upstreams_conf upstreams_conf_of(const struct config *config);

NODISCARD int upstreams_new(struct upstreams **upstreams, struct ev_loop *loop,
			    const struct upstreams_conf *conf);
/* Ends every ask that is under way with -ECANCELED. */
void upstreams_free(struct upstreams *upstreams);

/*
 * Asks group `index`.  The query sent is made anew from the question (EDNS
 * with DO as asked, the client's subnet only where `ecs` says so).  Negative
 * when it cannot even be started (then `fn` is not called): -EBUSY when too
 * many are under way; each group has an equal share of them.
 */
NODISCARD int upstreams_ask(struct upstreams *upstreams, int index,
			    const struct question *question,
			    upstream_done_fn fn, void *ctx);

/*
 * The group that may hear of names of this network: `preferred`, or the first
 * one whose servers are all private.  -ENOENT: every one is public.
 */
NODISCARD int upstreams_home(struct upstreams *upstreams, int preferred);

/*
 * A number for what the group is: its servers, and how they are reached.  The
 * same over a reload, and in another process; other servers, or another
 * network for those of "system", make it another one.
 */
uint64_t upstreams_key(struct upstreams *upstreams, int index);

/*
 * Another number each time that its servers are reached otherwise: what failed
 * before is worth to be tried again.
 */
uint64_t upstreams_route(const struct upstreams *upstreams, int index);

/* Is the answer for this client alone, as the group hears of its subnet? */
bool upstreams_is_personal(const struct upstreams *upstreams, int index,
			   const struct question *question);

/* True: a question of our own that an upstream has brought back (prober.h). */
bool upstreams_take_canary(struct upstreams *upstreams,
			   const struct question *question);

void upstreams_stats(const struct upstreams *upstreams,
		     struct upstreams_stats *stats);

/* What --explain and --status print of a group: "192.0.2.1:53 by eth0". */
const char *upstreams_describe(const struct upstreams *upstreams, int index,
			       char *out, size_t size);

#endif
