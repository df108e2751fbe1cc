// SPDX-License-Identifier: BSD-2-Clause
/*
 * takeover.h - the system's resolver while we run (routed.resolver).
 *
 * Errors	-errno; `why` (TAKEOVER_WHY_SIZE) has the sentence
 */
#ifndef ERSATZ_ROUTED_TAKEOVER_H
#define ERSATZ_ROUTED_TAKEOVER_H

#include "common/config.h"

#include <stdbool.h>

#define TAKEOVER_WHY_SIZE 256

struct takeover {
	bool is_taken;
};

/* Takes what the configuration names; nothing when that is "off". */
NODISCARD int takeover_start(struct takeover *takeover,
			     const struct config *config, char *why);

/* Gives it back, if it is taken; negative, and logged, when it cannot. */
int takeover_stop(struct takeover *takeover, const struct config *config);

#endif
