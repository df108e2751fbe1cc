// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * group_mark.bpf.c - marks the sockets of processes in some control groups.
 *
 * When a socket is made, and when it is connected: one that was there before
 * its process came into the group, or before us, gets the mark then.  The way
 * of a packet is asked for after both.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "routed/group_mark_limits.h"

#define LEVEL_SOCKET \
	1 /* SOL_SOCKET, SO_MARK: no libc header for BPF has them */
#define OPTION_MARK 36

/* Written from outside at any time: ids of groups, 0 for none. */
__u64 groups[GROUP_MARK_MAX];
__u64 netns_cookie; /* 0: in any network namespace */

static __always_inline int is_in_group(void)
{
	for (int level = 1; level <= GROUP_MARK_DEPTH_MAX; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);

		if (!id)
			return 0;
		for (int i = 0; i < GROUP_MARK_MAX; i++) {
			if (groups[i] == id)
				return 1;
		}
	}
	return 0;
}

static __always_inline int is_here(void *ctx)
{
	return !netns_cookie || bpf_get_netns_cookie(ctx) == netns_cookie;
}

SEC("cgroup/sock_create")
int mark_new(struct bpf_sock *ctx)
{
	if (is_here(ctx) && is_in_group())
		ctx->mark |= GROUP_MARK;
	return 1;
}

static __always_inline int mark_old(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	__u32 mark;

	if (!sk || !is_here(ctx) || !is_in_group())
		return 1;
	mark = sk->mark | GROUP_MARK;
	if (mark != sk->mark)
		bpf_setsockopt(ctx, LEVEL_SOCKET, OPTION_MARK, &mark,
			       sizeof(mark));
	return 1;
}

SEC("cgroup/connect4")
int mark_connect4(struct bpf_sock_addr *ctx)
{
	return mark_old(ctx);
}

SEC("cgroup/connect6")
int mark_connect6(struct bpf_sock_addr *ctx)
{
	return mark_old(ctx);
}

char _license[] SEC("license") = "Dual BSD/GPL";
