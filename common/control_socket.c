// SPDX-License-Identifier: BSD-2-Clause
#include "common/control_socket.h"

#include "common/err.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

/* Removes the socket of one who died; ERR_RUNNING if somebody answers. */
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat st;
	int ret = 0;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
		    0 ||
	    errno == EAGAIN)
		ret = ERR_RUNNING;
	else if (errno != ECONNREFUSED)
		ret = -errno;
	else if (unlink(address->sun_path) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int control_socket_listen(const char *path, struct stat *file)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, ret;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	ret = remove_stale(&address);
	if (ret < 0)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		ret = -errno;
		goto close_fd;
	}
	if (chmod(path, 0666) < 0 || lstat(path, file) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		ret = -errno;
		goto unlink_path;
	}
	return fd;

unlink_path:
	unlink(path);
close_fd:
	close(fd);
	return ret;
}
