// SPDX-License-Identifier: BSD-2-Clause
#include "routed/nft.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>

/* The first line of what nft has to say; the others draw arrows under it. */
static void keep_first_line(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

int nft_run(const char *commands, char *error, size_t size)
{
	int ret = 0;
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft)
		return -ENOMEM;
	if (nft_ctx_buffer_output(nft) != 0 || nft_ctx_buffer_error(nft) != 0) {
		ret = -ENOMEM;
		goto free_nft;
	}
	if (nft_run_cmd_from_buffer(nft, commands) != 0) {
		keep_first_line(error, size, nft_ctx_get_error_buffer(nft));
		ret = -EINVAL;
	}

free_nft:
	nft_ctx_free(nft);
	return ret;
}

int nft_steer_commands(char *out, size_t size, uint16_t port4, uint16_t port6)
{
	return snprintf(
		out, size,
		"add table inet ersatz\n"
		"add chain inet ersatz steer { type filter hook prerouting "
		"priority mangle; }\n"
		"add rule inet ersatz steer meta nfproto ipv4 "
		"meta l4proto tcp tproxy ip to 127.0.0.1:%u\n"
		"add rule inet ersatz steer meta nfproto ipv6 "
		"meta l4proto tcp tproxy ip6 to [::1]:%u\n",
		port4, port6);
}
