// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/dispatch.h"

#include "common/clock.h"
#include "common/err.h"
#include "dnsd/answer.h"
#include "dnsd/cookie.h"
#include "dnsd/decide.h"
#include "dnsd/ede_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct dispatch {
	struct fakes *fakes; /* borrowed, as all of these */
	struct server *server;
	struct direct *direct;
	const struct hosts *hosts;
	const struct config *config;
	struct queries *queries;
	uint8_t secret[SIPHASH_KEY_SIZE]; /* of cookies */
	struct dispatch_stats stats;
};

/* What the functions below hand to each other. */
struct job {
	struct dispatch *dispatch;
	const struct asker *asker;
	const struct question *question;
	bool is_resolved; /* the rules were asked with the address */
};

int dispatch_new(struct dispatch **dispatch)
{
	struct dispatch *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	if (getrandom(new->secret, sizeof(new->secret), 0) < 0) {
		free(new);
		return -errno;
	}
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

void dispatch_set_hosts(struct dispatch *dispatch, const struct hosts *hosts)
{
	dispatch->hosts = hosts;
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

/* An EDE that nobody gets is not worth its text. */
static struct ede ede_of(const struct job *job, enum ede_code code,
			 const struct verdict *verdict,
			 char text[EDE_TEXT_SIZE])
{
	return (struct ede){code, job->question->has_edns
					  ? ede_text_rule(verdict, text)
					  : NULL};
}

static void reply_fake(const struct job *job, const struct verdict *verdict)
{
	char text[EDE_TEXT_SIZE];
	const struct ede ede = ede_of(job, EDE_FORGED, verdict, text);
	const struct answer answer = answer_of(job, &ede);
	struct dispatch *dispatch = job->dispatch;
	const struct fake_pool *pool = &dispatch->config->dnsd.fake;
	uint8_t message[DNS_EDNS_SIZE];
	bool is_promise;
	struct addr addr;
	size_t length;
	int64_t slot = fakes_take(dispatch->fakes, &job->question->name,
				  question_hash(job->question),
				  clock_boottime_ms(), &is_promise);

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

/* What a carried name has not, and what it has of everything. */
static void reply_nodata(const struct job *job, const struct verdict *verdict)
{
	char text[EDE_TEXT_SIZE];
	const struct ede ede = ede_of(job, EDE_FORGED, verdict, text);
	const struct answer answer = answer_of(job, &ede);
	uint8_t message[DNS_EDNS_SIZE];
	size_t length;

	job->dispatch->stats.nodata++;
	if (job->question->type != DNS_TYPE_ANY) {
		reply_negative(job, DNS_RCODE_NOERROR, &ede);
		return;
	}
	length = answer_any(&answer, message, room_for(job));
	server_reply(job->dispatch->server, job->asker, message, length);
}

/* RFC 8914, 4.16: the rule is the policy that blocked. */
static void reply_reject(const struct job *job, const struct verdict *verdict)
{
	char text[EDE_TEXT_SIZE];
	const struct ede ede = ede_of(job, EDE_BLOCKED, verdict, text);

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

/* What is special to everybody, and why. */
static void reply_special(const struct job *job, const struct special *special)
{
	const struct ede ede = {EDE_OTHER, special->reason};
	const struct answer answer = answer_of(job, &ede);
	struct dispatch *dispatch = job->dispatch;
	uint8_t message[DNS_EDNS_SIZE];
	struct name localhost;
	struct addr addr;
	size_t length = 0;

	dispatch->stats.special++;
	switch (special_answer(special, job->question, &addr)) {
	case SPECIAL_ANSWER_ADDRESS:
		length = answer_address(&answer, &addr, message, room_for(job));
		break;
	case SPECIAL_ANSWER_POINTER:
		if (name_parse(&localhost, "localhost") == 0)
			length = answer_pointer(&answer, &localhost, message,
						room_for(job));
		break;
	case SPECIAL_ANSWER_NODATA:
		reply_negative(job, DNS_RCODE_NOERROR, &ede);
		return;
	case SPECIAL_ANSWER_NXDOMAIN:
		reply_negative(job, DNS_RCODE_NXDOMAIN, &ede);
		return;
	}
	server_reply(dispatch->server, job->asker, message, length);
}

static void reply_host_addresses(const struct job *job, int64_t host,
				 const struct ede *ede)
{
	const struct answer answer = answer_of(job, ede);
	struct addr all[HOSTS_ADDRS_MAX];
	struct answer_addrs addrs = {
		all,
		hosts_addresses(job->dispatch->hosts, host,
				job->question->type == DNS_TYPE_A ? ADDR_IPV4
								  : ADDR_IPV6,
				all, HOSTS_ADDRS_MAX)};
	uint8_t message[DNS_EDNS_SIZE];
	size_t length;

	if (!asker_is_local(job->asker))
		addrs.count = hosts_for_others(job->dispatch->hosts, host, all,
					       addrs.count);

	if (addrs.count == 0) {
		reply_negative(job, DNS_RCODE_NOERROR, ede);
		return;
	}
	length = answer_addresses(&answer, &addrs, message, room_for(job));
	server_reply(job->dispatch->server, job->asker, message, length);
}

static void reply_host_name(const struct job *job, const struct ede *ede)
{
	const struct answer answer = answer_of(job, ede);
	uint8_t message[DNS_EDNS_SIZE];
	struct name name;
	struct addr addr;
	size_t length;

	if (name_to_reverse_addr(&job->question->name, &addr) < 0 ||
	    hosts_name(job->dispatch->hosts, &addr, &name) < 0)
		return; /* it was there a moment ago */
	length = answer_pointer(&answer, &name, message, room_for(job));
	server_reply(job->dispatch->server, job->asker, message, length);
}

/* What somebody wrote down, and where. */
static void reply_hosts(const struct job *job, int64_t host)
{
	char where[EDE_TEXT_SIZE];
	const struct ede ede = {
		.code = EDE_FORGED,
		.text = hosts_where(job->dispatch->hosts, host, where,
				    sizeof(where)),
	};

	job->dispatch->stats.hosts++;
	switch (job->question->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		reply_host_addresses(job, host, &ede);
		return;
	case DNS_TYPE_PTR:
		reply_host_name(job, &ede);
		return;
	}
	reply_negative(job, DNS_RCODE_NOERROR, &ede);
}

static void reply_site(const struct job *job, const struct decision *decision)
{
	struct dispatch *dispatch = job->dispatch;

	if (queries_home(dispatch->queries, job->asker, job->question,
			 decision->upstream) == 0)
		dispatch->stats.forwarded++;
	else
		reply_special(job, decision->special);
}

/* The upstream's word, in our own answer: the SOA is ours, to be asked again.
 */
static void reply_missing(const struct job *job, int upstream)
{
	const struct config *config = job->dispatch->config;
	char text[EDE_TEXT_SIZE];
	const struct ede ede = {.code = EDE_OTHER, .text = text};

	ede_text_missing(config->upstreams[upstream].name, text);
	job->dispatch->stats.missing++;
	reply_negative(job, DNS_RCODE_NXDOMAIN, &ede);
}

/* dnsd.fake.verify; false: it was answered, or will be. */
static bool may_fake(const struct job *job, int upstream)
{
	struct dispatch *dispatch = job->dispatch;
	enum fake_verify verify = dispatch->config->dnsd.fake_verify;
	enum query_care care = QUERY_LOOK;

	if (verify == FAKE_VERIFY_OFF)
		return true;
	/* It was asked for a moment ago: once is enough. */
	if (!job->is_resolved)
		care = verify == FAKE_VERIFY_FIRST ? QUERY_WAIT
						   : QUERY_LOOK_LATER;
	switch (queries_verify(dispatch->queries, job->asker, job->question,
			       upstream, care)) {
	case QUERY_EXISTS:
		return true;
	case QUERY_MISSING:
		reply_missing(job, upstream);
		return false;
	case QUERY_ASKED:
		return false;
	}
	return true;
}

static void act(const struct job *job, const struct decision *decision)
{
	struct dispatch *dispatch = job->dispatch;

	switch (decision->kind) {
	case DECISION_FAKE:
		if (may_fake(job, decision->upstream))
			reply_fake(job, &decision->verdict);
		break;
	case DECISION_NODATA:
		reply_nodata(job, &decision->verdict);
		break;
	case DECISION_REJECT:
		reply_reject(job, &decision->verdict);
		break;
	case DECISION_REVERSE:
		reply_reverse(job, decision->reverse_slot);
		break;
	case DECISION_FORWARD:
		dispatch->stats.forwarded++;
		(decision->is_carried ? queries_carried : queries_forward)(
			dispatch->queries, job->asker, job->question,
			decision->upstream);
		break;
	case DECISION_SPECIAL:
		reply_special(job, decision->special);
		break;
	case DECISION_SITE:
		reply_site(job, decision);
		break;
	case DECISION_HOSTS:
		reply_hosts(job, decision->host);
		break;
	case DECISION_RESOLVE:
		dispatch->stats.forwarded++;
		dispatch->stats.resolved++;
		queries_decide(dispatch->queries, job->asker, job->question,
			       decision->upstream);
		break;
	}
}

/* Why there is no answer to that, for who can read it. */
static const char *why_refused(const struct question *question, int rcode)
{
	switch (rcode) {
	case DNS_RCODE_NOTIMP:
		return "only queries are served";
	case DNS_RCODE_BADVERS:
		return "only EDNS 0 is spoken";
	case DNS_RCODE_REFUSED:
		return question->klass != DNS_CLASS_IN
			       ? "only class IN is served"
			       : "this type is not served";
	}
	return "the message cannot be read";
}

static void refuse(const struct job *job, int rcode)
{
	const struct ede ede = {
		.code = rcode == DNS_RCODE_FORMERR ? EDE_OTHER
						   : EDE_NOT_SUPPORTED,
		.text = why_refused(job->question, rcode),
	};

	if (rcode == DNS_RCODE_FORMERR)
		job->dispatch->stats.malformed++;
	else
		job->dispatch->stats.refused++;
	reply_error(job, (enum dns_rcode)rcode, &ede);
}

/* What the reply says to the client's options. */
static void fill_options(const struct job *job, struct question *question)
{
	if (question->has_cookie)
		cookie_make(question->cookie, &job->asker->client.addr,
			    (uint32_t)(clock_wall_ms() / 1000),
			    job->dispatch->secret);
	/* RFC 7828 3.2.1: by UDP it means nothing. */
	question->wants_keepalive &= job->asker->is_tcp;
	if (question->wants_keepalive)
		question->keepalive_ds =
			server_keepalive_ds(job->dispatch->server);
}

static bool on_query(void *ctx, const struct asker *asker, const uint8_t *query,
		     size_t length)
{
	struct dispatch *dispatch = ctx;
	struct question question;
	const struct job job = {dispatch, asker, &question, false};
	int rcode = question_parse(&question, query, length);
	struct decision decision;

	dispatch->stats.queries++;
	if (rcode < 0) {
		dispatch->stats.malformed++;
		return false;
	}
	fill_options(&job, &question);
	if (rcode > 0) {
		refuse(&job, rcode);
		return true;
	}
	if (question.raw_length == 0) {
		reply_error(&job, DNS_RCODE_NOERROR, NULL);
		return true;
	}
	fakes_expect(dispatch->fakes, question.hash);
	if (queries_take_canary(dispatch->queries, &question)) {
		reply_negative(&job, DNS_RCODE_NXDOMAIN, NULL);
		return true;
	}
	decision = decide_with_hosts(dispatch->hosts, dispatch->config,
				     &question, &asker->client.addr);
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
	const struct job job = {ctx, asker, question, false};

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
	const struct job job = {dispatch, asker, question, true};
	const struct decision decision =
		decide_verdict(dispatch->config, question, verdict);

	if (decision.kind == DECISION_FORWARD ||
	    decision.kind == DECISION_RESOLVE)
		return QUERY_REAL;
	act(&job, &decision);
	return QUERY_ANSWERED;
}

static void verified(void *ctx, const struct asker *asker,
		     const struct question *question, int upstream,
		     bool is_missing)
{
	struct dispatch *dispatch = ctx;
	const struct job job = {dispatch, asker, question, true};
	struct decision decision;

	if (is_missing) {
		reply_missing(&job, upstream);
		return;
	}
	/* It was a name to be faked; the verdict says by which rule. */
	decision = decide(dispatch->config, question, &asker->client.addr);
	reply_fake(&job, &decision.verdict);
}

/* A reload: the new configuration answers what the old one was asked. */
static bool canceled(void *ctx, const struct queries *queries,
		     const struct asker *asker, const struct question *question)
{
	struct dispatch *dispatch = ctx;
	const struct job job = {dispatch, asker, question, false};

	if (dispatch->queries == queries)
		return false;
	const struct decision decision =
		decide_with_hosts(dispatch->hosts, dispatch->config, question,
				  &asker->client.addr);
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
	*stats = dispatch->stats;
}
