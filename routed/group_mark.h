// SPDX-License-Identifier: BSD-2-Clause
/*
 * group_mark.h - the mark that sockets of processes in some control groups
 * get; the boundary of libbpf.
 *
 * Programs (group_mark.bpf.c) at the root of the control groups, which is
 * always there; which groups are meant lies in memory that is mapped here, so
 * that one which comes later needs no bpf(2).  What is below such a group is
 * meant too.  Sockets of other network namespaces are left alone (Linux 5.14;
 * before that they get the mark, which means nothing there).
 *
 * The programs go with the process, however that ends.
 *
 * Privilege	CAP_BPF and CAP_NET_ADMIN for group_mark_open(); none after it
 * Errors	-EOPNOTSUPP when built without BPF; else what the kernel said
 * Source	bpf-helpers(7); Linux 5.8 for bpf_setsockopt at a connect
 */
#ifndef ERSATZ_ROUTED_GROUP_MARK_H
#define ERSATZ_ROUTED_GROUP_MARK_H

#include "common/compiler.h"
#include "routed/group_mark_limits.h"

#include <stddef.h>
#include <stdint.h>

struct group_mark;

/* `root_fd` is the folder of the root; it is not taken.  No group is meant. */
NODISCARD int group_mark_open(struct group_mark **mark, int root_fd);
void group_mark_close(struct group_mark *mark);

/* The id of a group (the inode of its folder), 0 for none; index < MAX. */
void group_mark_set(struct group_mark *mark, size_t index, uint64_t id);

#endif
