// SPDX-License-Identifier: BSD-2-Clause
/*
 * lookup_fixture.h - lookups with a clock of the test's own, put in at link
 * time, and an upstream that answers when the test says so.
 *
 * Time passes only in world_run(): timers and answers come in their order, and
 * a day takes as long as its events do.
 */
#ifndef ERSATZ_TESTS_LOOKUP_FIXTURE_H
#define ERSATZ_TESTS_LOOKUP_FIXTURE_H

#include "dnsd/upstream/lookup.h"
#include "tests/unit/dns_message.h"

#define WORLD_ASKS 256

struct world_ask {
	int64_t due_ms; /* when the upstream ends it */
	struct question question;
	upstream_done_fn fn; /* NULL: free */
	void *ctx;
};

/*
 * What the upstream says, at the time when it says it: 0 with `message`, or
 * an error.
 */
typedef int (*world_answer_fn)(const struct question *question,
			       struct dns_message *message);

struct world {
	int64_t now_ms;
	int64_t latency_ms; /* of asks that start now */
	int ask_result;     /* of upstreams_ask() */
	uint64_t asks;
	uint64_t route; /* another one: the network changed */
	struct lookup_memory memory;
	struct lookups *lookups;
	world_answer_fn answer;
	struct world_ask under_way[WORLD_ASKS];
	struct ev_timer *timers[WORLD_ASKS];
};
extern struct world world;

void world_init(const struct cache_conf *conf, world_answer_fn answer);
void world_fini(void);

/* Everything that happens up to then. */
void world_run(int64_t until_ms);

#endif
