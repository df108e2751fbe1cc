// SPDX-License-Identifier: BSD-2-Clause
/*
 * libcurl tells which sockets it wants watched and when it wants to be called
 * (the "socket action" part of its multi interface); both become watchers of
 * libev.  Results are handed on only after it has returned, so that a caller
 * may start or end anything from within its function.
 *
 * A pipe is a transfer with CURLOPT_CONNECT_ONLY: libcurl ends it when the
 * connection stands, with TLS and proxies done, and then lets us send and
 * receive on it ourselves.
 */
#include "dnsd/upstream/tunnel.h"

#include "common/err.h"
#include "dnsd/upstream/tunnel_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libcurl wants of one socket. */
struct socket_watch {
	struct tunnel *tunnel; /* borrowed */
	struct ev_io io;
};

static void hand_on_results(struct tunnel *tunnel);

static void act(struct tunnel *tunnel, curl_socket_t fd, int events)
{
	int running;

	(void)tunnel->api->multi_socket_action(tunnel->multi, fd, events,
					       &running);
	hand_on_results(tunnel);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct socket_watch *watch = io->data;
	int mask = (events & EV_READ ? CURL_CSELECT_IN : 0) |
		   (events & EV_WRITE ? CURL_CSELECT_OUT : 0);

	(void)loop;
	act(watch->tunnel, watch->io.fd, mask);
}

static int want_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct tunnel *tunnel = ctx;

	(void)multi;
	ev_timer_stop(tunnel->conf.loop, &tunnel->timer);
	if (timeout_ms < 0)
		return 0;
	ev_timer_set(&tunnel->timer, (double)timeout_ms / 1000.0, 0.0);
	ev_timer_start(tunnel->conf.loop, &tunnel->timer);
	return 0;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx,
		       void *of_socket)
{
	struct socket_watch *watch = of_socket;
	struct tunnel *tunnel = ctx;
	int events = (what & CURL_POLL_IN ? EV_READ : 0) |
		     (what & CURL_POLL_OUT ? EV_WRITE : 0);

	(void)easy;
	if (watch)
		ev_io_stop(tunnel->conf.loop, &watch->io);
	if (what == CURL_POLL_REMOVE) {
		free(watch);
		return 0;
	}
	if (!watch) {
		watch = calloc(1, sizeof(*watch));
		if (!watch)
			return -1;
		watch->tunnel = tunnel;
		watch->io.data = watch;
		(void)tunnel->api->multi_assign(tunnel->multi, fd, watch);
	}
	ev_io_init(&watch->io, on_ready, fd, events);
	ev_io_start(tunnel->conf.loop, &watch->io);
	return 0;
}

int tunnel_new(struct tunnel **tunnel, const struct tunnel_conf *conf)
{
	struct tunnel *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->conf = *conf;
	ev_timer_init(&new->timer, on_timer, 0.0, 0.0);
	new->timer.data = new;
	*tunnel = new;
	return 0;
}

/* Once libcurl is there; what is half made serves no call. */
static int prepare(struct tunnel *tunnel)
{
	const struct libcurl_api *api = libcurl_api(tunnel->conf.libcurl);

	if (tunnel->headers)
		return 0;
	tunnel->api = api;
	if (!tunnel->multi)
		tunnel->multi = api->multi_init();
	if (!tunnel->multi)
		return -ENOMEM;
	api->multi_setopt(tunnel->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	api->multi_setopt(tunnel->multi, CURLMOPT_SOCKETDATA, tunnel);
	api->multi_setopt(tunnel->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	api->multi_setopt(tunnel->multi, CURLMOPT_TIMERDATA, tunnel);
	tunnel->headers = api->slist_append(
		NULL, "Content-Type: application/dns-message");
	if (tunnel->headers)
		(void)api->slist_append(tunnel->headers,
					"Accept: application/dns-message");
	return tunnel->headers ? 0 : -ENOMEM;
}

void tunnel_free(struct tunnel *tunnel)
{
	if (!tunnel)
		return;
	for (size_t i = 0; i < TUNNEL_ASKS; i++) {
		struct tunnel_call *call = &tunnel->asks[i];

		if (call->kind != CALL_FREE)
			tunnel_call_free(call);
		if (call->easy)
			tunnel->api->easy_cleanup(call->easy);
		free(call->body);
	}
	if (tunnel->multi)
		(void)tunnel->api->multi_cleanup(tunnel->multi);
	if (tunnel->headers)
		tunnel->api->slist_free_all(tunnel->headers);
	ev_timer_stop(tunnel->conf.loop, &tunnel->timer);
	free(tunnel);
}

void tunnel_reset(struct tunnel *tunnel)
{
	tunnel->is_fresh = true;
}

static int begin(struct tunnel_call *call)
{
	struct tunnel *tunnel = call->tunnel;
	int ret = prepare(tunnel);

	if (ret < 0)
		return ret;
	if (!call->easy)
		call->easy = tunnel->api->easy_init();
	if (!call->easy)
		return -ENOMEM;
	ret = tunnel_call_set_up(call);
	if (ret < 0)
		return ret;
	return tunnel->api->multi_add_handle(tunnel->multi, call->easy)
		       ? -ENOMEM
		       : 0;
}

static int begin_or_wait(struct tunnel_call *call)
{
	struct tunnel_call **link = &call->tunnel->waiting;
	const struct libcurl *libcurl = call->tunnel->conf.libcurl;

	if (libcurl_has_failed(libcurl))
		return -ELIBACC;
	if (libcurl_api(libcurl))
		return begin(call);
	while (*link)
		link = &(*link)->next;
	*link = call;
	call->next = NULL;
	call->is_waiting = true;
	return 0;
}

static void stop_waiting(struct tunnel_call *call)
{
	struct tunnel_call **link = &call->tunnel->waiting;

	if (!call->is_waiting)
		return;
	while (*link != call)
		link = &(*link)->next;
	*link = call->next;
	call->is_waiting = false;
}

void tunnel_go_on(struct tunnel *tunnel)
{
	struct tunnel_call *call;

	while ((call = tunnel->waiting)) {
		struct tunnel_result result = {.status = -ELIBACC};

		stop_waiting(call);
		if (!libcurl_has_failed(tunnel->conf.libcurl))
			result.status = begin(call);
		if (result.status < 0 && call->fn)
			call->fn(call->ctx, &result);
	}
}

static struct tunnel_call *take_ask(struct tunnel *tunnel)
{
	struct tunnel_call *call = tunnel->asks;

	while (call < tunnel->asks + TUNNEL_ASKS && call->kind != CALL_FREE)
		call++;
	if (call == tunnel->asks + TUNNEL_ASKS)
		return NULL;
	if (!call->body)
		call->body = malloc(BODY_MAX);
	if (!call->body)
		return NULL;
	call->tunnel = tunnel;
	call->kind = CALL_ASK;
	call->length = 0;
	call->error[0] = '\0';
	return call;
}

int tunnel_ask(struct tunnel *tunnel, struct tunnel_call **call,
	       const struct upstream_server_conf *server, const uint8_t *query,
	       size_t length)
{
	struct tunnel_call *new = take_ask(tunnel);
	int ret;

	if (!new)
		return -EBUSY;
	assert(length <= QUERY_MAX);
	memcpy(new->query, query, length);
	new->query_length = length;
	new->server = server;
	ret = begin_or_wait(new);
	if (ret < 0)
		tunnel_call_free(new);
	else
		*call = new;
	return ret;
}

int tunnel_open(struct tunnel *tunnel, struct tunnel_call **call,
		const struct upstream_server_conf *server)
{
	struct tunnel_call *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->tunnel = tunnel;
	new->kind = CALL_OPEN;
	new->server = server;
	ret = begin_or_wait(new);
	if (ret < 0)
		tunnel_call_free(new);
	else
		*call = new;
	return ret;
}

void tunnel_call_set(struct tunnel_call *call, tunnel_done_fn fn, void *ctx)
{
	call->fn = fn;
	call->ctx = ctx;
}

void tunnel_call_free(struct tunnel_call *call)
{
	const struct libcurl_api *api = call->tunnel->api;

	call->fn = NULL;
	stop_waiting(call);
	if (call->easy)
		(void)api->multi_remove_handle(call->tunnel->multi, call->easy);
	if (call->connect_to)
		api->slist_free_all(call->connect_to);
	call->connect_to = NULL;
	if (call->kind == CALL_ASK) {
		if (call->easy)
			api->easy_reset(call->easy);
		call->kind = CALL_FREE;
		return;
	}
	if (call->easy)
		api->easy_cleanup(call->easy);
	free(call);
}

static bool is_lost(CURLcode code)
{
	return code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM ||
	       code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
	       code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE;
}

static int status_of(CURLcode code)
{
	if (code == CURLE_OK)
		return 0;
	if (code == CURLE_COULDNT_CONNECT)
		return -ECONNREFUSED;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return -ETIMEDOUT;
	if (code == CURLE_AGAIN)
		return -EAGAIN;
	return is_lost(code) ? -ECONNRESET : -EPROTO;
}

/* 200 with a body of the right kind, or why it is no answer. */
static void check_http(struct tunnel_call *call, struct tunnel_result *result)
{
	const struct libcurl_api *api = call->tunnel->api;
	const char *type = NULL;
	long status = 0;

	api->easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	api->easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
	if (status != 200) {
		snprintf(call->error, sizeof(call->error),
			 "it answered HTTP %ld", status);
		result->status = -EPROTO;
	} else if (!type || strcmp(type, "application/dns-message") != 0) {
		snprintf(call->error, sizeof(call->error),
			 "it answered no DNS message");
		result->status = -EPROTO;
	}
	result->body = call->body;
	result->length = call->length;
}

static void hand_on(struct tunnel *tunnel, CURL *easy, CURLcode code)
{
	struct tunnel_result result = {
		.status = status_of(code),
		.is_lost = is_lost(code),
	};
	struct tunnel_call *call = NULL;

	tunnel->api->easy_getinfo(easy, CURLINFO_PRIVATE, &call);
	if (!call || !call->fn)
		return;
	if (code && !call->error[0])
		snprintf(call->error, sizeof(call->error), "%s",
			 tunnel->api->easy_strerror(code));
	if (!code && call->kind == CALL_ASK)
		check_http(call, &result);
	result.why = call->error;
	call->fn(call->ctx, &result);
}

static void hand_on_results(struct tunnel *tunnel)
{
	CURLMsg *message;
	int left;

	while ((message = tunnel->api->multi_info_read(tunnel->multi, &left))) {
		if (message->msg == CURLMSG_DONE)
			hand_on(tunnel, message->easy_handle,
				message->data.result);
	}
}

int tunnel_call_fd(const struct tunnel_call *call)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	call->tunnel->api->easy_getinfo(call->easy, CURLINFO_ACTIVESOCKET, &fd);
	return fd;
}

ssize_t tunnel_call_send(struct tunnel_call *call, const uint8_t *bytes,
			 size_t length)
{
	size_t sent = 0;
	CURLcode code =
		call->tunnel->api->easy_send(call->easy, bytes, length, &sent);

	return code ? status_of(code) : (ssize_t)sent;
}

ssize_t tunnel_call_recv(struct tunnel_call *call, uint8_t *bytes, size_t size)
{
	size_t received = 0;
	CURLcode code = call->tunnel->api->easy_recv(call->easy, bytes, size,
						     &received);

	return code ? status_of(code) : (ssize_t)received;
}
