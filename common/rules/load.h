// SPDX-License-Identifier: BSD-2-Clause
/*
 * load.h - what reading rules needs beyond the rule: the files that were read,
 * the geographic ones, and the sets that have a name.
 *
 * It lives until the rules are sealed, but for the sources.
 */
#ifndef ERSATZ_COMMON_RULES_LOAD_H
#define ERSATZ_COMMON_RULES_LOAD_H

#include "common/rules.h"
#include "common/rules/geo.h"
#include "common/rules/sources.h"

struct load {
	struct sources *sources;          /* borrowed */
	struct geo geo;                   /* embedded */
	const struct rule_set_conf *sets; /* borrowed */
	size_t set_count;
	const char *file; /* borrowed; the one that relative paths are from */
	bool is_without_lists; /* nor databases: they stay empty */
};

/* "file" from the folder of `load->file`, on the heap; NULL: no memory. */
NODISCARD char *load_path(const struct load *load, const char *file);

#endif
