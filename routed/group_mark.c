// SPDX-License-Identifier: BSD-2-Clause
#include "routed/group_mark.h"

#include "routed/group_mark.skel.h"

#include <assert.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAMS 3

struct group_mark {
	struct group_mark_bpf *skeleton;  /* owned */
	struct bpf_link *links[PROGRAMS]; /* owned */
};

/* 0: this kernel does not tell (before Linux 5.14). */
static uint64_t find_cookie(void)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0)
		cookie = 0;
	close(fd);
	return cookie;
}

static int attach(struct group_mark *mark, int root_fd)
{
	struct bpf_program *const programs[PROGRAMS] = {
		mark->skeleton->progs.mark_new,
		mark->skeleton->progs.mark_connect4,
		mark->skeleton->progs.mark_connect6,
	};

	for (size_t i = 0; i < PROGRAMS; i++) {
		mark->links[i] =
			bpf_program__attach_cgroup(programs[i], root_fd);
		if (!mark->links[i])
			return errno ? -errno : -EOPNOTSUPP;
	}
	return 0;
}

int group_mark_open(struct group_mark **out, int root_fd)
{
	struct group_mark *mark = calloc(1, sizeof(*mark));
	int ret;

	if (!mark)
		return -ENOMEM;
	libbpf_set_print(NULL); /* an error tells the reason */
	mark->skeleton = group_mark_bpf__open_and_load();
	if (!mark->skeleton) {
		ret = errno ? -errno : -EOPNOTSUPP;
		goto close_mark;
	}
	mark->skeleton->bss->netns_cookie = find_cookie();
	ret = attach(mark, root_fd);
	if (ret < 0)
		goto close_mark;
	*out = mark;
	return 0;

close_mark:
	group_mark_close(mark);
	return ret;
}

void group_mark_close(struct group_mark *mark)
{
	if (!mark)
		return;
	for (size_t i = 0; i < PROGRAMS; i++)
		bpf_link__destroy(mark->links[i]);
	group_mark_bpf__destroy(mark->skeleton);
	free(mark);
}

void group_mark_set(struct group_mark *mark, size_t index, uint64_t id)
{
	assert(index < GROUP_MARK_MAX);
	mark->skeleton->bss->groups[index] = id;
}
