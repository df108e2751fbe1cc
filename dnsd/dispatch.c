// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/dispatch.h"

#include "common/clock.h"
#include "common/err.h"
#include "dnsd/answer.h"
#include "dnsd/decide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define RULE_TEXT_MAX 256

struct dispatch {
	struct fakes *fakes; /* borrowed, as all of these */
	struct server *server;
	struct direct *direct;
	const struct config *config;
	struct queries *queries;
	struct dispatch_stats stats;
};

/* What the functions below hand to each other. */
struct job {
	struct dispatch *dispatch;
	const struct asker *asker;
	const struct question *question;
};

int dispatch_new(struct dispatch **dispatch)
{
	struct dispatch *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	*dispatch = new;
	return 0;
}

void dispatch_free(struct dispatch *dispatch)
{
	free(dispatch);
}

void dispatch_set_parts(struct dispatch *dispatch, struct server *server,
			struct fakes *fakes, struct direct *direct)
{
	dispatch->server = server;
	dispatch->fakes = fakes;
	dispatch->direct = direct;
}

void dispatch_set_config(struct dispatch *dispatch, const struct config *config,
			 struct queries *queries)
{
	dispatch->config = config;
	dispatch->queries = queries;
}

static size_t room_for(const struct job *job)
{
	return job->asker->is_tcp ? DNS_EDNS_SIZE : job->question->udp_size;
}

static struct answer answer_of(const struct job *job, const struct ede *ede)
{
	return (struct answer){
		.question = job->question,
		.ede = ede,
		.ttl_s = job->dispatch->config->dnsd.fake_ttl_s,
	};
}

static void reply_error(const struct job *job, enum dns_rcode rcode,
			const struct ede *ede)
{
	const struct answer answer = answer_of(job, ede);
	uint8_t message[DNS_EDNS_SIZE];
	size_t length = answer_error(&answer, rcode, message, room_for(job));

	server_reply(job->dispatch->server, job->asker, message, length);
}

static void reply_negative(const struct job *job, enum dns_rcode rcode,
			   const struct ede *ede)
{
	const struct answer answer = answer_of(job, ede);
	uint8_t message[DNS_EDNS_SIZE];
	size_t length = answer_negative(&answer, rcode, message, room_for(job));

	server_reply(job->dispatch->server, job->asker, message, length);
}

/* The log has the reason already, from fakes.c. */
static void reply_no_slot(const struct job *job, int64_t err)
{
	const struct ede ede = {
		.code = EDE_OTHER,
		.text = err == ERR_FULL ? "every fake address is given"
					: "cannot store new names",
	};

	job->dispatch->stats.failed++;
	reply_error(job, DNS_RCODE_SERVFAIL, &ede);
}

static void reply_fake(const struct job *job)
{
	const struct answer answer = answer_of(job, NULL);
	struct dispatch *dispatch = job->dispatch;
	const struct fake_pool *pool = &dispatch->config->dnsd.fake;
	uint8_t message[DNS_EDNS_SIZE];
	bool is_promise;
	struct addr addr;
	size_t length;
	int64_t slot = fakes_take(dispatch->fakes, &job->question->name,
				  clock_monotonic_ms(), &is_promise);

	if (slot < 0) {
		reply_no_slot(job, slot);
		return;
	}
	dispatch->stats.fake++;
	addr = job->question->type == DNS_TYPE_AAAA
		       ? fake_ipv6(pool, (uint32_t)slot)
		       : fake_ipv4(pool, (uint32_t)slot);
	length = answer_address(&answer, &addr, message, room_for(job));
	if (is_promise)
		server_promise(dispatch->server, job->asker, message, length);
	else
		server_reply(dispatch->server, job->asker, message, length);
}

/* RFC 8914, 4.16: the rule is the policy that blocked. */
static void reply_reject(const struct job *job, const struct verdict *verdict)
{
	const struct rule *rule = verdict->rule;
	char text[RULE_TEXT_MAX];
	const struct ede ede = {.code = EDE_BLOCKED, .text = text};

	snprintf(text, sizeof(text), "rule '%s' (%s:%u)", rule->text,
		 rule->file, rule->line);
	job->dispatch->stats.rejected++;
	reply_negative(job, DNS_RCODE_NXDOMAIN, &ede);
}

static void reply_reverse(const struct job *job, int64_t slot)
{
	const struct answer answer = answer_of(job, NULL);
	struct dispatch *dispatch = job->dispatch;
	uint8_t message[DNS_EDNS_SIZE];
	struct name name;
	size_t length;

	dispatch->stats.reverse++;
	if (slot < 0 ||
	    fakes_name(dispatch->fakes, (uint32_t)slot, &name) < 0) {
		reply_negative(job, DNS_RCODE_NXDOMAIN, NULL);
		return;
	}
	if (job->question->type != DNS_TYPE_PTR) {
		reply_negative(job, DNS_RCODE_NOERROR, NULL);
		return;
	}
	length = answer_pointer(&answer, &name, message, room_for(job));
	server_reply(dispatch->server, job->asker, message, length);
}

static void act(const struct job *job, const struct decision *decision)
{
	struct dispatch *dispatch = job->dispatch;

	switch (decision->kind) {
	case DECISION_FAKE:
		reply_fake(job);
		break;
	case DECISION_NODATA:
		dispatch->stats.nodata++;
		reply_negative(job, DNS_RCODE_NOERROR, NULL);
		break;
	case DECISION_REJECT:
		reply_reject(job, &decision->verdict);
		break;
	case DECISION_REVERSE:
		reply_reverse(job, decision->reverse_slot);
		break;
	case DECISION_FORWARD:
		dispatch->stats.forwarded++;
		queries_forward(dispatch->queries, job->asker, job->question,
				decision->upstream);
		break;
	case DECISION_RESOLVE:
		dispatch->stats.forwarded++;
		dispatch->stats.resolved++;
		queries_decide(dispatch->queries, job->asker, job->question,
			       decision->upstream);
		break;
	}
}

static bool on_query(void *ctx, const struct asker *asker, const uint8_t *query,
		     size_t length)
{
	struct dispatch *dispatch = ctx;
	struct question question;
	const struct job job = {dispatch, asker, &question};
	int rcode = question_parse(&question, query, length);
	struct decision decision;

	dispatch->stats.queries++;
	if (rcode != 0) {
		if (rcode < 0 || rcode == DNS_RCODE_FORMERR)
			dispatch->stats.malformed++;
		else
			dispatch->stats.refused++;
		if (rcode > 0)
			reply_error(&job, (enum dns_rcode)rcode, NULL);
		return rcode > 0;
	}
	decision = decide(dispatch->config, &question, &asker->client.addr);
	act(&job, &decision);
	return true;
}

static int on_batch_end(void *ctx)
{
	struct dispatch *dispatch = ctx;

	return fakes_commit(dispatch->fakes);
}

static size_t on_promise_broken(void *ctx, uint8_t *message, size_t length,
				size_t size)
{
	const struct ede ede = {EDE_OTHER, "cannot store new names"};
	struct dispatch *dispatch = ctx;

	dispatch->stats.fake--;
	dispatch->stats.failed++;
	return answer_turn_to_failure(message, length, size, &ede);
}

const struct server_ops dispatch_server_ops = {
	.on_query = on_query,
	.on_batch_end = on_batch_end,
	.on_promise_broken = on_promise_broken,
};

/* What goes past the relay has to find its way first. */
static void pass_on(void *ctx, const struct asker *asker,
		    const struct question *question, const uint8_t *message,
		    size_t length)
{
	struct dispatch *dispatch = ctx;
	const struct news_source source = {
		.config = dispatch->config,
		.question = question,
		.client = &asker->client.addr,
	};
	struct news news;

	if (news_read(&news, &source, message, length))
		direct_tell(dispatch->direct, &news, asker, message, length);
	else
		server_reply(dispatch->server, asker, message, length);
}

static void fail(void *ctx, const struct asker *asker,
		 const struct question *question, uint16_t code,
		 const char *why)
{
	const struct ede ede = {code, why};
	const struct job job = {ctx, asker, question};

	reply_error(&job, DNS_RCODE_SERVFAIL, &ede);
}

/*
 * What it promises is committed with the batch of this turn of the loop, as
 * that of a query that came in just now.  A verdict that wants the address
 * even so cannot be had: the truth is passed on.
 */
static enum query_decided decided(void *ctx, const struct asker *asker,
				  const struct question *question,
				  const struct verdict *verdict)
{
	struct dispatch *dispatch = ctx;
	const struct job job = {dispatch, asker, question};
	const struct decision decision =
		decide_verdict(dispatch->config, question, verdict);

	if (decision.kind == DECISION_FORWARD ||
	    decision.kind == DECISION_RESOLVE)
		return QUERY_REAL;
	act(&job, &decision);
	return QUERY_ANSWERED;
}

/* A reload: the new configuration answers what the old one was asked. */
static bool canceled(void *ctx, const struct queries *queries,
		     const struct asker *asker, const struct question *question)
{
	struct dispatch *dispatch = ctx;
	const struct job job = {dispatch, asker, question};

	if (dispatch->queries == queries)
		return false;
	const struct decision decision =
		decide(dispatch->config, question, &asker->client.addr);
	act(&job, &decision);
	return true;
}

const struct query_ops dispatch_query_ops = {
	.reply = pass_on,
	.fail = fail,
	.decided = decided,
	.canceled = canceled,
};

void dispatch_stats(const struct dispatch *dispatch,
		    struct dispatch_stats *stats)
{
	*stats = dispatch->stats;
}
