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
#include "common/log.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The macros of the header would get in the way of the table. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define LIBRARY "libcurl.so.4"
#define CONNECT_TIMEOUT_MS 5000L
#define UNACKED_TIMEOUT_MS 5000
#define URL_SIZE 1600
#define BODY_MAX 65535
#define QUERY_MAX 512

struct api {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *easy);
	void (*easy_reset)(CURL *easy);
	CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
	CURLcode (*easy_send)(CURL *easy, const void *bytes, size_t length,
			      size_t *sent);
	CURLcode (*easy_recv)(CURL *easy, void *bytes, size_t size,
			      size_t *received);
	const char *(*easy_strerror)(CURLcode code);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *multi);
	CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
	CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_socket_action)(CURLM *multi, curl_socket_t fd,
					 int events, int *running);
	CURLMcode (*multi_assign)(CURLM *multi, curl_socket_t fd, void *ctx);
	CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
	struct curl_slist *(*slist_append)(struct curl_slist *list,
					   const char *text);
	void (*slist_free_all)(struct curl_slist *list);
};

/* In the order of the struct. */
static const char *const symbols[] = {
	"curl_global_init",         "curl_easy_init",
	"curl_easy_cleanup",        "curl_easy_reset",
	"curl_easy_setopt",         "curl_easy_getinfo",
	"curl_easy_send",           "curl_easy_recv",
	"curl_easy_strerror",       "curl_multi_init",
	"curl_multi_cleanup",       "curl_multi_setopt",
	"curl_multi_add_handle",    "curl_multi_remove_handle",
	"curl_multi_socket_action", "curl_multi_assign",
	"curl_multi_info_read",     "curl_slist_append",
	"curl_slist_free_all",
};
_Static_assert(sizeof(symbols) == sizeof(struct api), "one for each function");

enum kind { CALL_FREE, CALL_ASK, CALL_OPEN };

struct tunnel_call {
	struct tunnel *tunnel; /* borrowed */
	CURL *easy; /* owned; kept for the next one by those of DoH */
	enum kind kind;
	struct curl_slist *connect_to; /* owned */
	tunnel_done_fn fn;
	void *ctx;
	uint8_t *body; /* owned, BODY_MAX bytes; of DoH */
	size_t length;
	uint8_t query[QUERY_MAX];
	char error[CURL_ERROR_SIZE];
};

struct tunnel {
	struct tunnel_conf conf;
	struct api api;
	void *library; /* never closed: its libraries cannot be */
	CURLM *multi;  /* owned */
	struct ev_timer timer;
	struct curl_slist *headers; /* owned */
	bool is_fresh;              /* the next one makes a new connection */
	struct tunnel_call asks[TUNNEL_ASKS]; /* owned */
};

/* What libcurl wants of one socket. */
struct socket_watch {
	struct tunnel *tunnel; /* borrowed */
	struct ev_io io;
};

static int load(struct tunnel *tunnel)
{
	char *at = (char *)&tunnel->api;

	tunnel->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!tunnel->library) {
		log_error("cannot load libcurl, which upstream '%s' needs: %s; "
			  "install the package libcurl4",
			  tunnel->conf.upstream->name, dlerror());
		return -ELIBACC;
	}
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		void *function = dlsym(tunnel->library, symbols[i]);

		if (!function) {
			log_error("cannot use libcurl: it has no '%s'",
				  symbols[i]);
			return -ELIBACC;
		}
		memcpy(at + i * sizeof(function), &function, sizeof(function));
	}
	return tunnel->api.global_init(CURL_GLOBAL_DEFAULT) ? -ELIBACC : 0;
}

static void hand_on_results(struct tunnel *tunnel);

static void act(struct tunnel *tunnel, curl_socket_t fd, int events)
{
	int running;

	(void)tunnel->api.multi_socket_action(tunnel->multi, fd, events,
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
		(void)tunnel->api.multi_assign(tunnel->multi, fd, watch);
	}
	ev_io_init(&watch->io, on_ready, fd, events);
	ev_io_start(tunnel->conf.loop, &watch->io);
	return 0;
}

/* Whatever it leads to, a proxy or the server itself, it leaves as ours do. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose,
				 struct curl_sockaddr *address)
{
	const struct tunnel *tunnel = ctx;
	const int unacked_ms = UNACKED_TIMEOUT_MS;
	struct endpoint peer;
	int fd;

	(void)purpose;
	if (endpoint_from_sockaddr(&peer, &address->addr) < 0)
		return CURL_SOCKET_BAD;
	fd = socket(address->family,
		    address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	if (uplink_bind(fd, uplink_watch_state(tunnel->conf.watch), &peer.addr,
			tunnel->conf.upstream->interface) < 0) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms,
			 sizeof(unacked_ms));
	return fd;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct tunnel_call *call = ctx;
	size_t length = size * count;

	if (length > BODY_MAX - call->length)
		return 0;
	memcpy(call->body + call->length, bytes, length);
	call->length += length;
	return length;
}

int tunnel_new(struct tunnel **tunnel, const struct tunnel_conf *conf)
{
	struct tunnel *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->conf = *conf;
	ev_timer_init(&new->timer, on_timer, 0.0, 0.0);
	new->timer.data = new;
	ret = load(new);
	if (ret < 0)
		goto free_tunnel;
	ret = -ENOMEM;
	new->multi = new->api.multi_init();
	if (!new->multi)
		goto free_tunnel;
	new->headers = new->api.slist_append(
		NULL, "Content-Type: application/dns-message");
	new->headers = new->api.slist_append(new->headers,
					     "Accept: application/dns-message");
	if (!new->headers)
		goto free_tunnel;
	new->api.multi_setopt(new->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	new->api.multi_setopt(new->multi, CURLMOPT_SOCKETDATA, new);
	new->api.multi_setopt(new->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	new->api.multi_setopt(new->multi, CURLMOPT_TIMERDATA, new);
	*tunnel = new;
	return 0;

free_tunnel:
	tunnel_free(new);
	return ret;
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
			tunnel->api.easy_cleanup(call->easy);
		free(call->body);
	}
	if (tunnel->multi)
		(void)tunnel->api.multi_cleanup(tunnel->multi);
	if (tunnel->headers)
		tunnel->api.slist_free_all(tunnel->headers);
	ev_timer_stop(tunnel->conf.loop, &tunnel->timer);
	free(tunnel);
}

void tunnel_reset(struct tunnel *tunnel)
{
	tunnel->is_fresh = true;
}

/* The URL, and by CONNECT_TO the address that stands for its host. */
static int set_server(struct tunnel_call *call,
		      const struct upstream_server_conf *server)
{
	const struct api *api = &call->tunnel->api;
	bool has_tls = server->transport == UPSTREAM_TLS ||
		       server->transport == UPSTREAM_HTTPS;
	bool has_address = server->endpoint.addr.family != ADDR_NONE;
	char where[URL_SIZE], url[URL_SIZE];

	if (server->host)
		snprintf(where, sizeof(where), "%s:%u", server->host,
			 server->endpoint.port);
	else
		endpoint_format(&server->endpoint, where, sizeof(where));
	snprintf(url, sizeof(url), "%s://%.1100s%.400s",
		 has_tls ? "https" : "http", where,
		 server->path ? server->path : "/");
	api->easy_setopt(call->easy, CURLOPT_URL, url);
	if (!server->host || !has_address)
		return 0;
	memcpy(where, "::", 2);
	endpoint_format(&server->endpoint, where + 2, sizeof(where) - 2);
	call->connect_to = api->slist_append(NULL, where);
	if (!call->connect_to)
		return -ENOMEM;
	api->easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to);
	return 0;
}

/* No proxy of the environment, and no name that is resolved here. */
static void set_proxy(struct tunnel_call *call,
		      const struct outbound_conf *proxy)
{
	const struct api *api = &call->tunnel->api;
	bool is_http = proxy && proxy->type == OUTBOUND_TYPE_HTTP;
	char url[URL_SIZE];
	size_t scheme = (size_t)snprintf(url, sizeof(url), "%s://",
					 is_http ? "http" : "socks5h");

	api->easy_setopt(call->easy, CURLOPT_NOPROXY, "");
	if (proxy)
		endpoint_format(&proxy->server, url + scheme,
				sizeof(url) - scheme);
	api->easy_setopt(call->easy, CURLOPT_PROXY, proxy ? url : "");
	if (!proxy || !proxy->username)
		return;
	api->easy_setopt(call->easy, CURLOPT_PROXYUSERNAME, proxy->username);
	api->easy_setopt(call->easy, CURLOPT_PROXYPASSWORD, proxy->password);
}

static int set_common(struct tunnel_call *call,
		      const struct upstream_server_conf *server)
{
	const struct upstream_conf *upstream = call->tunnel->conf.upstream;
	const struct api *api = &call->tunnel->api;
	CURL *easy = call->easy;

	api->easy_setopt(easy, CURLOPT_PRIVATE, call);
	api->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	api->easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	api->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	api->easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	api->easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call->tunnel);
	api->easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (upstream->ca_file)
		api->easy_setopt(easy, CURLOPT_CAINFO, upstream->ca_file);
	set_proxy(call, upstream->proxy);
	return set_server(call, server);
}

static int add(struct tunnel_call *call)
{
	struct tunnel *tunnel = call->tunnel;

	return tunnel->api.multi_add_handle(tunnel->multi, call->easy) ? -ENOMEM
								       : 0;
}

static struct tunnel_call *take_ask(struct tunnel *tunnel)
{
	struct tunnel_call *call = tunnel->asks;

	while (call < tunnel->asks + TUNNEL_ASKS && call->kind != CALL_FREE)
		call++;
	if (call == tunnel->asks + TUNNEL_ASKS)
		return NULL;
	if (!call->easy)
		call->easy = tunnel->api.easy_init();
	if (!call->body)
		call->body = malloc(BODY_MAX);
	if (!call->easy || !call->body)
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
	const struct api *api = &tunnel->api;
	int ret;

	if (!new || length > QUERY_MAX)
		return -EBUSY;
	memcpy(new->query, query, length);
	ret = set_common(new, server);
	if (ret < 0)
		goto free_call;
	api->easy_setopt(new->easy, CURLOPT_PROTOCOLS_STR, "https");
	api->easy_setopt(new->easy, CURLOPT_HTTP_VERSION,
			 CURL_HTTP_VERSION_2TLS);
	api->easy_setopt(new->easy, CURLOPT_PIPEWAIT, 1L);
	api->easy_setopt(new->easy, CURLOPT_HTTPHEADER, tunnel->headers);
	api->easy_setopt(new->easy, CURLOPT_POSTFIELDSIZE, (long)length);
	api->easy_setopt(new->easy, CURLOPT_POSTFIELDS, new->query);
	api->easy_setopt(new->easy, CURLOPT_WRITEFUNCTION, take_body);
	api->easy_setopt(new->easy, CURLOPT_WRITEDATA, new);
	api->easy_setopt(new->easy, CURLOPT_FRESH_CONNECT,
			 tunnel->is_fresh ? 1L : 0L);
	tunnel->is_fresh = false;
	ret = add(new);
	if (ret < 0)
		goto free_call;
	*call = new;
	return 0;

free_call:
	tunnel_call_free(new);
	return ret;
}

int tunnel_open(struct tunnel *tunnel, struct tunnel_call **call,
		const struct upstream_server_conf *server)
{
	struct tunnel_call *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	if (!new)
		return ret;
	new->tunnel = tunnel;
	new->kind = CALL_OPEN;
	new->easy = tunnel->api.easy_init();
	if (!new->easy)
		goto free_call;
	ret = set_common(new, server);
	if (ret < 0)
		goto free_call;
	tunnel->api.easy_setopt(new->easy, CURLOPT_CONNECT_ONLY, 1L);
	tunnel->api.easy_setopt(new->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	tunnel->api.easy_setopt(new->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	ret = add(new);
	if (ret < 0)
		goto free_call;
	*call = new;
	return 0;

free_call:
	tunnel_call_free(new);
	return ret;
}

void tunnel_call_set(struct tunnel_call *call, tunnel_done_fn fn, void *ctx)
{
	call->fn = fn;
	call->ctx = ctx;
}

void tunnel_call_free(struct tunnel_call *call)
{
	const struct api *api = &call->tunnel->api;

	call->fn = NULL;
	if (call->easy)
		(void)api->multi_remove_handle(call->tunnel->multi, call->easy);
	if (call->connect_to)
		api->slist_free_all(call->connect_to);
	call->connect_to = NULL;
	if (call->kind == CALL_ASK) {
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
	const struct api *api = &call->tunnel->api;
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

	tunnel->api.easy_getinfo(easy, CURLINFO_PRIVATE, &call);
	if (!call || !call->fn)
		return;
	if (code && !call->error[0])
		snprintf(call->error, sizeof(call->error), "%s",
			 tunnel->api.easy_strerror(code));
	if (!code && call->kind == CALL_ASK)
		check_http(call, &result);
	result.why = call->error;
	call->fn(call->ctx, &result);
}

static void hand_on_results(struct tunnel *tunnel)
{
	CURLMsg *message;
	int left;

	while ((message = tunnel->api.multi_info_read(tunnel->multi, &left))) {
		if (message->msg == CURLMSG_DONE)
			hand_on(tunnel, message->easy_handle,
				message->data.result);
	}
}

int tunnel_call_fd(const struct tunnel_call *call)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	call->tunnel->api.easy_getinfo(call->easy, CURLINFO_ACTIVESOCKET, &fd);
	return fd;
}

ssize_t tunnel_call_send(struct tunnel_call *call, const uint8_t *bytes,
			 size_t length)
{
	size_t sent = 0;
	CURLcode code =
		call->tunnel->api.easy_send(call->easy, bytes, length, &sent);

	return code ? status_of(code) : (ssize_t)sent;
}

ssize_t tunnel_call_recv(struct tunnel_call *call, uint8_t *bytes, size_t size)
{
	size_t received = 0;
	CURLcode code =
		call->tunnel->api.easy_recv(call->easy, bytes, size, &received);

	return code ? status_of(code) : (ssize_t)received;
}
