// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/disk_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct map disk;

int map_load(struct map *map, map_row_fn fn, void *ctx, struct map_state *state)
{
	for (size_t i = 0; i < map->count; i++) {
		int ret = fn(ctx, &map->rows[i]);

		if (ret < 0)
			return ret;
	}
	*state = (struct map_state){.reserved_end = map->reserved_end,
				    .floor = map->floor,
				    .rows = map->count};
	return 0;
}

int map_add(struct map *map, const struct map_row *rows, size_t count)
{
	map->adds++;
	if (map->add_error)
		return map->add_error;
	for (size_t i = 0; i < count; i++) {
		assert_true(rows[i].slot < map->reserved_end);
		assert_true(map->count < ROWS_MAX);
		map->rows[map->count++] = rows[i];
	}
	return 0;
}

int map_reserve(struct map *map, uint32_t end)
{
	map->reserves++;
	if (map->reserve_error)
		return map->reserve_error;
	assert_true(end > map->reserved_end);
	map->reserved_end = end;
	return 0;
}

int map_reserve_start(struct map *map, uint32_t end)
{
	if (!map->has_flush)
		return -ENOSYS;
	assert_int_equal(map->flushing_end, 0);
	map->flushing_end = end;
	return 0;
}

int64_t map_reserve_end(struct map *map)
{
	if (map->flushed_end == 0)
		return -EAGAIN;
	map->flushing_end = 0;
	if (map->flushed_end == UINT32_MAX)
		return -EIO;
	if (map->flushed_end > map->reserved_end)
		map->reserved_end = map->flushed_end;
	return map->flushed_end;
}

int map_delete(struct map *map, const uint32_t *slots, size_t count)
{
	map->deletes++;
	if (map->delete_error)
		return map->delete_error;
	for (size_t i = 0; i < count; i++) {
		size_t at = 0;

		while (at < map->count && map->rows[at].slot != slots[i])
			at++;
		if (at < map->count)
			map->rows[at] = map->rows[--map->count];
	}
	return 0;
}

const char *map_reason(const struct map *map)
{
	return map->add_error || map->reserve_error || map->delete_error
		       ? "disk full"
		       : "";
}
