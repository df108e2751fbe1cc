// SPDX-License-Identifier: BSD-2-Clause
/*
 * reload.h - the configuration and its lists, read again while a daemon runs.
 *
 * Reading is long work and done aside (aside.h): the loop hears of the result
 * as a whole, or of what is wrong.  What is asked for meanwhile is done once
 * more afterwards, as the reading may have been past what changed.
 *
 * Nothing is reloaded halfway: until `use` returned 0 the source in effect
 * stays the one that it was.
 *
 * Errors	logged, with every line of the diag
 * Ownership	embedded by the caller, who lets it lie where it is
 * Thread	`load` runs in another one than the loop; all else in that of
 *		the loop
 */
#ifndef ERSATZ_COMMON_RELOAD_H
#define ERSATZ_COMMON_RELOAD_H

#include "common/aside.h"
#include "common/diag.h"
#include "common/settings.h"

#include <ev.h>

struct reload_conf {
	struct ev_loop *loop;
	const struct settings *settings;
	/* In effect; changed by a reload of the file. */
	struct settings_source *source;
	/* As settings_load(); looks at nothing that the loop changes. */
	int (*load)(void *ctx, struct config **config,
		    const struct settings_source *source, struct diag *diag);
	/* Takes the config; on an error all is as before. */
	int (*use)(void *ctx, struct config *config,
		   const struct settings_source *source);
	void *ctx;
};

enum reload_kind { RELOAD_NONE, RELOAD_LISTS, RELOAD_FILE };

/* What is being read: the other thread's until it is done. */
struct reload_job {
	enum reload_kind kind;
	struct settings_source source; /* of RELOAD_FILE it is our own */
	struct config *config;
	struct diag diag;
	int ret;
};

struct reload {
	struct reload_conf conf;
	struct aside *aside; /* NULL: nothing is being read */
	struct reload_job job;
	enum reload_kind next; /* what was asked for meanwhile */
};

void reload_init(struct reload *reload, const struct reload_conf *conf);

/* Waits for what is being read.  Fine for one that is all zero. */
void reload_fini(struct reload *reload);

/* The file, and its lists. */
void reload_file(struct reload *reload);
/* The lists alone: nobody said to read the configuration. */
void reload_lists(struct reload *reload);

#endif
