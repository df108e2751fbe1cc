// SPDX-License-Identifier: BSD-2-Clause
/*
 * An explanation goes the way of a query, with the same functions (decide(),
 * resolved_read(), decide_verdict()), and writes down what they say instead
 * of acting on it.  The rules are told last, with all the facts that were
 * known in the end.
 */
#include "dnsd/explain.h"

#include "common/err.h"
#include "common/fake.h"
#include "dnsd/carried.h"
#include "dnsd/cause.h"
#include "dnsd/decide.h"
#include "dnsd/explain_kept.h"
#include "dnsd/explain_sink.h"
#include "dnsd/message.h"
#include "dnsd/reason.h"
#include "dnsd/resolved.h"
#include "dnsd/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPLANATIONS_MAX 16
#define STEPS_MAX 100
#define ANSWER_SIZE 1536 /* a name, or many addresses */
#define TYPE_TEXT_SIZE 16

struct explanation {
	struct explainer *explainer; /* borrowed; NULL: this one is free */
	struct explain_sink sink;
	struct question question;
	uint8_t raw[NAME_WIRE_MAX + 4]; /* of the question */
	struct facts facts;             /* name: that of the question */
	struct decision decision;
	int asked; /* the upstream that was asked last */
	struct explain_kept kept;
	int64_t slot;
	struct explain_room room; /* with DECISION_FAKE */
	bool has_answer;
	bool is_missing; /* dnsd.fake.verify finds no such name ... */
	bool is_late;    /* ... and will have found that at the next question */
	char answer[ANSWER_SIZE];
	char failure[ANSWER_SIZE];
	char where[256]; /* of a name whose address is written down */
};

struct explainer {
	struct explain_conf conf;
	struct explanation all[EXPLANATIONS_MAX];
	uint8_t reply[DNS_MESSAGE_MAX];
};

int explainer_new(struct explainer **explainer, const struct explain_conf *conf)
{
	*explainer = calloc(1, sizeof(**explainer));
	if (!*explainer)
		return -ENOMEM;
	(*explainer)->conf = *conf;
	return 0;
}

void explainer_free(struct explainer *explainer)
{
	free(explainer);
}

struct steps {
	const struct explain_sink *sink;
	const struct config *config;
	size_t told, omitted;
};

static const char *says_word(enum rule_says says)
{
	switch (says) {
	case RULE_SAYS_NO:
		return "no";
	case RULE_SAYS_MATCH:
		return "match";
	case RULE_SAYS_NEEDS_MORE:
		return "needs more";
	case RULE_SAYS_PASS:
		return "pass";
	}
	return "";
}

static void on_step(void *ctx, const struct rule *rule, enum rule_says says)
{
	struct steps *steps = ctx;

	if (says == RULE_SAYS_NO && steps->told >= STEPS_MAX) {
		steps->omitted++;
		return;
	}
	struct json *json = json_new();
	if (!json)
		return;
	steps->told++;
	json_set_text(json, "step", "rule");
	json_set_text(json, "says", says_word(says));
	json_set_text(json, "rule", rule->text);
	json_set_text(json, "file", rule->file);
	json_set_int(json, "line", rule->line);
	steps->sink->line(steps->sink, json);
	json_free(json);
}

static void tell_rules(const struct explanation *self)
{
	const struct config *config = self->explainer->conf.config;
	struct steps steps = {.sink = &self->sink, .config = config};

	if (self->decision.kind == DECISION_REVERSE ||
	    self->decision.kind == DECISION_HOSTS ||
	    (self->decision.special &&
	     self->decision.verdict.kind == VERDICT_NO_RULE))
		return;
	(void)rules_explain(config->rules, &self->facts, on_step, &steps);
	if (!steps.omitted)
		return;
	struct json *json = json_new();
	if (!json)
		return;
	json_set_text(json, "step", "omitted");
	json_set_int(json, "count", (int64_t)steps.omitted);
	self->sink.line(&self->sink, json);
	json_free(json);
}

static void set_verdict(struct json *json, const struct explanation *self)
{
	const struct explain_conf *conf = &self->explainer->conf;
	const struct cause cause =
		cause_of(&self->decision, conf->config, conf->hosts);
	const char *list = cause.is_written ? NULL : cause.file;

	json_set_text(json, "outbound",
		      cause.outbound < 0
			      ? NULL
			      : conf->config->outbounds[cause.outbound].name);
	json_set_text(json, "rule", cause.rule ? cause.rule->text : NULL);
	json_set_text(json, "file", cause.rule ? cause.rule->file : NULL);
	if (cause.rule)
		json_set_int(json, "line", cause.rule->line);
	else
		json_set_null(json, "line");
	json_set_text(json, "list_file", list);
	if (list)
		json_set_int(json, "list_line", cause.line);
	else
		json_set_null(json, "list_line");
}

/* The group that has a say in it; no other is named. */
static void set_upstream(struct json *json, const struct explanation *self)
{
	const struct explain_conf *conf = &self->explainer->conf;
	char servers[512];
	int upstream = self->asked;

	if (upstream < 0) {
		json_set_null(json, "upstream");
		json_set_null(json, "servers");
		return;
	}
	json_set_text(json, "upstream", conf->config->upstreams[upstream].name);
	json_set_text(json, "servers",
		      upstreams_describe(conf->upstreams, upstream, servers,
					 sizeof(servers)));
}

static void set_slot(struct json *json, const struct explanation *self)
{
	const struct fake_pool *pool = &self->explainer->conf.config->dnsd.fake;
	char text[ADDR_TEXT_SIZE];

	if (self->slot < 0) {
		json_set_null(json, "slot");
		json_set_null(json, "fake_ipv4");
		json_set_null(json, "fake_ipv6");
		return;
	}
	uint32_t slot = (uint32_t)self->slot;
	struct addr ipv4 = fake_ipv4(pool, slot);
	json_set_int(json, "slot", self->slot);
	json_set_text(json, "fake_ipv4",
		      addr_format(&ipv4, text, sizeof(text)));
	if (pool->ipv6.addr.family == ADDR_NONE) {
		json_set_null(json, "fake_ipv6");
		return;
	}
	struct addr ipv6 = fake_ipv6(pool, slot);
	json_set_text(json, "fake_ipv6",
		      addr_format(&ipv6, text, sizeof(text)));
}

static void set_room(struct json *json, const struct explanation *self)
{
	if (self->decision.kind != DECISION_FAKE) {
		json_set_null(json, "slots");
		json_set_null(json, "slots_free");
		return;
	}
	json_set_int(json, "slots", self->room.slots);
	json_set_int(json, "slots_free", self->room.free);
}

static void tell_summary(const struct explanation *self)
{
	char text[REASON_SIZE];
	char type[TYPE_TEXT_SIZE];
	struct reason reason = {
		.config = self->explainer->conf.config,
		.question = &self->question,
		.decision = &self->decision,
		.is_asked = self->asked >= 0,
		.where = *self->where ? self->where : NULL,
		.answer = self->has_answer ? self->answer : NULL,
		.failure = *self->failure ? self->failure : NULL,
		.is_missing = self->is_missing,
		.is_late = self->is_late,
		.why_full = self->room.why_full,
		.has_client = self->facts.src.family != ADDR_NONE,
	};
	struct json *json = json_new();
	if (!json)
		return;

	name_format(&self->question.name, text, sizeof(text));
	json_set_text(json, "name", text);
	json_set_text(
		json, "type",
		message_type_text(self->question.type, type, sizeof(type)));
	set_verdict(json, self);
	set_upstream(json, self);
	explain_kept_tell(&self->kept, json);
	json_set_text(json, "answer", reason.answer);
	set_slot(json, self);
	set_room(json, self);
	if (self->facts.dst.family == ADDR_NONE)
		json_set_null(json, "resolved");
	else
		json_set_text(
			json, "resolved",
			addr_format(&self->facts.dst, text, sizeof(text)));
	json_set_text(json, "decision", decision_word(self->decision.kind));
	json_set_text(json, "special",
		      self->decision.special ? self->decision.special->reason
					     : NULL);
	json_set_text(json, "hosts", *self->where ? self->where : NULL);
	json_set_text(json, "reason", reason_text(&reason, text, sizeof(text)));
	self->sink.line(&self->sink, json);
	json_free(json);
}

static void make_special(struct explanation *self)
{
	const char *text = "NXDOMAIN";
	char word[ADDR_TEXT_SIZE];
	struct addr addr;

	switch (special_answer(self->decision.special, &self->question,
			       &addr)) {
	case SPECIAL_ANSWER_ADDRESS:
		text = addr_format(&addr, word, sizeof(word));
		break;
	case SPECIAL_ANSWER_POINTER:
		text = "localhost";
		break;
	case SPECIAL_ANSWER_NODATA:
		text = "no data";
		break;
	case SPECIAL_ANSWER_NXDOMAIN:
		break;
	}
	snprintf(self->answer, sizeof(self->answer), "%s", text);
}

static void make_host(struct explanation *self)
{
	const struct hosts *hosts = self->explainer->conf.hosts;
	const struct question *question = &self->question;
	struct addr addrs[HOSTS_ADDRS_MAX];
	enum addr_family family =
		question->type == DNS_TYPE_A ? ADDR_IPV4 : ADDR_IPV6;
	char text[NAME_TEXT_SIZE];
	struct name name;
	size_t count = 0, used = 0;

	snprintf(self->answer, sizeof(self->answer), "no data");
	if (question->type == DNS_TYPE_PTR &&
	    name_to_reverse_addr(&question->name, addrs) == 0 &&
	    hosts_name(hosts, addrs, &name) >= 0)
		snprintf(self->answer, sizeof(self->answer), "%s",
			 name_format(&name, text, sizeof(text)));
	if (question->type == DNS_TYPE_A || question->type == DNS_TYPE_AAAA)
		count = hosts_addresses(hosts, self->decision.host, family,
					addrs, HOSTS_ADDRS_MAX);
	if (self->facts.src.family != ADDR_NONE &&
	    !addr_is_loopback(&self->facts.src))
		count = hosts_for_others(hosts, self->decision.host, addrs,
					 count);
	for (size_t i = 0; i < count && used < sizeof(self->answer); i++)
		used += (size_t)snprintf(
			self->answer + used, sizeof(self->answer) - used,
			"%s%s", i ? ", " : "",
			addr_format(&addrs[i], text, sizeof(text)));
}

/* A name that has no address gets one of those that are left. */
static void make_fake(struct explanation *self)
{
	const struct explain_conf *conf = &self->explainer->conf;
	const struct fake_pool *pool = &conf->config->dnsd.fake;
	const char *text = "NXDOMAIN";
	char word[ADDR_TEXT_SIZE];
	struct addr addr;

	conf->room(conf->ctx, &self->room);
	if (self->slot >= 0)
		self->room.why_full = NULL;
	self->has_answer = self->is_missing || self->slot >= 0 ||
			   self->room.why_full != NULL;
	if (!self->is_missing && self->slot >= 0) {
		addr = self->question.type == DNS_TYPE_AAAA
			       ? fake_ipv6(pool, (uint32_t)self->slot)
			       : fake_ipv4(pool, (uint32_t)self->slot);
		text = addr_format(&addr, word, sizeof(word));
	} else if (!self->is_missing) {
		text = "SERVFAIL";
	}
	snprintf(self->answer, sizeof(self->answer), "%s", text);
}

/* What we answer ourselves, as text. */
static void make_answer(struct explanation *self)
{
	const struct explain_conf *conf = &self->explainer->conf;
	struct name name;

	switch (self->decision.kind) {
	case DECISION_FAKE:
		make_fake(self);
		return;
	case DECISION_NODATA:
		snprintf(self->answer, sizeof(self->answer), "%s",
			 self->question.type == DNS_TYPE_ANY
				 ? "HINFO \"RFC8482\" \"\""
				 : "no data");
		break;
	case DECISION_REJECT:
		snprintf(self->answer, sizeof(self->answer), "NXDOMAIN");
		break;
	case DECISION_REVERSE:
		self->slot = self->decision.reverse_slot;
		if (self->slot < 0 ||
		    conf->name_of(conf->ctx, (uint32_t)self->slot, &name) < 0)
			return;
		name_format(&name, self->answer, sizeof(self->answer));
		break;
	case DECISION_SPECIAL:
		make_special(self);
		break;
	case DECISION_HOSTS:
		make_host(self);
		break;
	case DECISION_SITE:
		if (self->asked >= 0)
			return;
		make_special(self);
		break;
	case DECISION_FORWARD:
	case DECISION_RESOLVE:
		return; /* the upstream has answered, or has not */
	}
	self->has_answer = true;
}

static void finish(struct explanation *self)
{
	make_answer(self);
	tell_rules(self);
	tell_summary(self);
	struct explain_sink sink = self->sink;
	self->explainer = NULL;
	sink.end(&sink, NULL);
}

static void on_answer(void *ctx, const struct upstream_result *result);

static void ask(struct explanation *self)
{
	const struct explain_conf *conf = &self->explainer->conf;
	struct upstream_result result;

	self->asked = self->decision.upstream;
	if (conf->memory &&
	    explain_kept_find(&self->kept,
			      &(struct explain_kept_subject){
				      conf->memory, conf->upstreams,
				      self->asked, &self->question},
			      &result)) {
		on_answer(self, &result);
		return;
	}
	int ret = upstreams_ask(self->explainer->conf.upstreams, self->asked,
				&self->question, on_answer, self);
	if (ret == 0)
		return;
	snprintf(self->failure, sizeof(self->failure), "%s", err_text(ret));
	finish(self);
}

/* What the client would get of it, as text. */
static void tell_answer(struct explanation *self,
			const struct upstream_result *result)
{
	const struct answer empty = {.question = &self->question};
	uint8_t *reply = self->explainer->reply;
	const uint8_t *message = result->message;
	size_t length = result->length;
	int ret = 0;

	if (self->decision.is_carried)
		ret = carried_make(&empty, message, length, reply,
				   DNS_MESSAGE_MAX);
	if (ret > 0) {
		message = reply;
		length = (size_t)ret;
	}
	self->has_answer = ret >= 0;
	if (ret < 0)
		snprintf(self->failure, sizeof(self->failure),
			 "the answer of the upstream cannot be read");
	else
		message_answer_text(message, length, self->answer,
				    sizeof(self->answer));
}

/* For a name that is faked only if it exists. */
static void note_existence(struct explanation *self,
			   const struct upstream_result *result)
{
	const struct config *config = self->explainer->conf.config;
	struct wire_header header;

	if (config->dnsd.fake_verify == FAKE_VERIFY_OFF)
		return;
	self->is_missing =
		result->status == 0 &&
		wire_header(&header, result->message, result->length) == 0 &&
		header.rcode == DNS_RCODE_NXDOMAIN;
	/* Without an answer it is taken to exist. */
	if (self->decision.kind == DECISION_FAKE)
		self->failure[0] = '\0';
}

/* With `background` the first answer does not wait for what is not kept. */
static void note_lateness(struct explanation *self)
{
	const struct config *config = self->explainer->conf.config;

	self->is_late = self->is_missing &&
			config->dnsd.fake_verify == FAKE_VERIFY_BACKGROUND &&
			self->kept.state != EXPLAIN_KEPT_FRESH &&
			self->kept.state != EXPLAIN_KEPT_CUT;
	self->is_missing &= !self->is_late;
}

static void on_answer(void *ctx, const struct upstream_result *result)
{
	struct explanation *self = ctx;
	const struct config *config = self->explainer->conf.config;

	self->has_answer = result->status == 0;
	self->failure[0] = '\0';
	if (self->has_answer)
		tell_answer(self, result);
	else
		snprintf(self->failure, sizeof(self->failure), "%s",
			 result->why);
	if (self->decision.kind != DECISION_RESOLVE) {
		if (self->decision.kind == DECISION_FAKE) {
			note_existence(self, result);
			note_lateness(self);
		}
		finish(self);
		return;
	}
	note_existence(self, result);
	enum resolved_kind kind =
		resolved_read(&self->facts, &self->question, result);
	if (kind != RESOLVED_ADDRESS && kind != RESOLVED_UNKNOWN) {
		finish(self);
		return;
	}
	struct verdict verdict = rules_decide(config->rules, &self->facts);
	self->decision = decide_verdict(config, &self->question, &verdict);
	if (self->decision.kind != DECISION_FORWARD)
		self->has_answer = false;
	if (self->decision.kind == DECISION_FORWARD &&
	    self->decision.upstream != self->asked)
		ask(self);
	else
		finish(self);
}

const char *explain_subject_read(struct explain_subject *subject,
				 const char *name, const char *type,
				 const char *from)
{
	int number = message_type_of(type ? type : "A");

	*subject = (struct explain_subject){.from = {.family = ADDR_NONE}};
	if (!name || name_parse(&subject->name, name) < 0)
		return "'name' is missing or no domain name";
	if (number < 0)
		return "that is no type of DNS records";
	if (question_is_refused((uint16_t)number))
		return "questions for this type are refused";
	if (from && addr_parse(&subject->from, from) < 0)
		return "'from' is no address";
	subject->type = (uint16_t)number;
	return NULL;
}

int explain_begin(struct explainer *explainer,
		  const struct explain_subject *subject,
		  const struct explain_sink *sink)
{
	const struct explain_conf *conf = &explainer->conf;
	struct explanation *self = NULL;
	bool is_asked;

	for (size_t i = 0; i < EXPLANATIONS_MAX && !self; i++) {
		if (!explainer->all[i].explainer)
			self = &explainer->all[i];
	}
	if (!self)
		return -EBUSY;
	*self = (struct explanation){
		.explainer = explainer,
		.sink = *sink,
		.question = {.rd = true,
			     .raw = self->raw,
			     .raw_length = (uint16_t)(subject->name.length + 4),
			     .type = subject->type,
			     .klass = DNS_CLASS_IN,
			     .name = subject->name},
		.asked = -1,
	};
	memcpy(self->raw, subject->name.wire, subject->name.length);
	wire_write16(self->raw + subject->name.length, subject->type);
	wire_write16(self->raw + subject->name.length + 2, DNS_CLASS_IN);
	self->facts.name = &self->question.name;
	self->facts.src = subject->from;
	self->slot = conf->slot_of(conf->ctx, &subject->name);
	self->decision = decide_with_hosts(conf->hosts, conf->config,
					   &self->question, &subject->from);
	if (self->decision.host >= 0)
		hosts_where(conf->hosts, self->decision.host, self->where,
			    sizeof(self->where));
	is_asked = self->decision.kind == DECISION_FORWARD ||
		   self->decision.kind == DECISION_RESOLVE;
	if (self->decision.kind == DECISION_FAKE &&
	    conf->config->dnsd.fake_verify != FAKE_VERIFY_OFF)
		is_asked = true;
	if (self->decision.kind == DECISION_SITE) {
		int home = upstreams_home(conf->upstreams,
					  self->decision.upstream);

		if (home >= 0)
			self->decision.upstream = home;
		is_asked = home >= 0;
	}
	if (is_asked)
		ask(self);
	else
		finish(self);
	return 0;
}
