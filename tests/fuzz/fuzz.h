// SPDX-License-Identifier: BSD-2-Clause
/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is one function of bytes that a stranger chose.  `make fuzz` links
 * it with libFuzzer; `make check` links it with replay.c and gives it the files
 * of its corpus, so that what was found once stays mended.
 *
 * Beside "does not crash" a target states what always holds, with
 * fuzz_require(): an assert that stays on.
 */
#ifndef ERSATZ_TESTS_FUZZ_FUZZ_H
#define ERSATZ_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The name and the result are libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_require(bool claim)
{
	if (!claim)
		abort();
}

/*
 * The path of a file in memory that has these bytes, for what reads files.
 * There is one, which is written anew; it stays until the process ends.
 */
const char *fuzz_file(const uint8_t *data, size_t size);
/* The folder that fuzz_folder_file() writes NAME into; the same. */
const char *fuzz_folder(void);
void fuzz_folder_file(const char *name, const uint8_t *data, size_t size);

/* Takes a byte off the front; 0 at the end. */
uint8_t fuzz_byte(const uint8_t **data, size_t *size);

#endif
