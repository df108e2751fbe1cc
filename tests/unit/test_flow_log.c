// SPDX-License-Identifier: BSD-2-Clause
/* The log of flows; see relay_fixture.h. */
#include "routed/relay/flow_log.h"

#include "routed/relay/intake.h"
#include "tests/unit/relay_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, relay_fixture_setup, teardown)

static uint8_t bytes[PACKETS_SIZE], out[PACKETS_SIZE];
static struct packet packet;
static char path[64], text[8192];

static int teardown(void **state)
{
	unlink(path);
	return relay_fixture_teardown(state);
}

static void open_log(void)
{
	snprintf(path, sizeof(path), "%s/flows", fixture.folder);
	fixture.parts.policy->config->routed.flow_log = path;
	assert_int_equal(flow_log_new(&fixture.parts.log, &fixture.parts), 0);
}

static void close_log(void)
{
	flow_log_free(fixture.parts.log);
	fixture.parts.log = NULL;
}

static const char *written(void)
{
	FILE *file = fopen(path, "r");
	size_t length = 0;

	text[0] = '\0';
	if (!file)
		return text;
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

static void expect(const char *part)
{
	if (!strstr(written(), part))
		fail_msg("no '%s' in '%s'", part, text);
}

static void a_packet_that_is_refused_leaves_a_line(void **state)
{
	(void)state;
	open_log();
	relay_fixture_send(bytes, relay_fixture_syn(bytes, SLOT_REJECT, 443));
	relay_fixture_receive(fixture.host, out, &packet);
	close_log();
	expect("\"name\":\"reject.example\"");
	expect("\"rule\":\"DOMAIN,reject.example,REJECT\"");
	expect("\"end\":\"refused\"");
	assert_int_equal(fixture.parts.counters.refused[LINK_REFUSED_RULE], 1);
}

static void a_stale_fake_address_leaves_one_too(void **state)
{
	(void)state;
	open_log();
	relay_fixture_send(bytes, relay_fixture_syn(bytes, SLOT_UNKNOWN, 443));
	relay_fixture_receive(fixture.host, out, &packet);
	close_log();
	expect("nobody has that fake address");
	assert_int_equal(fixture.parts.counters.refused[LINK_REFUSED_UNKNOWN],
			 1);
}

static void a_flow_that_is_given_up_leaves_its_reason(void **state)
{
	(void)state;
	relay_fixture_follow("  - MATCH,gone\n");
	open_log();
	relay_fixture_send(bytes, relay_fixture_syn(bytes, SLOT_SITE, 443));
	relay_fixture_receive(fixture.host, out, &packet);
	close_log();
	expect("\"outbound\":\"gone\"");
	expect("\"reason\":\"Connection refused\"");
	assert_int_equal(fixture.parts.counters.refused[LINK_REFUSED_OUTBOUND],
			 1);
}

static void a_file_that_was_moved_is_made_anew(void **state)
{
	char moved[72];

	(void)state;
	open_log();
	snprintf(moved, sizeof(moved), "%s.1", path);
	assert_int_equal(rename(path, moved), 0);
	flow_log_follow(fixture.parts.log);
	relay_fixture_send(bytes, relay_fixture_syn(bytes, SLOT_REJECT, 443));
	close_log();
	expect("reject.example");
	unlink(moved);
}

static void what_cannot_be_opened_leaves_the_old_one(void **state)
{
	char elsewhere[80];

	(void)state;
	open_log();
	snprintf(elsewhere, sizeof(elsewhere), "%s/none/flows", fixture.folder);
	fixture.parts.policy->config->routed.flow_log = elsewhere;
	flow_log_follow(fixture.parts.log);
	relay_fixture_send(bytes, relay_fixture_syn(bytes, SLOT_REJECT, 443));
	close_log();
	expect("reject.example");
}

static void without_it_nothing_is_written(void **state)
{
	(void)state;
	assert_false(flow_log_is_wanted(NULL));
	assert_int_equal(flow_log_new(&fixture.parts.log, &fixture.parts), 0);
	assert_false(flow_log_is_wanted(fixture.parts.log));
	relay_fixture_send(bytes, relay_fixture_syn(bytes, SLOT_REJECT, 443));
	close_log();
}

/* All within one turn of the loop: more than there is room for. */
static void a_flood_is_left_out_and_counted(void **state)
{
	const struct decision unknown = {.is_refused = true};
	struct stat file;
	size_t length;

	(void)state;
	open_log();
	length = relay_fixture_syn(bytes, SLOT_UNKNOWN, 443);
	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	for (int i = 0; i < 2000; i++)
		flow_log_packet(fixture.parts.log, &packet, &unknown);
	close_log();
	assert_int_equal(stat(path, &file), 0);
	assert_in_range(file.st_size, 200000, 256 << 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_packet_that_is_refused_leaves_a_line),
		TEST(a_stale_fake_address_leaves_one_too),
		TEST(a_flow_that_is_given_up_leaves_its_reason),
		TEST(a_file_that_was_moved_is_made_anew),
		TEST(what_cannot_be_opened_leaves_the_old_one),
		TEST(without_it_nothing_is_written),
		TEST(a_flood_is_left_out_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
