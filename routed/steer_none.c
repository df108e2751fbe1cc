// SPDX-License-Identifier: BSD-2-Clause
/* steer.h for a build without BPF. */
#include "routed/steer.h"

#include <errno.h>

int steer_open(struct steer **steer, int netns_fd, int listener4, int listener6)
{
	(void)steer;
	(void)netns_fd;
	(void)listener4;
	(void)listener6;
	return -EOPNOTSUPP;
}

void steer_close(struct steer *steer)
{
	(void)steer;
}
