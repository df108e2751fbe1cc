// SPDX-License-Identifier: BSD-2-Clause
#include "routed/outlet.h"

#include "common/err.h"
#include "common/log.h"

#include <errno.h>

#define POLL_S 1.0

static void on_poll(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	const struct outlet *outlet = timer->data;

	(void)loop, (void)events;
	outlet->conf.ask(outlet->conf.ctx);
}

void outlet_init(struct outlet *outlet, const struct outlet_conf *conf)
{
	*outlet = (struct outlet){.conf = *conf};
	ev_timer_init(&outlet->poll, on_poll, 0., POLL_S);
	outlet->poll.data = outlet;
}

void outlet_close(struct outlet *outlet)
{
	if (!outlet->http)
		return;
	ev_timer_stop(outlet->conf.loop, &outlet->poll);
	metrics_http_close(outlet->http);
	outlet->http = NULL;
}

static int open_http(const struct outlet *outlet,
		     const struct endpoint *endpoint,
		     struct metrics_http **http)
{
	const struct metrics_http_conf conf = {
		.listen = endpoint,
		.text = outlet->conf.text,
		.ctx = outlet->conf.ctx,
	};
	char text[ENDPOINT_TEXT_SIZE];
	int ret = metrics_http_open(http, outlet->conf.loop, &conf);

	if (ret == -ENOENT)
		log_error("cannot serve metrics: libmicrohttpd is not "
			  "installed: apt-get install libmicrohttpd12");
	else if (ret < 0)
		log_error("cannot serve metrics at '%s': %s",
			  endpoint_format(endpoint, text, sizeof(text)),
			  err_text(ret));
	return ret;
}

int outlet_follow(struct outlet *outlet, const struct endpoint *endpoint)
{
	struct metrics_http *http = NULL;
	int ret = 0;

	if (outlet->http && endpoint_equal(endpoint, &outlet->endpoint))
		return 0;
	if (endpoint->addr.family != ADDR_NONE)
		ret = open_http(outlet, endpoint, &http);
	if (ret < 0)
		return ret;
	outlet_close(outlet);
	outlet->http = http;
	outlet->endpoint = *endpoint;
	if (http)
		ev_timer_start(outlet->conf.loop, &outlet->poll);
	return 0;
}
