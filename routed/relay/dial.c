// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/dial.h"

#include "common/clock.h"
#include "common/err.h"
#include "routed/relay/egress.h"
#include "routed/relay/heard.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_proxy(const struct dial *dial)
{
	return config_is_proxy(dial->conf.outbound->conf->type);
}

static bool is_unix(const struct dial *dial)
{
	return dial->conf.outbound->conf->server_path != NULL;
}

static void close_socket(struct dial *dial)
{
	ev_timer_stop(dial->dialler->loop, &dial->attempt);
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
 * about it.  One that does not answer is passed over in silence: then the
 * application's own kernel decides when it is enough, as without us.
 */
static const struct {
	int error;
	enum refusal refusal;
	bool is_links; /* it is the way out that is not there */
} direct_errors[] = {
	{-ECONNREFUSED, REFUSAL_RESET, false},
	{-ECONNRESET, REFUSAL_RESET, false},
	{-ETIMEDOUT, REFUSAL_SILENT, false},
	{-ENETUNREACH, REFUSAL_NET, true},
	{-ENETDOWN, REFUSAL_NET, true},
	{-ENODEV, REFUSAL_NET, true},
	{-EADDRNOTAVAIL, REFUSAL_NET, true},
	{-EACCES, REFUSAL_PROHIBITED, false},
	{-EPERM, REFUSAL_PROHIBITED, false},
	{-ENOPROTOOPT, REFUSAL_PROTOCOL, false},
};

/* Of the way to a proxy it only says that this network is out of reach. */
static void fail_by_error(struct dial *dial, int error)
{
	struct dial_failure failure = {
		.refusal = is_proxy(dial) ? REFUSAL_NET : REFUSAL_HOST,
		.reason = err_text(error),
		.is_outbounds = is_proxy(dial),
	};

	if (dial->is_heard)
		failure.heard = &dial->heard;
	for (size_t i = 0; i < ARRAY_LEN(direct_errors); i++) {
		if (is_proxy(dial) || direct_errors[i].error != error)
			continue;
		failure.refusal = direct_errors[i].refusal;
		failure.is_outbounds = direct_errors[i].is_links;
	}
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM) {
		failure.refusal = REFUSAL_RESET;
		failure.is_outbounds = false;
	}
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

	if (is_unix(dial)) {
		dialler->ops->on_socket(dialler->ctx, dial, NULL);
		return;
	}
	if (getsockname(dial->fd, (struct sockaddr *)&ss, &size) < 0 ||
	    endpoint_from_sockaddr(&own.src, (struct sockaddr *)&ss) < 0)
		return;
	dialler->ops->on_socket(dialler->ctx, dial, &own);
}

/* Where a socket of this dial leads, as the system has it. */
struct goal {
	struct endpoint endpoint; /* unset: a Unix socket */
	struct sockaddr_storage ss;
	socklen_t size;
};

static void set_goal(struct dial *dial, struct goal *goal)
{
	const struct outbound_conf *conf = dial->conf.outbound->conf;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (is_unix(dial)) {
		dial->at++;
		strncpy(address.sun_path, conf->server_path,
			sizeof(address.sun_path) - 1);
		memcpy(&goal->ss, &address, sizeof(address));
		goal->size = sizeof(address);
		return;
	}
	goal->endpoint.addr = dial->addrs[dial->at++];
	goal->endpoint.port =
		is_proxy(dial) ? conf->server.port : dial->conf.dst.port;
	goal->size = endpoint_to_sockaddr(&goal->endpoint, &goal->ss);
}

static void set_ttl(int fd, bool is_ipv6, int ttl)
{
	(void)setsockopt(fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
			 is_ipv6 ? IPV6_UNICAST_HOPS : IP_TTL, &ttl,
			 sizeof(ttl));
}

/* traceroute(8) by TCP wants to know where its SYN ended. */
static void send_as_far(struct dial *dial, const struct addr *to)
{
	if (dial->conf.ttl == 0 || is_proxy(dial))
		return;
	set_ttl(dial->fd, to->family == ADDR_IPV6, dial->conf.ttl);
	heard_listen(dial->fd, to->family == ADDR_IPV6, true);
}

/* The connection itself has the whole way, and the kernel's own errors. */
static void send_all_the_way(struct dial *dial)
{
	bool is_ipv6 = dial->addrs[dial->at - 1].family == ADDR_IPV6;

	if (dial->conf.ttl == 0 || is_proxy(dial))
		return;
	set_ttl(dial->fd, is_ipv6, -1);
	heard_listen(dial->fd, is_ipv6, false);
}

static int prepare_socket(struct dial *dial, const struct goal *goal)
{
	const int on = 1, off = 0;
	int ret;

	dial->ifindex = 0;
	if (is_unix(dial))
		return 0;
	ret = bind_socket(dial, &goal->endpoint.addr);
	if (ret < 0)
		return ret;
	/* Without one of these a flow is slower or less exact, yet carried. */
	(void)setsockopt(dial->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(dial->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(dial->fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	/* What is said to a proxy is the answer to its SYN-ACK: a packet less.
	 */
	if (is_proxy(dial))
		(void)setsockopt(dial->fd, IPPROTO_TCP, TCP_QUICKACK, &off,
				 sizeof(off));
	send_as_far(dial, &goal->endpoint.addr);
	return 0;
}

/* Not for ever, if there is something else to try. */
static void limit_attempt(struct dial *dial)
{
	if (dial->at < dial->count || dial->conf.has_others ||
	    (dial->is_pipelined && !dial->conf.is_trial))
		ev_timer_again(dial->dialler->loop, &dial->attempt);
}

static int open_socket(struct dial *dial, const struct goal *goal)
{
	int ret;

	dial->fd = socket(goal->ss.ss_family,
			  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (dial->fd < 0)
		return -errno;
	ret = prepare_socket(dial, goal);
	if (ret < 0)
		goto close_fd;
	if (connect(dial->fd, (const struct sockaddr *)&goal->ss, goal->size) <
		    0 &&
	    errno != EINPROGRESS) {
		ret = -errno;
		goto close_fd;
	}
	ret = poller_add(dial->dialler->poller, dial->fd, dial->source);
	if (ret < 0)
		goto close_fd;
	dial->phase = DIAL_CONNECTING;
	tell_socket(dial, &goal->endpoint);
	limit_attempt(dial);
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
		struct goal goal = {.endpoint.port = 0};

		set_goal(dial, &goal);
		ret = open_socket(dial, &goal);
		if (ret == 0)
			return;
	}
	fail_by_error(dial, ret);
}

/* The long way round, with the same proxy. */
static void talk_in_turn(struct dial *dial, enum policy_pipelining learnt)
{
	dial->conf.outbound->pipelining = learnt;
	dial->is_pipelined = false;
	dial->at = 0;
	dial_next(dial, 0);
}

/*
 * A proxy that has greeted waits for the destination, which may take its
 * time; or it has lost the request that came with the greeting.
 */
static void on_attempt(struct ev_loop *loop, struct ev_timer *timer,
		       int revents)
{
	struct dial *dial = timer->data;
	bool is_talking = dial->phase == DIAL_TALKING;
	bool is_greeted = is_talking && handshake_is_greeted(&dial->handshake);

	(void)revents;
	ev_timer_stop(loop, timer);
	if (is_talking && dial->is_pipelined &&
	    (is_greeted || !dial->conf.has_others))
		talk_in_turn(dial, POLICY_PIPELINING_UNKNOWN);
	else if ((dial->at < dial->count || dial->conf.has_others) &&
		 !is_greeted)
		dial_next(dial, -ETIMEDOUT);
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
	dial->is_heard = false;
	dial->started_us = clock_monotonic_us();
	dial->at = dial->count = 0;
	dial->is_pipelined = conf->is_trial || conf->outbound->pipelining ==
						       POLICY_PIPELINING_TAKEN;
	ev_timer_init(&dial->attempt, on_attempt, 0, DIAL_ATTEMPT_MS / 1000.);
	dial->attempt.data = dial;
	if (is_proxy(dial)) {
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

	send_all_the_way(dial);
	ev_timer_stop(dialler->loop, &dial->attempt);
	dial->fd = -1;
	dial->phase = DIAL_NONE;
	dialler->ops->on_connected(dialler->ctx, dial, fd, dial->ifindex);
}

/*
 * Something else listens there than what was learnt of: without a reply
 * nothing has come of the request, which can be made again.
 */
static bool is_unlearnt(struct dial *dial, bool is_answered)
{
	if (!dial->is_pipelined || dial->conf.is_trial || is_answered)
		return false;
	talk_in_turn(dial, POLICY_PIPELINING_REFUSED);
	return true;
}

static void fail_by_proxy(struct dial *dial)
{
	const struct handshake_failure said =
		handshake_failure(&dial->handshake);
	const struct dial_failure failure = {
		.refusal = said.refusal,
		.reason = said.reason,
		.is_outbounds = said.is_proxys_fault,
		.is_answered = said.is_answered,
		.is_unsupported = said.is_unsupported,
	};

	if (!is_unlearnt(dial, said.is_answered))
		fail(dial, &failure);
}

/* Until the proxy has to say something, or everything is said. */
static void talk(struct dial *dial, uint32_t events)
{
	int ret = handshake_run(&dial->handshake, dial->fd,
				events & ~(uint32_t)EPOLLOUT);

	if (ret == HANDSHAKE_DONE)
		succeed(dial);
	else if (ret == HANDSHAKE_FAILED)
		fail_by_proxy(dial);
	else if (ret < 0 && !is_unlearnt(dial, false))
		fail_by_error(dial, ret);
}

static int start_handshake(struct dial *dial)
{
	const struct dial_conf *conf = &dial->conf;
	const struct socks_target target = {.name = conf->name,
					    .endpoint = conf->dst};

	if (conf->is_udp)
		return handshake_start_udp(&dial->handshake, conf->outbound);
	return handshake_start(&dial->handshake, conf->outbound,
			       conf->is_greeting_only ? NULL : &target);
}

static void on_connected(struct dial *dial, uint32_t events)
{
	static const struct dial_failure inexpressible = {
		.refusal = REFUSAL_HOST,
		.reason = "the name cannot be said to a proxy",
	};
	const struct dial_conf *conf = &dial->conf;

	dial->reached_us = clock_monotonic_us();
	if (!is_proxy(dial)) {
		succeed(dial);
		return;
	}
	if (start_handshake(dial) < 0) {
		fail(dial, &inexpressible);
		return;
	}
	if (dial->is_pipelined && !conf->is_greeting_only)
		handshake_pipeline(&dial->handshake);
	dial->phase = DIAL_TALKING;
	talk(dial, events);
}

void dial_on_event(struct dial *dial, uint32_t events)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (dial->phase == DIAL_TALKING) {
		talk(dial, events);
		return;
	}
	assert(dial->phase == DIAL_CONNECTING);
	if ((events & (EPOLLERR | EPOLLHUP)) &&
	    getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error && dial->conf.ttl > 0 && !is_proxy(dial))
		dial->is_heard = heard_of_stream(
			dial->fd, dial->addrs[dial->at - 1].family == ADDR_IPV6,
			&dial->heard);
	if (error)
		dial_next(dial, -error);
	else if (events & EPOLLOUT)
		on_connected(dial, events);
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
	struct dial_failure failure = {
		.refusal = REFUSAL_HOST,
		.reason = "timed out",
	};

	if (dial->phase == DIAL_CONNECTING && !is_proxy(dial)) {
		failure.refusal = REFUSAL_SILENT;
	} else if (dial->phase == DIAL_CONNECTING ||
		   (dial->phase == DIAL_TALKING &&
		    !handshake_is_greeted(&dial->handshake))) {
		failure.refusal = REFUSAL_NET;
		failure.is_outbounds = true;
		failure.reason = dial->phase == DIAL_TALKING
					 ? "the proxy says nothing"
					 : "timed out";
	}
	return failure;
}
