// SPDX-License-Identifier: BSD-2-Clause
/*
 * schema.h - a configuration as a table: which keys there are, what each
 * expects, what it is when unset, and where it goes.
 *
 * One table reads a YAML tree into structures, tells every mistake in it,
 * fills in defaults and prints the structures as YAML again.  Editors' JSON
 * schema and the manual are checked against it by tests.  The engine knows
 * nothing of what the keys mean: types and hooks do (schema_type.h).
 *
 * Keys are read in the order of the table, not of the file, so that a later
 * key can name what an earlier one made; diag_sort() gives the mistakes the
 * order of the file.
 *
 * Errors	ERR_CONFIG: told in diag, go on; -ENOMEM: stop
 * Ownership	what is read lives in walk->arena
 */
#ifndef ERSATZ_COMMON_CONFIG_SCHEMA_H
#define ERSATZ_COMMON_CONFIG_SCHEMA_H

#include "common/arena.h"
#include "common/compiler.h"
#include "common/config/yaml.h"
#include "common/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SCHEMA_PATH_SIZE 256  /* "outbounds.NAME.password-file" */
#define SCHEMA_TEXT_SIZE 1100 /* of a printed value of fixed form */
#define SCHEMA_LIST_MAX 256   /* values in a list that has no max of its own */

enum schema_kind {
	SCHEMA_VALUE,   /* key: value */
	SCHEMA_LIST,    /* key: [value, ...], or one value */
	SCHEMA_SECTION, /* key: the keys of `keys`, of the same object */
	SCHEMA_NAMED,   /* key: names of the user's, each with `keys` */
	SCHEMA_LISTS,   /* key: names of the user's, each a list of values */
	SCHEMA_LATER,   /* known, but not to this version */
};

/* A word of a closed set; one with `later` is refused with that advice. */
struct schema_word {
	const char *word; /* NULL ends the set */
	int value;
	const char *later; /* "expected ..." or NULL */
};

struct schema_key;

/* What one walk over a tree has in common. */
struct schema_walk {
	const char *file;
	struct diag *diag;
	struct arena *arena;
	void *root;                  /* the object that is filled in */
	void *context;               /* of the types and hooks */
	struct schema_place *places; /* owned; zero at start */
	size_t place_count;
	size_t place_room;
};

/* The key that is being read. */
struct schema_call {
	struct schema_walk *walk;
	const struct schema_key *key;
	const char *path;              /* "dnsd.fake.ttl" */
	bool is_item;                  /* of the list at that path */
	const struct yaml_node *value; /* NULL: absent */
	const struct yaml_node *place; /* where to point; NULL: the file */
};

struct schema_type {
	const char *expected; /* "a time such as 5s, 500ms or 10m" */
	size_t size;          /* of the target; 0: `parse` keeps it elsewhere */
	/*
	 * Reads `text` to `target`, which is left alone on errors.  -EINVAL:
	 * the engine says what was expected; ERR_CONFIG: it was said.
	 */
	int (*parse)(const struct schema_call *call, void *target,
		     const char *text);
	/* Canonical text, in `out` (SCHEMA_TEXT_SIZE) or not; NULL: unset. */
	const char *(*format)(const struct schema_key *key, const void *root,
			      const void *target, char *out);
	const char *json; /* members of its JSON schema; NULL: by words */
};

struct schema_key {
	const char *name; /* NULL ends a table */
	enum schema_kind kind;
	bool is_required;
	const char *help;     /* one sentence for a reader; LATER: the reason
				 if it is not this version */
	const char *fallback; /* the default as it would be written */
	const char *expected; /* in place of the type's; LATER: the advice */
	const struct schema_type *type;  /* VALUE, LIST */
	const struct schema_word *words; /* types of words */
	const struct schema_key *keys;   /* SECTION, NAMED */
	int64_t min, max;                /* of numbers and times */
	size_t items_min;                /* LIST: fewer values are a mistake */
	size_t items_max; /* LIST: more are; 0: SCHEMA_LIST_MAX */
	uint16_t port;    /* of endpoints without one; 0: required */
	size_t at;        /* offset of the target, or of a list's pointer */
	size_t count_at;  /* LIST, NAMED: offset of the size_t */
	size_t item_size; /* NAMED: of a member; its name comes first */
	size_t line_at;   /* NAMED: offset of a member's line */
	size_t first;     /* NAMED: members in front that are not read */
	/* After the key was read or was absent; NAMED: after all members. */
	int (*done)(const struct schema_call *call, void *object);
	/* NAMED: after each member; LISTS: before each, at its name. */
	int (*each)(const struct schema_call *call, void *object);
	/* LIST and LISTS without a stored value: prints the items. */
	void (*print)(const void *root, FILE *out);
	/* Is the key one of this object's, to be printed?  NULL: always. */
	bool (*is_part)(const void *object);
};

/*
 * Reads `node` (NULL: nothing there) along `keys` into walk->root.  Mistakes
 * are in walk->diag; only -ENOMEM is returned.
 */
NODISCARD int schema_read(struct schema_walk *walk,
			  const struct schema_key *keys,
			  const struct yaml_node *node);

/* Frees what the walk itself holds, which is not what was read. */
void schema_walk_fini(struct schema_walk *walk);

/* Tells of a mistake where the call points; always ERR_CONFIG. */
int schema_error(const struct schema_call *call, const char *fmt, ...)
	PRINTF_LIKE(2, 3);

/* The same where `target` was set, or without place if it was not. */
int schema_error_at(const struct schema_walk *walk, const void *target,
		    const char *fmt, ...) PRINTF_LIKE(3, 4);

void schema_warning_at(const struct schema_walk *walk, const void *target,
		       const char *fmt, ...) PRINTF_LIKE(3, 4);

/* What a key expects, "all or fake"; in `out` (SCHEMA_TEXT_SIZE) or not. */
const char *schema_expected(const struct schema_key *key, char *out);

/* YAML of `root` that reads to the same again. */
void schema_print(const struct schema_key *keys, const void *root, FILE *out);

/* One scalar, in quotes where it needs them; the second as "  - text\n". */
void schema_print_text(const char *text, FILE *out);
void schema_print_item(const char *text, FILE *out);

#endif
