// SPDX-License-Identifier: BSD-2-Clause
/*
 * disk_fixture.h - a map that is an array, and can be told to fail.
 *
 * Takes the place of map.c in tests of what stands above it.
 */
#ifndef ERSATZ_TESTS_DISK_FIXTURE_H
#define ERSATZ_TESTS_DISK_FIXTURE_H

#include "common/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROWS_MAX 5000

struct map {
	struct map_row rows[ROWS_MAX];
	size_t count;
	uint32_t reserved_end, floor;
	int add_error, reserve_error;
	int delete_error;
	unsigned adds, reserves, deletes;
	/* A reservation that was started; `flushed_end` is set by the test. */
	bool has_flush;
	uint32_t flushing_end, flushed_end;
};

extern struct map disk;

#endif
