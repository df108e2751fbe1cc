// SPDX-License-Identifier: BSD-2-Clause
#include "common/name.h"

#include "common/addr.h"
#include "common/err.h"
#include "common/siphash.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>

#define LABEL_MAX 63

/* Not tolower(): the locale has no say in DNS (RFC 4343). */
static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_visible(char c)
{
	return (uint8_t)c > ' ' && (uint8_t)c < 0x7f;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Reads one byte of a label in presentation form: "a", "\." or "\046".
 * Returns the characters taken.
 */
static int parse_byte(const char *text, uint8_t *byte)
{
	int value;

	if ((uint8_t)text[0] >= 0x80)
		return ERR_MALFORMED;
	if (!is_visible(text[0]))
		return -EINVAL;
	*byte = (uint8_t)text[0];
	if (text[0] != '\\')
		return 1;
	if (!is_digit(text[1])) {
		if (!is_visible(text[1]))
			return -EINVAL;
		*byte = (uint8_t)text[1];
		return 2;
	}
	if (!is_digit(text[2]) || !is_digit(text[3]))
		return -EINVAL;
	value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] - '0';
	if (value > UINT8_MAX)
		return -EINVAL;
	*byte = (uint8_t)value;
	return 4;
}

/* Reads a label up to its dot or the end; returns the characters taken. */
static int parse_label(const char *text, uint8_t *label, size_t room)
{
	int taken = 0;
	uint8_t length = 0, byte;

	while (text[taken] != '\0' && text[taken] != '.') {
		int ret = parse_byte(text + taken, &byte);

		if (ret < 0)
			return ret;
		if (length == LABEL_MAX || length + 1U >= room)
			return -EINVAL;
		label[++length] = lower(byte);
		taken += ret;
	}
	if (length == 0)
		return -EINVAL;
	label[0] = length;
	return taken;
}

int name_parse(struct name *name, const char *text)
{
	size_t length = 0;

	if (text[0] == '.' && text[1] == '\0')
		text++;
	else if (text[0] == '\0')
		return -EINVAL;
	while (*text) {
		/* One byte is kept for the root label. */
		int ret = parse_label(text, name->wire + length,
				      NAME_WIRE_MAX - 1 - length);

		if (ret < 0)
			return ret;
		length += 1U + name->wire[length];
		text += ret;
		if (*text == '.')
			text++;
	}
	name->wire[length] = 0;
	name->length = (uint8_t)(length + 1);
	return 0;
}

static bool is_plain(char c)
{
	return (uint8_t)((c | 0x20) - 'a') < 26 || is_digit(c) || c == '-' ||
	       c == '_';
}

size_t name_parse_plain(struct name *name, const char *text)
{
	size_t label = 0, used = 1; /* where its length stands, and all */
	const char *c = text;

	for (;; c++) {
		if (is_plain(*c)) {
			if (used == NAME_WIRE_MAX)
				return 0;
			name->wire[used++] = lower((uint8_t)*c);
			continue;
		}
		if (used - label < 2 || used - label - 1 > LABEL_MAX)
			return 0;
		name->wire[label] = (uint8_t)(used - label - 1);
		if (*c != '.')
			break;
		label = used++;
	}
	if (used == NAME_WIRE_MAX)
		return 0;
	name->wire[used] = 0;
	name->length = (uint8_t)(used + 1);
	return (size_t)(c - text);
}

int name_from_wire(struct name *name, const uint8_t *wire, size_t size)
{
	size_t length = 0;

	if (size > NAME_WIRE_MAX)
		size = NAME_WIRE_MAX;
	for (;;) {
		uint8_t label;

		if (length == size)
			return ERR_MALFORMED;
		label = wire[length];
		if (label > LABEL_MAX || label >= size - length)
			return ERR_MALFORMED;
		name->wire[length++] = label;
		if (label == 0)
			break;
		for (size_t end = length + label; length < end; length++)
			name->wire[length] = lower(wire[length]);
	}
	name->length = (uint8_t)length;
	return (int)length;
}

/* Writes one byte in presentation form; returns the characters written. */
static size_t format_byte(uint8_t byte, char out[4])
{
	if (byte < '!' || byte > '~') {
		out[0] = '\\';
		out[1] = (char)('0' + byte / 100);
		out[2] = (char)('0' + byte / 10 % 10);
		out[3] = (char)('0' + byte % 10);
		return 4;
	}
	if (memchr(".;\"()@$\\", byte, 8)) {
		out[0] = '\\';
		out[1] = (char)byte;
		return 2;
	}
	out[0] = (char)byte;
	return 1;
}

const char *name_format(const struct name *name, char *out, size_t size)
{
	size_t used = 0, next = 0;
	char piece[4];

	assert(size >= 2);
	if (name->length == 1)
		out[used++] = '.';
	for (size_t at = 0; at + 1U < name->length; at++) {
		size_t length = 1;

		if (at == next) {
			next += 1U + name->wire[at];
			if (at == 0)
				continue;
			piece[0] = '.';
		} else {
			length = format_byte(name->wire[at], piece);
		}
		if (length >= size - used)
			break;
		memcpy(out + used, piece, length);
		used += length;
	}
	out[used] = '\0';
	return out;
}

bool name_equal(const struct name *a, const struct name *b)
{
	return a->length == b->length &&
	       memcmp(a->wire, b->wire, a->length) == 0;
}

bool name_is_under(const struct name *name, const struct name *suffix)
{
	size_t start, at = 0;

	if (name->length < suffix->length || suffix->length == 0)
		return false;
	start = (size_t)name->length - suffix->length;
	if (memcmp(name->wire + start, suffix->wire, suffix->length) != 0)
		return false;
	/* The same bytes in the middle of a label are no suffix. */
	while (at < start)
		at += 1U + name->wire[at];
	return at == start;
}

/*
 * SipHash-1-3 (Aumasson and Bernstein, 2012).  The key is what the kernel
 * drew for this process (AT_RANDOM): nothing has to be kept, and nobody who
 * sends names can aim at one bucket.
 */
uint64_t name_hash(const uint8_t *wire, size_t length)
{
	static const uint8_t zero[SIPHASH_KEY_SIZE];
	/* Kept: to look it up costs as much as to hash a short name. */
	static _Atomic(const uint8_t *) kept;
	const uint8_t *seed = atomic_load_explicit(&kept, memory_order_relaxed);

	if (!seed) {
		seed = (const uint8_t *)getauxval(AT_RANDOM);
		if (!seed)
			seed = zero;
		atomic_store_explicit(&kept, seed, memory_order_relaxed);
	}
	return siphash(seed, wire, length, 1, 3);
}

static int reverse_ipv4(const uint8_t *at, const uint8_t *end,
			struct addr *addr)
{
	for (int i = 3; i >= 0; i--) {
		unsigned value = 0, digits = *at;

		if (at >= end || digits > 3 || (digits > 1 && at[1] == '0'))
			return -EINVAL;
		for (at++; digits > 0; digits--, at++) {
			if (!is_digit((char)*at))
				return -EINVAL;
			value = value * 10 + (unsigned)(*at - '0');
		}
		if (value > UINT8_MAX)
			return -EINVAL;
		addr->bytes[i] = (uint8_t)value;
	}
	return at == end ? 0 : -EINVAL;
}

static int reverse_ipv6(const uint8_t *at, const uint8_t *end,
			struct addr *addr)
{
	static const char digits[] = "0123456789abcdef";

	if (end - at != 64)
		return -EINVAL;
	for (size_t i = 0; i < 32; i++) {
		const char *digit;

		digit = memchr(digits, at[2 * i + 1], 16);
		if (at[2 * i] != 1 || !digit)
			return -EINVAL;
		addr->bytes[15 - i / 2] |=
			(uint8_t)((digit - digits) << (i % 2 * 4));
	}
	return 0;
}

int name_to_reverse_addr(const struct name *name, struct addr *addr)
{
	static const struct name ipv4 = {14, "\7in-addr\4arpa"};
	static const struct name ipv6 = {10, "\3ip6\4arpa"};
	const uint8_t *end = name->wire + name->length;
	struct addr parsed = {0};
	int ret;

	if (name_is_under(name, &ipv4)) {
		parsed.family = ADDR_IPV4;
		ret = reverse_ipv4(name->wire, end - ipv4.length, &parsed);
	} else if (name_is_under(name, &ipv6)) {
		parsed.family = ADDR_IPV6;
		ret = reverse_ipv6(name->wire, end - ipv6.length, &parsed);
	} else {
		return -EINVAL;
	}
	if (ret == 0)
		*addr = parsed;
	return ret;
}
