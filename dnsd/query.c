// SPDX-License-Identifier: BSD-2-Clause
/*
 * A query lies in one array that is taken from the front, so that memory is
 * touched only for as many as were ever under way at once.  Its slot is given
 * back in query_end(), which each way out passes through; until then only the
 * ask of upstream.h knows of it.
 */
#include "dnsd/query.h"

#include "common/clock.h"
#include "common/err.h"
#include "dnsd/answer.h"
#include "dnsd/carried.h"
#include "dnsd/ede_text.h"
#include "dnsd/forwarded.h"
#include "dnsd/resolved.h"
#include "dnsd/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESSES_MAX 16
#define WHY_FULL "too many queries are under way"
#define WHY_MALFORMED "the answer of the upstream cannot be read"

enum query_purpose {
	QUERY_FORWARD, /* the client wants what the upstream says */
	QUERY_CARRIED, /* as far as it fits a name with a fake address */
	QUERY_DECIDE,  /* a rule wants to know the address first */
	QUERY_RESOLVE, /* the verb of the control socket */
	QUERY_PROBE,   /* nobody waits: what matters is what is kept then */
	QUERY_VERIFY,  /* a client waits, for whether the name exists */
};

struct query {
	struct queries *queries; /* borrowed */
	struct query *next;      /* the next free one */
	enum query_purpose purpose;
	int upstream; /* the group that is asked */
	struct lookup_waiter waiter;
	struct asker asker;
	struct question question; /* its raw bytes are those below */
	uint8_t raw[NAME_WIRE_MAX + 4];
	struct control *control; /* borrowed; with QUERY_RESOLVE */
	uint64_t client;         /* as control_client_id() says */
};

struct queries {
	struct queries_conf conf;
	struct query *all; /* owned */
	size_t touched;    /* those from there on were never used */
	struct query *free;
	size_t taken; /* now */
	uint8_t reply[DNS_MESSAGE_MAX];
};

int queries_new(struct queries **queries, const struct queries_conf *conf)
{
	struct queries *self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->conf = *conf;
	self->all = calloc(conf->max, sizeof(*self->all));
	if (!self->all) {
		free(self);
		return -ENOMEM;
	}
	*queries = self;
	return 0;
}

void queries_free(struct queries *queries)
{
	if (!queries)
		return;
	assert(queries->taken == 0);
	free(queries->all);
	free(queries);
}

static int upstream_of(const struct queries *queries, int upstream)
{
	return upstream == UPSTREAM_DEFAULT
		       ? queries->conf.config->dnsd.upstream
		       : upstream;
}

static struct query *query_take(struct queries *queries)
{
	struct query *query = queries->free;
	if (query)
		queries->free = query->next;
	else if (queries->touched < queries->conf.max)
		query = &queries->all[queries->touched++];
	else
		return NULL;
	query->queries = queries;
	queries->taken++;
	queries->conf.counters->under_way++;
	return query;
}

static void query_end(struct query *query)
{
	struct queries *queries = query->queries;
	query->next = queries->free;
	queries->free = query;
	queries->taken--;
	queries->conf.counters->under_way--;
}

static void query_fail(struct query *query, uint16_t ede, const char *why)
{
	const struct queries_conf *conf = &query->queries->conf;
	conf->counters->failed++;
	conf->ops->fail(conf->ctx, &query->asker, &query->question, ede, why);
	query_end(query);
}

/* Fails too, but for what somebody else can still answer. */
static void query_cancel(struct query *query,
			 const struct upstream_result *result)
{
	const struct queries_conf *conf = &query->queries->conf;

	if (conf->ops->canceled(conf->ctx, query->queries, &query->asker,
				&query->question))
		query_end(query);
	else
		query_fail(query, result->ede, result->why);
}

static size_t limit_of(const struct queries *queries, const struct asker *asker,
		       const struct question *question)
{
	return asker->is_tcp ? sizeof(queries->reply) : question->udp_size;
}

/* An empty answer, or the error that `result` is, in queries->reply. */
static int make_reply(struct query *query, const struct upstream_result *result)
{
	struct queries *queries = query->queries;
	const struct question *question = &query->question;
	const struct cause *cause = &query->asker.cause;
	char text[EDE_TEXT_SIZE];
	struct ede ede = {.code = EDE_FORGED};
	const struct answer answer = {
		.question = question,
		.ede = &ede,
		.ttl_s = queries->conf.config->dnsd.fake_ttl_s,
	};
	size_t limit = limit_of(queries, &query->asker, question);

	if (query->purpose != QUERY_CARRIED)
		return forwarded_make(question, result->message, result->length,
				      queries->reply, limit);
	if (result->status == 0) {
		ede.text = ede_text(cause, text);
		return carried_make(&answer, result->message, result->length,
				    queries->reply, limit);
	}
	ede = (struct ede){result->ede, ede_text_why(result->why, cause, text)};
	return (int)answer_negative(&answer, DNS_RCODE_NOERROR, queries->reply,
				    limit);
}

static bool is_nxdomain(const struct upstream_result *result)
{
	struct wire_header header;

	return result->status == 0 &&
	       wire_header(&header, result->message, result->length) == 0 &&
	       header.rcode == DNS_RCODE_NXDOMAIN;
}

/* RFC 8914 4.4, 4.20: both are stale, and one is no answer. */
static struct ede ede_of_kept(const struct upstream_result *result)
{
	return (struct ede){result->is_stale && is_nxdomain(result)
				    ? EDE_STALE_NXDOMAIN
				    : result->ede,
			    result->why};
}

/* Sends queries->reply; what is kept and not as it was asked for says so. */
static void send_reply(struct queries *queries, const struct asker *asker,
		       const struct question *question,
		       const struct upstream_result *result, int length)
{
	if (result->is_cached && result->ede != 0) {
		const struct ede ede = ede_of_kept(result);

		length = (int)forwarded_add_ede(
			queries->reply, (size_t)length,
			limit_of(queries, asker, question), &ede);
	}
	queries->conf.counters->passed_on++;
	queries->conf.ops->reply(queries->conf.ctx, asker, question,
				 &(struct query_reply){queries->reply,
						       (size_t)length,
						       result->note});
}

static void pass_on(struct query *query, const struct upstream_result *result)
{
	int length = make_reply(query, result);

	if (length < 0) {
		query_fail(query, EDE_NETWORK_ERROR, WHY_MALFORMED);
		return;
	}
	send_reply(query->queries, &query->asker, &query->question, result,
		   length);
	query_end(query);
}

static void query_ask(struct query *query);

/*
 * The rules are asked again.  What the upstream said is passed on if the name
 * is not carried, unless the rule that decided in the end names another one.
 */
static void decide_again(struct query *query,
			 const struct upstream_result *result,
			 const struct facts *facts)
{
	const struct queries_conf *conf = &query->queries->conf;

	struct verdict verdict = rules_decide(conf->config->rules, facts);
	if (conf->ops->decided(conf->ctx, &query->asker, &query->question,
			       &verdict,
			       is_nxdomain(result)) == QUERY_ANSWERED) {
		query_end(query);
		return;
	}
	int upstream =
		upstream_of(query->queries, verdict.kind == VERDICT_NO_RULE
						    ? UPSTREAM_DEFAULT
						    : verdict.upstream);
	if (upstream != query->upstream) {
		query->purpose = QUERY_FORWARD;
		query->upstream = upstream;
		query_ask(query);
	} else if (result->status < 0) {
		query_fail(query, result->ede, result->why);
	} else {
		pass_on(query, result);
	}
}

static void on_decide(struct query *query, const struct upstream_result *result)
{
	struct facts facts = {
		.name = &query->question.name,
		.src = query->asker.client.addr,
	};

	switch (resolved_read(&facts, &query->question, result)) {
	case RESOLVED_ADDRESS:
	case RESOLVED_UNKNOWN:
		decide_again(query, result, &facts);
		return;
	case RESOLVED_NODATA:
		pass_on(query, result);
		return;
	case RESOLVED_CANCELED:
		query_cancel(query, result);
		return;
	case RESOLVED_MALFORMED:
		query_fail(query, EDE_NETWORK_ERROR, WHY_MALFORMED);
		return;
	}
}

static void send_address(struct control_client *client, const struct addr *addr)
{
	char text[ADDR_TEXT_SIZE];
	struct json *json = json_new();
	if (!json)
		return;
	json_set_text(json, "address", addr_format(addr, text, sizeof(text)));
	control_send(client, json);
	json_free(json);
}

static void on_resolve(struct query *query,
		       const struct upstream_result *result)
{
	struct addr addrs[ADDRESSES_MAX];
	struct wire_header header;
	struct control_client *client =
		control_client_by_id(query->control, query->client);

	if (!client)
		goto end;
	if (result->status < 0) {
		control_end(client, result->why);
		goto end;
	}
	int count = wire_header(&header, result->message, result->length);
	if (count == 0 && header.rcode == DNS_RCODE_NXDOMAIN) {
		control_end(client, "the name does not exist");
		goto end;
	}
	if (count == 0)
		count = wire_addresses(result->message, result->length,
				       &query->question, addrs, ADDRESSES_MAX);
	for (int i = 0; i < count; i++)
		send_address(client, &addrs[i]);
	control_end(client, count < 0 ? err_text(count) : NULL);
end:
	query_end(query);
}

/* Who is not asked any more is taken up by others, or is not waited for. */
static void on_verify(struct query *query, const struct upstream_result *result)
{
	const struct queries_conf *conf = &query->queries->conf;

	if (result->status != -ECANCELED ||
	    !conf->ops->canceled(conf->ctx, query->queries, &query->asker,
				 &query->question))
		conf->ops->verified(conf->ctx, &query->asker, &query->question,
				    query->upstream, is_nxdomain(result));
	query_end(query);
}

static void on_answer(void *ctx, const struct upstream_result *result)
{
	struct query *query = ctx;

	switch (query->purpose) {
	case QUERY_FORWARD:
	case QUERY_CARRIED:
		if (result->status == -ECANCELED)
			query_cancel(query, result);
		else if (result->status < 0 &&
			 !(query->purpose == QUERY_CARRIED &&
			   carried_may_be_empty(query->question.type)))
			query_fail(query, result->ede, result->why);
		else
			pass_on(query, result);
		return;
	case QUERY_DECIDE:
		on_decide(query, result);
		return;
	case QUERY_RESOLVE:
		on_resolve(query, result);
		return;
	case QUERY_PROBE:
		query_end(query);
		return;
	case QUERY_VERIFY:
		on_verify(query, result);
		return;
	}
}

static void query_ask(struct query *query)
{
	struct queries *queries = query->queries;
	int ret;

	query->waiter.fn = on_answer;
	query->waiter.ctx = query;
	ret = lookups_ask(queries->conf.lookups, query->upstream,
			  &query->question, &query->waiter);
	if (ret == 0)
		return;
	if (ret == -EBUSY)
		queries->conf.counters->full++;
	on_answer(query,
		  &(struct upstream_result){
			  .status = -ECANCELED,
			  .ede = EDE_OTHER,
			  .why = ret == -EBUSY ? WHY_FULL : err_text(ret),
		  });
}

/* False: there is no room, and nobody was told. */
static bool try_to_start(struct queries *queries, enum query_purpose purpose,
			 const struct asker *asker,
			 const struct question *question, int upstream)
{
	struct query *query = query_take(queries);
	if (!query) {
		queries->conf.counters->full++;
		return false;
	}
	assert(question->raw_length <= sizeof(query->raw));
	query->purpose = purpose;
	query->upstream = upstream_of(queries, upstream);
	query->asker = *asker;
	query->question = *question;
	memcpy(query->raw, question->raw, question->raw_length);
	query->question.raw = query->raw;
	query_ask(query);
	return true;
}

static void start(struct queries *queries, enum query_purpose purpose,
		  const struct asker *asker, const struct question *question,
		  int upstream)
{
	if (try_to_start(queries, purpose, asker, question, upstream))
		return;
	queries->conf.counters->failed++;
	queries->conf.ops->fail(queries->conf.ctx, asker, question, EDE_OTHER,
				WHY_FULL);
}

/* NXDOMAIN is about the name, whichever type was asked (RFC 8020). */
static bool is_kept(struct queries *queries, const struct question *question,
		    int upstream, bool *is_missing)
{
	struct question other = *question;
	struct upstream_result result;
	bool is_known = false;

	*is_missing = false;
	for (int i = 0; i < 2 && !*is_missing; i++) {
		other.type = i ? DNS_TYPE_AAAA : DNS_TYPE_A;
		if (!lookups_find(queries->conf.lookups, upstream, &other,
				  clock_boottime_ms(), &result))
			continue;
		*is_missing = is_nxdomain(&result);
		is_known |= other.type == question->type;
	}
	return is_known || *is_missing;
}

enum query_existence queries_verify(struct queries *queries,
				    const struct asker *asker,
				    const struct question *question,
				    int upstream, enum query_care care)
{
	bool is_missing;

	upstream = upstream_of(queries, upstream);
	if (is_kept(queries, question, upstream, &is_missing))
		return is_missing ? QUERY_MISSING : QUERY_EXISTS;
	if (care == QUERY_LOOK)
		return QUERY_EXISTS;
	if (try_to_start(queries,
			 care == QUERY_WAIT ? QUERY_VERIFY : QUERY_PROBE, asker,
			 question, upstream) &&
	    care == QUERY_WAIT)
		return QUERY_ASKED;
	return QUERY_EXISTS;
}

/* What is kept needs no place to wait in. */
static bool reply_at_once(struct queries *queries, const struct asker *asker,
			  const struct question *question, int upstream)
{
	struct upstream_result result;
	int length;

	if (!lookups_find(queries->conf.lookups, upstream_of(queries, upstream),
			  question, asker->now_ms, &result))
		return false;
	length = forwarded_make(question, result.message, result.length,
				queries->reply,
				limit_of(queries, asker, question));
	if (length < 0)
		return false;
	send_reply(queries, asker, question, &result, length);
	return true;
}

void queries_expect(const struct queries *queries,
		    const struct question *question, int upstream,
		    unsigned step)
{
	lookups_expect(queries->conf.lookups, upstream_of(queries, upstream),
		       question, step);
}

void queries_forward(struct queries *queries, const struct asker *asker,
		     const struct question *question, int upstream)
{
	if (!reply_at_once(queries, asker, question, upstream))
		start(queries, QUERY_FORWARD, asker, question, upstream);
}

int queries_home(const struct queries *queries, int upstream)
{
	return upstreams_home(queries->conf.upstreams,
			      upstream_of(queries, upstream));
}

void queries_carried(struct queries *queries, const struct asker *asker,
		     const struct question *question, int upstream)
{
	start(queries, QUERY_CARRIED, asker, question, upstream);
}

void queries_decide(struct queries *queries, const struct asker *asker,
		    const struct question *question, int upstream)
{
	start(queries, QUERY_DECIDE, asker, question, upstream);
}

bool queries_take_canary(struct queries *queries,
			 const struct question *question)
{
	return upstreams_take_canary(queries->conf.upstreams, question);
}

/* The group that the rule for this name says, as far as the name decides. */
static int upstream_by_rules(const struct config *config,
			     const struct question *question)
{
	struct facts facts = {.name = &question->name};
	struct verdict verdict = rules_decide(config->rules, &facts);

	if (verdict.kind == VERDICT_NO_RULE ||
	    verdict.upstream == UPSTREAM_DEFAULT)
		return config->dnsd.upstream;
	return verdict.upstream;
}

/* Reads the request into `query`, or gives the reason why not. */
static const char *read_request(struct query *query, const struct json *request)
{
	const struct config *config = query->queries->conf.config;
	const char *name = json_get_text(request, "name");
	const char *upstream = json_get_text(request, "upstream");
	int64_t family = json_get_int(request, "family", ADDR_IPV4);

	query->question = (struct question){
		.rd = true,
		.klass = DNS_CLASS_IN,
		.type = family == ADDR_IPV6 ? DNS_TYPE_AAAA : DNS_TYPE_A,
	};
	if (!name || name_parse(&query->question.name, name) < 0)
		return "'name' is missing or no domain name";
	if (family != ADDR_IPV4 && family != ADDR_IPV6)
		return "'family' is neither 4 nor 6";
	query->upstream = upstream
				  ? config_upstream(config, upstream)
				  : upstream_by_rules(config, &query->question);
	return query->upstream < 0 ? "there is no such upstream" : NULL;
}

void queries_verb_resolve(struct queries *queries, struct control *control,
			  struct control_client *client,
			  const struct json *request)
{
	struct query *query = query_take(queries);
	if (!query) {
		queries->conf.counters->full++;
		control_end(client, WHY_FULL);
		return;
	}
	query->purpose = QUERY_RESOLVE;
	query->control = control;
	query->client = control_client_id(client);
	const char *why = read_request(query, request);
	if (why) {
		control_end(client, why);
		query_end(query);
		return;
	}
	query_ask(query);
}
