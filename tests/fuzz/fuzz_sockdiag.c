// SPDX-License-Identifier: BSD-2-Clause
/* What the kernel says of sockets, and of changes in nftables and routes. */
#include "common/nl_watch.h"
#include "routed/nft_watch.h"
#include "routed/sockdiag.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <ev.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t *input;
static size_t input_size;

ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags);

/* Each read gets what two bytes say; then there is nothing more. */
ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags)
{
	size_t length;

	(void)fd;
	(void)flags;
	if (input_size < 2) {
		errno = EAGAIN;
		return -1;
	}
	length = (size_t)input[0] << 8 | input[1];
	input += 2;
	input_size -= 2;
	if (length > input_size)
		length = input_size;
	if (length > size)
		length = size;
	memcpy(buffer, input, length);
	input += length;
	input_size -= length;
	return (ssize_t)length;
}

static void on_socket(void *ctx, const struct sockdiag_socket *socket)
{
	(void)ctx;
	fuzz_require(socket->local.addr.family != ADDR_NONE);
}

static void on_change(void *ctx)
{
	(void)ctx;
}

static void read_sockets(void)
{
	static const struct sockdiag_query query = {.network = NETWORK_TCP,
						    .states = SOCKDIAG_ALIVE};
	struct sockdiag *diag;

	/* A new one each time: its sequence numbers begin anew. */
	fuzz_require(sockdiag_open(&diag) == 0);
	fuzz_require(sockdiag_each(diag, &query, on_socket, NULL) <= 0);
	sockdiag_close(diag);
}

static void read_changes(bool is_nft)
{
	struct ev_loop *loop = ev_loop_new(EVBACKEND_SELECT);
	struct nft_watch *nft = NULL;
	struct nl_watch *routes = NULL;

	fuzz_require(loop);
	if (is_nft)
		fuzz_require(nft_watch_open(&nft, loop, on_change, NULL) == 0);
	else
		fuzz_require(nl_watch_open(&routes, loop, 1, on_change, NULL) ==
			     0);
	/* The only watchers of descriptors that there are. */
	for (int fd = 0; fd < 64; fd++)
		ev_feed_fd_event(loop, fd, EV_READ);
	ev_run(loop, EVRUN_NOWAIT);
	nft_watch_close(nft);
	nl_watch_close(routes);
	ev_loop_destroy(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t kind = fuzz_byte(&data, &size) % 3;

	input = data;
	input_size = size;
	if (kind == 0)
		read_sockets();
	else
		read_changes(kind == 1);
	return 0;
}
