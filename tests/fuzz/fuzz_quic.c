// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client's first QUIC datagrams, each behind two bytes of its length.  With
 * the first byte odd the seal of a packet is taken as broken already: what is
 * inside is the bytes as they are, which a fuzzer could never seal itself.
 */
#include "routed/relay/sniff/quic.h"
#include "routed/relay/sniff/quic_seal.h"
#include "tests/fuzz/fuzz.h"

static bool is_open;

const uint8_t *__real_quic_seal_open(const struct quic_sealed *sealed,
				     size_t *length);
const uint8_t *__wrap_quic_seal_open(const struct quic_sealed *sealed,
				     size_t *length);

const uint8_t *__wrap_quic_seal_open(const struct quic_sealed *sealed,
				     size_t *length)
{
	if (!is_open)
		return __real_quic_seal_open(sealed, length);
	fuzz_require(sealed->number_at <= sealed->length);
	*length = sealed->length - sealed->number_at;
	return sealed->bytes + sealed->number_at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct quic_hello hello;
	struct name name;

	is_open = fuzz_byte(&data, &size) & 1;
	quic_hello_init(&hello);
	while (size >= 2) {
		size_t length = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		if (length > size)
			length = size;
		if (quic_hello_add(&hello, data, length))
			(void)quic_hello_name(&hello, &name);
		data += length;
		size -= length;
	}
	return 0;
}
