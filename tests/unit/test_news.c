// SPDX-License-Identifier: BSD-2-Clause
/*
 * With real rules: which lists let an address go past the relay, and which do
 * not, is told in dnsd/decide.h.
 */
#include "dnsd/news.h"

#include "dnsd/decide.h"
#include "dnsd/upstream/packet.h"
#include "dnsd/wire.h"
#include "tests/unit/fixture_rules.h"

struct message {
	struct question question;
	uint8_t bytes[1024];
	size_t length;
};

/* A question for that name, and an answer without records. */
static void begin(struct message *message, const char *name, uint16_t type)
{
	struct question *question = &message->question;

	memset(message, 0, sizeof(*message));
	question->type = type;
	question->klass = DNS_CLASS_IN;
	assert_int_equal(name_parse(&question->name, name), 0);
	message->length = packet_query(question, 1, false, message->bytes);
	wire_write16(message->bytes + 2, DNS_FLAG_QR);
}

static void add(struct message *message, const char *text, uint32_t ttl)
{
	uint8_t *at = message->bytes + message->length;
	uint16_t records = wire_read16(message->bytes + 6);
	struct addr addr;
	size_t size;

	assert_int_equal(addr_parse(&addr, text), 0);
	size = addr_size(&addr);
	wire_write16(at, 0xc000 | DNS_HEADER_SIZE);
	wire_write16(at + 2, size == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA);
	wire_write16(at + 4, DNS_CLASS_IN);
	wire_write32(at + 6, ttl);
	wire_write16(at + 10, (uint16_t)size);
	memcpy(at + 12, addr.bytes, size);
	message->length += 12 + size;
	wire_write16(message->bytes + 6, records + 1);
	wire_write16(message->bytes + 10, 0);
}

static bool read_with(const char *text, const struct message *message,
		      struct news *news)
{
	const struct addr client = addr_ipv4(0x7f000001);
	struct config config = {
		.rules = rules_of(text),
		.dnsd = {.fake = fake_pool_default()},
	};
	const struct news_source source = {&config, &message->question,
					   &client};
	bool has_news =
		news_read(news, &source, message->bytes, message->length);

	assert_int_equal(has_news, news->count > 0);
	/* Whoever captures the pools alone has nothing to throw. */
	config.routed.capture = ROUTED_CAPTURE_FAKE;
	struct news none;
	assert_false(
		news_read(&none, &source, message->bytes, message->length));
	/* Of a closed host the relay has to know. */
	config.routed.capture = ROUTED_CAPTURE_ALL;
	config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	assert_int_equal(
		news_read(&none, &source, message->bytes, message->length),
		has_news);
	rules_free(config.rules);
	return has_news;
}

/* Is 192.0.2.1, told for a.example, news? */
static bool goes_past(const char *rules)
{
	struct message message;
	struct news news;

	begin(&message, "a.example", DNS_TYPE_A);
	add(&message, "192.0.2.1", 60);
	return read_with(rules, &message, &news);
}

static void name_decides_and_the_rest_is_carried(void **state)
{
	(void)state;
	assert_true(goes_past("DOMAIN,a.example,DIRECT\nMATCH,proxy\n"));
	assert_true(goes_past("MATCH,DIRECT\n"));
	assert_true(goes_past("DOMAIN,b.example,proxy\n"));
	assert_false(goes_past("DOMAIN,b.example,DIRECT\nMATCH,proxy\n"));
}

static void earlier_rule_about_the_port_forbids_it(void **state)
{
	(void)state;
	assert_false(goes_past("DST-PORT,22,campus\n"
			       "DOMAIN,a.example,DIRECT\nMATCH,proxy\n"));
	assert_false(goes_past("NETWORK,udp,REJECT\n"
			       "DOMAIN,a.example,DIRECT\nMATCH,proxy\n"));
	/* Not if it says the same. */
	assert_true(goes_past("DST-PORT,22,DIRECT\n"
			      "DOMAIN,a.example,DIRECT\nMATCH,proxy\n"));
}

static void later_rule_about_the_port_does_not(void **state)
{
	(void)state;
	assert_true(goes_past("DOMAIN,a.example,DIRECT\n"
			      "DST-PORT,22,campus\nNETWORK,udp,REJECT\n"
			      "MATCH,proxy\n"));
}

static void rule_that_sends_the_address_elsewhere_forbids_it(void **state)
{
	(void)state;
	assert_false(goes_past("IP-CIDR,192.0.2.0/24,proxy,no-resolve\n"
			       "DOMAIN,a.example,DIRECT\nMATCH,proxy\n"));
	assert_false(goes_past("DOMAIN,a.example,DIRECT\n"
			       "IP-CIDR,192.0.2.0/24,proxy\nMATCH,proxy\n"));
	assert_false(goes_past("DOMAIN,a.example,DIRECT\n"
			       "IP-CIDR,0.0.0.0/0,campus\n"));
	/* Another address, or the same way, or never reached. */
	assert_true(goes_past("DOMAIN,a.example,DIRECT\n"
			      "IP-CIDR,198.51.100.0/24,proxy\nMATCH,proxy\n"));
	assert_true(goes_past("IP-CIDR,192.0.2.0/24,DIRECT,no-resolve\n"
			      "DOMAIN,a.example,DIRECT\nMATCH,proxy\n"));
	assert_true(goes_past("DOMAIN,a.example,DIRECT\n"
			      "IP-CIDR,192.0.2.1/32,DIRECT\n"
			      "IP-CIDR,192.0.2.0/24,proxy\nMATCH,proxy\n"));
	assert_true(goes_past("DOMAIN,a.example,DIRECT\nMATCH,proxy\n"
			      "IP-CIDR,192.0.2.0/24,proxy\n"));
}

static void rule_about_the_address_may_be_why_it_is_direct(void **state)
{
	struct message message;
	struct news news;

	(void)state;
	begin(&message, "a.example", DNS_TYPE_A);
	add(&message, "192.0.2.1", 60);
	add(&message, "203.0.113.1", 60);
	assert_true(read_with("IP-CIDR,192.0.2.0/24,DIRECT\nMATCH,proxy\n",
			      &message, &news));
	assert_int_equal(news.count, 1);
	assert_int_equal(addr_to_ipv4(&news.addrs[0]), 0xc0000201);
}

static void only_addresses_that_can_be_thrown_are_told(void **state)
{
	struct message message;
	struct news news;

	(void)state;
	begin(&message, "a.example", DNS_TYPE_A);
	add(&message, "127.0.0.1", 60);
	add(&message, "0.0.0.0", 60);
	add(&message, "198.18.0.3", 60);
	add(&message, "224.0.0.251", 60);
	assert_false(read_with("MATCH,DIRECT\n", &message, &news));
	add(&message, "10.1.2.3", 60);
	assert_true(read_with("MATCH,DIRECT\n", &message, &news));
	assert_int_equal(news.count, 1);
}

static void longest_ttl_counts(void **state)
{
	struct message message;
	struct news news;

	(void)state;
	begin(&message, "a.example", DNS_TYPE_AAAA);
	add(&message, "2001:db8::1", 20);
	add(&message, "2001:db8::2", 300);
	add(&message, "2001:db8::3", 0x80000001);
	assert_true(read_with("MATCH,DIRECT\n", &message, &news));
	assert_int_equal(news.count, 3);
	assert_int_equal(news.ttl_s, 300);
}

static void no_more_than_fit_are_told(void **state)
{
	struct message message;
	struct news news;
	char text[ADDR_TEXT_SIZE];

	(void)state;
	begin(&message, "a.example", DNS_TYPE_A);
	for (unsigned i = 0; i < 20; i++) {
		struct addr addr = addr_ipv4(0xc0000201 + i);

		add(&message, addr_format(&addr, text, sizeof(text)), 60);
	}
	assert_true(read_with("MATCH,DIRECT\n", &message, &news));
	assert_int_equal(news.count, NEWS_ADDRS_MAX);
}

static void other_types_and_garbage_are_no_news(void **state)
{
	struct message message;
	struct news news;

	(void)state;
	begin(&message, "a.example", DNS_TYPE_HTTPS);
	add(&message, "192.0.2.1", 60);
	assert_false(read_with("MATCH,DIRECT\n", &message, &news));
	begin(&message, "a.example", DNS_TYPE_A);
	assert_false(read_with("MATCH,DIRECT\n", &message, &news));
	add(&message, "192.0.2.1", 60);
	message.length--;
	assert_false(read_with("MATCH,DIRECT\n", &message, &news));
	message.length = 5;
	assert_false(read_with("MATCH,DIRECT\n", &message, &news));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_decides_and_the_rest_is_carried),
		cmocka_unit_test(earlier_rule_about_the_port_forbids_it),
		cmocka_unit_test(later_rule_about_the_port_does_not),
		cmocka_unit_test(
			rule_that_sends_the_address_elsewhere_forbids_it),
		cmocka_unit_test(
			rule_about_the_address_may_be_why_it_is_direct),
		cmocka_unit_test(only_addresses_that_can_be_thrown_are_told),
		cmocka_unit_test(longest_ttl_counts),
		cmocka_unit_test(no_more_than_fit_are_told),
		cmocka_unit_test(other_types_and_garbage_are_no_news),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
