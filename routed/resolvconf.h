// SPDX-License-Identifier: BSD-2-Clause
/*
 * resolvconf.h - resolv.conf as ours, and given back as it was.
 *
 * Taking over saves the file (RUN/resolv.conf.before: bytes, mode, owner,
 * time; if it is a symbolic link RUN/resolv.conf.link too) and puts a new one
 * in its place with rename(2): our nameservers, and the original's search,
 * domain and options.  A file that is mounted over (ip netns exec, containers)
 * cannot be renamed: it is written in place.
 *
 * Our file starts with RESOLVCONF_MARK and ends with the original as comments,
 * because RUN is empty after a power cut and the file is not.
 *
 * Giving back does so only while the file is ours; what another program has
 * put there since stays.
 *
 * Errors	-errno
 * Privilege	of the file's folder
 */
#ifndef ERSATZ_ROUTED_RESOLVCONF_H
#define ERSATZ_ROUTED_RESOLVCONF_H

#include "common/addr.h"
#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>

#define RESOLVCONF_PATH "/etc/resolv.conf"
#define RESOLVCONF_MARK "# Written by routed (ersatz); the original is "
#define RESOLVCONF_BEFORE "resolv.conf.before" /* in the run folder */
#define RESOLVCONF_LINK "resolv.conf.link"
#define RESOLVCONF_BYTES_MAX (64U * 1024)

struct resolvconf {
	const char *path;    /* RESOLVCONF_PATH, or that of a test */
	const char *run_dir; /* borrowed */
};

/*
 * -ENOENT when none of `servers` has port 53: a resolv.conf cannot say a
 * port.  One that is ours already is written anew, what was saved stays.
 */
NODISCARD int resolvconf_take(const struct resolvconf *conf,
			      const struct endpoint *servers, size_t count);

/* 1: given back; 0: it is not ours (what was saved is removed then too). */
NODISCARD int resolvconf_give_back(const struct resolvconf *conf);

/* Does it have our mark? */
bool resolvconf_is_ours(const struct resolvconf *conf);

#endif
