// SPDX-License-Identifier: BSD-2-Clause
#include "routed/journal.h"

#include "common/err.h"
#include "routed/object.h"
#include "tests/unit/fib_model.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT 5

struct fixture {
	char folder[32];
	char path[64];
	struct nl_change changes[COUNT];
	struct fib_model model;
	/* What a reader was told. */
	struct nl_change read[64];
	size_t read_count;
	char tun[IFNAMSIZ];
	int ifindex;
};

static void make_changes(struct fixture *f)
{
	struct nl_object *route = &f->changes[0].object;
	struct nl_object *rule = &f->changes[1].object;

	route->kind = NL_OBJECT_ROUTE;
	route->route.family = ADDR_IPV4;
	route->route.type = RTN_UNICAST;
	route->route.protocol = NL_PROTOCOL;
	route->route.table = 210;
	route->route.dst = prefix_of("0.0.0.0/0");
	route->route.gateway = addr_of("fe80::1");
	route->route.prefsrc = addr_of("192.168.7.2");
	route->route.oif = ETH;
	route->route.metric = UINT32_MAX;
	route->route.mtu = 1400;
	route->route.is_cubic = true;
	route->route.is_onlink = true;
	rule->kind = NL_OBJECT_RULE;
	rule->rule.family = ADDR_IPV6;
	rule->rule.action = FR_ACT_TO_TBL;
	rule->rule.protocol = NL_PROTOCOL;
	rule->rule.ip_protocol = 17;
	rule->rule.priority = 4991;
	rule->rule.table = RT_TABLE_MAIN;
	rule->rule.src = prefix_of("8000::/1");
	rule->rule.dst = prefix_of("2001:2::/48");
	strcpy(rule->rule.iif, "lo");
	strcpy(rule->rule.oif, "odd=name");
	rule->rule.mark = 0xffffffff;
	rule->rule.mark_mask = 1;
	rule->rule.sport_first = 1;
	rule->rule.sport_last = 65535;
	rule->rule.dport_first = 768;
	rule->rule.dport_last = 1023;
	rule->rule.has_uid = true;
	rule->rule.uid_last = 4294967294U;
	rule->rule.suppress_prefixlength = -1;
	rule->rule.is_inverted = true;
	f->changes[2].object.kind = NL_OBJECT_LINK_UP;
	f->changes[2].object.ifindex = TUN;
	f->changes[3].object.kind = NL_OBJECT_IFADDR;
	f->changes[3].object.ifaddr.ifindex = TUN;
	f->changes[3].object.ifaddr.addr = addr_of("198.18.0.1");
	f->changes[3].object.ifaddr.prefix = prefix_of("198.18.0.1/32");
	f->changes[4] = f->changes[1];
	f->changes[4].is_removal = true;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->folder, "/tmp/test_journal.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/" JOURNAL_FILE, f->folder);
	fib_model_laptop(&f->model);
	fib_model_addr(&f->model, ETH, "192.168.9.2/24");
	make_changes(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->folder);
	free(f);
	return 0;
}

static void on_tun(void *ctx, const char *name, int ifindex)
{
	struct fixture *f = ctx;

	strcpy(f->tun, name);
	f->ifindex = ifindex;
}

static void on_change(void *ctx, const struct nl_change *change)
{
	struct fixture *f = ctx;

	assert_true(f->read_count < ARRAY_LEN(f->read));
	f->read[f->read_count++] = *change;
}

static int read_all(struct fixture *f)
{
	const struct journal_reader reader = {
		.on_tun = on_tun,
		.on_change = on_change,
	};

	f->read_count = 0;
	return journal_read(f->folder, &reader, f);
}

static void write_all(struct fixture *f)
{
	struct journal *journal = NULL;

	assert_int_equal(journal_open(&journal, f->folder), 0);
	assert_int_equal(journal_tun(journal, "ersatz0", 7), 0);
	assert_int_equal(journal_batch(journal, f->changes, 2), 0);
	assert_int_equal(journal_batch(journal, f->changes + 2, 3), 0);
	journal_close(journal);
}

static void what_is_written_is_read(void **state)
{
	struct fixture *f = *state;

	write_all(f);
	assert_int_equal(read_all(f), 0);
	assert_string_equal(f->tun, "ersatz0");
	assert_int_equal(f->ifindex, 7);
	assert_int_equal(f->read_count, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(f->read[i].is_removal,
				 f->changes[i].is_removal);
		assert_true(object_is_equal(&f->read[i].object,
					    &f->changes[i].object));
	}
	assert_int_equal(f->read[1].object.rule.suppress_prefixlength, -1);
}

static void replay(struct fixture *f)
{
	assert_int_equal(read_all(f), 0);
	for (size_t i = 0; i < f->read_count; i++) {
		int ret = fib_model_change(&f->model, &f->read[i]);

		assert_true(ret == 0 || ret == -EEXIST || ret == -ENOENT ||
			    ret == -ESRCH);
	}
}

static void replayed_twice_is_the_same_as_once(void **state)
{
	struct fixture *f = *state;
	struct fib_model once;

	write_all(f);
	replay(f);
	fib_model_copy(&once, &f->model);
	replay(f);
	assert_true(nl_state_equal(&once.state, &f->model.state));
}

static void batch_that_was_cut_off_was_not_begun(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	write_all(f);
	assert_int_equal(stat(f->path, &st), 0);
	for (off_t length = st.st_size - 1; length > 0; length--) {
		int ret;

		assert_int_equal(truncate(f->path, length), 0);
		ret = read_all(f);
		assert_true(ret == 0 || ret == ERR_MALFORMED);
		assert_true(f->read_count == 2 || f->read_count == 0);
	}
}

static void garbage_is_no_journal(void **state)
{
	static const char *const texts[] = {
		"",
		"ersatz-journal 2\n",
		"ersatz-journal 1\nfoo\n",
		"ersatz-journal 1\nadd rule family=4\n",
		"ersatz-journal 1\ntun ersatz0\n",
		"ersatz-journal 1\ntun ersatz0 99999999999\n",
		"ersatz-journal 1\nbatch\nadd\nend\n",
		"ersatz-journal 1\nbatch\nadd rule x=1\nend\n",
		"ersatz-journal 1\nbatch\nadd rule family\nend\n",
		"ersatz-journal 1\nbatch\nadd rule family=256\nend\n",
		"ersatz-journal 1\nbatch\nadd rule family=-1\nend\n",
		"ersatz-journal 1\nbatch\nadd rule iif=0123456789abcdef\nend\n",
		"ersatz-journal 1\nbatch\nadd route dst=10.0.0.1/8\nend\n",
		"ersatz-journal 1\nbatch\nput route family=4\nend\n",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		FILE *file = fopen(f->path, "w");

		assert_non_null(file);
		fputs(texts[i], file);
		fclose(file);
		assert_int_equal(read_all(f), ERR_MALFORMED);
		assert_int_equal(f->read_count, 0);
	}
}

static void full_journal_starts_anew_and_keeps_the_tun(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = NULL;
	struct stat st = {.st_size = 0};
	off_t before = 0;

	assert_int_equal(journal_open(&journal, f->folder), 0);
	assert_int_equal(journal_tun(journal, "ersatz0", 7), 0);
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(journal_batch(journal, f->changes, 2), 0);
		assert_int_equal(stat(f->path, &st), 0);
		assert_true(st.st_size <= JOURNAL_BYTES_MAX);
		if (st.st_size < before)
			break;
		before = st.st_size;
	}
	journal_close(journal);
	assert_true(st.st_size < before);
	assert_int_equal(read_all(f), 0);
	assert_string_equal(f->tun, "ersatz0");
	assert_int_equal(f->read_count, 2);
}

static void none_there_is_told_and_removed_twice_is_fine(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_all(f), -ENOENT);
	write_all(f);
	assert_int_equal(journal_remove(f->folder), 0);
	assert_int_equal(journal_remove(f->folder), 0);
	assert_int_equal(read_all(f), -ENOENT);
}

static void file_that_cannot_be_written_is_not_left(void **state)
{
	struct fixture *f = *state;
	struct journal *journal;
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	int ret = journal_open(&journal, f->folder);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(ret, -EFBIG);
	assert_int_equal(access(f->path, F_OK), -1);
}

static void link_in_its_place_is_not_followed(void **state)
{
	struct fixture *f = *state;
	struct journal *journal;

	assert_int_equal(symlink("/tmp/nowhere", f->path), 0);
	assert_int_equal(journal_open(&journal, f->folder), -ELOOP);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(what_is_written_is_read),
		CLAIM(replayed_twice_is_the_same_as_once),
		CLAIM(batch_that_was_cut_off_was_not_begun),
		CLAIM(garbage_is_no_journal),
		CLAIM(full_journal_starts_anew_and_keeps_the_tun),
		CLAIM(none_there_is_told_and_removed_twice_is_fine),
		CLAIM(file_that_cannot_be_written_is_not_left),
		CLAIM(link_in_its_place_is_not_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
