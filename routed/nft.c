// SPDX-License-Identifier: BSD-2-Clause
#include "routed/nft.h"

#include <errno.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The first line of what nft has to say; the others draw arrows under it. */
static void keep_first_line(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

/* libnftables ends the whole process where it gets no socket. */
static int check_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* The library has no type for it to be hidden in a struct of ours. */
static struct nft_ctx *context_of(struct nft *nft)
{
	return (struct nft_ctx *)nft;
}

int nft_open(struct nft **nft)
{
	int ret = check_socket();
	struct nft_ctx *new;

	if (ret < 0)
		return ret;
	new = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!new)
		return -ENOMEM;
	if (nft_ctx_buffer_output(new) != 0 || nft_ctx_buffer_error(new) != 0) {
		nft_ctx_free(new);
		return -ENOMEM;
	}
	*nft = (struct nft *)new;
	return 0;
}

void nft_close(struct nft *nft)
{
	if (nft)
		nft_ctx_free(context_of(nft));
}

int nft_change(struct nft *nft, const char *commands, char *error)
{
	struct nft_ctx *ctx = context_of(nft);
	int ret = nft_run_cmd_from_buffer(ctx, commands);
	const char *words = nft_ctx_get_error_buffer(ctx);

	/* Both buffers begin anew with the next command. */
	nft_ctx_get_output_buffer(ctx);
	if (ret == 0)
		return 0;
	keep_first_line(error, NFT_ERROR_SIZE, words);
	return strstr(error, strerror(ENOENT)) ? -ENOENT : -EINVAL;
}

int nft_show(struct nft *nft, const char *command, bool is_still, char **text,
	     char *error)
{
	struct nft_ctx *ctx = context_of(nft);
	const unsigned still = NFT_CTX_OUTPUT_STATELESS |
			       NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_TERSE;
	int ret;

	/* Names of users and services would be looked up in files. */
	nft_ctx_output_set_flags(ctx, NFT_CTX_OUTPUT_NUMERIC_ALL |
					      (is_still ? still : 0));
	ret = nft_run_cmd_from_buffer(ctx, command);
	const char *words = nft_ctx_get_error_buffer(ctx);
	const char *output = nft_ctx_get_output_buffer(ctx);
	if (ret != 0) {
		keep_first_line(error, NFT_ERROR_SIZE, words);
		return strstr(error, strerror(ENOENT)) ? -ENOENT : -EINVAL;
	}
	*text = strdup(output);
	return *text ? 0 : -ENOMEM;
}

int nft_run(const char *commands, char *error, size_t size)
{
	char words[NFT_ERROR_SIZE] = "";
	struct nft *nft;
	int ret = nft_open(&nft);

	if (ret < 0)
		return ret;
	ret = nft_change(nft, commands, words);
	nft_close(nft);
	snprintf(error, size, "%s", words);
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
