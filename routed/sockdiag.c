// SPDX-License-Identifier: BSD-2-Clause
#include "routed/sockdiag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define BUFFER_BYTES (32 * 1024)
#define DESTROY_BATCH 256
#define DESTROY_ROUNDS 64
#define ANSWER_S 2 /* the kernel always answers; never wait for ever */

struct sockdiag {
	int fd; /* owned */
	uint32_t sequence;
	_Alignas(struct nlmsghdr) char buffer[BUFFER_BYTES];
};

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

typedef void (*message_fn)(void *ctx, const struct inet_diag_msg *message);

int sockdiag_open(struct sockdiag **out)
{
	const struct timeval limit = {.tv_sec = ANSWER_S};
	struct sockdiag *diag = calloc(1, sizeof(*diag));
	if (!diag)
		return -ENOMEM;
	diag->fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (diag->fd < 0 || setsockopt(diag->fd, SOL_SOCKET, SO_RCVTIMEO,
				       &limit, sizeof(limit)) < 0) {
		int ret = -errno;
		sockdiag_close(diag);
		return ret;
	}
	*out = diag;
	return 0;
}

void sockdiag_close(struct sockdiag *diag)
{
	if (!diag)
		return;
	if (diag->fd >= 0)
		close(diag->fd);
	free(diag);
}

static int ask(struct sockdiag *diag, uint16_t type, uint16_t flags,
	       const struct inet_diag_req_v2 *body)
{
	struct request request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = type,
			   .nlmsg_flags = NLM_F_REQUEST | flags,
			   .nlmsg_seq = ++diag->sequence},
		.body = *body,
	};
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (sendto(diag->fd, &request, sizeof(request), 0,
		   (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

/* 1: go on, 0: that was all, or the error that the kernel answered. */
static int read_message(const struct nlmsghdr *header, message_fn fn, void *ctx)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);

	if (header->nlmsg_type == NLMSG_DONE)
		return 0;
	if (header->nlmsg_type == NLMSG_ERROR)
		return header->nlmsg_len < NLMSG_LENGTH(sizeof(*error))
			       ? -EBADMSG
			       : error->error;
	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
		return -EBADMSG;
	if (fn)
		fn(ctx, NLMSG_DATA(header));
	return header->nlmsg_flags & NLM_F_MULTI ? 1 : 0;
}

/* Reads answers to the last question until its end. */
static int listen_for(struct sockdiag *diag, message_fn fn, void *ctx)
{
	for (;;) {
		ssize_t n = recv(diag->fd, diag->buffer, BUFFER_BYTES, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		int left = (int)n; /* below 0 behind the last one's padding */
		const struct nlmsghdr *header = (void *)diag->buffer;
		for (; NLMSG_OK(header, left);
		     header = NLMSG_NEXT(header, left)) {
			if (header->nlmsg_seq != diag->sequence)
				continue; /* of one that timed out */
			int ret = read_message(header, fn, ctx);
			if (ret <= 0)
				return ret;
		}
	}
}

static struct endpoint endpoint_of(uint8_t family, const __be32 *bytes,
				   uint16_t port)
{
	struct endpoint endpoint = {.port = ntohs(port)};
	const uint32_t *words = bytes;
	bool is_mapped = family == AF_INET6 && words[0] == 0 && words[1] == 0 &&
			 words[2] == htonl(0xffff);

	if (is_mapped || family == AF_INET) {
		endpoint.addr.family = ADDR_IPV4;
		memcpy(endpoint.addr.bytes, is_mapped ? words + 3 : words, 4);
	} else {
		endpoint.addr.family = ADDR_IPV6;
		memcpy(endpoint.addr.bytes, words, 16);
	}
	return endpoint;
}

static struct sockdiag_socket socket_of(const struct inet_diag_msg *message)
{
	const struct inet_diag_sockid *id = &message->id;

	return (struct sockdiag_socket){
		.local = endpoint_of(message->idiag_family, id->idiag_src,
				     id->idiag_sport),
		.remote = endpoint_of(message->idiag_family, id->idiag_dst,
				      id->idiag_dport),
		.inode = message->idiag_inode,
		.uid = message->idiag_uid,
	};
}

static uint8_t protocol_of(enum network network)
{
	return network == NETWORK_UDP ? IPPROTO_UDP : IPPROTO_TCP;
}

struct each {
	sockdiag_fn fn;
	void *ctx;
	uint16_t port;
};

static void on_each(void *ctx, const struct inet_diag_msg *message)
{
	const struct each *each = ctx;
	const struct sockdiag_socket socket = socket_of(message);

	if (each->port == 0 || socket.local.port == each->port)
		each->fn(each->ctx, &socket);
}

static int dump(struct sockdiag *diag, uint8_t family,
		const struct sockdiag_query *query, message_fn fn, void *ctx)
{
	const struct inet_diag_req_v2 body = {
		.sdiag_family = family,
		.sdiag_protocol = protocol_of(query->network),
		.idiag_states = query->states,
		.id.idiag_sport = htons(query->port),
	};
	int ret = ask(diag, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &body);
	return ret < 0 ? ret : listen_for(diag, fn, ctx);
}

int sockdiag_each(struct sockdiag *diag, const struct sockdiag_query *query,
		  sockdiag_fn fn, void *ctx)
{
	struct each each = {.fn = fn, .ctx = ctx, .port = query->port};
	int ret = dump(diag, AF_INET, query, on_each, &each);

	if (ret < 0)
		return ret;
	ret = dump(diag, AF_INET6, query, on_each, &each);
	return ret == -ENOENT ? 0 : ret; /* a kernel without IPv6 */
}

static void set_side(__be32 *bytes, __be16 *port,
		     const struct endpoint *endpoint)
{
	memcpy(bytes, endpoint->addr.bytes, addr_size(&endpoint->addr));
	*port = htons(endpoint->port);
}

static void on_found(void *ctx, const struct inet_diag_msg *message)
{
	struct sockdiag_socket *socket = ctx;

	*socket = socket_of(message);
}

int sockdiag_find(struct sockdiag *diag, enum network network,
		  const struct endpoint *src, const struct endpoint *dst,
		  struct sockdiag_socket *socket)
{
	struct inet_diag_req_v2 body = {
		.sdiag_family = (uint8_t)addr_af(&src->addr),
		.sdiag_protocol = protocol_of(network),
		.idiag_states = ~0U,
		.id.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE},
	};
	bool is_udp = network == NETWORK_UDP;

	/* "src and dst are swapped for historical reasons": udp_diag.c */
	set_side(body.id.idiag_src, &body.id.idiag_sport, is_udp ? dst : src);
	set_side(body.id.idiag_dst, &body.id.idiag_dport, is_udp ? src : dst);
	memset(socket, 0, sizeof(*socket));
	int ret = ask(diag, SOCK_DIAG_BY_FAMILY, 0, &body);
	if (ret == 0)
		ret = listen_for(diag, on_found, socket);
	if (ret == 0 && socket->local.addr.family == ADDR_NONE)
		ret = -ENOENT;
	return ret;
}

struct doomed {
	const struct addr *src;
	struct {
		uint8_t family;
		struct inet_diag_sockid id;
	} sockets[DESTROY_BATCH];
	size_t count;
};

static void on_doomed(void *ctx, const struct inet_diag_msg *message)
{
	struct doomed *doomed = ctx;
	const struct sockdiag_socket socket = socket_of(message);

	if (doomed->count == DESTROY_BATCH ||
	    !addr_equal(&socket.local.addr, doomed->src))
		return;
	doomed->sockets[doomed->count].family = message->idiag_family;
	doomed->sockets[doomed->count].id = message->id;
	doomed->count++;
}

/* A mapped IPv4 address may be the source of an IPv6 socket. */
static int collect(struct sockdiag *diag, enum network network,
		   struct doomed *doomed)
{
	const struct sockdiag_query query = {.network = network,
					     .states = SOCKDIAG_ALIVE};
	int ret = 0;

	doomed->count = 0;
	if (doomed->src->family == ADDR_IPV4)
		ret = dump(diag, AF_INET, &query, on_doomed, doomed);
	if (ret < 0)
		return ret;
	ret = dump(diag, AF_INET6, &query, on_doomed, doomed);
	return ret == -ENOENT ? 0 : ret;
}

static int destroy_all(struct sockdiag *diag, enum network network,
		       const struct doomed *doomed)
{
	int destroyed = 0;

	for (size_t i = 0; i < doomed->count; i++) {
		const struct inet_diag_req_v2 body = {
			.sdiag_family = doomed->sockets[i].family,
			.sdiag_protocol = protocol_of(network),
			.idiag_states = ~0U,
			.id = doomed->sockets[i].id,
		};
		int ret = ask(diag, SOCK_DESTROY, NLM_F_ACK, &body);
		if (ret == 0)
			ret = listen_for(diag, NULL, NULL);
		if (ret == -EOPNOTSUPP || ret == -EPERM)
			return ret;
		if (ret == 0)
			destroyed++; /* else it ended by itself */
	}
	return destroyed;
}

int sockdiag_destroy(struct sockdiag *diag, const struct addr *src)
{
	static const enum network networks[] = {NETWORK_TCP, NETWORK_UDP};
	struct doomed doomed = {.src = src};
	int destroyed = 0;

	for (size_t i = 0; i < ARRAY_LEN(networks); i++) {
		for (int round = 0; round < DESTROY_ROUNDS; round++) {
			int ret = collect(diag, networks[i], &doomed);
			if (ret == 0)
				ret = destroy_all(diag, networks[i], &doomed);
			if (ret < 0)
				return ret;
			destroyed += ret;
			if (ret == 0 || doomed.count < DESTROY_BATCH)
				break;
		}
	}
	return destroyed;
}
