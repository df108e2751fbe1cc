// SPDX-License-Identifier: BSD-2-Clause
/*
 * blame.h - what it means that a server was asked in vain: a status, the code
 * of an Extended DNS Error, and the sentence that goes with it.  Pure.
 *
 * Source	RFC 8914 4
 */
#ifndef ERSATZ_DNSD_UPSTREAM_BLAME_H
#define ERSATZ_DNSD_UPSTREAM_BLAME_H

#include "dnsd/upstream/exchange.h"

#include <stddef.h>
#include <stdint.h>

#define BLAME_SIZE 512

struct blame {
	int status;
	uint16_t ede;
	char why[BLAME_SIZE]; /* "192.0.2.1:53 answered REFUSED" */
};

/* An exchange ended so; its result is an error. */
void blame_failure(struct blame *blame, const struct group *group, size_t index,
		   const struct exchange_result *result);

/* It was asked and has not answered; a failure that was noted tells more. */
void blame_silence(struct blame *blame, const struct group *group,
		   size_t index);

/* Is it the server that is to blame, and not our own network? */
bool blame_is_servers(int status);

#endif
