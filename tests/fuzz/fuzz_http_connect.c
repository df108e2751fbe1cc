// SPDX-License-Identifier: BSD-2-Clause
/* What an HTTP proxy answers to CONNECT, in pieces of any size. */
#include "routed/relay/http_connect.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct socks_login login = {"user", "password"};
	const struct socks_target target = {
		.endpoint = {.addr = {.family = ADDR_IPV6}, .port = 443}};
	uint8_t kind = fuzz_byte(&data, &size);
	struct http_connect http;
	size_t length;

	fuzz_require(http_connect_start(&http, &target,
					kind & 1 ? &login : NULL) == 0);
	fuzz_require(http_connect_output(&http, &length) && length > 0);
	http_connect_sent(&http, length);
	while (size > 0 && http_connect_need(&http) == SOCKS_RECEIVE) {
		size_t piece = kind & 2 ? 1 : size;
		size_t taken = http_connect_received(&http, data, piece);

		fuzz_require(taken >= 1 && taken <= piece);
		data += taken;
		size -= taken;
	}
	if (http_connect_need(&http) == SOCKS_RECEIVE)
		http_connect_ended(&http);
	if (http_connect_need(&http) == SOCKS_FAILED)
		fuzz_require(strlen(http_connect_reason(&http)) < 256);
	return 0;
}
