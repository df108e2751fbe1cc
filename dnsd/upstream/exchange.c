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

struct exchange_buffer {
	struct exchange_buffer *next; /* the next free one */
	uint8_t bytes[2 + DNS_MESSAGE_MAX];
};

int exchanges_init(struct exchanges *all)
{
	all->buffers = calloc(EXCHANGE_TCP_BUFFERS, sizeof(*all->buffers));
	if (!all->buffers)
		return -ENOMEM;
	all->free = NULL;
	for (size_t i = 0; i < EXCHANGE_TCP_BUFFERS; i++) {
		all->buffers[i].next = all->free;
		all->free = &all->buffers[i];
	}
	return 0;
}

void exchanges_fini(struct exchanges *all)
{
	free(all->buffers);
	all->buffers = NULL;
	all->free = NULL;
}

void exchange_init(struct exchange *exchange, struct exchanges *all, void *ctx)
{
	*exchange = (struct exchange){.all = all, .fd = -1, .ctx = ctx};
}

bool exchange_is_open(const struct exchange *exchange)
{
	return exchange->fd >= 0;
}

static void give_buffer_back(struct exchange *exchange)
{
	if (!exchange->buffer)
		return;
	exchange->buffer->next = exchange->all->free;
	exchange->all->free = exchange->buffer;
	exchange->buffer = NULL;
}

static void close_socket(struct exchange *exchange)
{
	if (exchange->fd < 0)
		return;
	ev_io_stop(exchange->all->loop, &exchange->io);
	close(exchange->fd);
	exchange->fd = -1;
}

void exchange_stop(struct exchange *exchange)
{
	close_socket(exchange);
	give_buffer_back(exchange);
}

/*
 * The message may lie in the buffer for TCP, so that one goes back only when
 * nobody looks any more; `fn` may have started the exchange anew.
 */
static void end(struct exchange *exchange, const struct exchange_result *result)
{
	struct exchanges *all = exchange->all;
	struct exchange_buffer *buffer = exchange->buffer;

	close_socket(exchange);
	exchange->buffer = NULL;
	all->fn(exchange, result);
	if (buffer) {
		buffer->next = all->free;
		all->free = buffer;
	}
}

static void end_with_error(struct exchange *exchange, int status)
{
	end(exchange, &(struct exchange_result){.status = status});
}

static void on_udp(struct ev_loop *loop, struct ev_io *io, int events);
static void on_tcp_connected(struct ev_loop *loop, struct ev_io *io,
			     int events);
static void on_tcp_readable(struct ev_loop *loop, struct ev_io *io, int events);

static void watch(struct exchange *exchange,
		  void (*fn)(struct ev_loop *, struct ev_io *, int), int events)
{
	ev_io_stop(exchange->all->loop, &exchange->io);
	ev_io_init(&exchange->io, fn, exchange->fd, events);
	exchange->io.data = exchange;
	ev_io_start(exchange->all->loop, &exchange->io);
}

static int send_query(struct exchange *exchange)
{
	uint8_t frame[2 + PACKET_QUERY_MAX];
	size_t length = packet_query(exchange->question, exchange->id,
				     exchange->has_edns, frame + 2);
	size_t skip = exchange->is_tcp ? 0 : 2;

	wire_write16(frame, (uint16_t)length);
	ssize_t sent = send(exchange->fd, frame + skip, length + 2 - skip,
			    MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	/* A new socket has room for 300 bytes. */
	return (size_t)sent == length + 2 - skip ? 0 : -EMSGSIZE;
}

static int open_socket(struct exchange *exchange)
{
	struct sockaddr_storage ss;
	const struct exchanges *all = exchange->all;
	const struct addr *addr = &exchange->server.addr;
	int type = exchange->is_tcp ? SOCK_STREAM : SOCK_DGRAM;

	int fd = socket(addr_af(addr), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int ret = uplink_bind(fd, uplink_watch_state(all->watch), addr,
			      exchange->interface);
	if (ret < 0)
		goto close_fd;
	socklen_t length = endpoint_to_sockaddr(&exchange->server, &ss);
	if (connect(fd, (struct sockaddr *)&ss, length) < 0 &&
	    errno != EINPROGRESS) {
		ret = -errno;
		goto close_fd;
	}
	return fd;

close_fd:
	close(fd);
	return ret;
}

/* Opens a new socket with a new ID, as each query must have its own. */
static int begin(struct exchange *exchange)
{
	assert(exchange->fd < 0 && !exchange->buffer);
	if (getrandom(&exchange->id, sizeof(exchange->id), 0) !=
	    sizeof(exchange->id))
		return -EIO;
	exchange->received = 0;

	int ret = open_socket(exchange);
	if (ret < 0)
		return ret;
	exchange->fd = ret;
	if (exchange->is_tcp) {
		watch(exchange, on_tcp_connected, EV_WRITE);
		return 0;
	}
	ret = send_query(exchange);
	if (ret < 0)
		close_socket(exchange);
	else
		watch(exchange, on_udp, EV_READ);
	return ret;
}

int exchange_start(struct exchange *exchange,
		   const struct upstream_server_conf *server,
		   const char *interface, const struct question *question)
{
	exchange->server = server->endpoint;
	exchange->is_tcp = server->transport == UPSTREAM_TCP;
	exchange->has_edns = true;
	exchange->interface = interface;
	exchange->question = question;
	return begin(exchange);
}

static void begin_again(struct exchange *exchange)
{
	exchange_stop(exchange);
	int ret = begin(exchange);
	if (ret < 0)
		end_with_error(exchange, ret);
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
		if (exchange->is_tcp) {
			result.status = ERR_MALFORMED;
			break;
		}
		exchange->all->truncated++;
		exchange->is_tcp = true;
		begin_again(exchange);
		return true;
	case PACKET_NO_EDNS:
		if (exchange->has_edns) {
			exchange->has_edns = false;
			begin_again(exchange);
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
			end_with_error(exchange, -errno);
			return;
		}
		if (take_message(exchange, all->udp, (size_t)length))
			return;
	}
}

static void on_tcp_connected(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct exchange *exchange = io->data;
	int error = 0;
	socklen_t size = sizeof(error);

	(void)loop;
	(void)events;
	if (getsockopt(exchange->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	int ret = error ? -error : send_query(exchange);
	if (ret < 0)
		end_with_error(exchange, ret);
	else
		watch(exchange, on_tcp_readable, EV_READ);
}

/* Not before the answer comes: servers that are slow to answer hold none. */
static bool take_buffer(struct exchange *exchange)
{
	struct exchanges *all = exchange->all;

	if (exchange->buffer)
		return true;
	if (!all->free)
		return false;
	exchange->buffer = all->free;
	all->free = exchange->buffer->next;
	return true;
}

static void on_tcp_readable(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct exchange *exchange = io->data;

	(void)loop;
	(void)events;
	if (!take_buffer(exchange)) {
		end_with_error(exchange, -ENOBUFS);
		return;
	}
	uint8_t *bytes = exchange->buffer->bytes;
	size_t wanted = 2;
	if (exchange->received >= 2)
		wanted += wire_read16(bytes);
	ssize_t length = recv(exchange->fd, bytes + exchange->received,
			      wanted - exchange->received, 0);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		end_with_error(exchange, length < 0 ? -errno : -ECONNRESET);
		return;
	}

	exchange->received += (size_t)length;
	if (exchange->received < 2 ||
	    exchange->received < 2U + wire_read16(bytes))
		return;
	/* Nothing else can follow: this connection asked one question. */
	if (!take_message(exchange, bytes + 2, exchange->received - 2))
		end_with_error(exchange, ERR_MALFORMED);
}
