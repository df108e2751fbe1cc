// SPDX-License-Identifier: BSD-2-Clause
#include "routed/rival.h"

#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Something was removed, and put back. */
static bool note(struct rival *rival, int64_t now_ms)
{
	rival_see(rival, 1);
	return rival_note(rival, RIVAL_OF_ROUTES, now_ms);
}

static void third_repair_in_a_row_is_told(void **state)
{
	struct rival rival = {0};

	(void)state;
	assert_false(note(&rival, 1000));
	assert_false(note(&rival, 1100));
	assert_int_equal(rival_spacing_ms(&rival, 1100), 0);
	assert_true(note(&rival, 1200));
	/* From now on one a second, and quietly. */
	assert_int_equal(rival_spacing_ms(&rival, 1300), 900);
	assert_int_equal(rival_spacing_ms(&rival, 2200), 0);
	assert_false(note(&rival, 2200));
}

static void pause_ends_the_row(void **state)
{
	struct rival rival = {0};

	(void)state;
	assert_false(note(&rival, 0));
	assert_false(note(&rival, 20000));
	assert_false(note(&rival, 40000));
	assert_false(note(&rival, 40100));
	assert_true(note(&rival, 40200));
}

static void warning_comes_again_after_ten_minutes(void **state)
{
	struct rival rival = {0};
	unsigned told = 0;

	(void)state;
	for (int64_t now_ms = 0; now_ms < 3 * RIVAL_WARN_MS; now_ms += 1000)
		told += note(&rival, now_ms);
	assert_int_equal(told, 3);
}

/* As with a link that goes: its routes do, and nobody is to blame. */
static void repair_that_nobody_was_seen_for_is_no_rivals(void **state)
{
	struct rival rival = {0};

	(void)state;
	for (int64_t now_ms = 0; now_ms < 10000; now_ms += 100)
		assert_false(rival_note(&rival, RIVAL_OF_ROUTES, now_ms));
	/* Nor is it his who changes some other table of nftables. */
	rival.of[RIVAL_OF_TABLE].is_seen = true;
	assert_false(rival_note(&rival, RIVAL_OF_ROUTES, 10000));
	assert_int_equal(rival.row, 0);
	assert_false(note(&rival, 10000));
	assert_int_equal(rival.row, 1);
}

static void name_of(uint32_t port, char out[RIVAL_NAME_SIZE])
{
	struct rival rival = {0};

	for (int64_t now_ms = 1; now_ms <= RIVAL_ROW; now_ms++) {
		rival_see(&rival, port);
		if (rival_note(&rival, RIVAL_OF_ROUTES, now_ms))
			break;
	}
	memcpy(out, rival.told, RIVAL_NAME_SIZE);
}

static void remover_has_the_name_of_its_process(void **state)
{
	char name[RIVAL_NAME_SIZE];
	char number[32];

	(void)state;
	name_of((uint32_t)getpid(), name);
	snprintf(number, sizeof(number), "(process %d)", getpid());
	assert_non_null(strstr(name, "test_rival"));
	assert_non_null(strstr(name, number));
	name_of(0xfffffff0U, name);
	assert_non_null(strstr(name, access("/run/systemd/netif/links", F_OK)
					     ? "another program"
					     : "systemd-networkd"));
}

/* The first socket of a process has its number, the next one has another. */
static void remover_is_known_by_any_of_its_sockets(void **state)
{
	struct sockaddr_nl own = {.nl_family = AF_NETLINK};
	socklen_t size = sizeof(own);
	char name[RIVAL_NAME_SIZE];
	int fds[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fds[i] = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
		assert_true(fds[i] >= 0);
		assert_int_equal(bind(fds[i], (struct sockaddr *)&own, size),
				 0);
		assert_int_equal(
			getsockname(fds[i], (struct sockaddr *)&own, &size), 0);
		if (i == 0)
			own.nl_pid = 0;
	}
	assert_int_not_equal(own.nl_pid, getpid());
	name_of(own.nl_pid, name);
	assert_non_null(strstr(name, "test_rival"));
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(third_repair_in_a_row_is_told),
		cmocka_unit_test(pause_ends_the_row),
		cmocka_unit_test(warning_comes_again_after_ten_minutes),
		cmocka_unit_test(repair_that_nobody_was_seen_for_is_no_rivals),
		cmocka_unit_test(remover_has_the_name_of_its_process),
		cmocka_unit_test(remover_is_known_by_any_of_its_sockets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
