// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/upstream.h"

struct upstreams_conf upstreams_conf_of(const struct config *config)
{
	return (struct upstreams_conf){
		.groups = config->upstreams,
		.outbounds = config->outbounds,
		.group_count = config->upstream_count,
		.timeout_ms = config->dnsd.timeout_ms,
		.run_dir = config->run_dir,
		.fake = &config->dnsd.fake,
		.listen = config->dnsd.listen,
		.listen_count = config->dnsd.listen_count,
	};
}
