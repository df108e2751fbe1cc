// SPDX-License-Identifier: BSD-2-Clause
/*
 * names.h - the index in memory: name to slot, and slot to name.
 *
 * Names lie one behind the other in an arena, each with its length in front;
 * an open-addressed table leads from a name's hash to its slot.  Both are
 * reserved for the whole pool at the start and get memory from the kernel as
 * they fill, so that adding allocates nothing: 100,000 names of 30 bytes take
 * 6 MiB.  (Only a pool larger than /15 makes the table grow, and only deleted
 * names, of 1 MiB and more, make the arena be packed.)
 *
 * Units	hashes are name_hash(), passed in so that a name is hashed once
 * Errors	-errno
 * Ownership	names_new() gives to the caller; names are copied
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_NAMES_H
#define ERSATZ_DNSD_NAMES_H

#include "common/compiler.h"
#include "common/name.h"

#include <stddef.h>
#include <stdint.h>

struct names;

/* For slots 1 to `slots` - 1. */
NODISCARD int names_new(struct names **names, uint32_t slots);
void names_free(struct names *names);

/* The slot, or -ENOENT. */
NODISCARD int64_t names_find(const struct names *names, const struct name *name,
			     uint64_t hash);

/*
 * -EEXIST: the name has a slot, or the slot a name; -EINVAL: no such slot;
 * -ENOMEM.
 */
NODISCARD int names_add(struct names *names, uint32_t slot,
			const struct name *name, uint64_t hash);

/* Forgets a slot; one without a name is ignored. */
void names_del(struct names *names, uint32_t slot);

/* The name of a slot, or -ENOENT. */
NODISCARD int names_get(const struct names *names, uint32_t slot,
			struct name *name);

/*
 * A name with that hash is about to be looked for.  What the search will touch
 * is fetched, a step at each call, since one place leads to the next: `step` is
 * 0, then 1, then 2, with time for other work in between.
 */
void names_expect(const struct names *names, uint64_t hash, unsigned step);

uint32_t names_count(const struct names *names);

#endif
