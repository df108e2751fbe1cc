// SPDX-License-Identifier: BSD-2-Clause
/*
 * The beginning of a TCP stream, where a name is looked for.  The answer for
 * all of it is also the one for the pieces: once there is one, more bytes do
 * not change it.
 */
#include "routed/relay/sniff/client_hello.h"
#include "routed/relay/sniff/sniff.h"
#include "tests/fuzz/fuzz.h"

static void check(unsigned protocols, const uint8_t *data, size_t size)
{
	enum sniff_result result = SNIFF_SHORT;
	struct name name = {0}, all = {0};
	enum sniff_result of_all = sniff_stream(protocols, data, size, &all);
	size_t step = size / 16 + 1;

	for (size_t i = 0; i < size && result == SNIFF_SHORT; i += step)
		result = sniff_stream(protocols, data, i, &name);
	if (result == SNIFF_SHORT)
		return;
	fuzz_require(result == of_all);
	fuzz_require(result != SNIFF_NAMED || name_equal(&name, &all));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t kind = fuzz_byte(&data, &size);
	struct name name;

	if (size > SNIFF_SIZE_MAX)
		return 0;
	if (kind & 4)
		(void)client_hello_name(data, size, &name);
	else
		check(kind & 1   ? SNIFF_TLS
		      : kind & 2 ? SNIFF_HTTP
				 : SNIFF_TLS | SNIFF_HTTP,
		      data, size);
	return 0;
}
