// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/cookie.h"

#include "dnsd/wire.h"

#include <string.h>

#define COOKIE_VERSION 1
/* Client cookie, version, three reserved bytes, time. */
#define COVERED_SIZE 16

void cookie_make(uint8_t cookie[DNS_COOKIE_SIZE], const struct addr *client,
		 uint32_t now_s, const uint8_t secret[SIPHASH_KEY_SIZE])
{
	uint8_t input[COVERED_SIZE + sizeof(client->bytes)];
	size_t size = addr_size(client);
	uint64_t hash;

	cookie[8] = COOKIE_VERSION;
	memset(cookie + 9, 0, 3);
	wire_write32(cookie + 12, now_s);
	memcpy(input, cookie, COVERED_SIZE);
	memcpy(input + COVERED_SIZE, client->bytes, size);
	hash = htole64(siphash(secret, input, COVERED_SIZE + size, 2, 4));
	memcpy(cookie + COVERED_SIZE, &hash, sizeof(hash));
}
