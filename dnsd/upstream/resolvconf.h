// SPDX-License-Identifier: BSD-2-Clause
/*
 * resolvconf.h - the resolvers that the host had before us.
 *
 * They stand in /etc/resolv.conf, or, once routed has written its own there
 * (the first line says so), in the copy that it keeps in the run folder.
 * Where it names systemd-resolved's stub alone, and routed has had resolved ask
 * us (its own list has an address of our pool), that list stands for them
 * without it: the stub would bring each question back.
 * The files are looked at again, by stat(2), whenever resolvconf_refresh() is
 * called.
 *
 * Errors	-errno of a file that cannot be read
 * Source	resolv.conf(5)
 */
#ifndef ERSATZ_DNSD_UPSTREAM_RESOLVCONF_H
#define ERSATZ_DNSD_UPSTREAM_RESOLVCONF_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/fake.h"

#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#define RESOLVCONF_FILE "/etc/resolv.conf"
#define RESOLVCONF_BEFORE "resolv.conf.before" /* in the run folder */
#define RESOLVCONF_MARKER "# Written by routed (ersatz)"
#define RESOLVCONF_RESOLVED "/run/systemd/resolve/resolv.conf"
#define RESOLVCONF_SERVERS 8
#define RESOLVCONF_SIZE_MAX 16384 /* what is beyond is not read */

/* Which file it was; all zero for one that is not there. */
struct resolvconf_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct resolvconf {
	const char *path;   /* borrowed */
	const char *before; /* borrowed */
	const char *resolved;
	const struct fake_pool *pool; /* borrowed; NULL: none */
	struct resolvconf_stamp stamps[3];
	struct addr servers[RESOLVCONF_SERVERS];
	size_t count;
};

/*
 * The addresses of the "nameserver" lines, in order and each one once; what
 * is no address ("fe80::1%eth0" is none here) is left out.  1 if the text has
 * the marker of routed, else 0.  Pure.
 */
NODISCARD int resolvconf_parse(struct resolvconf *conf, const char *text,
			       size_t length);

/* `path` NULL: RESOLVCONF_FILE, and that of resolved. */
void resolvconf_init(struct resolvconf *conf, const char *path,
		     const char *before, const struct fake_pool *pool);

/* 1 when the files changed and were read again, 0 when they did not. */
NODISCARD int resolvconf_refresh(struct resolvconf *conf);

#endif
