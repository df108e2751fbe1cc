// SPDX-License-Identifier: BSD-2-Clause
/* In place of metrics_http.c where libmicrohttpd was not there. */
#include "common/metrics_http.h"

#include <errno.h>

int metrics_http_open(struct metrics_http **http, struct ev_loop *loop,
		      const struct metrics_http_conf *conf)
{
	(void)http, (void)loop, (void)conf;
	return -ENOSYS;
}

void metrics_http_close(struct metrics_http *http)
{
	(void)http;
}

bool metrics_http_is_built(void)
{
	return false;
}
