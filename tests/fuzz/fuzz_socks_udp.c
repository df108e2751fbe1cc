// SPDX-License-Identifier: BSD-2-Clause
/* The header before a datagram that came through a SOCKS server. */
#include "routed/relay/socks_address.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct socks_source source;
	int ret = socks_udp_read(&source, data, size);

	if (ret < 0)
		return 0;
	fuzz_require((size_t)ret <= size);
	if (source.text)
		fuzz_require(source.text >= data &&
			     source.text + source.text_length <= data + ret);
	return 0;
}
