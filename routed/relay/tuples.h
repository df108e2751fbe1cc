// SPDX-License-Identifier: BSD-2-Clause
/*
 * tuples.h - which object has these two endpoints?
 *
 * A hash table of fixed size from (source, destination) to the number of an
 * object in somebody's pool; each number has at most one entry.  Nothing is
 * allocated after tuples_new(), and untouched entries cost no memory.  The
 * hash is keyed with random bytes: endpoints are chosen by strangers.
 *
 * Errors	-ENOMEM, -ENOENT
 * Thread	one
 */
#ifndef ERSATZ_ROUTED_RELAY_TUPLES_H
#define ERSATZ_ROUTED_RELAY_TUPLES_H

#include "common/addr.h"
#include "common/compiler.h"

#include <stdint.h>

struct tuple {
	struct endpoint src, dst;
};

struct tuples;

/* For numbers below `capacity`, which is at least 1. */
NODISCARD int tuples_new(struct tuples **tuples, uint32_t capacity);
void tuples_free(struct tuples *tuples);

/* The number must have no entry now; the tuple should have none either. */
void tuples_add(struct tuples *tuples, uint32_t number,
		const struct tuple *tuple);
/* A number without an entry is fine. */
void tuples_del(struct tuples *tuples, uint32_t number);

/* The number, or -ENOENT. */
NODISCARD int64_t tuples_find(const struct tuples *tuples,
			      const struct tuple *tuple);

/* The entry of a number, NULL if there is none; until tuples_del(). */
const struct tuple *tuples_at(const struct tuples *tuples, uint32_t number);

#endif
