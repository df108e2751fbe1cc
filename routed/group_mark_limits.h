// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* group_mark_limits.h - what group_mark.c and its program agree upon. */
#ifndef ERSATZ_ROUTED_GROUP_MARK_LIMITS_H
#define ERSATZ_ROUTED_GROUP_MARK_LIMITS_H

/* A bit that Tailscale, Docker, Kubernetes, Calico and gateway.h do not use. */
#define GROUP_MARK 0x40000000
#define GROUP_MARK_MAX 8        /* groups */
#define GROUP_MARK_DEPTH_MAX 16 /* of a process's group, below the root */

#endif
