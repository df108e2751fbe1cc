// SPDX-License-Identifier: BSD-2-Clause
/*
 * carry_probe.h - does this kernel carry TCP as carry.h wants it to?
 *
 * Programs that load and attach need not work: so a flow of our own is opened
 * in each family and data goes both ways, between the inner namespace and one
 * more namespace that stands for the host.  Nothing of the host's is touched.
 * The caller is a process made for this (trial.h): it stays in that namespace,
 * and what was made lasts until it ends.
 *
 * Privilege	as carry_new(), and CAP_SYS_ADMIN
 * Errors	-errno; -ETIMEDOUT: nothing arrived; -EBADMSG: something else
 *		than was sent; -ENOTUNIQ: the packets came to user space
 */
#ifndef ERSATZ_ROUTED_CARRY_PROBE_H
#define ERSATZ_ROUTED_CARRY_PROBE_H

#include "common/compiler.h"
#include "routed/nl_device.h"

/* Of the inner namespace, in which the caller is; all are borrowed. */
struct carry_probe_conf {
	struct nl_device *inside;
	int netns;
	const char *tun_name; /* that a TUN has inside */
	int listener4;
	int listener6; /* -1: kernel without IPv6 */
};

/* `what` is set to what failed ("cannot open a flow"), a static text. */
NODISCARD int carry_probe(const struct carry_probe_conf *conf,
			  const char **what);

#endif
