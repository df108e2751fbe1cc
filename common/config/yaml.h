// SPDX-License-Identifier: BSD-2-Clause
/*
 * yaml.h - a text as a tree of nodes that know their place; the boundary of
 * libyaml.
 *
 * The plain part of YAML that people write by hand: scalars, lists, mappings
 * with scalar keys, anchors and aliases.  Everything else is an error that
 * says what to write instead: tags, merge keys, a second document, a key
 * written twice, a nesting deeper than 32.  An alias shares the nodes of its
 * anchor, so that a node can be met twice but never inside itself, and what
 * the aliases stand for is at most YAML_EXPANDED_MAX bytes in all.
 *
 * Units	lines and columns from 1; columns count characters
 * Errors	ERR_CONFIG (diag has the lines), -ENOMEM
 * Ownership	yaml_tree_parse() gives to the caller; nodes live as long as
 *		the tree.  (libyaml exports a yaml_free() of its own.)
 */
#ifndef ERSATZ_COMMON_CONFIG_YAML_H
#define ERSATZ_COMMON_CONFIG_YAML_H

#include "common/compiler.h"
#include "common/diag.h"

#include <stdbool.h>
#include <stddef.h>

#define YAML_EXPANDED_MAX (8U << 20)
#define YAML_DEPTH_MAX 32
#define YAML_ANCHORS_MAX 1000

enum yaml_kind { YAML_KIND_SCALAR, YAML_KIND_LIST, YAML_KIND_MAP };

struct yaml_node;

struct yaml_entry {
	const struct yaml_node *key; /* NULL in a list */
	const struct yaml_node *value;
};

struct yaml_node {
	enum yaml_kind kind;
	unsigned line, column;
	bool is_plain;                    /* a scalar without quotes */
	const char *text;                 /* a scalar's; has no NUL inside */
	const struct yaml_entry *entries; /* of a list or mapping */
	size_t count;
};

struct yaml_tree;

/*
 * 0 with a tree also where a key is written twice: that is told as an error,
 * the first one counts, and the caller can go on to find further errors.
 */
NODISCARD int yaml_tree_parse(struct yaml_tree **tree, const char *text,
			      size_t length, const char *file,
			      struct diag *diag);
void yaml_tree_free(struct yaml_tree *tree);

/* NULL when there is nothing but comments. */
const struct yaml_node *yaml_tree_root(const struct yaml_tree *tree);

/* An absent value: `key:`, `key: ~` or `key: null`, without quotes. */
bool yaml_node_is_null(const struct yaml_node *node);

/* The entry of a mapping, or NULL. */
const struct yaml_entry *yaml_node_find(const struct yaml_node *map,
					const char *key);

#endif
