// SPDX-License-Identifier: BSD-2-Clause
/*
 * rival.h - noticing that another program removes what we install, and who.
 *
 * One repair is an accident; the third in a row is somebody who will do it
 * again: from then on repairs are a second apart, and the warning is due,
 * once in ten minutes.
 *
 * Who it was is looked up when the kernel tells of it, as a script's `ip` is
 * gone a moment later; of such a tool it is told who ran it, too.  A program
 * that stays is found by the socket that it asked the kernel with.
 *
 * Units	milliseconds of the monotonic clock
 * Source	proc(5), netlink(7)
 */
#ifndef ERSATZ_ROUTED_RIVAL_H
#define ERSATZ_ROUTED_RIVAL_H

#include "common/compiler.h"
#include "routed/nft_watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RIVAL_ROW 3           /* repairs that are no accident */
#define RIVAL_PAUSE_MS 10000  /* without one: the row ends */
#define RIVAL_SPACING_MS 1000 /* between repairs, in a long row */
#define RIVAL_WARN_MS 600000
#define RIVAL_NAME_SIZE 192

enum rival_kind {
	RIVAL_OF_ROUTES, /* rules, too */
	RIVAL_OF_TABLE,  /* of nftables */
};
#define RIVAL_KINDS 2

struct rival {
	unsigned row;
	int64_t last_ms;
	int64_t warned_ms;
	bool has_warned;
	struct {
		bool is_seen;               /* since the last repair */
		uint32_t port;              /* of routes */
		char name[RIVAL_NAME_SIZE]; /* who did it; "": not known */
	} of[RIVAL_KINDS];
	char told[RIVAL_NAME_SIZE]; /* whom the last warning named; or "" */
};

/* Somebody has removed routes of ours; the ctx is a rival.  nl_watch.h */
void rival_see(void *ctx, uint32_t port);
/* Somebody has changed nftables. */
void rival_see_table(struct rival *rival, const struct nft_watch *watch);

/*
 * Something of that kind was put back.  True when the warning is due: `told`
 * has the name then.  What the kernel removed by itself, or removed unseen, is
 * no rival's.
 */
bool rival_note(struct rival *rival, enum rival_kind kind, int64_t now_ms);

/* How long the next repair has to wait after the last one; 0: not at all. */
int64_t rival_spacing_ms(const struct rival *rival, int64_t now_ms);

#endif
