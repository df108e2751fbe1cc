// SPDX-License-Identifier: BSD-2-Clause
/* In place of resolved_bus.c where libsystemd was not there. */
#include "routed/resolved_bus.h"

#include <errno.h>
#include <stdio.h>

static int refuse(char *why)
{
	snprintf(why, RESOLVED_BUS_WHY_SIZE,
		 "built without libsystemd, which talks to it");
	return -EOPNOTSUPP;
}

int resolved_bus_take(int ifindex, const struct addr *server,
		      char why[RESOLVED_BUS_WHY_SIZE])
{
	(void)ifindex;
	(void)server;
	return refuse(why);
}

int resolved_bus_give_back(int ifindex, char why[RESOLVED_BUS_WHY_SIZE])
{
	(void)ifindex;
	return refuse(why);
}
