// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/span.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAPPED_LOW (UINT64_C(0xffff) << 32)
#define BITS 128U

static uint64_t read_64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static void write_64(uint8_t *bytes, uint64_t value)
{
	for (size_t i = 8; i-- > 0; value >>= 8)
		bytes[i] = (uint8_t)value;
}

struct point point_of(const struct addr *addr)
{
	if (addr->family == ADDR_IPV4)
		return (struct point){0, MAPPED_LOW | addr_to_ipv4(addr)};
	return (struct point){read_64(addr->bytes), read_64(addr->bytes + 8)};
}

int point_compare(struct point a, struct point b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low < b.low ? -1 : a.low > b.low;
}

struct point point_after(struct point point)
{
	point.low++;
	point.high += point.low == 0;
	return point;
}

struct point point_before(struct point point)
{
	point.high -= point.low == 0;
	point.low--;
	return point;
}

static bool is_first(struct point point)
{
	return point.high == 0 && point.low == 0;
}

static bool is_last(struct point point)
{
	return point.high == UINT64_MAX && point.low == UINT64_MAX;
}

/* The last number of a block of 2 to the power of `bits`. */
static struct point end_of_block(struct point first, unsigned bits)
{
	if (bits >= BITS)
		return (struct point){UINT64_MAX, UINT64_MAX};
	if (bits >= 64) {
		first.low = UINT64_MAX;
		first.high |= (UINT64_C(1) << (bits - 64)) - 1;
	} else {
		first.low |= (UINT64_C(1) << bits) - 1;
	}
	return first;
}

size_t span_split(const struct prefix *prefix, struct span out[2])
{
	const struct point mapped = {0, MAPPED_LOW};
	const struct point mapped_end = end_of_block(mapped, 32);
	struct point first = point_of(&prefix->addr);
	unsigned bits = addr_bits(&prefix->addr) - prefix->length;
	struct point last = end_of_block(first, bits);

	out[0] = (struct span){first, last};
	if (bits <= 32 || point_compare(first, mapped) > 0 ||
	    point_compare(last, mapped) < 0)
		return 1;
	out[0].last = point_before(mapped);
	out[1] = (struct span){point_after(mapped_end), last};
	return 2;
}

struct span span_of_all(void)
{
	return (struct span){{0, 0}, {UINT64_MAX, UINT64_MAX}};
}

void span_set_fini(struct span_set *set)
{
	free(set->spans);
	*set = (struct span_set){0};
}

int span_set_add(struct span_set *set, struct span span)
{
	if (set->count == set->room) {
		size_t room = set->room ? set->room * 2 : 16;
		struct span *spans =
			reallocarray(set->spans, room, sizeof(*spans));

		if (!spans)
			return -ENOMEM;
		set->spans = spans;
		set->room = room;
	}
	set->spans[set->count++] = span;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	return point_compare(a->first, b->first);
}

/* Does `next` begin inside `span` or right behind it? */
static bool joins(struct span span, struct span next)
{
	return is_last(span.last) ||
	       point_compare(next.first, point_after(span.last)) <= 0;
}

void span_set_settle(struct span_set *set)
{
	size_t kept = 0;

	if (set->count == 0)
		return;
	qsort(set->spans, set->count, sizeof(*set->spans), compare);
	for (size_t i = 1; i < set->count; i++) {
		struct span *last = &set->spans[kept], next = set->spans[i];

		if (!joins(*last, next))
			set->spans[++kept] = next;
		else if (point_compare(next.last, last->last) > 0)
			last->last = next.last;
	}
	set->count = kept + 1;
}

int span_set_unite(struct span_set *out, const struct span_set *a,
		   const struct span_set *b)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < a->count; i++)
		ret = span_set_add(out, a->spans[i]);
	for (size_t i = 0; ret == 0 && i < b->count; i++)
		ret = span_set_add(out, b->spans[i]);
	span_set_settle(out);
	return ret;
}

int span_set_intersect(struct span_set *out, const struct span_set *a,
		       const struct span_set *b)
{
	size_t i = 0, k = 0;
	int ret = 0;

	while (ret == 0 && i < a->count && k < b->count) {
		struct span x = a->spans[i], y = b->spans[k], both;

		both.first =
			point_compare(x.first, y.first) > 0 ? x.first : y.first;
		both.last = point_compare(x.last, y.last) < 0 ? x.last : y.last;
		if (point_compare(both.first, both.last) <= 0)
			ret = span_set_add(out, both);
		if (point_compare(x.last, y.last) < 0)
			i++;
		else
			k++;
	}
	return ret;
}

int span_set_complement(struct span_set *out, const struct span_set *set)
{
	struct span gap = span_of_all();
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < set->count; i++) {
		const struct span *span = &set->spans[i];

		if (point_compare(gap.first, span->first) < 0) {
			gap.last = point_before(span->first);
			ret = span_set_add(out, gap);
		}
		if (is_last(span->last))
			return ret;
		gap.first = point_after(span->last);
	}
	gap.last = span_of_all().last;
	return ret < 0 ? ret : span_set_add(out, gap);
}

/* How many bits are zero at the low end; 128 for 0. */
static unsigned zero_bits(struct point point)
{
	if (is_first(point))
		return BITS;
	if (point.low == 0)
		return 64U + (unsigned)__builtin_ctzll(point.high);
	return (unsigned)__builtin_ctzll(point.low);
}

/* A block of the line: of IPv4 if it lies in there. */
static struct prefix prefix_of(struct point first, unsigned bits)
{
	struct prefix prefix = {.length = (uint8_t)(BITS - bits)};

	if (bits <= 32 && first.high == 0 && first.low >> 32 == 0xffff) {
		prefix.addr = addr_ipv4((uint32_t)first.low);
		prefix.length = (uint8_t)(32 - bits);
		return prefix;
	}
	prefix.addr.family = ADDR_IPV6;
	write_64(prefix.addr.bytes, first.high);
	write_64(prefix.addr.bytes + 8, first.low);
	return prefix;
}

/* Does a block of IPv6 have all of IPv4 inside, and more? */
static bool has_ipv4(struct point first, unsigned bits)
{
	const struct point mapped = {0, MAPPED_LOW};

	return bits > 32 && point_compare(first, mapped) <= 0 &&
	       point_compare(end_of_block(first, bits), mapped) >= 0;
}

static int each_prefix_of_span(struct span span, span_prefix_fn fn, void *ctx)
{
	int ret = 0;

	for (;;) {
		unsigned bits = zero_bits(span.first);
		struct prefix prefix;

		while (point_compare(end_of_block(span.first, bits),
				     span.last) > 0)
			bits--;
		/* All of IPv4 is 0.0.0.0/0 of its own. */
		while (has_ipv4(span.first, bits))
			bits--;
		prefix = prefix_of(span.first, bits);
		ret = fn(ctx, &prefix);
		span.first = end_of_block(span.first, bits);
		if (ret != 0 || point_compare(span.first, span.last) >= 0)
			return ret;
		span.first = point_after(span.first);
	}
}

int span_set_each_prefix(const struct span_set *set, span_prefix_fn fn,
			 void *ctx)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < set->count; i++)
		ret = each_prefix_of_span(set->spans[i], fn, ctx);
	return ret;
}
