// SPDX-License-Identifier: BSD-2-Clause
/*
 * all.h - what the files of rules.h share, and nobody else needs.
 *
 * ../rules.c	adds and seals
 * walk.c	decides
 * direct.c	what goes DIRECT by its address alone
 */
#ifndef ERSATZ_COMMON_RULES_ALL_H
#define ERSATZ_COMMON_RULES_ALL_H

#include "common/arena.h"
#include "common/rules.h"
#include "common/rules/load.h"
#include "common/rules/rule_list.h"
#include "common/rules/sources.h"

struct rules {
	struct rule_list **lists; /* owned; the first is `rules:` */
	size_t list_count;
	struct arena texts;
	struct sources sources;
	struct load load; /* until sealed */
	bool is_broken;   /* a rule was left out */
	bool is_finished, is_sealed;
};

#endif
