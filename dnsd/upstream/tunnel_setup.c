// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/tunnel_parts.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000L
#define UNACKED_TIMEOUT_MS 5000
#define URL_SIZE 1600

static const char *path_of_proxy(const struct tunnel *tunnel)
{
	const struct outbound_conf *proxy = tunnel->conf.way->proxy;

	return proxy ? proxy->server_path : NULL;
}

/*
 * Where libcurl connects to is what stands in `to` afterwards, which has room
 * for any address.  (That a socket is connected already cannot be told to
 * 7.88, which Debian 12 has.)
 */
static curl_socket_t open_unix_socket(const char *path,
				      struct curl_sockaddr *to)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	_Static_assert(sizeof(address) <= sizeof(struct sockaddr_storage),
		       "it fits");
	to->family = AF_UNIX;
	to->addrlen = sizeof(address);
	memcpy((char *)to + offsetof(struct curl_sockaddr, addr), &address,
	       sizeof(address));
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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
	if (path_of_proxy(tunnel))
		return open_unix_socket(path_of_proxy(tunnel), address);
	if (endpoint_from_sockaddr(&peer, &address->addr) < 0)
		return CURL_SOCKET_BAD;
	fd = socket(address->family,
		    address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	if (uplink_bind(fd, uplink_watch_state(tunnel->conf.watch), &peer.addr,
			tunnel->conf.way->interface) < 0) {
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

/* The URL, and by CONNECT_TO the address that stands for its host. */
static int set_server(struct tunnel_call *call)
{
	const struct upstream_server_conf *server = call->server;
	const struct libcurl_api *api = call->tunnel->api;
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
	const struct libcurl_api *api = call->tunnel->api;
	bool is_http = proxy && proxy->type == OUTBOUND_TYPE_HTTP;
	char url[URL_SIZE];
	size_t scheme = (size_t)snprintf(url, sizeof(url), "%s://",
					 is_http ? "http" : "socks5h");

	api->easy_setopt(call->easy, CURLOPT_NOPROXY, "");
	/* One on a Unix socket: open_socket() leads there. */
	if (proxy && proxy->server_path)
		snprintf(url + scheme, sizeof(url) - scheme, "127.0.0.1:1");
	else if (proxy)
		endpoint_format(&proxy->server, url + scheme,
				sizeof(url) - scheme);
	api->easy_setopt(call->easy, CURLOPT_PROXY, proxy ? url : "");
	if (!proxy || !proxy->username)
		return;
	api->easy_setopt(call->easy, CURLOPT_PROXYUSERNAME, proxy->username);
	api->easy_setopt(call->easy, CURLOPT_PROXYPASSWORD, proxy->password);
}

static int set_common(struct tunnel_call *call)
{
	const struct upstream_conf *upstream = call->tunnel->conf.upstream;
	const struct libcurl_api *api = call->tunnel->api;
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
	set_proxy(call, call->tunnel->conf.way->proxy);
	return set_server(call);
}

static void set_request(struct tunnel_call *call)
{
	struct tunnel *tunnel = call->tunnel;
	const struct libcurl_api *api = tunnel->api;
	CURL *easy = call->easy;

	api->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	api->easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
	api->easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	api->easy_setopt(easy, CURLOPT_HTTPHEADER, tunnel->headers);
	api->easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)call->query_length);
	api->easy_setopt(easy, CURLOPT_POSTFIELDS, call->query);
	api->easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	api->easy_setopt(easy, CURLOPT_WRITEDATA, call);
	api->easy_setopt(easy, CURLOPT_FRESH_CONNECT,
			 tunnel->is_fresh ? 1L : 0L);
	tunnel->is_fresh = false;
}

static void set_pipe(struct tunnel_call *call)
{
	const struct libcurl_api *api = call->tunnel->api;

	api->easy_setopt(call->easy, CURLOPT_CONNECT_ONLY, 1L);
	api->easy_setopt(call->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	api->easy_setopt(call->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
}

int tunnel_call_set_up(struct tunnel_call *call)
{
	int ret = set_common(call);

	if (ret < 0)
		return ret;
	if (call->kind == CALL_ASK)
		set_request(call);
	else
		set_pipe(call);
	return 0;
}
