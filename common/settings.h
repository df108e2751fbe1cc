// SPDX-License-Identifier: BSD-2-Clause
/*
 * settings.h - the options that both daemons have, and the configuration that
 * they stand for.
 *
 * Each daemon has a table of its own options behind SETTINGS_OPTIONS, and asks
 * settings_take() first.
 *
 * Errors	told on stderr; -EINVAL for a wrong command line.  What is
 *		wrong with a configuration is in the diag: ERR_CONFIG
 * Ownership	texts point into argv
 */
#ifndef ERSATZ_COMMON_SETTINGS_H
#define ERSATZ_COMMON_SETTINGS_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/diag.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct settings {
	const char *program; /* "dnsd", for messages */
	bool is_foreground, is_json;
	const char *config_file;   /* NULL: the default one */
	const char *proxy;         /* NULL: from the file */
	const char *password_file; /* of the proxy */
	const char *state_dir, *run_dir;
	bool has_no_lists; /* what was asked for does without them */
};

/* What getopt_long() gives for long options without a letter. */
enum {
	SETTINGS_PROXY = 256,
	SETTINGS_PASSWORD_FILE,
	SETTINGS_STATE,
	SETTINGS_RUN,
	SETTINGS_JSON,
	SETTINGS_VERSION, /* left to the program, as -h is */
	SETTINGS_OWN,     /* where a program's own begin */
};

/* The colon: settings_complain_option() says what is wrong. */
#define SETTINGS_LETTERS ":fc:h"
/* clang-format off */
#define SETTINGS_OPTIONS                                                    \
	{"foreground", no_argument, NULL, 'f'},                             \
	{"config", required_argument, NULL, 'c'},                           \
	{"proxy", required_argument, NULL, SETTINGS_PROXY},                 \
	{"password-file", required_argument, NULL, SETTINGS_PASSWORD_FILE}, \
	{"state", required_argument, NULL, SETTINGS_STATE},                 \
	{"run", required_argument, NULL, SETTINGS_RUN},                     \
	{"json", no_argument, NULL, SETTINGS_JSON},                         \
	{"version", no_argument, NULL, SETTINGS_VERSION},                   \
	{"help", no_argument, NULL, 'h'}
/* clang-format on */

/* True if the option is one of these, and taken; its argument is `optarg`. */
bool settings_take(struct settings *settings, int option);

/* Do they go together? */
NODISCARD int settings_check(const struct settings *settings);

/* "dnsd: WHAT 'WHICH'; 'dnsd --help' lists the options"; -EINVAL. */
int settings_complain(const struct settings *settings, const char *what,
		      const char *which);

/* For '?' and ':' of getopt_long(). */
int settings_complain_option(const struct settings *settings, int result,
			     char **argv);

/* A configuration's text, and the name that messages give it. */
struct settings_source {
	char *text; /* owned */
	size_t length;
	const char *file;
};

/* That of the file, or the one that --proxy stands for; free() its text. */
NODISCARD int settings_read(const struct settings *settings,
			    struct settings_source *source, struct diag *diag);

/*
 * Loads a text and lays the folders over it (the config borrows them).  The
 * caller frees it; warnings are in `diag` too.
 */
NODISCARD int settings_load(const struct settings *settings,
			    struct config **config,
			    const struct settings_source *source,
			    struct diag *diag);

/*
 * What --check says of a configuration without errors: a line for it, and one
 * for each list that was read; or, on standard error, what this machine lacks
 * for it, and ERR_CONFIG.
 */
NODISCARD int settings_print_check(const struct config *config, FILE *out);

#endif
