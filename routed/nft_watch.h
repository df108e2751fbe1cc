// SPDX-License-Identifier: BSD-2-Clause
/*
 * nft_watch.h - being told that somebody changed the kernel's nftables.
 *
 * The kernel ends each change with a message that has the process which made
 * it; ours are skipped (in another process namespace than the first they are
 * not known as ours: whoever listens looks once more, and finds nothing).
 * That a quota is used up is told too.
 * That messages were lost counts as a change.
 *
 * Privilege	CAP_NET_ADMIN when it is opened
 * Errors	-errno
 * Thread	the thread of the loop
 * Source	linux/netfilter/nf_tables.h, NFT_MSG_NEWGEN
 */
#ifndef ERSATZ_ROUTED_NFT_WATCH_H
#define ERSATZ_ROUTED_NFT_WATCH_H

#include "common/compiler.h"

#include <ev.h>
#include <stdint.h>

struct nft_watch;
typedef void (*nft_watch_fn)(void *ctx);

/* Calls `fn` once for all that waited. */
NODISCARD int nft_watch_open(struct nft_watch **watch, struct ev_loop *loop,
			     nft_watch_fn fn, void *ctx);
void nft_watch_close(struct nft_watch *watch);

/* The program that made the last change, as the kernel calls it; or "". */
const char *nft_watch_changer(const struct nft_watch *watch, uint32_t *pid);

#endif
