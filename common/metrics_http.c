// SPDX-License-Identifier: BSD-2-Clause
/*
 * libmicrohttpd runs in our loop: its epoll descriptor is readable when it
 * has something to do, and it says when it wants to be called at the latest.
 */
#include "common/metrics_http.h"

#include "common/libraries.h"
#include "common/metrics.h"

#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 16
#define IDLE_S 10
#define BACKLOG 16

/* What we call; each as the header declares it. */
struct library {
	void *handle; /* owned */
	__typeof__(&MHD_start_daemon) start_daemon;
	__typeof__(&MHD_stop_daemon) stop_daemon;
	__typeof__(&MHD_get_daemon_info) get_daemon_info;
	__typeof__(&MHD_get_timeout) get_timeout;
	__typeof__(&MHD_run) run;
	__typeof__(&MHD_create_response_from_buffer) create_response;
	__typeof__(&MHD_add_response_header) add_header;
	__typeof__(&MHD_queue_response) queue_response;
	__typeof__(&MHD_destroy_response) destroy_response;
};

struct metrics_http {
	struct ev_loop *loop; /* borrowed */
	metrics_text_fn text;
	void *ctx;
	struct library mhd;
	struct MHD_Daemon *daemon; /* owned; closes the listener */
	ev_io readable;
	ev_timer timeout;
};

static int load(struct library *library)
{
	const struct {
		const char *name;
		void **target;
	} symbols[] = {
		{"MHD_start_daemon", (void **)&library->start_daemon},
		{"MHD_stop_daemon", (void **)&library->stop_daemon},
		{"MHD_get_daemon_info", (void **)&library->get_daemon_info},
		{"MHD_get_timeout", (void **)&library->get_timeout},
		{"MHD_run", (void **)&library->run},
		{"MHD_create_response_from_buffer",
		 (void **)&library->create_response},
		{"MHD_add_response_header", (void **)&library->add_header},
		{"MHD_queue_response", (void **)&library->queue_response},
		{"MHD_destroy_response", (void **)&library->destroy_response},
	};

	library->handle = dlopen(LIBRARY_MICROHTTPD, RTLD_NOW | RTLD_LOCAL);
	if (!library->handle)
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		*symbols[i].target = dlsym(library->handle, symbols[i].name);
		if (!*symbols[i].target)
			return -ENOENT;
	}
	return 0;
}

static enum MHD_Result reply(struct metrics_http *http,
			     struct MHD_Connection *connection, unsigned status,
			     char *text)
{
	const struct library *mhd = &http->mhd;
	struct MHD_Response *response =
		mhd->create_response(strlen(text), text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ret;

	if (!response)
		return MHD_NO;
	mhd->add_header(response, "Content-Type",
			status == MHD_HTTP_OK ? METRICS_TYPE : "text/plain");
	ret = mhd->queue_response(connection, status, response);
	mhd->destroy_response(response);
	return ret;
}

/* The library says with what.  NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *upload,
				  size_t *upload_size, void **request)
{
	static char not_here[] = "only GET /metrics is here\n";
	struct metrics_http *http = ctx;
	enum MHD_Result ret;
	char *text;

	(void)version, (void)upload, (void)upload_size, (void)request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return reply(http, connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			     not_here);
	if (strcmp(url, "/metrics") != 0)
		return reply(http, connection, MHD_HTTP_NOT_FOUND, not_here);
	text = http->text(http->ctx);
	if (!text)
		return MHD_NO;
	ret = reply(http, connection, MHD_HTTP_OK, text);
	free(text);
	return ret;
}

static void run(struct metrics_http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	(void)http->mhd.run(http->daemon);
	ev_timer_stop(http->loop, &http->timeout);
	if (http->mhd.get_timeout(http->daemon, &timeout_ms) != MHD_YES)
		return;
	ev_timer_set(&http->timeout, (double)timeout_ms / 1000., 0.);
	ev_timer_start(http->loop, &http->timeout);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop, (void)events;
	run(io->data);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	run(timer->data);
}

static int listen_at(const struct endpoint *endpoint)
{
	struct sockaddr_storage address;
	socklen_t length = endpoint_to_sockaddr(endpoint, &address);
	const int on = 1;
	int fd = socket(address.ss_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, (const struct sockaddr *)&address, length) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int start(struct metrics_http *http, const struct endpoint *endpoint)
{
	const union MHD_DaemonInfo *info;
	int fd = listen_at(endpoint);

	if (fd < 0)
		return fd;
	http->daemon = http->mhd.start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, http,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)IDLE_S, MHD_OPTION_END);
	if (!http->daemon) {
		close(fd);
		return -ENOMEM;
	}
	info = http->mhd.get_daemon_info(http->daemon,
					 MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -ENOMEM;
	ev_io_init(&http->readable, on_readable, info->epoll_fd, EV_READ);
	ev_timer_init(&http->timeout, on_timeout, 0., 0.);
	http->readable.data = http->timeout.data = http;
	ev_io_start(http->loop, &http->readable);
	return 0;
}

int metrics_http_open(struct metrics_http **http, struct ev_loop *loop,
		      const struct metrics_http_conf *conf)
{
	struct metrics_http *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->text = conf->text;
	new->ctx = conf->ctx;
	ret = load(&new->mhd);
	if (ret == 0)
		ret = start(new, conf->listen);
	if (ret < 0) {
		metrics_http_close(new);
		return ret;
	}
	*http = new;
	return 0;
}

void metrics_http_close(struct metrics_http *http)
{
	if (!http)
		return;
	if (ev_is_active(&http->readable))
		ev_io_stop(http->loop, &http->readable);
	if (ev_is_active(&http->timeout))
		ev_timer_stop(http->loop, &http->timeout);
	if (http->daemon)
		http->mhd.stop_daemon(http->daemon);
	if (http->mhd.handle)
		dlclose(http->mhd.handle);
	free(http);
}

bool metrics_http_is_built(void)
{
	return true;
}
