// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/sniff/quic_seal.h"

#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <string.h>

enum {
	SECRET_SIZE = SHA256_DIGEST_SIZE,
	SAMPLE_SIZE = AES_BLOCK_SIZE,
	NUMBER_SIZE_MAX = 4,
	LABEL_SIZE_MAX = 32,
};

/* What differs between the versions. */
struct version {
	uint32_t number;
	uint8_t salt[20];
	const char *key, *iv, *hp; /* labels */
};

static const struct version versions[] = {
	{QUIC_VERSION_1,
	 {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
	  0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
	 "quic key",
	 "quic iv",
	 "quic hp"},
	{QUIC_VERSION_2,
	 {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
	  0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
	 "quicv2 key",
	 "quicv2 iv",
	 "quicv2 hp"},
};

struct keys {
	uint8_t key[AES128_KEY_SIZE];
	uint8_t iv[GCM_IV_SIZE];
	uint8_t hp[AES128_KEY_SIZE];
};

bool quic_seal_is_built(void)
{
	return true;
}

/* HKDF-Expand-Label with an empty context (RFC 8446, 7.1). */
static void expand(const uint8_t secret[SECRET_SIZE], const char *label,
		   uint8_t *out, size_t size)
{
	static const char prefix[] = "tls13 ";
	uint8_t info[3 + sizeof(prefix) + LABEL_SIZE_MAX + 1];
	size_t prefix_size = sizeof(prefix) - 1, label_size = strlen(label);
	struct hmac_sha256_ctx hmac;
	size_t at = 3;

	info[0] = 0;
	info[1] = (uint8_t)size;
	info[2] = (uint8_t)(prefix_size + label_size);
	memcpy(info + at, prefix, prefix_size);
	at += prefix_size;
	memcpy(info + at, label, label_size);
	at += label_size;
	info[at++] = 0;
	hmac_sha256_set_key(&hmac, SECRET_SIZE, secret);
	hkdf_expand(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		    (nettle_hash_digest_func *)hmac_sha256_digest, SECRET_SIZE,
		    at, info, size, out);
}

static void derive(struct keys *keys, const struct version *version,
		   const struct quic_sealed *sealed)
{
	uint8_t initial[SECRET_SIZE], client[SECRET_SIZE];
	struct hmac_sha256_ctx hmac;

	hmac_sha256_set_key(&hmac, sizeof(version->salt), version->salt);
	hkdf_extract(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		     (nettle_hash_digest_func *)hmac_sha256_digest, SECRET_SIZE,
		     sealed->target_length, sealed->target, initial);
	expand(initial, "client in", client, sizeof(client));
	expand(client, version->key, keys->key, sizeof(keys->key));
	expand(client, version->iv, keys->iv, sizeof(keys->iv));
	expand(client, version->hp, keys->hp, sizeof(keys->hp));
}

/* Takes the protection off the header; the size of the packet number. */
static size_t bare_header(const struct quic_sealed *sealed,
			  const struct keys *keys)
{
	uint8_t *number = sealed->bytes + sealed->number_at;
	uint8_t mask[AES_BLOCK_SIZE];
	struct aes128_ctx aes;
	size_t size;

	aes128_set_encrypt_key(&aes, keys->hp);
	aes128_encrypt(&aes, sizeof(mask), mask, number + NUMBER_SIZE_MAX);
	sealed->bytes[0] ^= mask[0] & 0x0f;
	size = (sealed->bytes[0] & 3U) + 1;
	for (size_t i = 0; i < size; i++)
		number[i] ^= mask[1 + i];
	return size;
}

/* The payload is decrypted in its place if its tag says that it is whole. */
static bool decrypt(const struct quic_sealed *sealed, const struct keys *keys,
		    size_t head_size)
{
	size_t size = sealed->length - head_size - GCM_DIGEST_SIZE;
	uint8_t *payload = sealed->bytes + head_size;
	uint8_t nonce[GCM_IV_SIZE], tag[GCM_DIGEST_SIZE];
	struct gcm_aes128_ctx gcm;
	size_t number_size = head_size - sealed->number_at;

	memcpy(nonce, keys->iv, sizeof(nonce));
	for (size_t i = 0; i < number_size; i++)
		nonce[sizeof(nonce) - number_size + i] ^=
			sealed->bytes[sealed->number_at + i];
	gcm_aes128_set_key(&gcm, keys->key);
	gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
	gcm_aes128_update(&gcm, head_size, sealed->bytes);
	gcm_aes128_decrypt(&gcm, size, payload, payload);
	gcm_aes128_digest(&gcm, sizeof(tag), tag);
	return memeql_sec(tag, payload + size, sizeof(tag));
}

const uint8_t *quic_seal_open(const struct quic_sealed *sealed, size_t *length)
{
	const struct version *version = NULL;
	struct keys keys;
	size_t head_size;

	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		if (versions[i].number == sealed->version)
			version = &versions[i];
	}
	if (!version ||
	    sealed->length < sealed->number_at + NUMBER_SIZE_MAX + SAMPLE_SIZE)
		return NULL;
	derive(&keys, version, sealed);
	head_size = sealed->number_at + bare_header(sealed, &keys);
	if (!decrypt(sealed, &keys, head_size))
		return NULL;
	*length = sealed->length - head_size - GCM_DIGEST_SIZE;
	return sealed->bytes + head_size;
}
