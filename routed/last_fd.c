// SPDX-License-Identifier: BSD-2-Clause
#include "routed/last_fd.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

void last_fd_raise(int *fd, int least)
{
	struct rlimit limit;
	int last;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur <= (rlim_t)least)
		least = (int)limit.rlim_cur - 1;
	last = fcntl(*fd, F_DUPFD_CLOEXEC, least);
	if (last < 0)
		return;
	close(*fd);
	*fd = last;
}
