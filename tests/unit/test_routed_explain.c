// SPDX-License-Identifier: BSD-2-Clause
/*
 * Of the sentence; what it rests on is looked up in tests/net.  Loopback is
 * the one route that every host has, and it does not lead into the TUN.
 */
#include "routed/explain.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] = "outbounds:\n"
			   "  proxy: {type: socks5, server: 192.0.2.7:1080}\n"
			   "  campus: {type: interface, interface: none0}\n"
			   "  here: {type: interface, interface: lo}\n"
			   "rules:\n"
			   "  - DOMAIN,direct.example,DIRECT\n"
			   "  - DOMAIN,no.example,REJECT\n"
			   "  - DOMAIN,drop.example,REJECT-DROP\n"
			   "  - DOMAIN,campus.example,campus\n"
			   "  - DOMAIN,here.example,here\n"
			   "  - DST-PORT,22,DIRECT\n"
			   "  - UID,77,DIRECT\n"
			   "  - MATCH,proxy\n";

static int setup(void **state)
{
	struct config *config;
	struct diag diag;

	diag_init(&diag);
	int ret = config_load(&config, text, sizeof(text) - 1, "e.yaml", &diag);
	diag_fini(&diag);
	if (ret < 0)
		return ret;
	config->state_dir = "/nonexistent";
	*state = config;
	return 0;
}

static int teardown(void **state)
{
	config_free(*state);
	return 0;
}

static void find(struct explanation *e, const struct config *config,
		 const char *target, uint16_t port)
{
	const struct explain_query query = {
		.target = target,
		.port = port,
		.network = port ? NETWORK_TCP : NETWORK_UNKNOWN,
		.uid = 1,
		.has_uid = true,
	};

	assert_int_equal(explain_find(e, config, NULL, &query), 0);
}

/* The sentence about a target that the kernel sends into the TUN. */
static const char *say(const struct config *config, const char *target,
		       uint16_t port)
{
	static char sentence[EXPLAIN_REASON_SIZE];
	struct explanation *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	find(e, config, target, port);
	if (e->addr.family != ADDR_NONE) {
		e->route.error = 0;
		e->is_carried = true;
	}
	explain_sentence(e, sentence, sizeof(sentence));
	free(e);
	return sentence;
}

static void assert_says(const char *sentence, const char *part)
{
	if (!strstr(sentence, part))
		fail_msg("'%s' does not say '%s'", sentence, part);
}

static void each_outbound_has_its_words(void **state)
{
	const struct config *config = *state;
	const char *sentence = say(config, "example.com", 80);

	assert_says(sentence, "carried through 'proxy'");
	assert_says(sentence, "(rule 'MATCH,proxy', e.yaml:13)");
	assert_says(sentence, "gets a fake address");
	assert_says(say(config, "direct.example", 80), "leaves directly");
	assert_says(say(config, "direct.example", 80), "its real address");
	assert_says(say(config, "no.example", 80), "is refused");
	assert_says(say(config, "drop.example", 80), "is dropped");
	assert_says(say(config, "campus.example", 80),
		    "by the interface 'none0', which is not there now,");
	assert_says(say(config, "here.example", 80), "the interface 'lo' (");
	assert_says(say(config, "203.0.113.5", 22), "leaves directly");
}

static void what_depends_on_the_port_says_so(void **state)
{
	const char *sentence = say(*state, "example.com", 0);

	assert_says(sentence, "depends on its port");
	assert_says(sentence, "e.yaml:11");
	assert_says(sentence, "PORT/PROTOCOL");
}

/* One asked for a port only: what else there is to know may not matter. */
static void what_depends_on_the_user_says_so(void **state)
{
	struct explain_query query = {
		.target = "example.com",
		.port = 80,
		.network = NETWORK_TCP,
	};
	char sentence[EXPLAIN_REASON_SIZE];
	struct explanation *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	assert_int_equal(explain_find(e, *state, NULL, &query), 0);
	explain_sentence(e, sentence, sizeof(sentence));
	assert_says(sentence, "depends on who sends it");
	query.has_uid = true;
	query.uid = 77;
	assert_int_equal(explain_find(e, *state, NULL, &query), 0);
	explain_sentence(e, sentence, sizeof(sentence));
	assert_says(sentence, ", of user 77 leaves directly");
	assert_says(sentence, "e.yaml:12");
	query.uid = 78;
	assert_int_equal(explain_find(e, *state, NULL, &query), 0);
	explain_sentence(e, sentence, sizeof(sentence));
	assert_says(sentence, "through 'proxy'");
	/* What comes in is nobody's here. */
	query.has_uid = false;
	memcpy(query.iif, "lan0", sizeof("lan0"));
	assert_int_equal(explain_find(e, *state, NULL, &query), 0);
	explain_sentence(e, sentence, sizeof(sentence));
	assert_says(sentence, "through 'proxy'");
	free(e);
}

static void a_name_that_is_sniffed_may_change_it(void **state)
{
	static enum routed_sniff tls = ROUTED_SNIFF_TLS;
	struct config *config = *state;
	static const char words[] = "unless it says a name";

	assert_null(strstr(say(config, "203.0.113.5", 80), words));
	config->routed.sniff = &tls;
	config->routed.sniff_count = 1;
	assert_says(say(config, "203.0.113.5", 80), words);
	assert_says(say(config, "203.0.113.5", 80), "through 'proxy'");
	assert_null(strstr(say(config, "example.com", 80), words));
	config->routed.sniff_count = 0;
}

static void fake_address_without_a_name_is_refused(void **state)
{
	const struct config *config = *state;

	assert_says(say(config, "198.18.7.7", 80), "no name has");
	assert_says(say(config, "2001:2::707", 80), "no name has");
	/* Reserved ones, too. */
	assert_says(say(config, "198.18.0.0", 80), "no name has");
}

static void kernel_has_the_last_word(void **state)
{
	char sentence[EXPLAIN_REASON_SIZE];
	struct explanation *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	find(e, *state, "127.0.0.1", 80);
	assert_false(e->is_carried);
	explain_sentence(e, sentence, sizeof(sentence));
	assert_says(sentence, "is for this host itself");
	e->route.answer.type = RTN_UNICAST;
	explain_sentence(e, sentence, sizeof(sentence));
	assert_says(sentence, "goes past us");
	assert_says(sentence, "'lo'");
	e->route.error = -ENETUNREACH;
	explain_sentence(e, sentence, sizeof(sentence));
	assert_says(sentence, "has no way");
	free(e);
}

static void json_has_every_member(void **state)
{
	static const char *const members[] = {
		"\"target\":\"example.com\"",
		"\"reason\":\"",
		"\"name\":\"example.com\"",
		"\"address\":null",
		"\"fake\":false",
		"\"slot\":null",
		"\"port\":80",
		"\"network\":\"tcp\"",
		"\"outbound\":\"proxy\"",
		"\"rule\":\"MATCH,proxy\"",
		"\"file\":\"e.yaml\"",
		"\"line\":13",
		"\"list_file\":null",
		"\"from\":null",
		"\"uid\":1",
		"\"iif\":null",
		"\"carried\":false",
		"\"device\":null",
		"\"exit_address\":null",
		"\"way\":\"this host, user 1 -> dnsd -> relay -> 'proxy' "
		"192.0.2.7:1080\"",
	};
	struct explanation *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	find(e, *state, "example.com", 80);
	struct json *json = explain_json(e);
	char *line = json_line(json);
	assert_non_null(line);
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		assert_says(line, members[i]);
	free(line);
	json_free(json);
	free(e);
}

static void nonsense_is_neither_address_nor_name(void **state)
{
	const struct explain_query empty = {.target = ""};
	const struct explain_query dots = {.target = "a..b"};
	struct explanation *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	assert_int_equal(explain_find(e, *state, NULL, &empty), -EINVAL);
	assert_int_equal(explain_find(e, *state, NULL, &dots), -EINVAL);
	free(e);
}

#define WITH_CONFIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CONFIG(each_outbound_has_its_words),
		WITH_CONFIG(what_depends_on_the_port_says_so),
		WITH_CONFIG(what_depends_on_the_user_says_so),
		WITH_CONFIG(a_name_that_is_sniffed_may_change_it),
		WITH_CONFIG(fake_address_without_a_name_is_refused),
		WITH_CONFIG(kernel_has_the_last_word),
		WITH_CONFIG(json_has_every_member),
		WITH_CONFIG(nonsense_is_neither_address_nor_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
