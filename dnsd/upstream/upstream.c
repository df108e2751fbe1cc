// SPDX-License-Identifier: BSD-2-Clause
/*
 * An ask tries one server after the other.  A new try does not end the ones
 * before: the sockets stay open until the ask ends, and the first good answer
 * wins, so that a slow server is not asked in vain.  A server that has failed
 * (an rcode, an error of the network) is not asked again by the same ask, and
 * the next one follows at once; one that is silent is followed after a step,
 * a share of the whole time.
 *
 * Asks lie in one array that is taken from the front, and their pages are
 * touched only when so many are under way.  Who can see an ask: its timer and
 * its exchanges, all of which ask_stop() stops before the slot is given back.
 */
#include "dnsd/upstream/upstream.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "dnsd/upstream/exchange.h"
#include "dnsd/upstream/group.h"
#include "dnsd/upstream/packet.h"
#include "dnsd/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define ASKS_MAX 4096U
#define ASKS_MIN 16U
#define FDS_FOR_OTHERS 384U /* clients by TCP, control, files */
#define ASK_EXCHANGES 4     /* sockets that wait at the same time */
#define TRIES_MIN 3
#define STEP_MIN_MS 100
#define STEP_MAX_MS 1500
#define WHY_SIZE 224
#define LOOK_EVERY_MS 100 /* two calls of stat(2) */
#define FAILURES_TO_LOG 3

#define EDE_OTHER 0
#define EDE_NO_REACHABLE_AUTHORITY 22
#define EDE_NETWORK_ERROR 23

struct ask {
	struct upstreams *upstreams; /* borrowed */
	struct ask *next;            /* the next free one */
	struct group *group;         /* borrowed; NULL: this slot is free */
	struct question question;    /* `raw` is not kept */
	struct ev_timer timer;
	struct exchange exchanges[ASK_EXCHANGES];
	int64_t deadline_ms;
	unsigned tries, tries_max;
	uint32_t failed; /* servers of the group not to be asked again */
	int status;      /* of the last failure */
	uint16_t ede;
	char why[WHY_SIZE];
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
	struct group *groups; /* owned */
	size_t group_count;
	struct ask *asks; /* owned */
	size_t ask_count;
	size_t share;   /* of them, that one group may have under way */
	size_t touched; /* asks from there on were never used */
	struct ask *free;
	bool is_closing;
	struct log_limit limit;
};

static void fill_groups(struct upstreams *upstreams)
{
	const struct nl_state *state = uplink_watch_state(upstreams->watch);
	for (size_t i = 0; i < upstreams->group_count; i++)
		group_fill(&upstreams->groups[i], &upstreams->system,
			   &upstreams->self, state);
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

static void ask_stop(struct ask *ask)
{
	ev_timer_stop(ask->upstreams->loop, &ask->timer);
	for (size_t i = 0; i < ASK_EXCHANGES; i++)
		exchange_stop(&ask->exchanges[i]);
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

/*
 * One name whose own servers are dead says nothing of the upstream: only some
 * failures in a row do.
 */
static void log_failure(struct ask *ask, const char *why)
{
	struct group *group = ask->group;

	if (++group->failures != FAILURES_TO_LOG ||
	    !log_limit_pass(&ask->upstreams->limit))
		return;
	group->is_told = true;
	log_warning("get no answer from %s", why);
}

static void log_success(struct group *group)
{
	if (group->is_told)
		log_notice("upstream '%s' answers again", group->conf->name);
	group->is_told = false;
	group->failures = 0;
}

static void ask_fail(struct ask *ask)
{
	char why[WHY_SIZE + 128];
	const struct group *group = ask->group;

	if (group->count > 1 && ask->status != -ECANCELED)
		snprintf(why, sizeof(why),
			 "upstream '%s': none of %zu servers helped, %s",
			 group->conf->name, group->count, ask->why);
	else
		snprintf(why, sizeof(why), "upstream '%s': %s",
			 group->conf->name, ask->why);
	if (ask->status != ERR_REFUSED && ask->status != -ECANCELED)
		log_failure(ask, why);
	ask_end(ask, &(struct upstream_result){
			     .status = ask->status,
			     .why = why,
			     .ede = ask->ede,
		     });
}

static void set_failure(struct ask *ask, int status, uint16_t ede)
{
	ask->status = status;
	ask->ede = ede;
}

static void note_failure(struct ask *ask, const struct endpoint *server,
			 const struct exchange_result *result)
{
	char text[ENDPOINT_TEXT_SIZE];
	char word[ADDR_TEXT_SIZE];

	endpoint_format(server, text, sizeof(text));
	switch (result->status) {
	case ERR_REFUSED:
		set_failure(ask, ERR_REFUSED, EDE_NO_REACHABLE_AUTHORITY);
		snprintf(ask->why, sizeof(ask->why), "%s answered %s", text,
			 packet_rcode(result->message, word, sizeof(word)));
		break;
	case ERR_MALFORMED:
		set_failure(ask, ERR_MALFORMED, EDE_NETWORK_ERROR);
		snprintf(ask->why, sizeof(ask->why),
			 "the answer of %s cannot be read", text);
		break;
	case ERR_FOREIGN:
		set_failure(ask, ERR_FOREIGN, EDE_OTHER);
		snprintf(ask->why, sizeof(ask->why),
			 "%s answered %s, an address of our own pool: does it "
			 "ask us?",
			 text,
			 addr_format(&result->poison, word, sizeof(word)));
		break;
	default:
		set_failure(ask, result->status, EDE_NETWORK_ERROR);
		snprintf(ask->why, sizeof(ask->why), "cannot ask %s: %s", text,
			 err_text(result->status));
	}
	for (size_t i = 0; i < ask->group->count; i++) {
		if (endpoint_equal(&ask->group->servers[i].endpoint, server))
			ask->failed |= 1U << i;
	}
}

static void note_silence(struct ask *ask, const struct endpoint *server)
{
	char text[ENDPOINT_TEXT_SIZE];

	/* A failure tells more than silence. */
	if (ask->status != ERR_TIMEOUT)
		return;
	snprintf(ask->why, sizeof(ask->why), "%s did not answer",
		 endpoint_format(server, text, sizeof(text)));
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

static int64_t step_ms(const struct ask *ask)
{
	int64_t step = ask->upstreams->timeout_ms / (ask->tries_max + 1);
	if (step < STEP_MIN_MS)
		return STEP_MIN_MS;
	return step > STEP_MAX_MS ? STEP_MAX_MS : step;
}

/* Starts one try; false when there is no server left to be tried. */
static bool try_next(struct ask *ask, int64_t now_ms)
{
	struct group *group = ask->group;

	while (ask->tries < ask->tries_max && group->count > 0) {
		unsigned nth = ask->tries++;
		const struct upstream_server_conf *server =
			group_server(group, nth, now_ms);
		if (ask->failed & 1U << (server - group->servers))
			continue;
		/* The oldest of them gives way. */
		struct exchange *exchange =
			&ask->exchanges[nth % ASK_EXCHANGES];
		exchange_stop(exchange);
		int ret =
			exchange_start(exchange, server, group->conf->interface,
				       &ask->question);
		if (ret == 0) {
			note_silence(ask, &server->endpoint);
			return true;
		}
		note_failure(ask, &server->endpoint,
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

static void on_exchange(struct exchange *exchange,
			const struct exchange_result *result)
{
	struct ask *ask = exchange->ctx;

	if (result->status < 0) {
		note_failure(ask, &exchange->server, result);
		go_on(ask);
		return;
	}
	log_success(ask->group);
	if (ask->tries > 1)
		group_prefer(ask->group, &exchange->server,
			     clock_monotonic_ms());
	ask_end(ask, &(struct upstream_result){
			     .message = result->message,
			     .length = result->length,
		     });
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
		.question = *question,
		.deadline_ms = clock_monotonic_ms() + upstreams->timeout_ms,
		.tries_max = group->count > TRIES_MIN ? (unsigned)group->count
						      : TRIES_MIN,
		.status = ERR_TIMEOUT,
		.ede = EDE_NO_REACHABLE_AUTHORITY,
		.fn = fn,
		.ctx = ctx,
	};
	ask->question.raw = NULL;
	ask->question.raw_length = 0;
	snprintf(ask->why, sizeof(ask->why), "%s",
		 group->left_out ? "its only server is dnsd itself"
				 : "it has no server");
	ev_timer_init(&ask->timer, on_timer, 0.0, 0.0);
	ask->timer.data = ask;
	for (size_t i = 0; i < ASK_EXCHANGES; i++)
		exchange_init(&ask->exchanges[i], &upstreams->exchanges, ask);
	go_on(ask);
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

/* As many as descriptors allow, should all of them have every socket open. */
static size_t count_asks(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur < FDS_FOR_OTHERS + ASKS_MIN * ASK_EXCHANGES)
		return ASKS_MIN;
	rlim_t asks = (limit.rlim_cur - FDS_FOR_OTHERS) / ASK_EXCHANGES;
	return asks < ASKS_MAX ? (size_t)asks : ASKS_MAX;
}

struct upstreams_conf upstreams_conf_of(const struct config *config)
{
	return (struct upstreams_conf){
		.groups = config->upstreams,
		.group_count = config->upstream_count,
		.timeout_ms = config->dnsd.timeout_ms,
		.run_dir = config->run_dir,
		.fake = &config->dnsd.fake,
		.listen = config->dnsd.listen,
		.listen_count = config->dnsd.listen_count,
	};
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
		goto free_self;
	resolvconf_init(&self->system, NULL, self->before);
	self->group_count = conf->group_count;
	self->groups = calloc(conf->group_count, sizeof(*self->groups));
	if (!self->groups)
		goto free_before;
	self->ask_count = count_asks();
	/* Groups that are silent must not hold up the others. */
	self->share = self->ask_count / conf->group_count;
	if (self->share == 0)
		self->share = 1;
	self->asks = calloc(self->ask_count, sizeof(*self->asks));
	if (!self->asks)
		goto free_groups;

	ret = uplink_watch_open(&self->watch, loop, on_uplink_change, self);
	if (ret < 0)
		goto free_asks;
	self->exchanges.loop = loop;
	self->exchanges.watch = self->watch;
	self->exchanges.pool = conf->fake;
	self->exchanges.fn = on_exchange;
	self->exchanges.foreign = conf->before.ignored;
	self->exchanges.truncated = conf->before.by_tcp;
	ret = exchanges_init(&self->exchanges);
	if (ret < 0)
		goto close_watch;

	bool has_system = false;
	for (size_t i = 0; i < conf->group_count; i++) {
		self->groups[i].conf = &conf->groups[i];
		has_system |= group_has_system(&conf->groups[i]);
	}
	if (has_system)
		refresh_system(self);
	fill_groups(self);
	*upstreams = self;
	return 0;

close_watch:
	uplink_watch_close(self->watch);
free_asks:
	free(self->asks);
free_groups:
	free(self->groups);
free_before:
	free(self->before);
free_self:
	free(self);
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
		set_failure(ask, -ECANCELED, EDE_OTHER);
		snprintf(ask->why, sizeof(ask->why),
			 "dnsd stops or reads its configuration anew");
		ask_fail(ask);
	}
	exchanges_fini(&upstreams->exchanges);
	uplink_watch_close(upstreams->watch);
	free(upstreams->asks);
	free(upstreams->groups);
	free(upstreams->before);
	free(upstreams);
}

uint64_t upstreams_key(struct upstreams *upstreams, int index)
{
	assert(index >= 0 && (size_t)index < upstreams->group_count);
	if (group_has_system(upstreams->groups[index].conf))
		refresh_system(upstreams);
	return upstreams->groups[index].key;
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
