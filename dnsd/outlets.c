// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/outlets.h"

#include "common/err.h"
#include "common/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct outlets {
	struct ev_loop *loop; /* borrowed */
	struct watch *watch;  /* borrowed */
	metrics_text_fn text;
	void *ctx;
	struct metrics_http *http; /* owned; NULL: off */
	struct endpoint endpoint;  /* of it */
};

int outlets_new(struct outlets **outlets, struct ev_loop *loop,
		struct watch *watch, metrics_text_fn text, void *ctx)
{
	struct outlets *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->watch = watch;
	new->text = text;
	new->ctx = ctx;
	*outlets = new;
	return 0;
}

void outlets_free(struct outlets *outlets)
{
	if (!outlets)
		return;
	metrics_http_close(outlets->http);
	free(outlets);
}

static int open_http(struct outlets *outlets, const struct endpoint *endpoint,
		     struct outlets_ready *ready)
{
	const struct metrics_http_conf conf = {
		.listen = endpoint,
		.text = outlets->text,
		.ctx = outlets->ctx,
	};
	char text[ENDPOINT_TEXT_SIZE];
	int ret;

	if (endpoint->addr.family == ADDR_NONE)
		return 0;
	ready->is_http_kept =
		outlets->http && endpoint_equal(endpoint, &outlets->endpoint);
	if (ready->is_http_kept)
		return 0;
	ret = metrics_http_open(&ready->http, outlets->loop, &conf);
	if (ret == -ENOENT)
		log_error("cannot serve metrics: libmicrohttpd is not "
			  "installed: apt-get install libmicrohttpd12");
	else if (ret < 0)
		log_error("cannot serve metrics at '%s': %s",
			  endpoint_format(endpoint, text, sizeof(text)),
			  err_text(ret));
	return ret;
}

int outlets_open(struct outlets *outlets, const struct config *config,
		 struct outlets_ready *ready)
{
	int ret;

	*ready = (struct outlets_ready){.log_fd = -1};
	ret = watch_open_log(config, &ready->log_fd);
	if (ret == 0)
		ret = open_http(outlets, &config->dnsd.metrics, ready);
	if (ret < 0)
		outlets_abandon(ready);
	return ret;
}

void outlets_abandon(struct outlets_ready *ready)
{
	metrics_http_close(ready->http);
	if (ready->log_fd >= 0)
		close(ready->log_fd);
	*ready = (struct outlets_ready){.log_fd = -1};
}

void outlets_use(struct outlets *outlets, const struct config *config,
		 const struct outlets_ready *ready)
{
	watch_set_config(outlets->watch, config, ready->log_fd);
	if (ready->is_http_kept)
		return;
	metrics_http_close(outlets->http);
	outlets->http = ready->http;
	outlets->endpoint = config->dnsd.metrics;
}
