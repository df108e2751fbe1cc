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
#include "common/rules.h"
#include "common/settings.h"
#include "routed/explain.h"

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
	ACTION_METRICS,
	ACTION_DIFF,
	ACTION_FLOWS,
	ACTION_CLOSE,
	ACTION_DOCTOR,
	ACTION_RECOVER,
	ACTION_VERSION,
	ACTION_HELP,
};

struct options {
	enum options_action action;
	struct settings settings;
	bool keeps_closed; /* recover: not what on-crash keeps closed */
	bool is_watch;     /* of the flows, again and again */
	const char *flow;  /* to close: its id, or a part to begin with */
	struct explain_query query; /* to explain */
};

NODISCARD int options_parse(struct options *options, int argc, char **argv);

void options_help(FILE *out);

/* "443", "443/tcp", "53/udp"; without a protocol it is TCP. */
NODISCARD int options_parse_port(const char *text, uint16_t *port,
				 enum network *network);

#endif
