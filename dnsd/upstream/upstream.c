// SPDX-License-Identifier: BSD-2-Clause
/*
 * An ask tries one server after the other.  A new try does not end the ones
 * before: they stay open until the ask ends, and the first good answer
 * wins, so that a slow server is not asked in vain.  A server that has failed
 * (an rcode, an error of the network) is not asked again by the same ask, and
 * the next one follows at once; one that is silent is followed after a step,
 * a share of the whole time.  In a race several are asked at the start.
 *
 * Asks lie in one array that is taken from the front, and their pages are
 * touched only when so many are under way.  Who can see an ask: its timer and
 * its exchanges, all of which ask_stop() stops before the slot is given back.
 */
#include "dnsd/upstream/upstream.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "dnsd/opt.h"
#include "dnsd/upstream/blame.h"
#include "dnsd/upstream/budget.h"
#include "dnsd/upstream/exchange.h"
#include "dnsd/upstream/group.h"
#include "dnsd/upstream/prober.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_EXCHANGES 4 /* sockets that wait at the same time */
#define TRIES_MIN 3
#define STEP_MIN_MS 100
#define STEP_MAX_MS 1500
#define LOOK_EVERY_MS 100 /* two calls of stat(2) */

struct ask {
	struct upstreams *upstreams; /* borrowed */
	struct ask *next;            /* the next free one */
	struct group *group;         /* borrowed; NULL: this slot is free */
	struct links *links;         /* borrowed, of that group */
	struct question question;    /* `raw` is not kept */
	struct ev_timer timer;
	struct exchange exchanges[ASK_EXCHANGES];
	int64_t started_ms[ASK_EXCHANGES];
	int64_t deadline_ms;
	uint8_t order[GROUP_SERVERS]; /* of the servers */
	uint8_t order_count;
	unsigned tries, tries_max;
	uint32_t failed;    /* servers of the group not to be asked again */
	struct blame blame; /* the last failure */
	upstream_done_fn fn;
	void *ctx;
};

struct upstreams {
	struct ev_loop *loop;       /* borrowed */
	struct uplink_watch *watch; /* owned */
	struct exchanges exchanges;
	struct group_self self;
	struct resolvconf system;
	int64_t look_ms; /* not before then for changes of `system` */
	char *before;    /* owned: the path that `system` borrows */
	int64_t timeout_ms;
	struct group *groups;    /* owned */
	struct links *links;     /* owned, one for each group */
	struct prober *prober;   /* owned */
	struct libcurl *libcurl; /* owned; NULL: nobody needs it */
	size_t group_count;
	struct ask *asks; /* owned */
	size_t ask_count;
	size_t share;   /* of them, that one group may have under way */
	size_t touched; /* asks from there on were never used */
	struct ask *free;
	bool is_closing;
	struct log_limit limit;
};

/* What is reached otherwise than before has to show anew what it is. */
static void fill_groups(struct upstreams *upstreams)
{
	const struct nl_state *state = uplink_watch_state(upstreams->watch);

	for (size_t i = 0; i < upstreams->group_count; i++) {
		struct group *group = &upstreams->groups[i];
		uint64_t route = group->route;

		group_fill(group, &upstreams->system, &upstreams->self, state);
		if (group->route == route)
			continue;
		group->moves++;
		memset(group->healths, 0, sizeof(group->healths));
		links_reset(&upstreams->links[i]);
		prober_send_canaries(upstreams->prober, i);
	}
}

static void on_uplink_change(void *ctx, const struct nl_state *state)
{
	(void)state;
	fill_groups(ctx);
}

/* Looks now and then whether the host's resolvers changed. */
static void refresh_system(struct upstreams *upstreams)
{
	int64_t now_ms = clock_monotonic_ms();
	if (now_ms < upstreams->look_ms)
		return;
	upstreams->look_ms = now_ms + LOOK_EVERY_MS;
	int ret = resolvconf_refresh(&upstreams->system);
	if (ret == 0)
		return;
	if (ret < 0 && log_limit_pass(&upstreams->limit))
		log_warning("cannot read the resolvers of '%s': %s",
			    upstreams->system.path, err_text(ret));
	fill_groups(upstreams);
}

static struct ask *take_ask(struct upstreams *upstreams)
{
	struct ask *ask = upstreams->free;
	if (ask) {
		upstreams->free = ask->next;
		return ask;
	}
	if (upstreams->touched == upstreams->ask_count)
		return NULL;
	return &upstreams->asks[upstreams->touched++];
}

static int64_t step_ms(const struct ask *ask)
{
	int64_t step = ask->upstreams->timeout_ms / (ask->tries_max + 1);
	if (step < STEP_MIN_MS)
		return STEP_MIN_MS;
	return step > STEP_MAX_MS ? STEP_MAX_MS : step;
}

static void note_in_vain(struct ask *ask, size_t index, int64_t now_ms)
{
	struct group *group = ask->group;
	char text[GROUP_SERVER_TEXT_SIZE];

	prober_wake(ask->upstreams->prober);
	if (!health_on_failure(&group->healths[index], now_ms))
		return;
	if (group->count > 1 && log_limit_pass(&ask->upstreams->limit))
		log_notice("upstream '%s': %s does not answer, others are "
			   "asked first",
			   group->conf->name,
			   group_server_text(group->conf,
					     &group->servers[index], text,
					     sizeof(text)));
}

/* One that was silent for longer than others are waited for has failed. */
static void exchange_end(struct ask *ask, size_t i, int64_t now_ms)
{
	struct exchange *exchange = &ask->exchanges[i];

	if (!exchange_is_open(exchange))
		return;
	if (now_ms - ask->started_ms[i] >= step_ms(ask))
		note_in_vain(ask, exchange->index, now_ms);
	exchange_stop(exchange);
}

static void ask_stop(struct ask *ask)
{
	int64_t now_ms = clock_monotonic_ms();

	ev_timer_stop(ask->upstreams->loop, &ask->timer);
	for (size_t i = 0; i < ASK_EXCHANGES; i++) {
		if (ask->blame.status == -ECANCELED)
			exchange_stop(&ask->exchanges[i]);
		else
			exchange_end(ask, i, now_ms);
	}
}

/* Calls back, once, and gives the slot back. */
static void ask_end(struct ask *ask, const struct upstream_result *result)
{
	struct upstreams *upstreams = ask->upstreams;

	ask_stop(ask);
	ask->fn(ask->ctx, result);
	ask->group->under_way--;
	ask->group = NULL;
	ask->next = upstreams->free;
	upstreams->free = ask;
}

static void ask_fail(struct ask *ask)
{
	char why[BLAME_SIZE + 128];
	const struct group *group = ask->group;
	const struct blame *blame = &ask->blame;

	if (group->count > 1 && blame->status != -ECANCELED)
		snprintf(why, sizeof(why),
			 "upstream '%s': none of %zu servers helped, %s",
			 group->conf->name, group->count, blame->why);
	else
		snprintf(why, sizeof(why), "upstream '%s': %s",
			 group->conf->name, blame->why);
	if (blame->status != ERR_REFUSED && blame->status != -ECANCELED)
		group_note_failure(ask->group, why, &ask->upstreams->limit);
	ask_end(ask, &(struct upstream_result){
			     .status = blame->status,
			     .why = why,
			     .ede = blame->ede,
		     });
}

static void note_failure(struct ask *ask, size_t index,
			 const struct exchange_result *result)
{
	struct group *group = ask->group;

	blame_failure(&ask->blame, group, index, result);
	ask->failed |= 1U << index;
	if (result->status != ERR_REFUSED && blame_is_servers(result->status))
		note_in_vain(ask, index, clock_monotonic_ms());
}

static bool is_waiting(const struct ask *ask)
{
	for (size_t i = 0; i < ASK_EXCHANGES; i++) {
		if (exchange_is_open(&ask->exchanges[i]))
			return true;
	}
	return false;
}

static void set_timer(struct ask *ask, int64_t ms)
{
	ev_timer_stop(ask->upstreams->loop, &ask->timer);
	ev_timer_set(&ask->timer, (double)(ms > 0 ? ms : 0) / 1000.0, 0.0);
	ev_timer_start(ask->upstreams->loop, &ask->timer);
}

/* A connection brings it there: asking twice would only ask twice. */
static bool is_asked(const struct ask *ask, size_t index)
{
	for (size_t i = 0; i < ASK_EXCHANGES; i++) {
		const struct exchange *exchange = &ask->exchanges[i];

		if (exchange_is_open(exchange) &&
		    exchange->way != EXCHANGE_UDP && exchange->index == index)
			return true;
	}
	return false;
}

/* Starts one try; false when there is no server left to be tried. */
static bool try_next(struct ask *ask, int64_t now_ms)
{
	struct group *group = ask->group;

	while (ask->tries < ask->tries_max && ask->order_count > 0) {
		unsigned nth = ask->tries++;
		size_t index = ask->order[nth % ask->order_count];

		if (index >= group->count || ask->failed & 1U << index ||
		    is_asked(ask, index))
			continue;
		/* The oldest of them gives way. */
		size_t place = nth % ASK_EXCHANGES;
		exchange_end(ask, place, now_ms);
		ask->started_ms[place] = now_ms;
		int ret = exchange_start(&ask->exchanges[place], ask->links,
					 group, index, &ask->question);
		if (ret == 0) {
			blame_silence(&ask->blame, group, index);
			return true;
		}
		note_failure(ask, index,
			     &(struct exchange_result){.status = ret});
	}
	return false;
}

/*
 * Goes on: the next try, or waiting for those under way, or, by way of the
 * loop, the end.  Never calls back itself.
 */
static void go_on(struct ask *ask)
{
	int64_t now_ms = clock_monotonic_ms();
	int64_t left_ms = ask->deadline_ms - now_ms;

	if (left_ms > 0 && try_next(ask, now_ms) && step_ms(ask) < left_ms)
		set_timer(ask, step_ms(ask));
	else
		set_timer(ask, is_waiting(ask) ? left_ms : 0);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct ask *ask = timer->data;

	(void)loop;
	(void)events;
	if (clock_monotonic_ms() >= ask->deadline_ms || !is_waiting(ask))
		ask_fail(ask);
	else
		go_on(ask);
}

static void note_answer(struct ask *ask, const struct exchange *exchange)
{
	struct group *group = ask->group;
	size_t place = (size_t)(exchange - ask->exchanges);
	int64_t ms = clock_monotonic_ms() - ask->started_ms[place];

	(void)health_on_answer(&group->healths[exchange->index], ms * 1000);
}

static void on_exchange(struct exchange *exchange,
			const struct exchange_result *result)
{
	struct ask *ask = exchange->ctx;
	bool has_answered =
		result->status == 0 || result->status == ERR_REFUSED;

	if (has_answered)
		note_answer(ask, exchange);
	if (result->status < 0) {
		note_failure(ask, exchange->index, result);
		go_on(ask);
		return;
	}
	group_note_answer(ask->group);
	if (ask->tries > 1 && ask->group->conf->strategy == UPSTREAM_ORDER)
		group_prefer(ask->group, exchange->index, clock_monotonic_ms());
	ask_end(ask, &(struct upstream_result){
			     .message = result->message,
			     .length = result->length,
		     });
}

/* The first tries: one, or in a race one of each. */
static void begin(struct ask *ask)
{
	int64_t now_ms = clock_monotonic_ms();
	bool is_race = ask->group->conf->strategy == UPSTREAM_RACE;

	for (unsigned i = 1; is_race && i < ask->order_count &&
			     i < ASK_EXCHANGES && try_next(ask, now_ms);
	     i++)
		;
	go_on(ask);
}

int upstreams_ask(struct upstreams *upstreams, int index,
		  const struct question *question, upstream_done_fn fn,
		  void *ctx)
{
	assert(index >= 0 && (size_t)index < upstreams->group_count);
	if (upstreams->is_closing)
		return -ECANCELED;
	struct group *group = &upstreams->groups[index];
	if (group_has_system(group->conf))
		refresh_system(upstreams);

	if (group->under_way >= upstreams->share)
		return -EBUSY;
	struct ask *ask = take_ask(upstreams);
	if (!ask)
		return -EBUSY;
	group->under_way++;
	*ask = (struct ask){
		.upstreams = upstreams,
		.group = group,
		.links = &upstreams->links[index],
		.question = *question,
		.deadline_ms = clock_monotonic_ms() + upstreams->timeout_ms,
		.tries_max = group->count > TRIES_MIN ? (unsigned)group->count
						      : TRIES_MIN,
		.blame = {.status = ERR_TIMEOUT,
			  .ede = EDE_NO_REACHABLE_AUTHORITY},
		.fn = fn,
		.ctx = ctx,
	};
	ask->question.raw = NULL;
	ask->question.raw_length = 0;
	ask->order_count = (uint8_t)group_order(
		group, name_hash(question->name.wire, question->name.length),
		clock_monotonic_ms(), ask->order);
	snprintf(ask->blame.why, sizeof(ask->blame.why), "%s",
		 group->left_out || group->loops
			 ? "its only server is dnsd itself"
			 : "it has no server");
	ev_timer_init(&ask->timer, on_timer, 0.0, 0.0);
	ask->timer.data = ask;
	for (size_t i = 0; i < ASK_EXCHANGES; i++)
		exchange_init(&ask->exchanges[i], &upstreams->exchanges, ask);
	begin(ask);
	return 0;
}

int upstreams_home(struct upstreams *upstreams, int preferred)
{
	refresh_system(upstreams);
	if (group_is_private(&upstreams->groups[preferred]))
		return preferred;
	for (size_t i = 0; i < upstreams->group_count; i++) {
		if (group_is_private(&upstreams->groups[i]))
			return (int)i;
	}
	return -ENOENT;
}

static int make_groups(struct upstreams *upstreams,
		       const struct upstreams_conf *conf)
{
	upstreams->group_count = conf->group_count;
	upstreams->groups = calloc(conf->group_count, sizeof(struct group));
	upstreams->links = calloc(conf->group_count, sizeof(struct links));
	if (!upstreams->groups || !upstreams->links)
		return -ENOMEM;
	for (size_t i = 0; i < conf->group_count; i++) {
		upstreams->groups[i].conf = &conf->groups[i];
		upstreams->groups[i].outbounds = conf->outbounds;
		upstreams->links[i].conf = (struct tunnel_conf){
			.loop = upstreams->loop,
			.watch = upstreams->watch,
			.upstream = &conf->groups[i],
			.libcurl = upstreams->libcurl,
		};
		links_init(&upstreams->links[i], &exchange_stream_ops);
	}
	return 0;
}

static void on_libcurl(void *ctx)
{
	struct upstreams *upstreams = ctx;

	for (size_t i = 0; i < upstreams->group_count; i++)
		links_go_on(&upstreams->links[i]);
}

static int load_libcurl(struct upstreams *upstreams,
			const struct upstreams_conf *conf)
{
	bool is_needed = false;

	for (size_t i = 0; i < conf->group_count; i++)
		is_needed |= config_needs_libcurl(&conf->groups[i]);
	return is_needed ? libcurl_load(&upstreams->libcurl, upstreams->loop,
					on_libcurl, upstreams)
			 : 0;
}

static int make_asks(struct upstreams *upstreams)
{
	upstreams->ask_count = budget_asks(ASK_EXCHANGES);
	/* Groups that are silent must not hold up the others. */
	upstreams->share = upstreams->ask_count / upstreams->group_count;
	if (upstreams->share == 0)
		upstreams->share = 1;
	upstreams->asks = calloc(upstreams->ask_count, sizeof(struct ask));
	return upstreams->asks ? 0 : -ENOMEM;
}

static int make_prober(struct upstreams *upstreams,
		       const struct upstreams_conf *conf)
{
	const struct prober_conf prober = {
		.loop = upstreams->loop,
		.watch = upstreams->watch,
		.pool = conf->fake,
		.groups = upstreams->groups,
		.links = upstreams->links,
		.group_count = upstreams->group_count,
	};

	return prober_new(&upstreams->prober, &prober);
}

/* Half-built ones too. */
static void release(struct upstreams *upstreams)
{
	prober_free(upstreams->prober);
	for (size_t i = 0; upstreams->links && i < upstreams->group_count; i++)
		links_fini(&upstreams->links[i]);
	libcurl_free(upstreams->libcurl);
	uplink_watch_close(upstreams->watch);
	free(upstreams->asks);
	free(upstreams->links);
	free(upstreams->groups);
	free(upstreams->before);
	free(upstreams);
}

int upstreams_new(struct upstreams **upstreams, struct ev_loop *loop,
		  const struct upstreams_conf *conf)
{
	int ret = -ENOMEM;
	struct upstreams *self = calloc(1, sizeof(*self));
	if (!self)
		return ret;
	self->loop = loop;
	self->timeout_ms = conf->timeout_ms;
	self->self = (struct group_self){conf->listen, conf->listen_count};
	self->limit = (struct log_limit){.burst = 10};
	self->before = config_path(conf->run_dir, RESOLVCONF_BEFORE);
	if (!self->before)
		goto release_self;
	resolvconf_init(&self->system, NULL, self->before, conf->fake);
	ret = uplink_watch_open(&self->watch, loop, on_uplink_change, self);
	if (ret == 0)
		ret = load_libcurl(self, conf);
	if (ret == 0)
		ret = make_groups(self, conf);
	if (ret == 0)
		ret = make_asks(self);
	if (ret == 0)
		ret = make_prober(self, conf);
	if (ret < 0)
		goto release_self;
	self->exchanges.loop = loop;
	self->exchanges.watch = self->watch;
	self->exchanges.pool = conf->fake;
	self->exchanges.fn = on_exchange;
	self->exchanges.foreign = conf->before.ignored;
	self->exchanges.truncated = conf->before.by_tcp;
	refresh_system(self);
	fill_groups(self);
	*upstreams = self;
	return 0;

release_self:
	release(self);
	return ret;
}

void upstreams_free(struct upstreams *upstreams)
{
	if (!upstreams)
		return;
	upstreams->is_closing = true;
	for (size_t i = 0; i < upstreams->touched; i++) {
		struct ask *ask = &upstreams->asks[i];
		if (!ask->group)
			continue;
		ask->blame = (struct blame){
			.status = -ECANCELED,
			.ede = EDE_OTHER,
			.why = "dnsd stops or reads its configuration anew",
		};
		ask_fail(ask);
	}
	release(upstreams);
}

bool upstreams_is_personal(const struct upstreams *upstreams, int index,
			   const struct question *question)
{
	return group_is_personal(&upstreams->groups[index], question);
}

bool upstreams_take_canary(struct upstreams *upstreams,
			   const struct question *question)
{
	return prober_take_canary(upstreams->prober, question);
}

uint64_t upstreams_key(struct upstreams *upstreams, int index)
{
	assert(index >= 0 && (size_t)index < upstreams->group_count);
	if (group_has_system(upstreams->groups[index].conf))
		refresh_system(upstreams);
	return upstreams->groups[index].key;
}

uint64_t upstreams_route(const struct upstreams *upstreams, int index)
{
	return upstreams->groups[index].route + upstreams->groups[index].moves;
}

void upstreams_stats(const struct upstreams *upstreams,
		     struct upstreams_stats *stats)
{
	stats->ignored = upstreams->exchanges.foreign;
	stats->by_tcp = upstreams->exchanges.truncated;
}

const char *upstreams_describe(const struct upstreams *upstreams, int index,
			       char *out, size_t size)
{
	assert(index >= 0 && (size_t)index < upstreams->group_count);
	return group_describe(&upstreams->groups[index], out, size);
}
