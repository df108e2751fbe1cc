// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/neighbours.h"

#include "common/nl_neigh.h"

#include <errno.h>
#include <stdlib.h>

#define OLD_MS 1000
#define OLD_MISS_MS 100

struct neighbours {
	struct nl_neigh *neigh; /* owned */
	bool is_read;
	int64_t read_ms;
	size_t count;
	struct {
		struct addr addr;
		struct mac mac;
	} entries[NEIGHBOURS_MAX];
};

int neighbours_new(struct neighbours **neighbours)
{
	struct neighbours *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	ret = nl_neigh_open(&new->neigh);
	if (ret < 0) {
		free(new);
		return ret;
	}
	*neighbours = new;
	return 0;
}

void neighbours_free(struct neighbours *neighbours)
{
	if (!neighbours)
		return;
	nl_neigh_close(neighbours->neigh);
	free(neighbours);
}

static void keep(void *ctx, const struct addr *addr, const struct mac *mac)
{
	struct neighbours *neighbours = ctx;

	if (neighbours->count == NEIGHBOURS_MAX)
		return;
	neighbours->entries[neighbours->count].addr = *addr;
	neighbours->entries[neighbours->count++].mac = *mac;
}

/* What cannot be read is nobody; it is tried again as if it were old. */
static void look(struct neighbours *neighbours, int64_t now_ms)
{
	neighbours->is_read = true;
	neighbours->read_ms = now_ms;
	neighbours->count = 0;
	if (nl_neigh_dump(neighbours->neigh, keep, neighbours) < 0)
		neighbours->count = 0;
}

static bool find(const struct neighbours *neighbours, const struct addr *addr,
		 struct mac *mac)
{
	for (size_t i = 0; i < neighbours->count; i++) {
		if (!addr_equal(&neighbours->entries[i].addr, addr))
			continue;
		*mac = neighbours->entries[i].mac;
		return true;
	}
	return false;
}

bool neighbours_find(struct neighbours *neighbours, const struct addr *addr,
		     int64_t now_ms, struct mac *mac)
{
	int64_t age_ms = now_ms - neighbours->read_ms;

	if (!neighbours->is_read || age_ms >= OLD_MS)
		look(neighbours, now_ms);
	else if (find(neighbours, addr, mac))
		return true;
	else if (age_ms >= OLD_MISS_MS)
		look(neighbours, now_ms);
	else
		return false;
	return find(neighbours, addr, mac);
}
