// SPDX-License-Identifier: BSD-2-Clause
/*
 * log.h - what the administrator reads.
 *
 * Lower case, verb first, the thing in single quotes, then the reason:
 * "cannot open map '/x': permission denied".  Low layers return errors; the
 * place that decides what to do logs, once.  errno is left as it was.
 *
 * Levels	error: cannot do its job; warning: somebody should look;
 *		notice: state changed; info; debug
 * Network	bytes from the network are printed with log_escape(); control
 *		characters that get here all the same are printed as "?"
 * Thread	any, after log_open()
 */
#ifndef ERSATZ_COMMON_LOG_H
#define ERSATZ_COMMON_LOG_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

enum log_target {
	LOG_TARGET_STDERR, /* "routed: text", or "<5>text" under systemd */
	LOG_TARGET_SYSLOG,
};

/*
 * Says who speaks (borrowed for the life of the process), from which level
 * up, and where to.  Before the first call everything from notice up goes to
 * stderr.
 */
void log_open(const char *program, enum log_level level,
	      enum log_target target);

/* The level of a word ("error" to "debug"), or -EINVAL. */
NODISCARD int log_level_of(const char *word);

/* Is a line of that level written?  To save what it takes to make it. */
bool log_has(enum log_level level);

void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_notice(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * A bound for what a packet can trigger: at most `burst` lines in ten
 * seconds; the first line after a pause tells how many were left out.  All but
 * `burst` starts as zero; one thread for each.
 */
struct log_limit {
	uint32_t burst;
	uint32_t used;
	uint64_t left_out;
	int64_t since_ms;
};

/* True if a line may be written now. */
bool log_limit_pass(struct log_limit *limit);

/*
 * An error out of a signal handler, from whatever it has interrupted: the
 * parts (until NULL) as one line.  Async-signal-safe.
 */
void log_from_signal(const char *const *parts);

/*
 * Copies `length` foreign bytes to `out`, everything but printable ASCII as
 * \\xHH, cut to fit and always terminated.  Returns `out`.
 */
const char *log_escape(char *out, size_t size, const void *bytes,
		       size_t length);

#endif
