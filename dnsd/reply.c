// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/reply.h"

#include "common/err.h"
#include "dnsd/answer.h"
#include "dnsd/ede_text.h"

#include <stdio.h>

static size_t room_for(const struct reply *reply)
{
	return reply->asker->is_tcp ? DNS_EDNS_SIZE : reply->question->udp_size;
}

static struct answer answer_of(const struct reply *reply, const struct ede *ede)
{
	return (struct answer){
		.question = reply->question,
		.ede = ede,
		.ttl_s = reply->parts->config->dnsd.fake_ttl_s,
	};
}

void reply_error(const struct reply *reply, enum dns_rcode rcode,
		 const struct ede *ede)
{
	const struct answer answer = answer_of(reply, ede);
	uint8_t message[DNS_EDNS_SIZE];
	size_t length = answer_error(&answer, rcode, message, room_for(reply));

	server_reply(reply->parts->server, reply->asker, message, length);
}

void reply_negative(const struct reply *reply, enum dns_rcode rcode,
		    const struct ede *ede)
{
	const struct answer answer = answer_of(reply, ede);
	uint8_t message[DNS_EDNS_SIZE];
	size_t length =
		answer_negative(&answer, rcode, message, room_for(reply));

	server_reply(reply->parts->server, reply->asker, message, length);
}

/* An EDE that nobody gets is not worth its text. */
static struct ede ede_of(const struct reply *reply, enum ede_code code,
			 char text[EDE_TEXT_SIZE])
{
	return (struct ede){code, reply->question->has_edns
					  ? ede_text(&reply->asker->cause, text)
					  : NULL};
}

void reply_failure(const struct reply *reply, uint16_t code, const char *why)
{
	char text[EDE_TEXT_SIZE];
	const struct ede ede = {code,
				ede_text_why(why, &reply->asker->cause, text)};

	reply_error(reply, DNS_RCODE_SERVFAIL, &ede);
}

/* The log has the reason already, from fakes.c. */
static void reply_no_slot(const struct reply *reply, int64_t err)
{
	struct reply_parts *parts = reply->parts;
	const char *reason = fakes_why_full(parts->fakes, reply->asker->now_ms);
	char why[160] = "cannot store new names";

	parts->stats.failed++;
	reply->asker->cause.kind = err == ERR_FULL ? CAUSE_FULL : CAUSE_BROKEN;
	if (err == ERR_FULL)
		snprintf(why, sizeof(why),
			 "all fake addresses are given, and %s",
			 reason ? reason : "none was idle");
	reply_failure(reply, EDE_OTHER, why);
}

void reply_fake(const struct reply *reply)
{
	char text[EDE_TEXT_SIZE];
	const struct ede ede = ede_of(reply, EDE_FORGED, text);
	const struct answer answer = answer_of(reply, &ede);
	struct reply_parts *parts = reply->parts;
	const struct fake_pool *pool = &parts->config->dnsd.fake;
	uint8_t message[DNS_EDNS_SIZE];
	bool is_promise;
	struct addr addr;
	size_t length;
	int64_t slot = fakes_take(parts->fakes, &reply->question->name,
				  question_hash(reply->question),
				  reply->asker->now_ms, &is_promise);

	if (slot < 0) {
		reply_no_slot(reply, slot);
		return;
	}
	parts->stats.fake++;
	addr = reply->question->type == DNS_TYPE_AAAA
		       ? fake_ipv6(pool, (uint32_t)slot)
		       : fake_ipv4(pool, (uint32_t)slot);
	length = answer_address(&answer, &addr, message, room_for(reply));
	if (is_promise)
		server_promise(parts->server, reply->asker, message, length);
	else
		server_reply(parts->server, reply->asker, message, length);
}

void reply_nodata(const struct reply *reply)
{
	char text[EDE_TEXT_SIZE];
	const struct ede ede = ede_of(reply, EDE_FORGED, text);
	const struct answer answer = answer_of(reply, &ede);
	uint8_t message[DNS_EDNS_SIZE];
	size_t length;

	reply->parts->stats.nodata++;
	if (reply->question->type != DNS_TYPE_ANY) {
		reply_negative(reply, DNS_RCODE_NOERROR, &ede);
		return;
	}
	length = answer_any(&answer, message, room_for(reply));
	server_reply(reply->parts->server, reply->asker, message, length);
}

void reply_reject(const struct reply *reply)
{
	char text[EDE_TEXT_SIZE];
	const struct ede ede = ede_of(reply, EDE_BLOCKED, text);

	reply->parts->stats.rejected++;
	reply_negative(reply, DNS_RCODE_NXDOMAIN, &ede);
}

/* "fake address: 198.18.0.0/15 is dnsd.fake.ipv4" */
static const char *pool_text(const struct reply *reply,
			     char text[EDE_TEXT_SIZE])
{
	const struct fake_pool *pool = &reply->parts->config->dnsd.fake;
	char prefix[PREFIX_TEXT_SIZE];
	struct addr addr;
	bool is_ipv6 =
		name_to_reverse_addr(&reply->question->name, &addr) == 0 &&
		addr.family == ADDR_IPV6;

	snprintf(text, EDE_TEXT_SIZE, "fake address: %s is dnsd.fake.%s",
		 prefix_format(is_ipv6 ? &pool->ipv6 : &pool->ipv4, prefix,
			       sizeof(prefix)),
		 is_ipv6 ? "ipv6" : "ipv4");
	return text;
}

void reply_reverse(const struct reply *reply, int64_t slot)
{
	char text[EDE_TEXT_SIZE];
	const struct ede ede = {EDE_FORGED, pool_text(reply, text)};
	const struct answer answer = answer_of(reply, &ede);
	struct reply_parts *parts = reply->parts;
	uint8_t message[DNS_EDNS_SIZE];
	struct name name;
	size_t length;

	parts->stats.reverse++;
	if (slot < 0 || fakes_name(parts->fakes, (uint32_t)slot, &name) < 0) {
		reply_negative(reply, DNS_RCODE_NXDOMAIN, &ede);
		return;
	}
	if (reply->question->type != DNS_TYPE_PTR) {
		reply_negative(reply, DNS_RCODE_NOERROR, &ede);
		return;
	}
	length = answer_pointer(&answer, &name, message, room_for(reply));
	server_reply(parts->server, reply->asker, message, length);
}

void reply_special(const struct reply *reply)
{
	const struct special *special = reply->asker->cause.special;
	const struct ede ede = {EDE_OTHER, special->reason};
	const struct answer answer = answer_of(reply, &ede);
	struct reply_parts *parts = reply->parts;
	uint8_t message[DNS_EDNS_SIZE];
	struct name localhost;
	struct addr addr;
	size_t length = 0;

	parts->stats.special++;
	switch (special_answer(special, reply->question, &addr)) {
	case SPECIAL_ANSWER_ADDRESS:
		length = answer_address(&answer, &addr, message,
					room_for(reply));
		break;
	case SPECIAL_ANSWER_POINTER:
		if (name_parse(&localhost, "localhost") == 0)
			length = answer_pointer(&answer, &localhost, message,
						room_for(reply));
		break;
	case SPECIAL_ANSWER_NODATA:
		reply_negative(reply, DNS_RCODE_NOERROR, &ede);
		return;
	case SPECIAL_ANSWER_NXDOMAIN:
		reply_negative(reply, DNS_RCODE_NXDOMAIN, &ede);
		return;
	}
	server_reply(parts->server, reply->asker, message, length);
}

static void reply_host_addresses(const struct reply *reply, int64_t host,
				 const struct ede *ede)
{
	const struct answer answer = answer_of(reply, ede);
	struct addr all[HOSTS_ADDRS_MAX];
	struct answer_addrs addrs = {
		all,
		hosts_addresses(reply->parts->hosts, host,
				reply->question->type == DNS_TYPE_A ? ADDR_IPV4
								    : ADDR_IPV6,
				all, HOSTS_ADDRS_MAX)};
	uint8_t message[DNS_EDNS_SIZE];
	size_t length;

	if (!asker_is_local(reply->asker))
		addrs.count = hosts_for_others(reply->parts->hosts, host, all,
					       addrs.count);
	if (addrs.count == 0) {
		reply_negative(reply, DNS_RCODE_NOERROR, ede);
		return;
	}
	length = answer_addresses(&answer, &addrs, message, room_for(reply));
	server_reply(reply->parts->server, reply->asker, message, length);
}

static void reply_host_name(const struct reply *reply, const struct ede *ede)
{
	const struct answer answer = answer_of(reply, ede);
	uint8_t message[DNS_EDNS_SIZE];
	struct name name;
	struct addr addr;
	size_t length;

	if (name_to_reverse_addr(&reply->question->name, &addr) < 0 ||
	    hosts_name(reply->parts->hosts, &addr, &name) < 0)
		return; /* it was there a moment ago */
	length = answer_pointer(&answer, &name, message, room_for(reply));
	server_reply(reply->parts->server, reply->asker, message, length);
}

void reply_hosts(const struct reply *reply, int64_t host)
{
	char where[EDE_TEXT_SIZE];
	const struct ede ede = ede_of(reply, EDE_FORGED, where);

	reply->parts->stats.hosts++;
	switch (reply->question->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		reply_host_addresses(reply, host, &ede);
		return;
	case DNS_TYPE_PTR:
		reply_host_name(reply, &ede);
		return;
	}
	reply_negative(reply, DNS_RCODE_NOERROR, &ede);
}

void reply_missing(const struct reply *reply, int upstream)
{
	const struct config *config = reply->parts->config;
	char text[EDE_TEXT_SIZE];
	const struct ede ede = {.code = EDE_OTHER, .text = text};

	reply->asker->cause.kind = CAUSE_MISSING;
	reply->asker->cause.upstream = upstream;
	ede_text_missing(config->upstreams[upstream].name, &reply->asker->cause,
			 text);
	reply->parts->stats.missing++;
	reply_negative(reply, DNS_RCODE_NXDOMAIN, &ede);
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

void reply_refuse(const struct reply *reply, int rcode)
{
	const struct ede ede = {
		.code = rcode == DNS_RCODE_FORMERR ? EDE_OTHER
						   : EDE_NOT_SUPPORTED,
		.text = why_refused(reply->question, rcode),
	};

	if (rcode == DNS_RCODE_FORMERR)
		reply->parts->stats.malformed++;
	else
		reply->parts->stats.refused++;
	reply->asker->cause = cause_bare(
		rcode == DNS_RCODE_FORMERR ? CAUSE_MALFORMED : CAUSE_REFUSED);
	reply_error(reply, (enum dns_rcode)rcode, &ede);
}

void reply_cookie(const struct reply *reply)
{
	reply->asker->cause = cause_bare(CAUSE_COOKIE);
	reply_error(reply, DNS_RCODE_NOERROR, NULL);
}

void reply_loop(const struct reply *reply)
{
	static const struct ede ede = {
		EDE_OTHER, "a question of dnsd itself: an upstream asks dnsd"};

	reply->asker->cause = cause_bare(CAUSE_LOOP);
	reply_negative(reply, DNS_RCODE_NXDOMAIN, &ede);
}
