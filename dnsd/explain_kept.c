// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/explain_kept.h"

#include "common/clock.h"

bool explain_kept_find(struct explain_kept *kept,
		       const struct explain_kept_subject *subject,
		       struct upstream_result *result)
{
	struct lookup_memory *memory = subject->memory;
	const struct cache_key key = {
		upstreams_key(subject->upstreams, subject->index),
		subject->question,
	};
	int64_t now_ms = clock_boottime_ms();
	const struct failure *failure = failures_find(
		&memory->failures,
		upstreams_route(subject->upstreams, subject->index),
		subject->question, now_ms);
	struct cache_hit hit;

	bool has_hit = cache_find(memory->cache, &key, now_ms, &hit);

	*result = (struct upstream_result){.is_cached = true};
	kept->state = EXPLAIN_KEPT_NOTHING;
	if (has_hit && hit.is_cut) {
		kept->state = EXPLAIN_KEPT_CUT;
	} else if (cache_look(memory->cache, &key, now_ms, &kept->look)) {
		kept->state = kept->look.left_ms > 0 ? EXPLAIN_KEPT_FRESH
						     : EXPLAIN_KEPT_STALE;
	} else if (failure) {
		kept->state = EXPLAIN_KEPT_FAILURE;
		result->status = failure->status;
		result->why = failure->why;
		return true;
	}
	/* What has ended is given at once where asking has just failed. */
	if (!has_hit || (kept->state == EXPLAIN_KEPT_STALE && !failure))
		return false;
	result->message = hit.message;
	result->length = hit.length;
	return true;
}

void explain_kept_tell(const struct explain_kept *kept, struct json *json)
{
	static const char *const words[] = {
		[EXPLAIN_KEPT_UNKNOWN] = NULL,
		[EXPLAIN_KEPT_NOTHING] = "nothing",
		[EXPLAIN_KEPT_FRESH] = "fresh",
		[EXPLAIN_KEPT_STALE] = "stale",
		[EXPLAIN_KEPT_CUT] = "cut",
		[EXPLAIN_KEPT_FAILURE] = "failure",
	};

	json_set_text(json, "cache", words[kept->state]);
	if (kept->state != EXPLAIN_KEPT_FRESH &&
	    kept->state != EXPLAIN_KEPT_STALE) {
		json_set_null(json, "cache_age_s");
		json_set_null(json, "cache_left_s");
		return;
	}
	json_set_int(json, "cache_age_s", kept->look.age_ms / 1000);
	json_set_int(json, "cache_left_s", kept->look.left_ms / 1000);
}
