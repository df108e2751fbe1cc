// SPDX-License-Identifier: BSD-2-Clause
#include "routed/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int memory_file_make(const char *text, size_t length)
{
	int ret;
	int fd = memfd_create("ersatz-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < length;) {
		ssize_t n = pwrite(fd, text + done, length - done, (off_t)done);
		if (n < 0) {
			ret = -errno;
			goto close_fd;
		}
		done += (size_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		ret = -errno;
		goto close_fd;
	}
	return fd;

close_fd:
	close(fd);
	return ret;
}
