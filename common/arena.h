// SPDX-License-Identifier: BSD-2-Clause
/*
 * arena.h - memory of many small parts that all end together.
 *
 * What is made at load time and lives as long as one owner (a tree, a config)
 * is taken from the owner's arena: no part has to be freed by itself.
 *
 * Ownership	the owner embeds a zeroed struct; arena_fini() frees all
 */
#ifndef ERSATZ_COMMON_ARENA_H
#define ERSATZ_COMMON_ARENA_H

#include "common/compiler.h"

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* owned; the newest first */
};

void arena_fini(struct arena *arena);

/* Zeroed and aligned for every type; NULL: no memory.  0 bytes are 1. */
NODISCARD void *arena_alloc(struct arena *arena, size_t size);

/* An array of `count` members; NULL also when that overflows. */
NODISCARD void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy with its end; NULL: no memory. */
NODISCARD char *arena_text(struct arena *arena, const char *text,
			   size_t length);

#endif
