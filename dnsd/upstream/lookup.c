// SPDX-License-Identifier: BSD-2-Clause
/*
 * A lookup is one query that is under way for one or more waiters, or for
 * none, when it is there to refresh the cache.  Lookups lie in one array that
 * is taken from the front; those under way are found by a hash of what they
 * ask.  Who can see a lookup: its timer and the ask of upstream.h, both of
 * which are over before the place is given back.
 */
#include "dnsd/upstream/lookup.h"

#include "common/clock.h"
#include "common/err.h"
#include "dnsd/answer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 512U
#define WHY_CUT "no name is there below one that does not exist (RFC 8020)"
#define STALE_AFTER_MS 1800 /* RFC 8767, 5: the client response timer */
#define BACKGROUND_MAX 64   /* lookups that nobody waits for */

struct lookup {
	struct lookups *lookups;       /* borrowed */
	struct lookup *next;           /* of its bucket, or the next free one */
	struct lookup_waiter *waiters; /* borrowed */
	struct lookup_waiter **last;
	struct ev_timer timer;
	uint64_t group;
	uint64_t route; /* by which it was asked */
	int index;
	bool is_shared;     /* it is in a bucket */
	bool is_background; /* it was started for nobody */
	bool is_slow;       /* stale answers need not wait any longer */
	struct question question;
};

struct lookups {
	struct lookups_conf conf;
	struct lookup *all; /* owned */
	size_t touched;     /* those from there on were never used */
	struct lookup *free;
	size_t background;
	struct lookup *buckets[BUCKETS];
	uint8_t stale[DNS_MESSAGE_MAX]; /* while several are given it */
};

int lookups_new(struct lookups **lookups, const struct lookups_conf *conf)
{
	struct lookups *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	self->conf = *conf;
	self->all = calloc(conf->max, sizeof(*self->all));
	if (!self->all) {
		free(self);
		return -ENOMEM;
	}
	*lookups = self;
	return 0;
}

void lookups_free(struct lookups *lookups)
{
	if (!lookups)
		return;
	free(lookups->all);
	free(lookups);
}

static struct lookup **bucket_of(struct lookups *lookups, uint64_t group,
				 const struct question *question)
{
	uint64_t hash = name_hash(question->name.wire, question->name.length);

	return &lookups->buckets[(hash ^ group ^ question->type) % BUCKETS];
}

static bool is_same(const struct lookup *lookup, uint64_t group,
		    const struct question *question)
{
	const struct question *own = &lookup->question;

	return lookup->group == group && own->type == question->type &&
	       own->do_bit == question->do_bit && own->cd == question->cd &&
	       name_equal(&own->name, &question->name);
}

static struct lookup *find(struct lookups *lookups, uint64_t group,
			   const struct question *question)
{
	struct lookup *lookup = *bucket_of(lookups, group, question);

	while (lookup && !is_same(lookup, group, question))
		lookup = lookup->next;
	return lookup;
}

static struct lookup *take(struct lookups *lookups)
{
	struct lookup *lookup = lookups->free;

	if (lookup) {
		lookups->free = lookup->next;
		return lookup;
	}
	if (lookups->touched == lookups->conf.max)
		return NULL;
	return &lookups->all[lookups->touched++];
}

/* Out of its bucket: nobody can join any more. */
static void leave(struct lookup *lookup)
{
	struct lookup **link;

	if (!lookup->is_shared)
		return;
	link = bucket_of(lookup->lookups, lookup->group, &lookup->question);
	while (*link != lookup)
		link = &(*link)->next;
	*link = lookup->next;
	lookup->is_shared = false;
}

static void give_back(struct lookup *lookup)
{
	struct lookups *lookups = lookup->lookups;

	assert(!lookup->is_shared && !lookup->waiters);
	ev_timer_stop(lookups->conf.loop, &lookup->timer);
	lookups->background -= lookup->is_background;
	lookup->next = lookups->free;
	lookups->free = lookup;
}

static void add_waiter(struct lookup *lookup, struct lookup_waiter *waiter)
{
	waiter->next = NULL;
	*lookup->last = waiter;
	lookup->last = &waiter->next;
}

/* A waiter may be used anew from within its function. */
static void call_waiters(struct lookup *lookup,
			 const struct upstream_result *result)
{
	struct lookup_waiter *waiter = lookup->waiters;

	lookup->waiters = NULL;
	lookup->last = &lookup->waiters;
	while (waiter) {
		struct lookup_waiter *next = waiter->next;

		waiter->fn(waiter->ctx, result);
		waiter = next;
	}
}

static struct upstream_result stale_result(const uint8_t *message,
					   size_t length)
{
	return (struct upstream_result){
		.message = message,
		.length = length,
		.is_cached = true,
		.is_stale = true,
		.ede = EDE_STALE_ANSWER,
	};
}

/* Answers all who wait with what has ended; false: there is nothing. */
static bool answer_stale(struct lookup *lookup)
{
	struct lookups *lookups = lookup->lookups;
	struct upstream_result result;
	struct cache_hit hit;

	if (!lookup->waiters ||
	    !cache_find(lookups->conf.memory->cache,
			&(struct cache_key){lookup->group, &lookup->question},
			clock_boottime_ms(), &hit))
		return false;
	/* One of them may ask the cache for something else. */
	memcpy(lookups->stale, hit.message, hit.length);
	result = stale_result(lookups->stale, hit.length);
	for (struct lookup_waiter *w = lookup->waiters; w; w = w->next)
		lookups->conf.memory->stats.stale++;
	call_waiters(lookup, &result);
	return true;
}

/* The query goes on, for the cache. */
static void on_slow(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct lookup *lookup = timer->data;

	(void)loop;
	(void)events;
	lookup->is_slow = true;
	(void)answer_stale(lookup);
}

/*
 * What says something of the question or the servers counts as its failure;
 * that we are not on a network, or stop, does not.
 */
static bool is_to_be_kept(int status)
{
	return status == ERR_TIMEOUT || status == ERR_REFUSED ||
	       status == ERR_MALFORMED || status == ERR_FOREIGN ||
	       status == -ECONNREFUSED || status == -ECONNRESET;
}

static void note_failure(struct lookup *lookup,
			 const struct upstream_result *result)
{
	struct failure failure = {
		.status = result->status,
		.ede = result->ede,
	};

	if (!is_to_be_kept(result->status))
		return;
	snprintf(failure.why, sizeof(failure.why), "%s", result->why);
	failures_add(&lookup->lookups->conf.memory->failures, lookup->route,
		     &lookup->question, clock_boottime_ms(), &failure);
}

static void on_answer(void *ctx, const struct upstream_result *result)
{
	struct lookup *lookup = ctx;
	struct lookups_conf *conf = &lookup->lookups->conf;

	if (!lookup->is_shared) {
		call_waiters(lookup, result);
		give_back(lookup);
		return;
	}
	if (result->status == 0) {
		cache_put(conf->memory->cache,
			  &(struct cache_key){lookup->group, &lookup->question},
			  result->message, result->length, clock_boottime_ms());
		failures_del(&conf->memory->failures, lookup->route,
			     &lookup->question);
	} else if (result->status != -ECANCELED) {
		note_failure(lookup, result);
		(void)answer_stale(lookup);
	}
	leave(lookup);
	call_waiters(lookup, result);
	give_back(lookup);
}

static bool is_shareable(const struct lookups *lookups, int index,
			 const struct question *question)
{
	return question->rd &&
	       !upstreams_is_personal(lookups->conf.upstreams, index, question);
}

static int start(struct lookups *lookups, int index, uint64_t group,
		 const struct question *question, struct lookup **started)
{
	struct lookup *lookup = take(lookups);
	int ret;

	if (!lookup)
		return -EBUSY;
	*lookup = (struct lookup){
		.lookups = lookups,
		.last = &lookup->waiters,
		.group = group,
		.route = upstreams_route(lookups->conf.upstreams, index),
		.index = index,
		.question = *question,
	};
	lookup->question.raw = NULL;
	lookup->question.raw_length = 0;
	ev_timer_init(&lookup->timer, on_slow, STALE_AFTER_MS / 1000.0, 0.0);
	lookup->timer.data = lookup;
	ret = upstreams_ask(lookups->conf.upstreams, index, question, on_answer,
			    lookup);
	if (ret < 0) {
		give_back(lookup);
		return ret;
	}
	if (is_shareable(lookups, index, question)) {
		struct lookup **bucket = bucket_of(lookups, group, question);

		lookup->is_shared = true;
		lookup->next = *bucket;
		*bucket = lookup;
	}
	*started = lookup;
	return 0;
}

static void refresh(struct lookups *lookups, int index, uint64_t group,
		    const struct question *question)
{
	struct lookup *lookup;

	if (!lookups->conf.has_prefetch ||
	    lookups->background >= BACKGROUND_MAX ||
	    find(lookups, group, question) ||
	    start(lookups, index, group, question, &lookup) < 0)
		return;
	lookup->is_background = true;
	lookups->background++;
	lookups->conf.memory->stats.prefetched++;
}

void lookups_expect(const struct lookups *lookups, int index,
		    const struct question *question, unsigned step)
{
	const struct lookups_conf *conf = &lookups->conf;

	cache_expect(conf->memory->cache,
		     &(struct cache_key){upstreams_key(conf->upstreams, index),
					 question},
		     step);
}

bool lookups_find(struct lookups *lookups, int index,
		  const struct question *question, int64_t now_ms,
		  struct upstream_result *result)
{
	struct lookups_conf *conf = &lookups->conf;
	uint64_t group = upstreams_key(conf->upstreams, index);
	struct cache_hit hit;

	if (!is_shareable(lookups, index, question) ||
	    !cache_find(conf->memory->cache,
			&(struct cache_key){group, question}, now_ms, &hit) ||
	    hit.is_stale)
		return false;
	conf->memory->stats.hits++;
	*result = (struct upstream_result){
		.message = hit.message,
		.length = hit.length,
		.is_cached = true,
		.ede = hit.is_cut ? EDE_SYNTHESIZED : 0,
		.why = hit.is_cut ? WHY_CUT : NULL,
		.note = hit.note,
	};
	if (hit.is_due)
		refresh(lookups, index, group, question);
	return true;
}

/* Failed a moment ago, in this network: the same failure. */
static bool find_failure(struct lookups *lookups, int index,
			 const struct question *question, int64_t now_ms,
			 struct upstream_result *result)
{
	const struct failure *failure =
		failures_find(&lookups->conf.memory->failures,
			      upstreams_route(lookups->conf.upstreams, index),
			      question, now_ms);

	if (!failure)
		return false;
	*result = (struct upstream_result){
		.status = failure->status,
		.ede = failure->ede,
		.why = failure->why,
		.is_cached = true,
	};
	return true;
}

/* An answer without asking. */
static bool answer_at_once(struct lookups *lookups, int index,
			   const struct question *question,
			   const struct lookup *under_way,
			   struct upstream_result *result)
{
	struct lookups_conf *conf = &lookups->conf;
	uint64_t group = upstreams_key(conf->upstreams, index);
	int64_t now_ms = clock_boottime_ms();
	struct cache_hit hit;
	bool has_failed;

	if (lookups_find(lookups, index, question, now_ms, result))
		return true;
	conf->memory->stats.misses++;
	has_failed = find_failure(lookups, index, question, now_ms, result);
	if ((has_failed || (under_way && under_way->is_slow)) &&
	    cache_find(conf->memory->cache,
		       &(struct cache_key){group, question}, now_ms, &hit)) {
		conf->memory->stats.stale++;
		*result = stale_result(hit.message, hit.length);
		return true;
	}
	conf->memory->stats.refused += has_failed;
	return has_failed;
}

int lookups_ask(struct lookups *lookups, int index,
		const struct question *question, struct lookup_waiter *waiter)
{
	uint64_t group = upstreams_key(lookups->conf.upstreams, index);
	struct upstream_result result;
	struct lookup *lookup = NULL;
	int ret;

	if (is_shareable(lookups, index, question)) {
		lookup = find(lookups, group, question);
		if (answer_at_once(lookups, index, question, lookup, &result)) {
			waiter->fn(waiter->ctx, &result);
			return 0;
		}
	}
	if (lookup) {
		lookups->conf.memory->stats.shared++;
	} else {
		ret = start(lookups, index, group, question, &lookup);
		if (ret < 0)
			return ret;
	}
	if (!lookup->waiters && lookup->is_shared)
		ev_timer_start(lookups->conf.loop, &lookup->timer);
	add_waiter(lookup, waiter);
	return 0;
}
