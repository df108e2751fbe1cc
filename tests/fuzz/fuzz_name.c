// SPDX-License-Identifier: BSD-2-Clause
/* Names: of the wire, as text, in Unicode.  What is printed reads the same. */
#include "common/addr.h"
#include "common/idn.h"
#include "common/name.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check(const struct name *name)
{
	char text[NAME_TEXT_SIZE];
	struct name again;
	struct addr addr;

	fuzz_require(name->length > 0);
	for (const char *at = name_format(name, text, sizeof(text)); *at; at++)
		fuzz_require(*at > ' ' && *at < 127);
	fuzz_require(name_parse(&again, text) == 0);
	fuzz_require(name_equal(name, &again));
	fuzz_require(name_is_under(name, &again));
	fuzz_require(name_to_reverse_addr(name, &addr) <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[NAME_TEXT_SIZE];
	struct name name;
	int taken = name_from_wire(&name, data, size);
	char *text;

	if (taken >= 0) {
		fuzz_require((size_t)taken <= size);
		check(&name);
	}
	text = malloc(size + 1);
	fuzz_require(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (name_parse(&name, text) == 0)
		check(&name);
	if (idn_to_ascii(text, out, sizeof(out)) == 0)
		fuzz_require(strlen(out) < sizeof(out));
	free(text);
	return 0;
}
