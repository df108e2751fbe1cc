// SPDX-License-Identifier: BSD-2-Clause
#include "routed/learnt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void learnt_fini(struct learnt *learnt)
{
	free(learnt->uids);
	free(learnt->far_ends);
	free(learnt->udp_servers);
	free(learnt->tunnel_ports);
	rule_directs_fini(&learnt->rule_directs);
	memset(learnt, 0, sizeof(*learnt));
}

static int copy_array(void **copy, const void *array, size_t count, size_t size)
{
	*copy = calloc(count ? count : 1, size);
	if (!*copy)
		return -ENOMEM;
	if (count)
		memcpy(*copy, array, count * size);
	return 0;
}

int learnt_set_uids(struct learnt *learnt, const struct uid_range *uids,
		    size_t count)
{
	void *copy;
	int ret = copy_array(&copy, uids, count, sizeof(*uids));

	if (ret < 0)
		return ret;
	free(learnt->uids);
	learnt->uids = copy;
	learnt->facts.uids = learnt->uids;
	learnt->facts.uid_count = count;
	return 0;
}

int learnt_set_far_ends(struct learnt *learnt, const struct prefix *ends,
			size_t count)
{
	void *copy;
	int ret = copy_array(&copy, ends, count, sizeof(*ends));

	if (ret < 0)
		return ret;
	free(learnt->far_ends);
	learnt->far_ends = copy;
	learnt->facts.far_ends = learnt->far_ends;
	learnt->facts.far_end_count = count;
	return 0;
}

int learnt_set_udp_servers(struct learnt *learnt,
			   const struct endpoint *servers, size_t count)
{
	void *copy;
	int ret = copy_array(&copy, servers, count, sizeof(*servers));

	if (ret < 0)
		return ret;
	free(learnt->udp_servers);
	learnt->udp_servers = copy;
	learnt->facts.udp_servers = learnt->udp_servers;
	learnt->facts.udp_server_count = count;
	return 0;
}

int learnt_set_tunnel_ports(struct learnt *learnt, const uint16_t *ports,
			    size_t count)
{
	void *copy;
	int ret = copy_array(&copy, ports, count, sizeof(*ports));

	if (ret < 0)
		return ret;
	free(learnt->tunnel_ports);
	learnt->tunnel_ports = copy;
	learnt->facts.tunnel_ports = learnt->tunnel_ports;
	learnt->facts.tunnel_port_count = count;
	return 0;
}

int learnt_set_rules(struct learnt *learnt, const struct config *config)
{
	struct rule_directs now;
	int ret = rule_directs_find(&now, config);

	if (ret < 0)
		return ret;
	rule_directs_fini(&learnt->rule_directs);
	learnt->rule_directs = now;
	learnt->facts.rule_directs = now.list;
	learnt->facts.rule_direct_count = now.count;
	return 0;
}

int learnt_add_far_end(struct learnt *learnt, const struct prefix *end)
{
	size_t count = learnt->facts.far_end_count;
	struct prefix *grown;

	for (size_t i = 0; i < count; i++) {
		if (prefix_covers(&learnt->far_ends[i], end))
			return 0;
	}
	grown = realloc(learnt->far_ends, (count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[count] = *end;
	learnt->far_ends = grown;
	learnt->facts.far_ends = grown;
	learnt->facts.far_end_count = count + 1;
	return 1;
}
