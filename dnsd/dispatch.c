// SPDX-License-Identifier: BSD-2-Clause
/*
 * To answer a question the index of names, or the cache, is searched: some
 * places in large tables, of which each tells where the next one is, and each
 * is a wait for memory that costs as much as all the rest.  So a few questions
 * are read before the first one is answered, and each step is taken for all of
 * them: while memory brings what one needs, the others are looked at.
 */
#include "dnsd/dispatch.h"

#include "common/clock.h"
#include "dnsd/answer.h"
#include "dnsd/cookie.h"
#include "dnsd/decide.h"
#include "dnsd/ede_text.h"
#include "dnsd/memo.h"
#include "dnsd/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define WHY_BROKEN "cannot store new names"
#define ARRIVALS_MAX 8 /* what the processor can wait for at a time, about */

/* What the functions below hand to each other. */
struct job {
	struct dispatch *dispatch;
	struct reply reply;
	bool is_resolved; /* the rules were asked with the address */
	bool is_missing;  /* ... and there is no such name */
};

/* One that was read, and waits for some more to be looked at together. */
struct arrival {
	struct asker asker;
	struct question question;
	struct decision decision;
};

struct dispatch {
	struct reply_parts parts;
	struct direct *direct; /* borrowed, as the next */
	struct queries *queries;
	struct memo *memo;                /* owned */
	uint8_t secret[SIPHASH_KEY_SIZE]; /* of cookies */
	struct arrival arrivals[ARRIVALS_MAX];
	size_t arrival_count;
};

static struct job job_of(struct dispatch *dispatch, struct asker *asker,
			 const struct question *question)
{
	return (struct job){
		.dispatch = dispatch,
		.reply = {&dispatch->parts, asker, question},
	};
}

/* Who asked some time ago, and is answered now. */
static struct asker asker_now(const struct asker *asker)
{
	struct asker now = *asker;

	now.now_ms = clock_boottime_ms();
	return now;
}

int dispatch_new(struct dispatch **dispatch)
{
	struct dispatch *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	ret = memo_new(&new->memo);
	if (ret == 0 && getrandom(new->secret, sizeof(new->secret), 0) < 0)
		ret = -errno;
	if (ret < 0) {
		dispatch_free(new);
		return ret;
	}
	*dispatch = new;
	return 0;
}

void dispatch_free(struct dispatch *dispatch)
{
	if (!dispatch)
		return;
	memo_free(dispatch->memo);
	free(dispatch);
}

void dispatch_set_parts(struct dispatch *dispatch, struct server *server,
			struct fakes *fakes, struct direct *direct)
{
	dispatch->parts.server = server;
	dispatch->parts.fakes = fakes;
	dispatch->direct = direct;
}

void dispatch_set_hosts(struct dispatch *dispatch, const struct hosts *hosts)
{
	dispatch->parts.hosts = hosts;
	memo_clear(dispatch->memo);
}

void dispatch_set_config(struct dispatch *dispatch, const struct config *config,
			 struct queries *queries)
{
	dispatch->parts.config = config;
	memo_clear(dispatch->memo);
	if (dispatch->direct)
		direct_forget(dispatch->direct);
	dispatch->queries = queries;
}

static void reply_site(const struct job *job, const struct decision *decision)
{
	struct dispatch *dispatch = job->dispatch;
	int home = queries_home(dispatch->queries, decision->upstream);

	if (home < 0) {
		reply_special(&job->reply);
		return;
	}
	dispatch->parts.stats.forwarded++;
	job->reply.asker->cause.upstream = home;
	queries_forward(dispatch->queries, job->reply.asker,
			job->reply.question, home);
}

/* dnsd.fake.verify; false: it was answered, or will be. */
static bool may_fake(const struct job *job, int upstream)
{
	struct dispatch *dispatch = job->dispatch;
	enum fake_verify verify = dispatch->parts.config->dnsd.fake_verify;
	enum query_care care = QUERY_LOOK;

	if (verify == FAKE_VERIFY_OFF)
		return true;
	/* Whether or not that could be kept. */
	if (job->is_missing) {
		reply_missing(&job->reply, upstream);
		return false;
	}
	/* It was asked for a moment ago: once is enough. */
	if (!job->is_resolved)
		care = verify == FAKE_VERIFY_FIRST ? QUERY_WAIT
						   : QUERY_LOOK_LATER;
	switch (queries_verify(dispatch->queries, job->reply.asker,
			       job->reply.question, upstream, care)) {
	case QUERY_EXISTS:
		return true;
	case QUERY_MISSING:
		reply_missing(&job->reply, upstream);
		return false;
	case QUERY_ASKED:
		return false;
	}
	return true;
}

static void act(const struct job *job, const struct decision *decision)
{
	struct dispatch *dispatch = job->dispatch;

	job->reply.asker->cause = cause_of(decision, dispatch->parts.config,
					   dispatch->parts.hosts);
	switch (decision->kind) {
	case DECISION_FAKE:
		if (may_fake(job, decision->upstream))
			reply_fake(&job->reply);
		break;
	case DECISION_NODATA:
		reply_nodata(&job->reply);
		break;
	case DECISION_REJECT:
		reply_reject(&job->reply);
		break;
	case DECISION_REVERSE:
		reply_reverse(&job->reply, decision->reverse_slot);
		break;
	case DECISION_FORWARD:
		dispatch->parts.stats.forwarded++;
		(decision->is_carried ? queries_carried : queries_forward)(
			dispatch->queries, job->reply.asker,
			job->reply.question, decision->upstream);
		break;
	case DECISION_SPECIAL:
		reply_special(&job->reply);
		break;
	case DECISION_SITE:
		reply_site(job, decision);
		break;
	case DECISION_HOSTS:
		reply_hosts(&job->reply, decision->host);
		break;
	case DECISION_RESOLVE:
		dispatch->parts.stats.forwarded++;
		dispatch->parts.stats.resolved++;
		queries_decide(dispatch->queries, job->reply.asker,
			       job->reply.question, decision->upstream);
		break;
	}
}

/* What the reply says to the client's options. */
static void fill_options(const struct job *job, struct question *question)
{
	if (question->has_cookie)
		cookie_make(question->cookie, &job->reply.asker->client.addr,
			    (uint32_t)(clock_wall_ms() / 1000),
			    job->dispatch->secret);
	/* RFC 7828 3.2.1: by UDP it means nothing. */
	question->wants_keepalive &= job->reply.asker->is_tcp;
	if (question->wants_keepalive)
		question->keepalive_ds =
			server_keepalive_ds(job->dispatch->parts.server);
}

static struct decision decide_once(struct dispatch *dispatch,
				   const struct question *question,
				   const struct addr *client)
{
	struct decision decision;

	if (memo_find(dispatch->memo, question, &decision))
		return decision;
	decision = decide_with_hosts(dispatch->parts.hosts,
				     dispatch->parts.config, question, client);
	memo_add(dispatch->memo, question, &decision);
	return decision;
}

/* What answering it will touch; the decision is made by step 1. */
static void expect(const struct dispatch *dispatch,
		   const struct arrival *arrival, unsigned step)
{
	const struct decision *decision = &arrival->decision;

	if (decision->kind == DECISION_FAKE)
		fakes_expect(dispatch->parts.fakes, arrival->question.hash,
			     step);
	else if (decision->kind == DECISION_FORWARD)
		queries_expect(dispatch->queries, &arrival->question,
			       decision->upstream, step - 1);
}

/* All of them a step, then all of them the next: see the top. */
static void on_queries_end(void *ctx)
{
	struct dispatch *dispatch = ctx;
	size_t count = dispatch->arrival_count;

	dispatch->arrival_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct arrival *arrival = &dispatch->arrivals[i];

		arrival->decision = decide_once(dispatch, &arrival->question,
						&arrival->asker.client.addr);
		expect(dispatch, arrival, 1);
	}
	for (size_t i = 0; i < count; i++)
		expect(dispatch, &dispatch->arrivals[i], 2);
	for (size_t i = 0; i < count; i++) {
		struct arrival *arrival = &dispatch->arrivals[i];
		const struct job job =
			job_of(dispatch, &arrival->asker, &arrival->question);

		act(&job, &arrival->decision);
	}
}

/* True: it is answered already. */
static bool answer_shape(const struct job *job, int rcode)
{
	const struct question *question = job->reply.question;

	if (rcode > 0)
		reply_refuse(&job->reply, rcode);
	else if (question->raw_length == 0)
		reply_cookie(&job->reply);
	else if (queries_take_canary(job->dispatch->queries, question))
		reply_loop(&job->reply);
	else
		return false;
	return true;
}

static bool on_query(void *ctx, const struct asker *asker, const uint8_t *query,
		     size_t length)
{
	struct dispatch *dispatch = ctx;
	struct arrival *arrival = &dispatch->arrivals[dispatch->arrival_count];
	const struct job job =
		job_of(dispatch, &arrival->asker, &arrival->question);
	int rcode = question_parse(&arrival->question, query, length);

	dispatch->parts.stats.queries++;
	if (rcode < 0) {
		dispatch->parts.stats.malformed++;
		return false;
	}
	arrival->asker = *asker;
	fill_options(&job, &arrival->question);
	if (answer_shape(&job, rcode))
		return true;
	memo_expect(dispatch->memo, &arrival->question);
	fakes_expect(dispatch->parts.fakes, arrival->question.hash, 0);
	if (++dispatch->arrival_count == ARRIVALS_MAX)
		on_queries_end(dispatch);
	return true;
}

static int on_batch_end(void *ctx)
{
	struct dispatch *dispatch = ctx;

	return fakes_commit(dispatch->parts.fakes);
}

static size_t on_promise_broken(void *ctx, struct asker *asker,
				uint8_t *message, size_t length, size_t size)
{
	char text[EDE_TEXT_SIZE];
	const struct ede ede = {EDE_OTHER,
				ede_text_why(WHY_BROKEN, &asker->cause, text)};
	struct dispatch *dispatch = ctx;

	dispatch->parts.stats.fake--;
	dispatch->parts.stats.failed++;
	asker->cause.kind = CAUSE_BROKEN;
	return answer_turn_to_failure(message, length, size, &ede);
}

const struct server_ops dispatch_server_ops = {
	.on_query = on_query,
	.on_queries_end = on_queries_end,
	.on_batch_end = on_batch_end,
	.on_promise_broken = on_promise_broken,
};

/* What goes past the relay has to find its way first. */
static void pass_on(void *ctx, const struct asker *asker,
		    const struct question *question,
		    const struct query_reply *reply)
{
	struct dispatch *dispatch = ctx;
	const struct news_source source = {
		.config = dispatch->parts.config,
		.question = question,
		.client = &asker->client.addr,
	};
	struct cache_note *note = reply->note;
	struct news news;

	if (note && direct_may_pass(dispatch->direct, note, asker->now_ms)) {
		server_reply(dispatch->parts.server, asker, reply->message,
			     reply->length);
		return;
	}
	if (!news_read(&news, &source, reply->message, reply->length)) {
		if (note && !news.is_personal)
			direct_note_silent(dispatch->direct, note);
		server_reply(dispatch->parts.server, asker, reply->message,
			     reply->length);
		return;
	}
	direct_tell(dispatch->direct, &news, asker, reply->message,
		    reply->length);
	if (note && !news.is_personal)
		direct_note(dispatch->direct, &news, note, asker->now_ms);
}

static void fail(void *ctx, const struct asker *asker,
		 const struct question *question, uint16_t code,
		 const char *why)
{
	struct asker now = asker_now(asker);
	const struct job job = job_of(ctx, &now, question);

	reply_failure(&job.reply, code, why);
}

/*
 * What it promises is committed with the batch of this turn of the loop, as
 * that of a query that came in just now.  A verdict that wants the address
 * even so cannot be had: the truth is passed on.
 */
static enum query_decided decided(void *ctx, struct asker *asker,
				  const struct question *question,
				  const struct verdict *verdict,
				  bool is_missing)
{
	struct dispatch *dispatch = ctx;
	struct asker now = asker_now(asker);
	struct job job = job_of(dispatch, &now, question);
	const struct decision decision =
		decide_verdict(dispatch->parts.config, question, verdict);

	if (decision.kind == DECISION_FORWARD ||
	    decision.kind == DECISION_RESOLVE) {
		asker->cause = cause_of(&decision, dispatch->parts.config,
					dispatch->parts.hosts);
		return QUERY_REAL;
	}
	job.is_resolved = true;
	job.is_missing = is_missing;
	act(&job, &decision);
	return QUERY_ANSWERED;
}

static void verified(void *ctx, const struct asker *asker,
		     const struct question *question, int upstream,
		     bool is_missing)
{
	struct dispatch *dispatch = ctx;
	struct asker now = asker_now(asker);
	const struct job job = job_of(dispatch, &now, question);

	if (is_missing)
		reply_missing(&job.reply, upstream);
	else
		reply_fake(&job.reply);
}

/* A reload: the new configuration answers what the old one was asked. */
static bool canceled(void *ctx, const struct queries *queries,
		     const struct asker *asker, const struct question *question)
{
	struct dispatch *dispatch = ctx;
	struct asker now = asker_now(asker);
	const struct job job = job_of(dispatch, &now, question);

	if (dispatch->queries == queries)
		return false;
	const struct decision decision =
		decide_with_hosts(dispatch->parts.hosts, dispatch->parts.config,
				  question, &asker->client.addr);
	act(&job, &decision);
	return true;
}

const struct query_ops dispatch_query_ops = {
	.reply = pass_on,
	.fail = fail,
	.decided = decided,
	.verified = verified,
	.canceled = canceled,
};

void dispatch_stats(const struct dispatch *dispatch,
		    struct dispatch_stats *stats)
{
	*stats = dispatch->parts.stats;
}
