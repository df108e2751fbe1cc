// SPDX-License-Identifier: BSD-2-Clause
/*
 * nft.h - running nft commands; the boundary of libnftables.
 *
 * Errors	-ENOMEM; -EINVAL when nft refused, its words are in `error`
 */
#ifndef ERSATZ_ROUTED_NFT_H
#define ERSATZ_ROUTED_NFT_H

#include "common/compiler.h"

#include <stddef.h>
#include <stdint.h>

#define NFT_ERROR_SIZE 256

/* In the namespace of the calling thread; all of `commands` or nothing. */
NODISCARD int nft_run(const char *commands, char *error, size_t size);

/*
 * The commands that send each TCP packet of a namespace to 127.0.0.1:port4
 * or [::1]:port6 (tproxy).  Returns the length as snprintf() does.
 */
int nft_steer_commands(char *out, size_t size, uint16_t port4, uint16_t port6);

#endif
