// SPDX-License-Identifier: BSD-2-Clause
/*
 * hit.h - which rule an index found, and where in a list that stands.
 */
#ifndef ERSATZ_COMMON_RULES_HIT_H
#define ERSATZ_COMMON_RULES_HIT_H

#include <stdint.h>

#define RULE_NONE UINT32_MAX

struct rule_hit {
	uint32_t rule; /* place in its list of rules; RULE_NONE: no hit */
	uint32_t line; /* of sources.h; 0: in no list file */
};

#endif
