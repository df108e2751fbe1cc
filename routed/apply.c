// SPDX-License-Identifier: BSD-2-Clause
#include "routed/apply.h"

#include "common/err.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

struct batch {
	struct nl_change changes[NL_EDIT_BATCH_MAX];
	struct reconcile_entry *entries[NL_EDIT_BATCH_MAX]; /* borrowed */
	size_t count;
	enum plan_rank rank;
};

static bool is_same_batch(const struct batch *batch,
			  const struct reconcile_entry *entry, bool is_removal)
{
	if (!batch->count)
		return true;
	return batch->count < NL_EDIT_BATCH_MAX &&
	       batch->changes[0].is_removal == is_removal &&
	       batch->rank == plan_rank_of(&entry->object);
}

static void batch_add(struct batch *batch, struct reconcile_entry *entry,
		      bool is_removal)
{
	struct nl_change *change = &batch->changes[batch->count];

	batch->rank = plan_rank_of(&entry->object);
	memset(change, 0, sizeof(*change));
	change->is_removal = is_removal;
	change->object = entry->object;
	batch->entries[batch->count++] = entry;
}

/* Did it come out, though the kernel had nothing to do? */
static bool is_fine(const struct nl_change *change)
{
	switch (change->result) {
	case -ENOENT:
	case -ESRCH:
	case -ENODEV:
	case -EADDRNOTAVAIL:
		return change->is_removal;
	case -EEXIST:
		return !change->is_removal &&
		       change->object.kind == NL_OBJECT_IFADDR;
	}
	return change->result == 0;
}

static void tell_failure(const struct apply *apply,
			 const struct nl_change *change, char *why)
{
	char text[PLAN_PRINT_SIZE];

	snprintf(why, APPLY_WHY_SIZE, "cannot do '%s': %s",
		 plan_print_object(&change->object, change->is_removal,
				   &apply->names, text, sizeof(text)),
		 err_text(change->result));
}

static int batch_make(const struct apply *apply, struct batch *batch, char *why)
{
	int ret = 0;

	if (apply->journal)
		ret = journal_batch(apply->journal, batch->changes,
				    batch->count);
	if (ret < 0) {
		snprintf(why, APPLY_WHY_SIZE, "cannot write the journal: %s",
			 err_text(ret));
		return ret;
	}
	ret = nl_edit_batch(apply->edit, batch->changes, batch->count);
	if (ret < 0) {
		snprintf(why, APPLY_WHY_SIZE, "cannot talk to the kernel: %s",
			 err_text(ret));
		return ret;
	}
	ret = 0;
	for (size_t i = 0; i < batch->count; i++) {
		const struct nl_change *change = &batch->changes[i];

		batch->entries[i]->is_made = change->result == 0;
		if (ret == 0 && !is_fine(change)) {
			tell_failure(apply, change, why);
			ret = change->result;
		}
	}
	batch->count = 0;
	return ret;
}

int apply_run(const struct apply *apply, struct reconcile *todo, char *why)
{
	struct batch batch = {.count = 0};
	int ret = 0;

	for (size_t i = 0; i < todo->count && ret == 0; i++) {
		struct reconcile_entry *entry = &todo->entries[i];
		bool is_removal = entry->verdict == RECONCILE_REMOVED;

		if (!reconcile_is_step(entry))
			continue;
		if (!is_same_batch(&batch, entry, is_removal))
			ret = batch_make(apply, &batch, why);
		if (ret == 0)
			batch_add(&batch, entry, is_removal);
	}
	if (ret == 0 && batch.count)
		ret = batch_make(apply, &batch, why);
	return ret;
}

int apply_undo(const struct apply *apply, struct reconcile *todo)
{
	struct batch batch = {.count = 0};
	char why[APPLY_WHY_SIZE];
	int first = 0;
	int ret;

	for (size_t i = todo->count; i-- > 0;) {
		struct reconcile_entry *entry = &todo->entries[i];
		bool is_removal = entry->verdict == RECONCILE_ADDED;

		/* A link that we set up goes with its owner. */
		if (!entry->is_made || entry->object.kind == NL_OBJECT_LINK_UP)
			continue;
		batch_add(&batch, entry, is_removal);
		ret = batch_make(apply, &batch, why);
		entry->is_made = false;
		batch.count = 0;
		if (!first)
			first = ret;
	}
	return first;
}

static bool is_into_tun(const struct apply *apply,
			const struct nl_lookup_answer *answer)
{
	return answer->type == RTN_UNICAST &&
	       answer->oif == apply->names.tun_ifindex;
}

static void tell_way(const struct apply *apply, const struct plan_probe *probe,
		     const struct nl_lookup_answer *answer, char *why)
{
	const struct nl_link *link =
		nl_link_by_index(apply->names.state, answer->oif);
	char addr[ADDR_TEXT_SIZE];

	addr_format(&probe->lookup.dst, addr, sizeof(addr));
	if (probe->way == PLAN_WAY_NOWHERE)
		snprintf(why, APPLY_WHY_SIZE,
			 "%s is led to '%s' by table %u and not refused (asked "
			 "for %s): a rule of another program comes before "
			 "ours; see 'ip rule'",
			 probe->what, link ? link->name : "?", answer->table,
			 addr);
	else if (probe->way == PLAN_WAY_NOT_TUN)
		snprintf(why, APPLY_WHY_SIZE,
			 "%s is led into '%s' (asked for %s), although it is "
			 "exempt",
			 probe->what, apply->names.tun, addr);
	else
		snprintf(why, APPLY_WHY_SIZE,
			 "%s is led to '%s' by table %u and not into '%s' "
			 "(asked for %s): a rule of another program comes "
			 "before ours; see 'ip rule'",
			 probe->what, link ? link->name : "?", answer->table,
			 apply->names.tun, addr);
}

static int verify_one(const struct apply *apply, const struct plan_probe *probe,
		      char *why)
{
	struct nl_lookup_answer answer;
	char addr[ADDR_TEXT_SIZE];
	int ret = nl_edit_lookup(apply->edit, &probe->lookup, &answer);

	if (ret < 0 && probe->way == PLAN_WAY_NOWHERE)
		return 0;
	if (ret < 0 && probe->may_fail)
		return 0;
	if (ret < 0) {
		snprintf(why, APPLY_WHY_SIZE,
			 "%s cannot be reached (asked for %s): %s", probe->what,
			 addr_format(&probe->lookup.dst, addr, sizeof(addr)),
			 err_text(ret));
		return ret;
	}
	if (probe->way != PLAN_WAY_NOWHERE &&
	    is_into_tun(apply, &answer) == (probe->way == PLAN_WAY_TUN))
		return 0;
	tell_way(apply, probe, &answer, why);
	return ERR_FOREIGN;
}

int apply_verify(const struct apply *apply, const struct plan *plan, char *why)
{
	for (size_t i = 0; i < plan->probe_count; i++) {
		int ret = verify_one(apply, &plan->probes[i], why);

		if (ret < 0)
			return ret;
	}
	return 0;
}
