// SPDX-License-Identifier: BSD-2-Clause
/*
 * forbidden_fixture.h - what becomes of a process that makes a system call.
 */
#ifndef ERSATZ_TESTS_UNIT_FORBIDDEN_FIXTURE_H
#define ERSATZ_TESTS_UNIT_FORBIDDEN_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

struct forbidden_call {
	const char *name; /* as the log has it */
	long (*make)(void);
	bool is_sanitizers; /* that may make it */
};

/* What none of our processes may do; `name` NULL ends it. */
extern const struct forbidden_call forbidden_calls[];

/*
 * A child enters a filter (NULL: none) and makes the call.  True if it died of
 * that, and said so with its name; false if it went on.
 */
bool forbidden_kills(const struct forbidden_call *call, void (*enter)(void));

/* Each of those that end with `name` NULL kills, and none without filter. */
void forbidden_all_kill(const struct forbidden_call *calls,
			void (*enter)(void));

/* What all of them do all the time goes on as before. */
void forbidden_usual_is_allowed(void (*enter)(void));

#endif
