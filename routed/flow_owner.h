// SPDX-License-Identifier: BSD-2-Clause
/*
 * flow_owner.h - what rules may ask of the one who has a flow.
 *
 * The user is that of the socket (sock_diag), the program and the control
 * group those of the process that holds it (/proc).  It is a look at one
 * moment: a socket that was closed meanwhile is nobody's.
 *
 * Privilege	CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH for processes of others
 * Source	sock_diag(7), proc(5), cgroups(7)
 */
#ifndef ERSATZ_ROUTED_FLOW_OWNER_H
#define ERSATZ_ROUTED_FLOW_OWNER_H

#include "routed/link.h"
#include "routed/sockdiag.h"

/* The socket that has a flow; negative: nobody of this host has it. */
NODISCARD int flow_owner_find(struct sockdiag *diag,
			      const struct link_flow *flow,
			      struct sockdiag_socket *socket);

/*
 * Fills all of `owner` but the outbound.  With `wants_process` every process
 * is looked at, which takes some milliseconds; else only the user is told.
 */
void flow_owner_describe(const struct sockdiag_socket *socket,
			 bool wants_process, struct link_owner *owner);

/*
 * The path of a process's control group out of the text of /proc/PID/cgroup:
 * that of version 2, else that of systemd's own hierarchy.  False: it has
 * neither, or it does not fit.  Pure.
 */
NODISCARD bool flow_owner_parse_cgroup(const char *text, char *out,
				       size_t size);

/* That of a process; "" if it has none, or is gone. */
void flow_owner_read_cgroup(pid_t pid, char *out, size_t size);

#endif
