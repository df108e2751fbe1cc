// SPDX-License-Identifier: BSD-2-Clause
/* group_mark.h for a build without BPF. */
#include "routed/group_mark.h"

#include <errno.h>

int group_mark_open(struct group_mark **mark, int root_fd)
{
	(void)mark;
	(void)root_fd;
	return -EOPNOTSUPP;
}

void group_mark_close(struct group_mark *mark)
{
	(void)mark;
}

void group_mark_set(struct group_mark *mark, size_t index, uint64_t id)
{
	(void)mark;
	(void)index;
	(void)id;
}
