// SPDX-License-Identifier: BSD-2-Clause
/*
 * The configuration.  One that is taken prints to one that is taken and prints
 * the same; one that is refused has an error.
 */
#include "common/config.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

#define FILE_NAME "/nowhere/ersatz.yaml"

static char *print(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fuzz_require(out);
	config_print(config, out);
	fuzz_require(fclose(out) == 0);
	return text;
}

static void check_canonical(const struct config *config)
{
	char *text = print(config);
	struct config *again;
	struct diag diag;

	diag_init(&diag);
	if (config_load(&again, text, strlen(text), FILE_NAME, &diag) < 0) {
		diag_print(&diag, stderr);
		fputs(text, stderr);
		abort();
	}
	diag_fini(&diag);
	char *second = print(again);
	fuzz_require(strcmp(text, second) == 0);
	free(text);
	free(second);
	config_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config;
	struct diag diag;

	diag_init(&diag);
	if (config_load(&config, (const char *)data, size, FILE_NAME, &diag) ==
	    0) {
		check_canonical(config);
		config_free(config);
	} else {
		fuzz_require(diag.errors > 0);
	}
	diag_fini(&diag);
	return 0;
}
