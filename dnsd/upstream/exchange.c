// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/exchange.h"

#include "common/err.h"
#include "dnsd/upstream/packet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* Datagrams read in one go, so that a flood at one port starves nobody. */
#define DATAGRAMS_MAX 16

_Static_assert(STREAM_QUERY_MAX >= PACKET_QUERY_MAX, "every query has room");

void exchange_init(struct exchange *exchange, struct exchanges *all, void *ctx)
{
	*exchange = (struct exchange){.all = all, .fd = -1, .ctx = ctx};
}

bool exchange_is_open(const struct exchange *exchange)
{
	return exchange->way != EXCHANGE_AT_REST;
}

void exchange_stop(struct exchange *exchange)
{
	if (exchange->fd >= 0) {
		ev_io_stop(exchange->all->loop, &exchange->io);
		close(exchange->fd);
		exchange->fd = -1;
	}
	stream_withdraw(&exchange->query);
	if (exchange->call)
		tunnel_call_free(exchange->call);
	exchange->call = NULL;
	exchange->way = EXCHANGE_AT_REST;
}

static void end(struct exchange *exchange, const struct exchange_result *result)
{
	exchange_stop(exchange);
	exchange->all->fn(exchange, result);
}

static void end_with_error(struct exchange *exchange, int status,
			   const char *why)
{
	end(exchange, &(struct exchange_result){.status = status, .why = why});
}

static bool is_encrypted(const struct exchange *exchange)
{
	return exchange->server.transport == UPSTREAM_TLS ||
	       exchange->server.transport == UPSTREAM_HTTPS;
}

/* The subnet to be told, or NULL. */
static const struct prefix *subnet_for(const struct exchange *exchange)
{
	const struct upstream_ecs *ecs = &exchange->links->conf.upstream->ecs;
	const struct prefix *own = &exchange->question->subnet;

	switch (ecs->kind) {
	case UPSTREAM_ECS_STRIP:
		break;
	case UPSTREAM_ECS_KEEP:
		return own->addr.family == ADDR_NONE ? NULL : own;
	case UPSTREAM_ECS_SET:
		return &ecs->prefix;
	}
	return NULL;
}

static size_t write_query(const struct exchange *exchange, uint16_t id,
			  uint8_t out[PACKET_QUERY_MAX])
{
	const struct question *question = exchange->question;
	const struct prefix *subnet = subnet_for(exchange);
	size_t length = packet_query(question, id, exchange->has_edns, out);

	if (!exchange->has_edns)
		return length;
	if (subnet)
		length = packet_add_subnet(question, subnet, out, length);
	if (is_encrypted(exchange))
		length = packet_pad(question, out, length);
	return length;
}

static const struct upstream_way *way_of(const struct exchange *exchange)
{
	return group_way(exchange->links->conf.upstream, &exchange->server);
}

static int open_socket(struct exchange *exchange)
{
	struct sockaddr_storage ss;
	const struct exchanges *all = exchange->all;
	const struct addr *addr = &exchange->server.endpoint.addr;

	int fd = socket(addr_af(addr),
			SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int ret = uplink_bind(fd, uplink_watch_state(all->watch), addr,
			      way_of(exchange)->interface);
	if (ret < 0)
		goto close_fd;
	socklen_t length =
		endpoint_to_sockaddr(&exchange->server.endpoint, &ss);
	if (connect(fd, (struct sockaddr *)&ss, length) < 0) {
		ret = -errno;
		goto close_fd;
	}
	return fd;

close_fd:
	close(fd);
	return ret;
}

static void on_udp(struct ev_loop *loop, struct ev_io *io, int events);

/* Each query has a new socket with a new ID. */
static int begin_udp(struct exchange *exchange)
{
	uint8_t query[PACKET_QUERY_MAX];
	size_t length;

	if (getrandom(&exchange->id, sizeof(exchange->id), 0) !=
	    sizeof(exchange->id))
		return -EIO;
	int ret = open_socket(exchange);
	if (ret < 0)
		return ret;
	exchange->fd = ret;
	ev_io_init(&exchange->io, on_udp, exchange->fd, EV_READ);
	exchange->io.data = exchange;
	length = write_query(exchange, exchange->id, query);
	if (send(exchange->fd, query, length, MSG_NOSIGNAL) < 0)
		return -errno;
	ev_io_start(exchange->all->loop, &exchange->io);
	return 0;
}

static int begin_stream(struct exchange *exchange)
{
	struct links *links = exchange->links;
	struct stream_way way = {.interface = way_of(exchange)->interface};
	int ret = 0;

	if (links_need_tunnel(links, &exchange->server))
		ret = links_tunnel(links, &exchange->server, &way.tunnel);
	if (ret < 0)
		return ret;
	return stream_ask(&links->streams[exchange->index], &way,
			  &exchange->server, &exchange->query);
}

static void on_https(void *ctx, const struct tunnel_result *result);

static int begin_https(struct exchange *exchange)
{
	uint8_t query[PACKET_QUERY_MAX];
	struct tunnel *tunnel;
	int ret = links_tunnel(exchange->links, &exchange->server, &tunnel);

	if (ret < 0)
		return ret;
	exchange->id = 0;
	ret = tunnel_ask(tunnel, &exchange->call, &exchange->server, query,
			 write_query(exchange, 0, query));
	if (ret == 0)
		tunnel_call_set(exchange->call, on_https, exchange);
	return ret;
}

static int begin(struct exchange *exchange, enum exchange_way way)
{
	int ret = -EINVAL;

	assert(exchange->way == EXCHANGE_AT_REST);
	exchange->way = way;
	switch (way) {
	case EXCHANGE_UDP:
		ret = begin_udp(exchange);
		break;
	case EXCHANGE_STREAM:
		ret = begin_stream(exchange);
		break;
	case EXCHANGE_HTTPS:
		ret = begin_https(exchange);
		break;
	case EXCHANGE_AT_REST:
		break;
	}
	if (ret < 0)
		exchange_stop(exchange);
	return ret;
}

static enum exchange_way way_to(const struct exchange *exchange)
{
	switch (exchange->server.transport) {
	case UPSTREAM_HTTPS:
		return EXCHANGE_HTTPS;
	case UPSTREAM_TCP:
	case UPSTREAM_TLS:
		return EXCHANGE_STREAM;
	case UPSTREAM_UDP:
	case UPSTREAM_SYSTEM:
		break;
	}
	return way_of(exchange)->proxy ? EXCHANGE_STREAM : EXCHANGE_UDP;
}

int exchange_start(struct exchange *exchange, struct links *links,
		   const struct group *group, size_t index,
		   const struct question *question)
{
	exchange->links = links;
	exchange->index = index;
	exchange->server = group->servers[index];
	exchange->has_edns = true;
	exchange->is_again = false;
	exchange->question = question;
	return begin(exchange, way_to(exchange));
}

static void begin_again(struct exchange *exchange, enum exchange_way way)
{
	exchange_stop(exchange);
	int ret = begin(exchange, way);
	if (ret < 0)
		end_with_error(exchange, ret, NULL);
}

/* Acts on a whole message; false when it was not ours. */
static bool take_message(struct exchange *exchange, const uint8_t *message,
			 size_t length)
{
	struct exchange_result result = {.message = message, .length = length};
	struct packet_wanted wanted = {
		.question = exchange->question,
		.id = exchange->id,
		.pool = exchange->all->pool,
	};
	enum packet_kind kind =
		packet_check(&wanted, message, length, &result.poison);

	switch (kind) {
	case PACKET_FOREIGN:
		exchange->all->foreign++;
		return false;
	case PACKET_ANSWER:
		break;
	case PACKET_TRUNCATED:
		if (exchange->way != EXCHANGE_UDP) {
			result.status = ERR_MALFORMED;
			break;
		}
		exchange->all->truncated++;
		begin_again(exchange, EXCHANGE_STREAM);
		return true;
	case PACKET_NO_EDNS:
		if (exchange->has_edns) {
			exchange->has_edns = false;
			begin_again(exchange, exchange->way);
			return true;
		}
		result.status = ERR_REFUSED;
		break;
	case PACKET_FAILURE:
		result.status = ERR_REFUSED;
		break;
	case PACKET_MALFORMED:
		result.status = ERR_MALFORMED;
		break;
	case PACKET_POISONED:
		result.status = ERR_FOREIGN;
		break;
	}
	end(exchange, &result);
	return true;
}

static void on_udp(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct exchange *exchange = io->data;
	struct exchanges *all = exchange->all;

	(void)loop;
	(void)events;
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		ssize_t length =
			recv(exchange->fd, all->udp, sizeof(all->udp), 0);
		if (length < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return;
			end_with_error(exchange, -errno, NULL);
			return;
		}
		if (take_message(exchange, all->udp, (size_t)length))
			return;
	}
}

static struct exchange *exchange_of(struct stream_query *query)
{
	uint8_t *bytes = (uint8_t *)query;

	return (struct exchange *)(void *)(bytes -
					   offsetof(struct exchange, query));
}

static size_t on_write(struct stream_query *query, uint8_t *out)
{
	struct exchange *exchange = exchange_of(query);

	exchange->id = query->id;
	return write_query(exchange, query->id, out);
}

static bool on_message(struct stream_query *query, const uint8_t *message,
		       size_t length)
{
	return take_message(exchange_of(query), message, length);
}

static void on_error(struct stream_query *query, int status, const char *why)
{
	end_with_error(exchange_of(query), status, why);
}

const struct stream_ops exchange_stream_ops = {
	.write = on_write,
	.on_message = on_message,
	.on_error = on_error,
};

/* Its body lives in the call, which ends only when the answer is read. */
static void on_https(void *ctx, const struct tunnel_result *result)
{
	struct exchange *exchange = ctx;

	/* A kept connection may have ended before the query came to it. */
	if (result->is_lost && !exchange->is_again) {
		exchange->is_again = true;
		begin_again(exchange, EXCHANGE_HTTPS);
		return;
	}
	if (result->status < 0)
		end_with_error(exchange, result->status, result->why);
	else if (!take_message(exchange, result->body, result->length))
		end_with_error(exchange, ERR_MALFORMED, NULL);
}
