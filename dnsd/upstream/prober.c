// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/prober.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "dnsd/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PROBES_MAX 8 /* under way */
#define TICK_S 0.25
#define PROBE_TIMEOUT_MS 1500
#define TYPE_NS 2
#define TYPE_TXT 16
/* Not below a name that resolvers answer themselves (RFC 6761). */
#define CANARY "ersatz-canary-"
#define CANARY_ZONE ".arpa"
#define CANARY_LABEL (sizeof(CANARY) - 1 + 16)

struct probe {
	struct prober *prober;
	struct exchange exchange;
	struct question question;
	struct group *group; /* borrowed; NULL: free */
	size_t index;
	bool is_canary;
	int64_t started_ms;
};

struct prober {
	struct prober_conf conf;
	struct exchanges exchanges;
	struct ev_timer timer;
	uint32_t *wanted;                  /* canaries of each group, as bits */
	uint64_t (*tokens)[GROUP_SERVERS]; /* their numbers */
	struct probe probes[PROBES_MAX];
};

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events);
static void on_end(struct exchange *exchange,
		   const struct exchange_result *result);

int prober_new(struct prober **prober, const struct prober_conf *conf)
{
	struct prober *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->conf = *conf;
	new->exchanges.loop = conf->loop;
	new->exchanges.watch = conf->watch;
	new->exchanges.pool = conf->pool;
	new->exchanges.fn = on_end;
	ev_timer_init(&new->timer, on_tick, TICK_S, TICK_S);
	new->timer.data = new;
	new->wanted = calloc(conf->group_count, sizeof(*new->wanted));
	new->tokens = calloc(conf->group_count, sizeof(*new->tokens));
	if (!new->wanted || !new->tokens) {
		prober_free(new);
		return -ENOMEM;
	}
	for (size_t i = 0; i < PROBES_MAX; i++) {
		new->probes[i].prober = new;
		exchange_init(&new->probes[i].exchange, &new->exchanges,
			      &new->probes[i]);
	}
	*prober = new;
	return 0;
}

void prober_free(struct prober *prober)
{
	if (!prober)
		return;
	ev_timer_stop(prober->conf.loop, &prober->timer);
	for (size_t i = 0; i < PROBES_MAX; i++) {
		if (prober->probes[i].group)
			exchange_stop(&prober->probes[i].exchange);
	}
	free(prober->wanted);
	free(prober->tokens);
	free(prober);
}

void prober_wake(struct prober *prober)
{
	if (!ev_is_active(&prober->timer))
		ev_timer_again(prober->conf.loop, &prober->timer);
}

void prober_send_canaries(struct prober *prober, size_t group)
{
	prober->wanted[group] = (1U << prober->conf.groups[group].count) - 1U;
	prober_wake(prober);
}

static void tell(const struct probe *probe, const char *what)
{
	char text[GROUP_SERVER_TEXT_SIZE];

	/* A lone server's silence is told by those who asked it. */
	if (probe->group->count == 1)
		return;
	log_notice("upstream '%s': %s %s", probe->group->conf->name,
		   group_server_text(probe->group->conf,
				     &probe->exchange.server, text,
				     sizeof(text)),
		   what);
}

static void on_end(struct exchange *exchange,
		   const struct exchange_result *result)
{
	struct probe *probe = exchange->ctx;
	struct health *health = &probe->group->healths[probe->index];
	int64_t now_ms = clock_monotonic_ms();
	bool has_answered =
		result->status == 0 || result->status == ERR_REFUSED;

	if (has_answered &&
	    health_on_answer(health, (now_ms - probe->started_ms) * 1000)) {
		group_forget_preference(probe->group);
		tell(probe, "answers again");
	}
	if (!has_answered && !probe->is_canary &&
	    health_on_failure(health, now_ms))
		tell(probe, "does not answer, others are asked first");
	probe->group = NULL;
}

static void start(struct prober *prober, size_t group, size_t index,
		  const char *name)
{
	struct probe *probe = prober->probes;
	int ret;

	while (probe->group)
		probe++;
	probe->group = &prober->conf.groups[group];
	probe->index = index;
	probe->is_canary = *name;
	probe->started_ms = clock_monotonic_ms();
	probe->question = (struct question){
		.rd = true,
		.klass = DNS_CLASS_IN,
		.type = *name ? TYPE_TXT : TYPE_NS,
		.name = {.length = 1},
	};
	if (*name && name_parse(&probe->question.name, name) < 0)
		probe->question.name = (struct name){.length = 1};
	ret = exchange_start(&probe->exchange, &prober->conf.links[group],
			     probe->group, index, &probe->question);
	if (ret < 0)
		on_end(&probe->exchange,
		       &(struct exchange_result){.status = ret});
}

static void end_late(struct prober *prober, int64_t now_ms)
{
	for (size_t i = 0; i < PROBES_MAX; i++) {
		struct probe *probe = &prober->probes[i];

		if (!probe->group ||
		    now_ms - probe->started_ms < PROBE_TIMEOUT_MS)
			continue;
		exchange_stop(&probe->exchange);
		on_end(&probe->exchange,
		       &(struct exchange_result){.status = ERR_TIMEOUT});
	}
}

static bool has_room(const struct prober *prober)
{
	for (size_t i = 0; i < PROBES_MAX; i++) {
		if (!prober->probes[i].group)
			return true;
	}
	return false;
}

static bool is_under_way(const struct prober *prober, const struct group *group,
			 size_t index)
{
	for (size_t i = 0; i < PROBES_MAX; i++) {
		if (prober->probes[i].group == group &&
		    prober->probes[i].index == index)
			return true;
	}
	return false;
}

static void start_canary(struct prober *prober, size_t group, size_t index)
{
	uint64_t *token = &prober->tokens[group][index];
	char name[sizeof(CANARY) + 16 + sizeof(CANARY_ZONE)];

	if (getrandom(token, sizeof(*token), 0) != sizeof(*token))
		return;
	snprintf(name, sizeof(name), CANARY "%016llx" CANARY_ZONE,
		 (unsigned long long)*token);
	prober->wanted[group] &= ~(1U << index);
	prober->conf.groups[group].loops &= ~(1U << index);
	start(prober, group, index, name);
}

/* True: this server wants something, now or later. */
static bool look_at(struct prober *prober, size_t group, size_t index,
		    int64_t now_ms)
{
	struct group *of = &prober->conf.groups[group];
	const struct health *health = &of->healths[index];

	if (is_under_way(prober, of, index))
		return true;
	if (!has_room(prober))
		return true;
	if (prober->wanted[group] & 1U << index) {
		start_canary(prober, group, index);
		return true;
	}
	if (health_is_due(health, now_ms))
		start(prober, group, index, "");
	return health_is_doubtful(health);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct prober *prober = timer->data;
	int64_t now_ms = clock_monotonic_ms();
	bool is_wanted = false;

	(void)events;
	end_late(prober, now_ms);
	for (size_t i = 0; i < prober->conf.group_count; i++) {
		for (size_t k = 0; k < prober->conf.groups[i].count; k++)
			is_wanted |= look_at(prober, i, k, now_ms);
	}
	if (!is_wanted)
		ev_timer_stop(loop, timer);
}

static bool read_token(const struct question *question, uint64_t *token)
{
	const uint8_t *wire = question->name.wire;
	char digits[17];

	if (question->type != TYPE_TXT || wire[0] != CANARY_LABEL ||
	    memcmp(wire + 1, CANARY, sizeof(CANARY) - 1) != 0)
		return false;
	memcpy(digits, wire + sizeof(CANARY), 16);
	digits[16] = '\0';
	*token = strtoull(digits, NULL, 16);
	return *token != 0;
}

static void leave_out(struct group *group, size_t index)
{
	char text[GROUP_SERVER_TEXT_SIZE];

	group->loops |= 1U << index;
	log_error("cannot use %s of upstream '%s': it leads back to us, every "
		  "question to it would come here again",
		  group_server_text(group->conf, &group->servers[index], text,
				    sizeof(text)),
		  group->conf->name);
}

bool prober_take_canary(struct prober *prober, const struct question *question)
{
	uint64_t token;

	if (!read_token(question, &token))
		return false;
	for (size_t i = 0; i < prober->conf.group_count; i++) {
		for (size_t k = 0; k < prober->conf.groups[i].count; k++) {
			struct group *group = &prober->conf.groups[i];

			if (prober->tokens[i][k] != token ||
			    group->loops & 1U << k)
				continue;
			leave_out(group, k);
			return true;
		}
	}
	return false;
}
