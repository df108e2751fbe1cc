// SPDX-License-Identifier: BSD-2-Clause
/*
 * steer.h - every TCP port of a namespace to one listener of its family; the
 * boundary of libbpf.
 *
 * An sk_lookup program (kernel 5.9): asked for each packet without an
 * established socket, before the kernel's own search for a listener, so
 * neither addresses nor ports need to be bound.
 *
 * Privilege	CAP_BPF and CAP_NET_ADMIN for steer_open()
 * Errors	-EOPNOTSUPP when built without BPF; else what the kernel said
 *		(-EPERM, -EINVAL, ...): nft.h does the same then
 */
#ifndef ERSATZ_ROUTED_STEER_H
#define ERSATZ_ROUTED_STEER_H

#include "common/compiler.h"

struct steer;

/* Does not take the descriptors; `listener6` -1: none.  It lasts until
 * steer_close(). */
NODISCARD int steer_open(struct steer **steer, int netns_fd, int listener4,
			 int listener6);
void steer_close(struct steer *steer);

#endif
