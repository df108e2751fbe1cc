// SPDX-License-Identifier: BSD-2-Clause
/*
 * options.h - the command line, and the configuration that it stands for.
 *
 * Errors	told on stderr; -EINVAL for a wrong command line, ERR_CONFIG
 * Ownership	texts point into argv
 */
#ifndef ERSATZ_DNSD_OPTIONS_H
#define ERSATZ_DNSD_OPTIONS_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/diag.h"
#include "common/settings.h"
#include "dnsd/dump.h"

#include <stdbool.h>
#include <stdio.h>

#define OPTIONS_LISTEN_MAX 8

enum options_action {
	ACTION_RUN,
	ACTION_CHECK,
	ACTION_PRINT_CONFIG,
	ACTION_DUMP_MAP,
	ACTION_EXPLAIN,
	ACTION_STATUS,
	ACTION_FLUSH,
	ACTION_METRICS,
	ACTION_WATCH,
	ACTION_VERSION,
	ACTION_HELP,
};

struct options {
	enum options_action action;
	struct settings settings;
	struct endpoint listen[OPTIONS_LISTEN_MAX];
	size_t listen_count;
	struct dump_request dump;
	const char *name, *type; /* to explain, to flush; may be NULL */
	const char *from;        /* NULL, or the client to explain it for */
};

NODISCARD int options_parse(struct options *options, int argc, char **argv);

void options_help(FILE *out);

/*
 * Loads the file, or what --proxy stands for, and lays the options over it
 * (the config borrows from them).  The caller frees it; what is wrong is in
 * `diag`, warnings too.
 */
NODISCARD int options_load_config(const struct options *options,
				  struct config **config, struct diag *diag);

/* The same from a text that is already there. */
NODISCARD int options_load_source(const struct options *options,
				  struct config **config,
				  const struct settings_source *source,
				  struct diag *diag);

#endif
