// SPDX-License-Identifier: BSD-2-Clause
/*
 * takeover.h - the system's resolver while we run (routed.resolver).
 *
 * A resolv.conf that another program writes meanwhile, a DHCP client that came
 * to another network, becomes what was there before, for upstream `system` and
 * for the end, and is taken over anew; three times in ten seconds at most.
 *
 * systemd-resolved (resolved_bus.h) is told of the TUN, each time there is
 * another one; resolv.conf is left alone then.  `auto` does so where
 * resolv.conf leads to its stub, and takes the file if it cannot be talked to.
 *
 * Errors	-errno; `why` (TAKEOVER_WHY_SIZE) has the sentence
 */
#ifndef ERSATZ_ROUTED_TAKEOVER_H
#define ERSATZ_ROUTED_TAKEOVER_H

#include "common/config.h"
#include "common/file_watch.h"
#include "common/log.h"

#include <ev.h>
#include <stdbool.h>

#define TAKEOVER_WHY_SIZE 256

struct takeover {
	struct file_watch *watch;    /* owned; NULL: what changes is not seen */
	const struct config *config; /* borrowed; of the last start */
	struct log_limit again;
	struct ev_loop *loop;  /* borrowed */
	struct ev_timer pause; /* of a quarrel */
	bool is_taken;
	bool is_bus;     /* resolved was told, of this TUN */
	int tun_ifindex; /* 0: there is none now */
};

/* All zero is one that sees no changes. */
void takeover_init(struct takeover *takeover, struct ev_loop *loop);
/* Gives nothing back. */
void takeover_fini(struct takeover *takeover);

/* Takes what the configuration names; nothing when that is "off". */
NODISCARD int takeover_start(struct takeover *takeover,
			     const struct config *config, char *why);

/* There is another TUN, or none (0): who was told of the last one is told. */
void takeover_follow_tun(struct takeover *takeover, int tun_ifindex);

/* Gives it back, if it is taken; negative, and logged, when it cannot. */
int takeover_stop(struct takeover *takeover, const struct config *config);

#endif
