// SPDX-License-Identifier: BSD-2-Clause
/*
 * list.h - the files that RULE-SET and GEOSITE name.
 *
 * One entry a line, or the `payload` of a YAML file.  What a line means
 * depends on the form of the list (form.h), which is recognised from its
 * content unless it was said.
 *
 * Errors	ERR_CONFIG: the diag got an error; -ENOMEM, -EFBIG
 * Source	mihomo, rules/provider/; dnsmasq(8); hosts(5); AdGuard's
 *		syntax for DNS filters; v2fly, domain-list-community
 */
#ifndef ERSATZ_COMMON_RULES_LIST_H
#define ERSATZ_COMMON_RULES_LIST_H

#include "common/compiler.h"
#include "common/rules/form.h"
#include "common/rules/load.h"
#include "common/rules/matcher.h"
#include "common/rules/parse.h"

#include <stdbool.h>

#define LIST_SIZE_MAX (256L << 20)
#define LIST_ERRORS_MAX 10 /* further lines of such a file are not read */
#define LIST_DEPTH_MAX 16  /* of lists that include lists */
#define LIST_FILTERS_MAX 4 /* attributes asked for at once */

/* An attribute that an entry must have, or must not have. */
struct list_filter {
	const char *word;
	size_t length;
	bool is_not;
};

struct list_filters {
	size_t count;
	struct list_filter at[LIST_FILTERS_MAX];
};

/* A list being read. */
struct list {
	struct matcher *matcher; /* where entries go */
	struct matcher *except;  /* where exceptions go; NULL: there are none */
	const char *path;
	struct rule_place place; /* of the line being read */
	enum form form;
	bool is_no_resolve;
	struct list_filters filters;
	unsigned depth;  /* of includes */
	uint32_t before; /* the number of its first line, less one */
	unsigned faults;
	/* What cannot be served, and where the first of it was. */
	unsigned left_out, left_out_line;
	char left_out_word[48];
};

/* The number of the line being read, for indexes. */
uint32_t list_line(const struct list *list);

/* Counts an entry that cannot be served; 0. */
int list_leave_out(struct list *list, const char *word);
/* One warning for all of those. */
void list_tell_left_out(const struct list *list);

/*
 * Adds all of the file to the matcher.  Entries that cannot be served are left
 * out, with one warning a file: lists come from elsewhere, and cannot be
 * mended by who uses them.  `list` has matcher, path, form, is_no_resolve,
 * filters and depth set, and zeroes; `place` is that of the rule which names
 * the list.
 */
NODISCARD int list_load(struct list *list, const struct rule_place *place);

/* The list that RULE-SET,argument means: a set's name, or a path. */
NODISCARD int list_load_set(struct matcher *matcher, const char *argument,
			    bool is_no_resolve, const struct rule_place *place);

/* GEOSITE,name[@attribute...]: of geosite.dat, or of a folder of lists. */
NODISCARD int list_load_site(struct matcher *matcher, const char *argument,
			     uint32_t line, const struct rule_place *place);

#endif
