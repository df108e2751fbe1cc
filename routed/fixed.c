// SPDX-License-Identifier: BSD-2-Clause
#include "routed/fixed.h"

#include <string.h>

const char *fixed_difference(const struct config *a, const struct config *b)
{
	if (strcmp(a->state_dir, b->state_dir) != 0)
		return "state";
	if (strcmp(a->run_dir, b->run_dir) != 0)
		return "run";
	if (strcmp(a->user, b->user) != 0)
		return "user";
	if (strcmp(a->routed.tun, b->routed.tun) != 0)
		return "routed.tun";
	if (a->routed.carrier != b->routed.carrier)
		return "routed.carrier";
	if (!a->routed.exempt.cgroup_count && b->routed.exempt.cgroup_count)
		return "routed.exempt.cgroup";
	if (memcmp(&a->dnsd.fake, &b->dnsd.fake, sizeof(a->dnsd.fake)) != 0)
		return "dnsd.fake";
	return NULL;
}
