// SPDX-License-Identifier: BSD-2-Clause
/* The map's file as the relay reads it: SQLite's, and in it rows of any name.
 */
#include "common/map.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

#define FILE_NAME "fake.sqlite"

static int on_row(void *ctx, const struct map_row *row)
{
	char text[NAME_TEXT_SIZE];
	int *rows = ctx;

	fuzz_require(row->name.length > 0);
	name_format(&row->name, text, sizeof(text));
	return ++*rows < 1000 ? 0 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[128], reason[MAP_REASON_SIZE];
	struct map_reader *reader;
	struct map_row row;
	int rows = 0;

	fuzz_folder_file(FILE_NAME, data, size);
	fuzz_folder_file(FILE_NAME "-wal", NULL, 0);
	snprintf(path, sizeof(path), "%s/" FILE_NAME, fuzz_folder());
	if (map_reader_open(&reader, path, reason) < 0)
		return 0;
	for (uint32_t slot = 0; slot < 8; slot++)
		fuzz_require(map_reader_by_slot(reader, slot, &row) <= 1);
	fuzz_require(map_reader_each(reader, on_row, &rows) <= 0);
	map_reader_close(reader);
	return 0;
}
