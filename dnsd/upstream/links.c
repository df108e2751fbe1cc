// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/links.h"

#include <errno.h>

void links_init(struct links *links, const struct stream_ops *ops)
{
	for (size_t i = 0; i < GROUP_SERVERS; i++) {
		struct stream *stream = &links->streams[i];

		stream->loop = links->conf.loop;
		stream->watch = links->conf.watch;
		stream->ops = ops;
		stream_init(stream);
	}
}

void links_fini(struct links *links)
{
	for (size_t i = 0; i < GROUP_SERVERS; i++)
		stream_close(&links->streams[i], -ECANCELED, NULL);
	for (size_t i = 0; i < GROUP_SERVERS; i++) {
		tunnel_free(links->tunnels[i]);
		links->tunnels[i] = NULL;
	}
}

int links_tunnel(struct links *links, const struct upstream_server_conf *server,
		 struct tunnel **tunnel)
{
	struct tunnel **own = &links->tunnels[server->way];
	struct tunnel_conf conf = links->conf;
	int ret = 0;

	conf.way = group_way(conf.upstream, server);
	if (!*own)
		ret = tunnel_new(own, &conf);
	*tunnel = *own;
	return ret;
}

static bool has_tls(const struct upstream_server_conf *server)
{
	return server->transport == UPSTREAM_TLS ||
	       server->transport == UPSTREAM_HTTPS;
}

bool links_need_tunnel(const struct links *links,
		       const struct upstream_server_conf *server)
{
	return group_way(links->conf.upstream, server)->proxy ||
	       has_tls(server);
}

void links_go_on(struct links *links)
{
	for (size_t i = 0; i < GROUP_SERVERS; i++) {
		if (links->tunnels[i])
			tunnel_go_on(links->tunnels[i]);
	}
}

void links_reset(struct links *links)
{
	for (size_t i = 0; i < GROUP_SERVERS; i++)
		stream_close(&links->streams[i], -ENETRESET, NULL);
	for (size_t i = 0; i < GROUP_SERVERS; i++) {
		if (links->tunnels[i])
			tunnel_reset(links->tunnels[i]);
	}
}
