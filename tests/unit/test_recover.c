// SPDX-License-Identifier: BSD-2-Clause
/*
 * With the real kernel, in a network namespace of this process alone; without
 * the privilege to make one there is nothing to test.
 */
#include "routed/recover.h"

#include "routed/carry.h"
#include "routed/journal.h"
#include "routed/object.h"
#include "routed/tun.h"
#include "tests/unit/fib_model.h"

#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char folder[40];
	struct nl_edit *edit;
	struct nl_reader *reader;
	struct nl_state before;
};

static struct nl_object rule_make(uint8_t protocol, uint32_t priority)
{
	struct nl_object object = {.kind = NL_OBJECT_RULE};

	object.rule.family = ADDR_IPV4;
	object.rule.action = FR_ACT_TO_TBL;
	object.rule.protocol = protocol;
	object.rule.priority = priority;
	object.rule.table = PLAN_TABLE_LOCAL;
	object.rule.suppress_prefixlength = -1;
	return object;
}

static int setup(void **state)
{
	static struct fixture f;
	const struct nl_object foreign = rule_make(RTPROT_STATIC, 5001);

	*state = NULL;
	if (unshare(CLONE_NEWNET) < 0)
		return 0;
	strcpy(f.folder, "/tmp/test_recover.XXXXXX");
	if (!mkdtemp(f.folder) || nl_edit_open(&f.edit) < 0 ||
	    nl_reader_open(&f.reader) < 0 ||
	    nl_edit_add(f.edit, &foreign) < 0 ||
	    nl_reader_dump(f.reader, &f.before) < 0)
		return -1;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (!f)
		return 0;
	nl_edit_close(f->edit);
	nl_reader_close(f->reader);
	nl_state_free(&f->before);
	return rmdir(f->folder);
}

static void assert_as_before(struct fixture *f)
{
	struct nl_state now;

	assert_int_equal(nl_reader_dump(f->reader, &now), 0);
	assert_true(nl_state_equal(&now, &f->before));
	nl_state_free(&now);
}

static void ours_goes_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	const struct prefix prefix = prefix_of("203.0.113.7");
	const struct prefix prefix6 = prefix_of("2001:db8::/32");
	struct nl_object object;
	struct recover_report report;

	if (!f)
		skip();
	for (uint32_t priority = 1; priority <= 3; priority++) {
		object = rule_make(NL_PROTOCOL, priority * 2000);
		assert_int_equal(nl_edit_add(f->edit, &object), 0);
	}
	object = plan_throw(&prefix, 4711);
	assert_int_equal(nl_edit_add(f->edit, &object), 0);
	object = plan_throw(&prefix6, PLAN_TABLE_FIXED);
	assert_int_equal(nl_edit_add(f->edit, &object), 0);
	assert_int_equal(recover_run(NULL, RECOVER_ALL, &report), 0);
	assert_int_equal(report.rules, 3);
	assert_int_equal(report.routes, 2);
	assert_as_before(f);
	assert_int_equal(recover_run(NULL, RECOVER_ALL, &report), 0);
	assert_int_equal(report.rules + report.routes + report.links, 0);
	assert_as_before(f);
}

static void device_goes_if_name_and_number_are_in_the_journal(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = NULL;
	struct recover_report report;
	int ours, other;

	if (!f || access("/dev/net/tun", R_OK | W_OK) < 0)
		skip();
	ours = tun_open("ersatz0", 1500);
	other = tun_open("ersatz1", 1500);
	assert_true(ours >= 0);
	assert_true(other >= 0);
	assert_int_equal(journal_open(&journal, f->folder), 0);
	assert_int_equal(
		journal_tun(journal, "ersatz0", (int)if_nametoindex("ersatz0")),
		0);
	/* A name that has another number now. */
	assert_int_equal(journal_tun(journal, "ersatz1", 4711), 0);
	journal_close(journal);
	assert_int_equal(recover_run(f->folder, RECOVER_ALL, &report), 0);
	assert_int_equal(report.links, 1);
	assert_int_equal(if_nametoindex("ersatz0"), 0);
	assert_int_not_equal(if_nametoindex("ersatz1"), 0);
	close(other);
	close(ours);
	assert_as_before(f);
}

/* A veth of that name and group, with the other end in `netns`. */
static void add_veth(const char *name, const char *peer, int netns)
{
	const struct nl_device_veth veth = {
		.name = name,
		.peer_name = peer,
		.peer_netns = netns,
		.peer_mtu = 1500,
	};
	struct nl_device *device;

	assert_int_equal(nl_device_open(&device), 0);
	assert_true(nl_device_add_veth(device, &veth) > 0);
	nl_device_close(device);
}

static void veth_goes_if_it_has_our_name(void **state)
{
	struct fixture *f = *state;
	struct recover_report report;
	int netns;

	if (!f)
		skip();
	netns = open("/proc/self/ns/net", O_RDONLY);
	assert_true(netns >= 0);
	add_veth("other0", "other1", netns);
	add_veth("inner1", CARRY_HOST_PREFIX "%d", netns);
	assert_int_not_equal(if_nametoindex(CARRY_HOST_PREFIX "0"), 0);
	assert_int_equal(recover_run(NULL, RECOVER_ALL, &report), 0);
	assert_int_equal(report.links, 1);
	assert_int_equal(if_nametoindex(CARRY_HOST_PREFIX "0"), 0);
	assert_int_equal(if_nametoindex("inner1"), 0);
	assert_int_not_equal(if_nametoindex("other0"), 0);
	close(netns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_goes_and_nothing_else),
		cmocka_unit_test(
			device_goes_if_name_and_number_are_in_the_journal),
		cmocka_unit_test(veth_goes_if_it_has_our_name),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
