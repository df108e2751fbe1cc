// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/listing.h"

#include "common/json.h"
#include "tests/unit/relay_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, relay_fixture_setup, \
					relay_fixture_teardown)

static uint8_t bytes[PACKETS_SIZE];
static char text[1 << 16];

static const struct link_viewer all = {.sees_all = true};

/* Everything that a client gets until it is closed. */
static const char *list_for(struct listings *listings,
			    const struct link_viewer *viewer)
{
	size_t length = 0;
	ssize_t n;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	listings_add(listings, pair[1], viewer);
	do {
		RUN_UNTIL((n = recv(pair[0], text + length,
				    sizeof(text) - length - 1, MSG_DONTWAIT)) >=
			  0);
		length += (size_t)n;
	} while (n > 0);
	text[length] = '\0';
	close(pair[0]);
	return text;
}

static const char *list(struct listings *listings)
{
	return list_for(listings, &all);
}

static void nothing_is_a_list_too(void **state)
{
	struct listings *listings;

	(void)state;
	assert_int_equal(listings_new(&listings, &fixture.parts), 0);
	assert_string_equal(list(listings), "{\"end\":true}\n");
	listings_free(listings);
}

static void each_flow_has_its_line(void **state)
{
	struct listings *listings;
	struct json *json;
	const char *end;

	(void)state;
	assert_int_equal(listings_new(&listings, &fixture.parts), 0);
	for (uint8_t i = 0; i < 3; i++) {
		relay_fixture_syn(bytes, SLOT_SITE, 443);
		bytes[21] = i;
		relay_fixture_send(bytes, 44);
	}
	end = list(listings);
	for (int i = 0; i < 3; i++) {
		const char *line = end;

		end = strchr(line, '\n');
		assert_non_null(end);
		json = json_parse(line, (size_t)(end++ - line));
		assert_non_null(json);
		assert_string_equal(json_get_text(json, "name"),
				    "site.example");
		assert_string_equal(json_get_text(json, "dst"),
				    "198.18.18.103:443");
		assert_string_equal(json_get_text(json, "outbound"), "proxy");
		assert_string_equal(json_get_text(json, "rule"), "MATCH,proxy");
		assert_string_equal(json_get_text(json, "file"), "test.yaml");
		assert_string_equal(json_get_text(json, "state"), "held");
		assert_int_equal(json_get_int(json, "up", -1), 0);
		json_free(json);
	}
	assert_string_equal(end, "{\"end\":true}\n");
	listings_free(listings);
}

/* None of these packets is of a socket of this host; tests/net has some. */
static void flows_of_nobody_here_are_for_who_sees_all(void **state)
{
	const struct link_viewer root = {.uid = 0};
	struct listings *listings;

	(void)state;
	assert_int_equal(listings_new(&listings, &fixture.parts), 0);
	relay_fixture_syn(bytes, SLOT_SITE, 443);
	relay_fixture_send(bytes, 44);
	assert_string_equal(list_for(listings, &root), "{\"end\":true}\n");
	assert_non_null(strstr(list(listings), "site.example"));
	listings_free(listings);
}

static void who_sees_his_own_takes_half_the_places(void **state)
{
	const struct link_viewer some = {.uid = 7};
	struct listings *listings;
	int pairs[4][2];
	char byte;

	(void)state;
	assert_int_equal(listings_new(&listings, &fixture.parts), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]),
				 0);
		listings_add(listings, pairs[i][1], i < 3 ? &some : &all);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(recv(pairs[i][0], &byte, 1, MSG_DONTWAIT),
				 i != 2 ? -1 : 0);
		close(pairs[i][0]);
	}
	listings_free(listings);
}

static void readers_have_their_bound(void **state)
{
	struct listings *listings;
	int pairs[6][2];
	char byte;

	(void)state;
	assert_int_equal(listings_new(&listings, &fixture.parts), 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]),
				 0);
		listings_add(listings, pairs[i][1], &all);
	}
	/* Those beyond are closed, nobody was served yet. */
	for (int i = 0; i < 6; i++)
		assert_int_equal(recv(pairs[i][0], &byte, 1, MSG_DONTWAIT),
				 i < 4 ? -1 : 0);
	listings_free(listings);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(recv(pairs[i][0], &byte, 1, MSG_DONTWAIT), 0);
		close(pairs[i][0]);
	}
}

static void a_client_that_goes_is_forgotten(void **state)
{
	struct listings *listings;
	int pair[2];

	(void)state;
	assert_int_equal(listings_new(&listings, &fixture.parts), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		close(pair[0]);
		listings_add(listings, pair[1], &all);
		relay_fixture_run();
	}
	assert_string_equal(list(listings), "{\"end\":true}\n");
	listings_free(listings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_a_list_too),
		TEST(each_flow_has_its_line),
		TEST(readers_have_their_bound),
		TEST(a_client_that_goes_is_forgotten),
		TEST(flows_of_nobody_here_are_for_who_sees_all),
		TEST(who_sees_his_own_takes_half_the_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
