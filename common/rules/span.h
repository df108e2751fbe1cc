// SPDX-License-Identifier: BSD-2-Clause
/*
 * span.h - the addresses of both families as one line of numbers, and sets of
 * stretches of that line.
 *
 * IPv6 addresses are the 128-bit numbers that they are; IPv4 ones lie where
 * IPv6 has its mapped addresses (RFC 4291, 2.5.5.2), which addr.h never has.
 *
 * Errors	-ENOMEM
 * Ownership	the owner embeds the set, zeroed; span_set_fini() frees what
 *		it holds
 */
#ifndef ERSATZ_COMMON_RULES_SPAN_H
#define ERSATZ_COMMON_RULES_SPAN_H

#include "common/addr.h"
#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number of 128 bits. */
struct point {
	uint64_t high, low;
};

struct span {
	struct point first, last;
};

struct point point_of(const struct addr *addr);
/* -1, 0 or 1. */
int point_compare(struct point a, struct point b);
struct point point_after(struct point point);  /* the last one has none */
struct point point_before(struct point point); /* nor has the first */

/*
 * What a prefix is on the line: one span, or two for one of IPv6 that goes
 * around the place of IPv4.  Returns how many.
 */
size_t span_split(const struct prefix *prefix, struct span out[2]);
struct span span_of_all(void);

/* Spans in order that neither overlap nor touch. */
struct span_set {
	struct span *spans; /* owned */
	size_t count, room;
};

void span_set_fini(struct span_set *set);

/* In any order; then span_set_settle() once. */
NODISCARD int span_set_add(struct span_set *set, struct span span);
void span_set_settle(struct span_set *set);

/* Each makes `out`, which is zeroed, from settled sets. */
NODISCARD int span_set_unite(struct span_set *out, const struct span_set *a,
			     const struct span_set *b);
NODISCARD int span_set_intersect(struct span_set *out, const struct span_set *a,
				 const struct span_set *b);
NODISCARD int span_set_complement(struct span_set *out,
				  const struct span_set *set);

/*
 * Calls `fn` for the fewest prefixes that are the set, in order; ends with
 * what it returns if that is not 0.
 */
typedef int (*span_prefix_fn)(void *ctx, const struct prefix *prefix);
NODISCARD int span_set_each_prefix(const struct span_set *set,
				   span_prefix_fn fn, void *ctx);

#endif
