// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/fake_edit.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct nl_edit *current;

void fake_edit_set(struct nl_edit *edit)
{
	current = edit;
}

int nl_edit_open(struct nl_edit **edit)
{
	*edit = current;
	return current ? 0 : -EPERM;
}

void nl_edit_close(struct nl_edit *edit)
{
	(void)edit;
}

uint32_t nl_edit_portid(const struct nl_edit *edit)
{
	(void)edit;
	return 1;
}

int nl_edit_batch(struct nl_edit *edit, struct nl_change *changes, size_t count)
{
	int failed = 0;

	edit->calls++;
	if (edit->journalled)
		assert_true(edit->journalled() >= edit->changes + count);
	for (size_t i = 0; i < count; i++) {
		bool is_chosen = edit->fails_at && --edit->fails_at == 0;

		changes[i].result =
			is_chosen ? edit->failure
				  : fib_model_change(edit->model, &changes[i]);
		failed += changes[i].result < 0;
		edit->changes += changes[i].result == 0;
	}
	return failed;
}

int nl_edit_add(struct nl_edit *edit, const struct nl_object *object)
{
	struct nl_change change = {.object = *object};

	return nl_edit_batch(edit, &change, 1) ? change.result : 0;
}

int nl_edit_del(struct nl_edit *edit, const struct nl_object *object)
{
	struct nl_change change = {.is_removal = true, .object = *object};

	return nl_edit_batch(edit, &change, 1) ? change.result : 0;
}

int nl_edit_del_link(struct nl_edit *edit, int ifindex)
{
	(void)edit;
	(void)ifindex;
	return -EOPNOTSUPP;
}

int nl_edit_lookup(struct nl_edit *edit, const struct nl_lookup *lookup,
		   struct nl_lookup_answer *answer)
{
	int way = edit->rival_link;

	if (!way)
		way = fib_model_lookup(edit->model, lookup, false);
	if (way < 0)
		return way;
	memset(answer, 0, sizeof(*answer));
	answer->type = way == LO ? RTN_LOCAL : RTN_UNICAST;
	answer->oif = way;
	answer->table = RT_TABLE_MAIN;
	return 0;
}
