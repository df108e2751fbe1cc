// SPDX-License-Identifier: BSD-2-Clause
#include "routed/capture.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/plural.h"
#include "routed/object.h"
#include "routed/throws.h"

#include <assert.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int capture_init(struct capture *capture, const char *run_dir)
{
	int ret;

	memset(capture, 0, sizeof(*capture));
	ret = nl_edit_open(&capture->edit);
	if (ret < 0)
		return ret;
	ret = journal_open(&capture->journal, run_dir);
	if (ret < 0) {
		nl_edit_close(capture->edit);
		return ret;
	}
	capture->table_failures.burst = 3;
	return 0;
}

void capture_fini(struct capture *capture)
{
	nl_edit_close(capture->edit);
	journal_close(capture->journal);
	firewall_fini(&capture->firewall);
	plan_fini(&capture->plan);
	memset(capture, 0, sizeof(*capture));
}

static struct apply apply_with(const struct capture *capture,
			       const struct plan_names *names)
{
	return (struct apply){
		.edit = capture->edit,
		.journal = capture->journal,
		.names = *names,
	};
}

static bool has_steps(const struct reconcile *todo)
{
	return todo->of[RECONCILE_ADDED] || todo->of[RECONCILE_REMOVED];
}

/* One word an object: what is to be done at info, the rest at debug. */
static void log_verdicts(const struct reconcile *todo,
			 const struct plan_names *names)
{
	char text[PLAN_PRINT_SIZE];

	if (!log_has(LOG_LEVEL_INFO))
		return;
	for (size_t i = 0; i < todo->count; i++) {
		const struct reconcile_entry *entry = &todo->entries[i];
		const char *word = reconcile_word(entry->verdict);

		plan_print_object(&entry->object, false, names, text,
				  sizeof(text));
		if (reconcile_is_step(entry))
			log_info("%s: '%s'", word, text);
		else
			log_debug("%s: '%s'", word, text);
	}
}

/* Names the first that is in the way. */
static void tell_conflict(const struct reconcile *todo,
			  const struct plan_names *names, char *why)
{
	char text[PLAN_PRINT_SIZE];

	for (size_t i = 0; i < todo->count; i++) {
		const struct reconcile_entry *entry = &todo->entries[i];

		if (!entry->is_conflict)
			continue;
		plan_print_object(&entry->object, false, names, text,
				  sizeof(text));
		snprintf(why, APPLY_WHY_SIZE,
			 "another program has what we need: '%s'", text);
		return;
	}
}

/* What is in our tables and not ours; told when it comes, not each time. */
static void note_foreign(struct capture *capture, const struct reconcile *todo,
			 const struct plan_names *names)
{
	size_t before = capture->foreign;
	char text[PLAN_PRINT_SIZE];

	capture->foreign = todo->of[RECONCILE_FOREIGN];
	for (size_t i = 0; i < todo->count && capture->foreign > before; i++) {
		const struct reconcile_entry *entry = &todo->entries[i];

		if (entry->verdict != RECONCILE_FOREIGN)
			continue;
		plan_print_object(&entry->object, false, names, text,
				  sizeof(text));
		log_warning("left alone, where ours should be: '%s'", text);
	}
}

/*
 * Without nftables an open host is as open as before, and a closed one is not
 * closed; a table of somebody else is a reason not to start.
 */
static int judge_table(struct capture *capture, const struct plan *wanted,
		       int ret, const char *why)
{
	if (ret >= 0 || wanted->is_closed || ret == ERR_FOREIGN)
		return ret;
	if (log_limit_pass(&capture->table_failures))
		log_warning("%s; fake addresses are not kept from leaving by "
			    "sockets that are bound to an interface",
			    why);
	capture->is_without_table = true;
	return 0;
}

static void look_for_leftover(struct capture *capture)
{
	char why[FIREWALL_WHY_SIZE];

	if (capture->has_looked)
		return;
	capture->has_looked = true;
	if (firewall_look(&capture->firewall, &capture->leftover, why) < 0)
		log_debug("%s", why);
}

static int put_table(struct capture *capture, const struct plan *wanted,
		     char *why)
{
	int ret = journal_table(capture->journal, false);

	look_for_leftover(capture);
	if (ret < 0) {
		snprintf(why, APPLY_WHY_SIZE, "cannot write the journal: %s",
			 err_text(ret));
		return ret;
	}
	capture->is_without_table = false;
	ret = firewall_put(&capture->firewall, wanted->table, why);
	return judge_table(capture, wanted, ret, why);
}

static int remove_table(struct capture *capture, const char *guard, char *why)
{
	int ret = journal_table(capture->journal, true);

	if (ret < 0)
		log_debug("cannot write the journal: %s", err_text(ret));
	return firewall_remove(&capture->firewall, guard, why);
}

/* Not a table that kept a host closed after a crash. */
static void take_table_back(struct capture *capture)
{
	char why[FIREWALL_WHY_SIZE];

	if (capture->leftover == FIREWALL_CLOSED)
		return;
	if (remove_table(capture, NULL, why) < 0)
		log_error("%s; 'routed --recover' tries again", why);
}

void capture_forget_leftover(struct capture *capture)
{
	look_for_leftover(capture);
	if (capture->leftover == FIREWALL_OPEN)
		take_table_back(capture);
	capture->leftover = FIREWALL_NONE;
}

/* 1 when it was put in anew. */
static int follow_table(struct capture *capture, const struct plan *wanted,
			bool *is_repair, char *why)
{
	const char *now = capture->firewall.text;
	bool is_same = now && strcmp(now, wanted->table) == 0;
	int ret = 0;

	*is_repair = false;
	/* Until something changes it would be refused again. */
	if (capture->is_without_table && !capture->is_table_dirty &&
	    !wanted->is_closed)
		return 0;
	if (is_same && capture->is_table_dirty) {
		ret = firewall_has_changed(&capture->firewall, why);
		*is_repair = ret > 0;
	}
	if (ret == 0 && is_same)
		capture->is_table_dirty = false;
	if (ret < 0)
		return judge_table(capture, wanted, ret, why);
	if (ret == 0 && is_same)
		return 0;
	ret = put_table(capture, wanted, why);
	if (ret == 0)
		capture->is_table_dirty = false;
	if (ret == 0 && *is_repair)
		capture->firewall.repairs++;
	return ret < 0 ? ret : 1;
}

static void keep_plan(struct capture *capture, struct plan *plan)
{
	plan_fini(&capture->plan);
	capture->plan = *plan;
	memset(plan, 0, sizeof(*plan));
}

/* The table, all of `todo` and the probes, or nothing of it. */
static int install(struct capture *capture, const struct apply *apply,
		   const struct plan *wanted, struct reconcile *todo, char *why)
{
	int ret = put_table(capture, wanted, why);
	int undone;

	if (ret < 0)
		return ret;
	ret = apply_run(apply, todo, why);
	if (ret == 0)
		ret = apply_verify(apply, wanted, why);
	if (ret == 0)
		return 0;
	undone = apply_undo(apply, todo);
	if (undone < 0)
		log_error("cannot take everything back: %s; "
			  "'routed --recover' tries again",
			  err_text(undone));
	take_table_back(capture);
	return ret;
}

int capture_install(struct capture *capture, struct plan *wanted,
		    const struct plan_names *names, char *why)
{
	const struct apply apply = apply_with(capture, names);
	struct reconcile todo;
	int ret = reconcile_make(&todo, wanted, names->state);

	if (ret < 0) {
		snprintf(why, APPLY_WHY_SIZE, "%s", err_text(ret));
		return ret;
	}
	log_verdicts(&todo, names);
	tell_conflict(&todo, names, why);
	if (todo.conflicts)
		ret = ERR_FOREIGN;
	else
		ret = install(capture, &apply, wanted, &todo, why);
	if (ret == 0)
		note_foreign(capture, &todo, names);
	if (ret == 0)
		keep_plan(capture, wanted);
	reconcile_fini(&todo);
	return ret;
}

static int compare_places(const void *a, const void *b)
{
	const struct nl_object *const *p = a;
	const struct nl_object *const *q = b;

	return object_compare_key(*p, *q);
}

/*
 * What was in place and is not any more, though we want it still.  There may
 * be ten thousand of either: all that is added is sorted, then what was in
 * place is looked for among it.
 */
static size_t count_repairs(const struct capture *capture,
			    const struct reconcile *todo)
{
	size_t most = todo->of[RECONCILE_ADDED];
	const struct nl_object **added = calloc(most + 1, sizeof(*added));
	size_t repairs = 0;
	size_t count = 0;

	if (!added)
		return 0;
	for (size_t i = 0; i < todo->count && count < most; i++) {
		if (todo->entries[i].verdict == RECONCILE_ADDED)
			added[count++] = &todo->entries[i].object;
	}
	qsort(added, count, sizeof(*added), compare_places);
	for (size_t p = 0; p < capture->plan.count && count; p++) {
		const struct nl_object *object = &capture->plan.objects[p];
		const struct nl_object *const *found = bsearch(
			&object, added, count, sizeof(*added), compare_places);

		repairs += found && object_is_equal(*found, object);
	}
	free(added);
	return repairs;
}

static void note_repairs(struct capture *capture, size_t repairs, bool is_table)
{
	const int64_t now_ms = clock_monotonic_ms();
	bool is_due = false;

	if (!repairs && !is_table)
		return;
	capture->repairs += repairs + is_table;
	if (repairs)
		log_notice("repaired %zu %s removed", repairs,
			   plural((int64_t)repairs, "rule or route that was",
				  "rules and routes that were"));
	if (is_table)
		log_notice("put the nftables table back that was removed or "
			   "changed");
	if (repairs)
		is_due = rival_note(&capture->rival, RIVAL_OF_ROUTES, now_ms);
	if (is_table)
		is_due |= rival_note(&capture->rival, RIVAL_OF_TABLE, now_ms);
	if (is_due)
		log_warning("rules and routes of ours are removed again and "
			    "again, by %s",
			    capture->rival.told);
}

int capture_follow(struct capture *capture, struct plan *wanted,
		   const struct plan_names *names, char *why)
{
	const struct apply apply = apply_with(capture, names);
	struct reconcile todo;
	bool is_table_repair;
	size_t repairs;
	int ret = follow_table(capture, wanted, &is_table_repair, why);
	int changed = ret;

	if (ret < 0)
		return ret;
	ret = reconcile_make(&todo, wanted, names->state);
	if (ret < 0) {
		snprintf(why, APPLY_WHY_SIZE, "%s", err_text(ret));
		return ret;
	}
	note_foreign(capture, &todo, names);
	if (has_steps(&todo)) {
		log_verdicts(&todo, names);
		ret = apply_run(&apply, &todo, why);
		changed = 1;
	}
	if (ret == 0) {
		repairs = count_repairs(capture, &todo);
		note_repairs(capture, repairs, is_table_repair);
		ret = changed;
	}
	/* What never was in place is not repaired when it comes. */
	if (ret >= 0)
		keep_plan(capture, wanted);
	reconcile_fini(&todo);
	return ret;
}

/* For the whole run: what only `local` has may be gone the next moment. */
static bool is_thrown(const struct capture *capture,
		      const struct prefix *prefix)
{
	const struct throws throws = {capture->plan.throws,
				      capture->plan.throw_count};

	return throws_have(&throws, prefix);
}

int capture_throw(struct capture *capture, const struct prefix *prefix,
		  const struct plan_names *names, char *why)
{
	uint32_t tables[PLAN_TABLES_MAX];
	const struct apply apply = apply_with(capture, names);
	struct reconcile_entry entries[PLAN_TABLES_MAX] = {0};
	struct reconcile todo = {
		.entries = entries,
		.count = plan_tables(capture->plan.has_gateways, tables),
	};
	int ret;

	if (is_thrown(capture, prefix))
		return 0;
	/* The set before the throw: what is thrown must be let out. */
	if (capture->plan.is_closed) {
		ret = firewall_add_direct(&capture->firewall, prefix, why);
		if (ret < 0)
			log_debug("%s", why);
	}
	for (size_t i = 0; i < todo.count; i++) {
		entries[i].verdict = RECONCILE_ADDED;
		entries[i].object = plan_throw(prefix, tables[i]);
	}
	ret = apply_run(&apply, &todo, why);
	/* From before, and on its way out: the next plan decides. */
	return ret == -EEXIST ? 0 : ret;
}

static void add_directs(const struct capture *capture, const struct addr *addrs,
			size_t count, enum reconcile_verdict verdict,
			struct reconcile *todo)
{
	for (size_t i = 0; i < count; i++) {
		const struct prefix prefix = {
			.addr = addrs[i],
			.length = (uint8_t)addr_bits(&addrs[i]),
		};

		/* Another throw says the same, and stays. */
		if (is_thrown(capture, &prefix))
			continue;
		todo->entries[todo->count].verdict = verdict;
		todo->entries[todo->count++].object =
			plan_throw(&prefix, PLAN_TABLE_LOCAL);
	}
}

int capture_change_directs(struct capture *capture,
			   const struct capture_directs *directs,
			   const struct plan_names *names, char *why)
{
	const struct apply apply = apply_with(capture, names);
	struct reconcile_entry entries[2 * CAPTURE_DIRECTS_MAX] = {0};
	struct reconcile todo = {.entries = entries};
	int ret;

	assert(directs->removed_count <= CAPTURE_DIRECTS_MAX &&
	       directs->added_count <= CAPTURE_DIRECTS_MAX);
	add_directs(capture, directs->removed, directs->removed_count,
		    RECONCILE_REMOVED, &todo);
	add_directs(capture, directs->added, directs->added_count,
		    RECONCILE_ADDED, &todo);
	ret = apply_run(&apply, &todo, why);
	/* From before, and still there: the next plan wants it too. */
	return ret == -EEXIST ? 0 : ret;
}

int capture_remove(struct capture *capture, const struct plan_names *names,
		   const char *guard, char *why)
{
	const struct apply apply = apply_with(capture, names);
	char table_why[FIREWALL_WHY_SIZE];
	struct reconcile todo;
	bool had_table = capture->firewall.text;
	int removed;
	int ret = reconcile_make(&todo, NULL, names->state);

	if (ret < 0) {
		snprintf(why, APPLY_WHY_SIZE, "%s", err_text(ret));
		return ret;
	}
	log_verdicts(&todo, names);
	ret = apply_run(&apply, &todo, why);
	removed = remove_table(capture, guard, table_why);
	if (removed < 0 && had_table && ret == 0) {
		snprintf(why, APPLY_WHY_SIZE, "%s", table_why);
		ret = removed;
	}
	plan_fini(&capture->plan);
	capture->foreign = 0;
	capture->leftover = FIREWALL_NONE;
	reconcile_fini(&todo);
	return ret;
}
