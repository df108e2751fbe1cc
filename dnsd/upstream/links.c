// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/links.h"

#include <errno.h>

void links_init(struct links *links, const struct stream_ops *ops)
{
	for (size_t i = 0; i < GROUP_SERVERS; i++) {
		struct stream *stream = &links->streams[i];

		stream->loop = links->conf.loop;
		stream->watch = links->conf.watch;
		stream->interface = links->conf.upstream->interface;
		stream->ops = ops;
		stream_init(stream);
	}
}

void links_fini(struct links *links)
{
	for (size_t i = 0; i < GROUP_SERVERS; i++)
		stream_close(&links->streams[i], -ECANCELED, NULL);
	tunnel_free(links->tunnel);
	links->tunnel = NULL;
}

int links_tunnel(struct links *links, struct tunnel **tunnel)
{
	if (!links->tunnel && !links->has_no_tunnel)
		links->has_no_tunnel =
			tunnel_new(&links->tunnel, &links->conf) < 0;
	*tunnel = links->tunnel;
	return links->tunnel ? 0 : -ELIBACC;
}

bool links_need_tunnel(const struct links *links,
		       const struct upstream_server_conf *server)
{
	return links->conf.upstream->proxy ||
	       server->transport == UPSTREAM_TLS ||
	       server->transport == UPSTREAM_HTTPS;
}

void links_reset(struct links *links)
{
	for (size_t i = 0; i < GROUP_SERVERS; i++)
		stream_close(&links->streams[i], -ENETRESET, NULL);
	if (links->tunnel)
		tunnel_reset(links->tunnel);
}
