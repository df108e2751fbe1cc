// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the kernel says by netlink: links, addresses, routes, rules and
 * neighbours of a dump.  libnl's reading from the socket is replaced by the
 * input; the first byte chooses who reads.
 */
#include "common/nl.h"
#include "common/nl_neigh.h"
#include "tests/fuzz/fuzz.h"

#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <string.h>

static const uint8_t *input;
static size_t input_size;
static nl_recvmsg_msg_cb_t on_valid;
static void *on_valid_ctx;

int __wrap_nl_cb_set(struct nl_cb *cb, enum nl_cb_type type,
		     enum nl_cb_kind kind, nl_recvmsg_msg_cb_t fn, void *ctx);
int __wrap_nl_send_simple(struct nl_sock *sock, int type, int flags, void *buf,
			  size_t size);
int __wrap_nl_recvmsgs(struct nl_sock *sock, struct nl_cb *cb);

int __wrap_nl_cb_set(struct nl_cb *cb, enum nl_cb_type type,
		     enum nl_cb_kind kind, nl_recvmsg_msg_cb_t fn, void *ctx)
{
	(void)cb;
	(void)kind;
	if (type == NL_CB_VALID) {
		on_valid = fn;
		on_valid_ctx = ctx;
	}
	return 0;
}

int __wrap_nl_send_simple(struct nl_sock *sock, int type, int flags, void *buf,
			  size_t size)
{
	(void)sock;
	(void)type;
	(void)flags;
	(void)buf;
	(void)size;
	return 0;
}

/* As libnl does: messages that are whole, each in memory of its own. */
int __wrap_nl_recvmsgs(struct nl_sock *sock, struct nl_cb *cb)
{
	(void)sock;
	(void)cb;
	for (struct nlmsghdr head; input_size >= sizeof(head);) {
		memcpy(&head, input, sizeof(head));
		if (head.nlmsg_len < sizeof(head) ||
		    head.nlmsg_len > input_size)
			break;
		uint8_t *bytes = malloc(head.nlmsg_len);
		fuzz_require(bytes);
		memcpy(bytes, input, head.nlmsg_len);
		struct nl_msg *msg = nlmsg_convert((struct nlmsghdr *)bytes);
		free(bytes);
		fuzz_require(msg);
		on_valid(msg, on_valid_ctx);
		nlmsg_free(msg);
		input += head.nlmsg_len;
		input_size -= head.nlmsg_len;
	}
	return 0;
}

static void on_neighbour(void *ctx, const struct addr *addr,
			 const struct mac *mac)
{
	(void)ctx;
	(void)mac;
	fuzz_require(addr->family != ADDR_NONE);
}

static void read_neighbours(void)
{
	static struct nl_neigh *neigh;

	if (!neigh)
		fuzz_require(nl_neigh_open(&neigh) == 0);
	fuzz_require(nl_neigh_dump(neigh, on_neighbour, NULL) <= 0);
}

static void read_state(void)
{
	static struct nl_reader *reader;
	struct nl_state state = {0};

	if (!reader)
		fuzz_require(nl_reader_open(&reader) == 0);
	if (nl_reader_dump(reader, &state) < 0)
		return;
	for (size_t i = 0; i < state.link_count; i++)
		fuzz_require(strnlen(state.links[i].name, IFNAMSIZ) < IFNAMSIZ);
	for (size_t i = 0; i < state.rule_count; i++)
		fuzz_require(strnlen(state.rules[i].iif, IFNAMSIZ) < IFNAMSIZ);
	fuzz_require(nl_state_equal(&state, &state));
	nl_state_free(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t kind = fuzz_byte(&data, &size);

	input = data;
	input_size = size;
	if (kind & 1)
		read_neighbours();
	else
		read_state();
	return 0;
}
