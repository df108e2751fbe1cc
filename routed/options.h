// SPDX-License-Identifier: BSD-2-Clause
/*
 * options.h - the command line, and the configuration that it stands for.
 *
 * Errors	told on stderr; -EINVAL for a wrong command line, ERR_CONFIG
 * Ownership	texts point into argv
 */
#ifndef ERSATZ_ROUTED_OPTIONS_H
#define ERSATZ_ROUTED_OPTIONS_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/diag.h"
#include "common/rules.h"

#include <stdbool.h>
#include <stdio.h>

#define OPTIONS_DEFAULT_RUN_DIR "/run/ersatz"

enum options_action {
	ACTION_RUN,
	ACTION_CHECK,
	ACTION_PRINT_CONFIG,
	ACTION_PLAN,
	ACTION_EXPLAIN,
	/* These do without a configuration: it may be gone or broken. */
	ACTION_STATUS,
	ACTION_FLOWS,
	ACTION_RECOVER,
	ACTION_VERSION,
	ACTION_HELP,
};

struct options {
	enum options_action action;
	bool is_foreground, is_json;
	const char *config_file;   /* NULL: the default one */
	const char *proxy;         /* NULL: from the file */
	const char *password_file; /* of the proxy */
	const char *state_dir, *run_dir;
	const char *target; /* to explain: address or name */
	uint16_t port;      /* 0: not said */
	enum network network;
};

NODISCARD int options_parse(struct options *options, int argc, char **argv);

void options_help(FILE *out);

/* A configuration's text, and the name that messages give it. */
struct options_source {
	char *text; /* owned */
	size_t length;
	const char *file;
};

/* That of the file, or the one that --proxy stands for; free() its text. */
NODISCARD int options_read(const struct options *options,
			   struct options_source *source, struct diag *diag);

/*
 * Loads a text and lays the options over it (the config borrows from them).
 * The caller frees it; what is wrong is in `diag`, warnings too.
 */
NODISCARD int options_load(const struct options *options,
			   struct config **config,
			   const struct options_source *source,
			   struct diag *diag);

/* "443", "443/tcp", "53/udp"; without a protocol it is TCP. */
NODISCARD int options_parse_port(const char *text, uint16_t *port,
				 enum network *network);

#endif
