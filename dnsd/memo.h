// SPDX-License-Identifier: BSD-2-Clause
/*
 * memo.h - what was decided about names a moment ago.
 *
 * To decide what a question gets, hosts, special names and rules are asked:
 * a few hundred nanoseconds, and waits for memory where lists are long.  The
 * same names are asked for again and again, and until one of the three changes
 * the decision is the same.  So the last ones are kept: a table of fixed size,
 * of sets that lie in one line of the processor's cache; in a full set one
 * makes room.
 *
 * Not kept is what depends on who asks, and what is about one name only (an
 * address that is written down, a reverse name).
 *
 * A name is known by its name_hash(), of 64 bits, alone.  That a new name has
 * that of one of the 16,384 here is to be expected once in 350 years of 100,000
 * new names a second; and since it is keyed nobody can look for two that have.
 *
 * Ownership	memo_new() gives to the caller; the decisions borrow from the
 *		configuration, before whose end memo_clear() is called
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_MEMO_H
#define ERSATZ_DNSD_MEMO_H

#include "common/compiler.h"
#include "dnsd/decide.h"

#include <stdbool.h>

struct memo;

NODISCARD int memo_new(struct memo **memo);
void memo_free(struct memo *memo);

/* Rules, hosts or anything else that decides have changed. */
void memo_clear(struct memo *memo);

/* The question is about to be looked for: its set is fetched. */
void memo_expect(const struct memo *memo, const struct question *question);

bool memo_find(const struct memo *memo, const struct question *question,
	       struct decision *decision);

/* Keeps it if it may be kept. */
void memo_add(struct memo *memo, const struct question *question,
	      const struct decision *decision);

#endif
