// SPDX-License-Identifier: BSD-2-Clause
/*
 * nft.h - running nft commands; the boundary of libnftables.
 *
 * Errors	-ENOMEM; -EINVAL when nft refused, -ENOENT when it did because
 *		there is no such thing: its words are in `error`
 *		(NFT_ERROR_SIZE); -errno when this kernel has no nftables
 * Privilege	CAP_NET_ADMIN
 */
#ifndef ERSATZ_ROUTED_NFT_H
#define ERSATZ_ROUTED_NFT_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NFT_ERROR_SIZE 256

/*
 * One socket to the kernel, in the namespace of the thread that opened it.
 * Tables with `flags owner` that it made can be changed by nobody else, and go
 * with it.
 */
struct nft;
NODISCARD int nft_open(struct nft **nft);
void nft_close(struct nft *nft);

/* All of `commands` or nothing. */
NODISCARD int nft_change(struct nft *nft, const char *commands, char *error);

/*
 * What a `list` command prints, without what changes by itself (counters and
 * the elements of sets) if `is_still`; the caller frees the text.
 */
NODISCARD int nft_show(struct nft *nft, const char *command, bool is_still,
		       char **text, char *error);

/* nft_change() with a socket of its own. */
NODISCARD int nft_run(const char *commands, char *error, size_t size);

/*
 * The commands that send each TCP packet of a namespace to 127.0.0.1:port4
 * or [::1]:port6 (tproxy).  Returns the length as snprintf() does.
 */
int nft_steer_commands(char *out, size_t size, uint16_t port4, uint16_t port6);

#endif
