// SPDX-License-Identifier: BSD-2-Clause
#include "routed/steer.h"

#include "routed/steer.skel.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

struct steer {
	struct steer_bpf *skeleton; /* owned */
	struct bpf_link *link;      /* owned */
};

static int set_listener(struct steer *steer, uint32_t key, int fd)
{
	uint64_t value = (uint64_t)fd;

	return bpf_map__update_elem(steer->skeleton->maps.listeners, &key,
				    sizeof(key), &value, sizeof(value),
				    BPF_ANY);
}

int steer_open(struct steer **out, int netns_fd, int listener4, int listener6)
{
	int ret = -ENOMEM;
	struct steer *steer = calloc(1, sizeof(*steer));
	if (!steer)
		return ret;

	libbpf_set_print(NULL); /* an error tells the reason */
	steer->skeleton = steer_bpf__open_and_load();
	if (!steer->skeleton) {
		ret = errno ? -errno : -EOPNOTSUPP;
		goto free_steer;
	}
	ret = set_listener(steer, 0, listener4);
	if (ret == 0 && listener6 >= 0)
		ret = set_listener(steer, 1, listener6);
	if (ret < 0)
		goto close_skeleton;
	steer->link = bpf_program__attach_netns(
		steer->skeleton->progs.steer_flow, netns_fd);
	if (!steer->link) {
		ret = errno ? -errno : -EOPNOTSUPP;
		goto close_skeleton;
	}
	*out = steer;
	return 0;

close_skeleton:
	steer_bpf__destroy(steer->skeleton);
free_steer:
	free(steer);
	return ret;
}

void steer_close(struct steer *steer)
{
	if (!steer)
		return;
	bpf_link__destroy(steer->link);
	steer_bpf__destroy(steer->skeleton);
	free(steer);
}
