// SPDX-License-Identifier: BSD-2-Clause
/*
 * Config and rules are the real ones; the upstream is a fake, put in at link
 * time, that answers at once.
 */
#include "common/err.h"
#include "dnsd/explain_sink.h"
#include "dnsd/upstream/packet.h"
#include "dnsd/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text_of_config[] =
	"outbounds:\n"
	"  proxy: { type: socks5, server: 192.0.2.9:1080 }\n"
	"upstreams:\n"
	"  home: { servers: [192.0.2.1] }\n"
	"  clean: { servers: [192.0.2.2] }\n"
	"rules:\n"
	"  - DOMAIN,direct.example,DIRECT,upstream=clean\n"
	"  - DOMAIN-SUFFIX,bad.example,REJECT\n"
	"  - DOMAIN-SUFFIX,plain.example,proxy\n"
	"  - IP-CIDR,10.0.0.0/8,DIRECT\n"
	"  - DST-PORT,22,DIRECT\n"
	"  - MATCH,proxy\n"
	"dnsd: { listen: [\"127.0.0.1:53\"] }\n";

static struct {
	struct config *config;
	struct explainer *explainer;
	int asked; /* the group, -1: none was */
	uint8_t rcode;
	const char *address;
	int status;
	bool is_postponed;
	const char *why_full;
	const char *why; /* of a failure */
	/* what was told */
	char *summary, *steps;
	int ends;
} t;

int __wrap_upstreams_ask(struct upstreams *upstreams, int index,
			 const struct question *question, upstream_done_fn fn,
			 void *ctx);
const char *__wrap_upstreams_describe(const struct upstreams *upstreams,
				      int index, char *out, size_t size);

int __wrap_upstreams_ask(struct upstreams *upstreams, int index,
			 const struct question *question, upstream_done_fn fn,
			 void *ctx)
{
	uint8_t message[DNS_UDP_SIZE];
	size_t length = packet_query(question, 1, false, message);

	(void)upstreams;
	t.asked = index;
	if (t.is_postponed)
		return 0;
	wire_write16(message + 2, DNS_FLAG_QR | t.rcode);
	if (t.address) {
		struct addr addr;
		uint8_t *at = message + length;
		assert_int_equal(addr_parse(&addr, t.address), 0);
		wire_write16(message + 6, 1);
		wire_write16(at, 0xc00c);
		wire_write16(at + 2, DNS_TYPE_A);
		wire_write16(at + 4, DNS_CLASS_IN);
		wire_write32(at + 6, 60);
		wire_write16(at + 10, 4);
		memcpy(at + 12, addr.bytes, 4);
		length += 16;
	}
	fn(ctx,
	   &(struct upstream_result){.status = t.status,
				     .message = message,
				     .length = length,
				     .why = t.why ? t.why : "nobody answered"});
	return 0;
}

const char *__wrap_upstreams_describe(const struct upstreams *upstreams,
				      int index, char *out, size_t size)
{
	(void)upstreams;
	snprintf(out, size, "192.0.2.%d:53", index + 1);
	return out;
}

static int64_t slot_of(void *ctx, const struct name *name)
{
	struct name known;
	(void)ctx;
	assert_int_equal(name_parse(&known, "known.example"), 0);
	return name_equal(name, &known) ? 4711 : -ENOENT;
}

static int name_of(void *ctx, uint32_t slot, struct name *name)
{
	(void)ctx;
	return slot == 4711 ? name_parse(name, "known.example") : -ENOENT;
}

static void room(void *ctx, struct explain_room *room)
{
	(void)ctx;
	*room = (struct explain_room){.slots = 12,
				      .free = t.why_full ? 0 : 9,
				      .why_full = t.why_full};
}

static void on_line(const struct explain_sink *sink, const struct json *line)
{
	char *text = json_line(line);
	char *all;

	(void)sink;
	assert_non_null(text);
	if (!json_get_text(line, "step")) {
		assert_null(t.summary);
		t.summary = text;
		return;
	}
	assert_true(asprintf(&all, "%s%s\n", t.steps ? t.steps : "", text) > 0);
	free(t.steps);
	free(text);
	t.steps = all;
}

static void on_end(const struct explain_sink *sink, const char *error)
{
	(void)sink;
	assert_null(error);
	t.ends++;
}

static const struct explain_sink sink = {.line = on_line, .end = on_end};

static int use(const char *text)
{
	struct diag diag;

	explainer_free(t.explainer);
	config_free(t.config);
	diag_init(&diag);
	if (config_load(&t.config, text, strlen(text), "test.yaml", &diag) <
	    0) {
		diag_print(&diag, stderr);
		return -1;
	}
	diag_fini(&diag);
	struct explain_conf conf = {
		.config = t.config,
		.slot_of = slot_of,
		.name_of = name_of,
		.room = room,
	};
	return explainer_new(&t.explainer, &conf);
}

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.asked = -1;
	return use(text_of_config);
}

static int tear_down(void **state)
{
	(void)state;
	explainer_free(t.explainer);
	config_free(t.config);
	free(t.summary);
	free(t.steps);
	return 0;
}

static void explain(const char *text, uint16_t type)
{
	struct explain_subject subject = {.type = type};
	assert_int_equal(name_parse(&subject.name, text), 0);
	assert_int_equal(explain_begin(t.explainer, &subject, &sink), 0);
	assert_int_equal(t.ends, 1);
	assert_non_null(t.summary);
}

static void assert_says(const char *key, const char *wanted)
{
	struct json *json = json_parse(t.summary, strlen(t.summary));
	assert_non_null(json);
	if (wanted)
		assert_string_equal(json_get_text(json, key), wanted);
	else
		assert_null(json_get_text(json, key));
	json_free(json);
}

static void a_fake_name_has_slot_and_addresses(void **state)
{
	(void)state;
	t.status = ERR_TIMEOUT;
	explain("Known.example", DNS_TYPE_A);
	assert_says("name", "known.example");
	assert_says("answer", "198.18.18.103");
	assert_says("fake_ipv4", "198.18.18.103");
	assert_non_null(strstr(t.summary, "\"slot\":4711,"));
	assert_says("decision", "fake");
}

static void a_name_that_was_never_asked_gets_no_slot_by_it(void **state)
{
	(void)state;
	explain("plain.example", DNS_TYPE_A);
	assert_int_equal(t.asked, -1);
	assert_non_null(strstr(t.summary, "\"slot\":null"));
	assert_says("answer", NULL);
	assert_says("upstream", NULL);
	assert_says("outbound", "proxy");
	assert_says("reason",
		    "plain.example goes to proxy, because the rule "
		    "'DOMAIN-SUFFIX,plain.example,proxy' (test.yaml:9) "
		    "matches: it gets a fake address when it is first asked.");
}

static void a_full_pool_promises_no_address(void **state)
{
	(void)state;
	t.why_full = "none was idle for 'dnsd.fake.guard'";
	explain("plain.example", DNS_TYPE_A);
	assert_says("answer", "SERVFAIL");
	assert_non_null(strstr(t.summary, "\"slots\":12,\"slots_free\":0,"));
	assert_says("reason",
		    "plain.example goes to proxy, because the rule "
		    "'DOMAIN-SUFFIX,plain.example,proxy' (test.yaml:9) "
		    "matches: it gets no fake address, because all are given, "
		    "and none was idle for 'dnsd.fake.guard'.");
}

static void a_full_pool_keeps_what_it_has_given(void **state)
{
	(void)state;
	t.status = ERR_TIMEOUT;
	t.why_full = "none was idle for 'dnsd.fake.guard'";
	explain("known.example", DNS_TYPE_A);
	assert_says("answer", "198.18.18.103");
	assert_null(strstr(t.summary, "idle"));
}

/* The steps show what the rules would say, the summary only what decides. */
static void a_special_name_has_no_rule(void **state)
{
	static const char *const names[] = {"localhost", "a.onion",
					    "time.apple.com"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		free(t.summary);
		t.summary = NULL;
		t.ends = 0;
		explain(names[i], DNS_TYPE_A);
		assert_says("rule", NULL);
		assert_says("file", NULL);
		assert_says("outbound", i < 2 ? NULL : "DIRECT");
	}
}

static void a_rule_about_the_source_is_told_as_one(void **state)
{
	struct explain_subject subject = {.type = DNS_TYPE_A};

	(void)state;
	assert_int_equal(use("outbounds: {proxy: {type: socks5, server: "
			     "'192.0.2.9:1'}}\n"
			     "rules: ['SRC-IP-CIDR,192.0.2.0/24,REJECT', "
			     "'MATCH,proxy']\n"),
			 0);
	explain("src.example", DNS_TYPE_A);
	assert_non_null(strstr(t.summary,
			       " needs what only the connection tells, such as "
			       "where it comes from (from one client it may be "
			       "otherwise: see --from): "));
	free(t.summary);
	t.summary = NULL;
	t.ends = 0;
	assert_int_equal(name_parse(&subject.name, "src.example"), 0);
	assert_int_equal(addr_parse(&subject.from, "192.0.2.7"), 0);
	assert_int_equal(explain_begin(t.explainer, &subject, &sink), 0);
	assert_says("outbound", "REJECT");
	assert_null(strstr(t.summary, "--from"));
}

static void a_question_ends_the_sentence(void **state)
{
	(void)state;
	t.status = ERR_FOREIGN;
	t.why = "198.18.0.9 is an address of our own pool: does it ask us?";
	explain("direct.example", DNS_TYPE_A);
	assert_non_null(strstr(t.summary, "does it ask us?\""));
}

static void a_direct_name_has_the_upstreams_answer(void **state)
{
	(void)state;
	t.address = "192.0.2.80";
	explain("direct.example", DNS_TYPE_A);
	assert_int_equal(t.asked, 1);
	assert_says("upstream", "clean");
	assert_says("servers", "192.0.2.2:53");
	assert_says("answer", "192.0.2.80");
	assert_says("file", "test.yaml");
	assert_non_null(strstr(t.summary, "\"line\":7,"));
	assert_says("reason", "direct.example is not carried, because the rule "
			      "'DOMAIN,direct.example,DIRECT,upstream=clean' "
			      "(test.yaml:7) matches: upstream 'clean' answers "
			      "192.0.2.80.");
}

static void an_upstream_that_fails_is_told(void **state)
{
	(void)state;
	t.status = ERR_TIMEOUT;
	explain("direct.example", DNS_TYPE_A);
	assert_says("answer", NULL);
	assert_non_null(strstr(t.summary,
			       "matches, but its A cannot be answered: nobody "
			       "answered."));
}

static void a_refused_name_says_by_which_rule(void **state)
{
	(void)state;
	explain("x.bad.example", DNS_TYPE_A);
	assert_says("answer", "NXDOMAIN");
	assert_says("outbound", "REJECT");
	assert_says("reason",
		    "x.bad.example goes to REJECT, because the rule "
		    "'DOMAIN-SUFFIX,bad.example,REJECT' (test.yaml:8) "
		    "matches: the answer is NXDOMAIN.");
}

static void a_rule_that_wants_the_address_gets_it(void **state)
{
	(void)state;
	t.address = "10.1.2.3";
	explain("inside.example", DNS_TYPE_A);
	assert_says("resolved", "10.1.2.3");
	assert_says("outbound", "DIRECT");
	assert_says("answer", "10.1.2.3");
	assert_says("upstream", "home");
}

static void what_needs_the_port_is_carried(void **state)
{
	(void)state;
	t.address = "192.0.2.80";
	explain("known.example", DNS_TYPE_A);
	assert_says("resolved", "192.0.2.80");
	assert_says("outbound", NULL);
	assert_says("reason",
		    "known.example is carried, because the rule "
		    "'DST-PORT,22,DIRECT' (test.yaml:11) needs what only the "
		    "connection tells, such as its port: it is answered with "
		    "the fake address 198.18.18.103.");
}

static void an_unknown_address_matches_no_address_rule(void **state)
{
	(void)state;
	t.rcode = DNS_RCODE_NXDOMAIN;
	explain("known.example", DNS_TYPE_A);
	assert_says("resolved", NULL);
	assert_says("outbound", "proxy");
	assert_says("answer", "198.18.18.103");
}

static void each_rule_looked_at_is_told_in_order(void **state)
{
	(void)state;
	t.address = "10.1.2.3";
	explain("inside.example", DNS_TYPE_A);
	assert_string_equal(t.steps,
			    "{\"step\":\"rule\",\"says\":\"no\",\"rule\":"
			    "\"DOMAIN,direct.example,DIRECT,upstream=clean\","
			    "\"file\":\"test.yaml\",\"line\":7}\n"
			    "{\"step\":\"rule\",\"says\":\"no\",\"rule\":"
			    "\"DOMAIN-SUFFIX,bad.example,REJECT\","
			    "\"file\":\"test.yaml\",\"line\":8}\n"
			    "{\"step\":\"rule\",\"says\":\"no\",\"rule\":"
			    "\"DOMAIN-SUFFIX,plain.example,proxy\","
			    "\"file\":\"test.yaml\",\"line\":9}\n"
			    "{\"step\":\"rule\",\"says\":\"match\",\"rule\":"
			    "\"IP-CIDR,10.0.0.0/8,DIRECT\","
			    "\"file\":\"test.yaml\",\"line\":10}\n");
}

static void a_fake_address_is_told_backwards(void **state)
{
	(void)state;
	explain("103.18.18.198.in-addr.arpa", DNS_TYPE_PTR);
	assert_says("answer", "known.example");
	assert_says("reason",
		    "198.18.18.103 is the fake address of known.example.");
	assert_says("outbound", NULL);
	assert_null(t.steps);
}

static void an_address_without_a_name_is_told(void **state)
{
	(void)state;
	explain("4.0.18.198.in-addr.arpa", DNS_TYPE_PTR);
	assert_says("answer", NULL);
	assert_says("reason", "198.18.0.4 is an address of the fake pool that "
			      "no name has.");
}

static void other_types_of_a_carried_name_are_not_faked(void **state)
{
	(void)state;
	explain("plain.example", 16);
	assert_says("type", "TXT");
	assert_says("answer", "no data");
	assert_non_null(strstr(t.summary,
			       "only addresses are faked, for TXT upstream "
			       "'home' answers no data."));
}

static void too_many_at_once_are_refused(void **state)
{
	(void)state;
	struct explain_subject subject = {.type = DNS_TYPE_A};
	int ret = 0, started = 0;

	t.is_postponed = true;
	assert_int_equal(name_parse(&subject.name, "direct.example"), 0);
	while (ret == 0 && started < 1000) {
		ret = explain_begin(t.explainer, &subject, &sink);
		started += ret == 0;
	}
	assert_int_equal(ret, -EBUSY);
	assert_in_range(started, 1, 999);
	assert_int_equal(t.ends, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_fake_name_has_slot_and_addresses),
		TEST(a_name_that_was_never_asked_gets_no_slot_by_it),
		TEST(a_full_pool_promises_no_address),
		TEST(a_full_pool_keeps_what_it_has_given),
		TEST(a_special_name_has_no_rule),
		TEST(a_rule_about_the_source_is_told_as_one),
		TEST(a_question_ends_the_sentence),
		TEST(a_direct_name_has_the_upstreams_answer),
		TEST(an_upstream_that_fails_is_told),
		TEST(a_refused_name_says_by_which_rule),
		TEST(a_rule_that_wants_the_address_gets_it),
		TEST(what_needs_the_port_is_carried),
		TEST(an_unknown_address_matches_no_address_rule),
		TEST(each_rule_looked_at_is_told_in_order),
		TEST(a_fake_address_is_told_backwards),
		TEST(an_address_without_a_name_is_told),
		TEST(other_types_of_a_carried_name_are_not_faked),
		TEST(too_many_at_once_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
