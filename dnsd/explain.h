// SPDX-License-Identifier: BSD-2-Clause
/*
 * explain.h - why a name is answered as it is.
 *
 * The evidence is lines: {"step":"rule","says":...,"rule","file","line"} for
 * each rule looked at (of those that said no only the first hundred; then
 * {"step":"omitted","count":N}), and one object that sums it up, with the
 * members name, type, outbound, rule, file, line, list_file, list_line,
 * upstream, servers, answer, slot, fake_ipv4, fake_ipv6, slots, slots_free,
 * resolved, decision, special, hosts, reason; what there is not is null.
 * Nothing is changed by it: a name that has no slot gets none.
 *
 * The daemon answers them to its verb "explain"; when none runs, the command
 * line makes the same from the configuration and the map, read only.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_EXPLAIN_H
#define ERSATZ_DNSD_EXPLAIN_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/control.h"
#include "common/name.h"
#include "dnsd/hosts.h"
#include "dnsd/upstream/lookup_memory.h"
#include "dnsd/upstream/upstream.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct explainer;

/* How full the pool is. */
struct explain_room {
	uint32_t slots, free; /* as in struct fakes_stats */
	const char *why_full; /* as fakes_why_full() */
};

struct explain_conf {
	const struct config *config;  /* borrowed */
	struct upstreams *upstreams;  /* borrowed */
	const struct hosts *hosts;    /* borrowed; NULL: none */
	struct lookup_memory *memory; /* borrowed; NULL: nothing is kept */
	/* The slot that the name has, or -ENOENT; gives none. */
	int64_t (*slot_of)(void *ctx, const struct name *name);
	/* The name of the slot, or -ENOENT. */
	int (*name_of)(void *ctx, uint32_t slot, struct name *name);
	void (*room)(void *ctx, struct explain_room *room);
	void *ctx;
};

NODISCARD int explainer_new(struct explainer **explainer,
			    const struct explain_conf *conf);
/* Upstreams are freed first. */
void explainer_free(struct explainer *explainer);

/*
 * The verb "explain": {"name":...,"type":"A","from":ADDRESS}, the last two
 * optional: who asks matters where a rule is about that.
 */
void explainer_verb(struct explainer *explainer, struct control *control,
		    struct control_client *client, const struct json *request);

struct explain_request {
	const char *name, *type;
	const char *from; /* the address of a client; NULL: nobody's */
	bool is_json;
};

/*
 * dnsd --explain NAME [TYPE]: prints to `out`, the sentence first; with
 * `is_json` only the one object.  Returns what exit() gets.
 */
NODISCARD int explain_run(const struct config *config,
			  const struct explain_request *request, FILE *out);

#endif
