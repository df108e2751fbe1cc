// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/dial.h"

#include "common/err.h"
#include "routed/relay/egress.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_socks(const struct dial *dial)
{
	return dial->conf.outbound->conf->type == OUTBOUND_TYPE_SOCKS5;
}

static void close_socket(struct dial *dial)
{
	if (dial->fd < 0)
		return;
	poller_forget(dial->dialler->poller, dial->source);
	close(dial->fd);
	dial->fd = -1;
}

static void fail(struct dial *dial, const struct dial_failure *failure)
{
	const struct dialler *dialler = dial->dialler;

	close_socket(dial);
	dial->phase = DIAL_NONE;
	dialler->ops->on_failed(dialler->ctx, dial, failure);
}

/*
 * What the system says of the way to the destination itself is the truth
 * about it; of the way to a proxy it only says that this network is out of
 * reach.
 */
static void fail_by_error(struct dial *dial, int error)
{
	struct dial_failure failure = {
		.refusal = REFUSAL_HOST,
		.reason = err_text(error),
		.is_outbounds = is_socks(dial),
	};

	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
		failure.refusal = REFUSAL_RESET;
	else if (is_socks(dial) || error == -ENETUNREACH || error == -ENODEV)
		failure.refusal = REFUSAL_NET;
	else if (error == -ECONNREFUSED || error == -ECONNRESET)
		failure.refusal = REFUSAL_RESET;
	else if (error == -EACCES || error == -EPERM)
		failure.refusal = REFUSAL_PROHIBITED;
	fail(dial, &failure);
}

/* To the interface that was named, or the link that leads there. */
static int bind_socket(struct dial *dial, const struct addr *to)
{
	const struct egress egress = {.outbound = dial->conf.outbound->conf,
				      .uplink = dial->conf.uplink};
	int ret =
		egress_bind(&egress, uplink_watch_state(dial->dialler->uplinks),
			    to, dial->fd);

	dial->ifindex = ret > 0 ? ret : 0;
	return ret;
}

static void tell_socket(struct dial *dial, const struct endpoint *to)
{
	const struct dialler *dialler = dial->dialler;
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	struct tuple own = {.dst = *to};

	if (getsockname(dial->fd, (struct sockaddr *)&ss, &size) < 0 ||
	    endpoint_from_sockaddr(&own.src, (struct sockaddr *)&ss) < 0)
		return;
	dialler->ops->on_socket(dialler->ctx, dial, &own);
}

static int open_socket(struct dial *dial, const struct endpoint *to)
{
	const int on = 1;
	struct sockaddr_storage ss;
	socklen_t size = endpoint_to_sockaddr(to, &ss);
	int ret;

	dial->fd = socket(addr_af(&to->addr),
			  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (dial->fd < 0)
		return -errno;
	ret = bind_socket(dial, &to->addr);
	if (ret < 0)
		goto close_fd;
	/* Without one of these a flow is slower or less exact, yet carried. */
	(void)setsockopt(dial->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(dial->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(dial->fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	if (connect(dial->fd, (struct sockaddr *)&ss, size) < 0 &&
	    errno != EINPROGRESS) {
		ret = -errno;
		goto close_fd;
	}
	ret = poller_add(dial->dialler->poller, dial->fd, dial->source);
	if (ret < 0)
		goto close_fd;
	dial->phase = DIAL_CONNECTING;
	tell_socket(dial, to);
	return 0;

close_fd:
	close(dial->fd);
	dial->fd = -1;
	return ret;
}

/* The next address that can at least be tried; `ret` is of the last one. */
static void dial_next(struct dial *dial, int ret)
{
	close_socket(dial);
	while (dial->at < dial->count) {
		struct endpoint to = {
			.addr = dial->addrs[dial->at++],
			.port = is_socks(dial)
					? dial->conf.outbound->conf->server.port
					: dial->conf.dst.port,
		};

		ret = open_socket(dial, &to);
		if (ret == 0)
			return;
	}
	fail_by_error(dial, ret);
}

static void on_resolved(void *ctx, const struct resolver_answer *answer);

/* 0 when the question is on its way. */
static int ask(struct dial *dial, enum addr_family family)
{
	const struct resolver_question question = {
		.name = dial->conf.name,
		.family = family,
		.fn = on_resolved,
		.ctx = dial,
	};

	dial->phase = DIAL_RESOLVING;
	dial->family = family;
	return resolver_ask(dial->dialler->resolver, &question, &dial->lookup);
}

static void fail_to_resolve(struct dial *dial, int error)
{
	const struct dial_failure failure = {
		.refusal = REFUSAL_HOST,
		.reason = error == ERR_NOT_RUNNING
				  ? "no dnsd to resolve the name for real"
				  : "the name has no real address",
		.is_outbounds = error == ERR_NOT_RUNNING,
	};

	fail(dial, &failure);
}

static void on_resolved(void *ctx, const struct resolver_answer *answer)
{
	struct dial *dial = ctx;
	int ret = answer->status;

	dial->lookup = NULL;
	if (ret == 0) {
		memcpy(dial->addrs, answer->addrs, sizeof(dial->addrs));
		dial->count = answer->count;
		dial_next(dial, 0);
		return;
	}
	if (ret == ERR_REFUSED && !dial->is_second_family) {
		dial->is_second_family = true;
		ret = ask(dial,
			  dial->family == ADDR_IPV4 ? ADDR_IPV6 : ADDR_IPV4);
		if (ret == 0)
			return;
	}
	fail_to_resolve(dial, ret);
}

void dial_start(struct dial *dial, const struct dialler *dialler,
		const struct dial_conf *conf, struct poller_source *source)
{
	int ret;

	dial->dialler = dialler;
	dial->conf = *conf;
	dial->source = source;
	dial->is_second_family = false;
	dial->fd = -1;
	dial->ifindex = 0;
	dial->lookup = NULL;
	dial->at = dial->count = 0;
	if (is_socks(dial)) {
		dial->addrs[dial->count++] = conf->outbound->conf->server.addr;
		dial_next(dial, 0);
	} else if (!conf->name) {
		dial->addrs[dial->count++] = conf->dst.addr;
		dial_next(dial, 0);
	} else {
		ret = ask(dial, (enum addr_family)conf->dst.addr.family);
		if (ret < 0)
			fail_to_resolve(dial, ret);
	}
}

static void succeed(struct dial *dial)
{
	const struct dialler *dialler = dial->dialler;
	int fd = dial->fd;

	dial->fd = -1;
	dial->phase = DIAL_NONE;
	dialler->ops->on_connected(dialler->ctx, dial, fd, dial->ifindex);
}

static void fail_by_socks(struct dial *dial)
{
	const struct dial_failure failure = {
		.refusal = socks_refusal(&dial->socks),
		.reason = socks_reason(&dial->socks),
		.is_outbounds = socks_is_servers_fault(&dial->socks),
		.is_unsupported = socks_is_unsupported(&dial->socks),
	};

	fail(dial, &failure);
}

/* Until the server has to say something, or everything is said. */
static void talk(struct dial *dial)
{
	struct socks *socks = &dial->socks;

	for (;;) {
		const uint8_t *output;
		uint8_t *input;
		size_t length;
		ssize_t n = 0;

		switch (socks_need(socks)) {
		case SOCKS_SEND:
			output = socks_output(socks, &length);
			n = send(dial->fd, output, length, MSG_NOSIGNAL);
			if (n > 0)
				socks_sent(socks, (size_t)n);
			break;
		case SOCKS_RECEIVE:
			input = socks_input(socks, &length);
			n = recv(dial->fd, input, length, 0);
			if (n > 0)
				socks_received(socks, (size_t)n);
			else if (n == 0)
				socks_ended(socks);
			break;
		case SOCKS_DONE:
			succeed(dial);
			return;
		case SOCKS_FAILED:
			fail_by_socks(dial);
			return;
		}
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			fail_by_error(dial, -errno);
			return;
		}
	}
}

static int start_socks(struct dial *dial)
{
	const struct policy_outbound *outbound = dial->conf.outbound;
	const struct socks_login *login =
		outbound->has_login ? &outbound->login : NULL;
	const struct socks_target target = {.name = dial->conf.name,
					    .endpoint = dial->conf.dst};

	if (dial->conf.is_udp)
		return socks_start_udp(&dial->socks, login);
	return socks_start(&dial->socks, &target, login);
}

static void on_connected(struct dial *dial)
{
	static const struct dial_failure inexpressible = {
		.refusal = REFUSAL_HOST,
		.reason = "SOCKS5 cannot express the name",
	};

	if (!is_socks(dial)) {
		succeed(dial);
		return;
	}
	if (start_socks(dial) < 0) {
		fail(dial, &inexpressible);
		return;
	}
	dial->phase = DIAL_TALKING;
	talk(dial);
}

void dial_on_event(struct dial *dial, uint32_t events)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (dial->phase == DIAL_TALKING) {
		talk(dial);
		return;
	}
	assert(dial->phase == DIAL_CONNECTING);
	if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error)
		dial_next(dial, -error);
	else if (events & EPOLLOUT)
		on_connected(dial);
}

void dial_stop(struct dial *dial)
{
	if (dial->phase == DIAL_NONE)
		return;
	if (dial->lookup)
		resolver_stop(dial->lookup);
	dial->lookup = NULL;
	close_socket(dial);
	dial->phase = DIAL_NONE;
}

struct dial_failure dial_failure_if_late(const struct dial *dial)
{
	bool is_outbounds = dial->phase == DIAL_CONNECTING && is_socks(dial);

	return (struct dial_failure){
		.refusal = is_outbounds ? REFUSAL_NET : REFUSAL_HOST,
		.reason = "timed out",
		.is_outbounds = is_outbounds,
	};
}
