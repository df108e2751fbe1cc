// SPDX-License-Identifier: BSD-2-Clause
/*
 * siphash.h - SipHash, a short keyed hash of short input.
 *
 * With 1 round a block and 3 at the end it spreads names over a table that
 * nobody outside can aim at; with 2 and 4 it makes DNS cookies, as RFC 9018
 * says to the bit.  Inline, so that both run with their rounds unrolled: one
 * of them is on the way of every query.  Pure.
 *
 * Source	Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012
 */
#ifndef ERSATZ_COMMON_SIPHASH_H
#define ERSATZ_COMMON_SIPHASH_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIPHASH_KEY_SIZE 16

static inline uint64_t siphash_rotate(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static inline void siphash_rounds(uint64_t v[4], int rounds)
{
	for (int i = 0; i < rounds; i++) {
		v[0] += v[1];
		v[1] = siphash_rotate(v[1], 13) ^ v[0];
		v[0] = siphash_rotate(v[0], 32);
		v[2] += v[3];
		v[3] = siphash_rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = siphash_rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = siphash_rotate(v[1], 17) ^ v[2];
		v[2] = siphash_rotate(v[2], 32);
	}
}

static inline void siphash_absorb(uint64_t v[4], uint64_t word, int rounds)
{
	v[3] ^= word;
	siphash_rounds(v, rounds);
	v[0] ^= word;
}

/* SipHash-`block`-`end`; the paper's own is 2 and 4. */
static inline uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE],
			       const uint8_t *bytes, size_t length, int block,
			       int end)
{
	uint64_t last = (uint64_t)length << 56, k[2], word;

	memcpy(k, key, sizeof(k));
	k[0] = le64toh(k[0]);
	k[1] = le64toh(k[1]);

	uint64_t v[4] = {
		k[0] ^ 0x736f6d6570736575ULL,
		k[1] ^ 0x646f72616e646f6dULL,
		k[0] ^ 0x6c7967656e657261ULL,
		k[1] ^ 0x7465646279746573ULL,
	};

	for (; length >= sizeof(word); length -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		siphash_absorb(v, le64toh(word), block);
		bytes += sizeof(word);
	}
	for (size_t i = 0; i < length; i++)
		last |= (uint64_t)bytes[i] << (8 * i);
	siphash_absorb(v, last, block);
	v[2] ^= 0xff;
	siphash_rounds(v, end);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
