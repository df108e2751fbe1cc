// SPDX-License-Identifier: BSD-2-Clause
/* A line of the control socket, either side's. */
#include "common/json.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void on_member(void *ctx, const char *key, const char *value)
{
	size_t *length = ctx;

	*length += strlen(key) + strlen(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *json = json_parse((const char *)data, size);
	struct json *again;
	size_t first = 0, second = 0;
	char *line;

	if (!json)
		return 0;
	json_each(json, on_member, &first);
	line = json_line(json);
	fuzz_require(line && !strchr(line, '\n'));
	again = json_parse(line, strlen(line));
	fuzz_require(again);
	json_each(again, on_member, &second);
	fuzz_require(first == second);
	(void)json_get_text(json, "verb");
	(void)json_get_int(json, "id", 0);
	(void)json_get_bool(json, "end", false);
	free(line);
	json_free(again);
	json_free(json);
	return 0;
}
