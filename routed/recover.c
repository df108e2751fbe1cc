// SPDX-License-Identifier: BSD-2-Clause
#include "routed/recover.h"

#include "common/err.h"
#include "common/log.h"
#include "routed/carry.h"
#include "routed/firewall.h"
#include "routed/journal.h"
#include "routed/lan.h"
#include "routed/plan_print.h"
#include "routed/reconcile.h"
#include "routed/resolvconf.h"

#include <errno.h>
#include <string.h>

struct recovery {
	struct nl_edit *edit;  /* owned */
	struct nl_state found; /* owned */
	struct recover_report *report;
	int first_error;
};

static void note(struct recovery *recovery, int ret)
{
	if (ret < 0 && !recovery->first_error)
		recovery->first_error = ret;
}

static bool is_gone(int ret)
{
	return ret == -ENOENT || ret == -ESRCH || ret == -ENODEV;
}

static void remove_object(struct recovery *recovery,
			  const struct nl_object *object)
{
	const struct plan_names names = {&recovery->found, "", 0};
	char text[PLAN_PRINT_SIZE];
	int ret = nl_edit_del(recovery->edit, object);

	plan_print_object(object, true, &names, text, sizeof(text));
	if (ret < 0 && !is_gone(ret)) {
		log_error("cannot do '%s': %s", text, err_text(ret));
		note(recovery, ret);
		return;
	}
	log_debug("removed: '%s'", text);
	if (object->kind == NL_OBJECT_RULE)
		recovery->report->rules++;
	else
		recovery->report->routes++;
}

static void remove_objects(struct recovery *recovery)
{
	struct reconcile todo;
	int ret = reconcile_make(&todo, NULL, &recovery->found);

	if (ret < 0) {
		note(recovery, ret);
		return;
	}
	for (size_t i = 0; i < todo.count; i++) {
		if (todo.entries[i].verdict == RECONCILE_REMOVED)
			remove_object(recovery, &todo.entries[i].object);
	}
	reconcile_fini(&todo);
}

static void remove_link(struct recovery *recovery, const struct nl_link *link)
{
	int ret = nl_edit_del_link(recovery->edit, link->ifindex);

	if (ret < 0 && !is_gone(ret)) {
		log_error("cannot remove device '%s': %s", link->name,
			  err_text(ret));
		note(recovery, ret);
		return;
	}
	log_debug("removed: device '%s'", link->name);
	recovery->report->links++;
}

/* Only what still has both the name and the number that it had. */
static void on_tun(void *ctx, const char *name, int ifindex)
{
	struct recovery *recovery = ctx;
	const struct nl_link *link =
		nl_link_by_index(&recovery->found, ifindex);

	if (link && strcmp(link->name, name) == 0 &&
	    strcmp(link->kind, "tun") == 0)
		remove_link(recovery, link);
}

/* It goes with its namespace, but in the kernel's own time: carry.h. */
static void remove_veths(struct recovery *recovery)
{
	for (size_t i = 0; i < recovery->found.link_count; i++) {
		const struct nl_link *link = &recovery->found.links[i];

		if (link->group == NL_PROTOCOL &&
		    strcmp(link->kind, "veth") == 0 &&
		    strncmp(link->name, CARRY_HOST_PREFIX,
			    strlen(CARRY_HOST_PREFIX)) == 0)
			remove_link(recovery, link);
	}
}

static void remove_links(struct recovery *recovery, const char *run_dir)
{
	const struct journal_reader reader = {.on_tun = on_tun};
	int ret = journal_read(run_dir, &reader, recovery);

	if (ret == -ENOENT)
		return;
	if (ret < 0)
		log_warning("cannot read '%s/" JOURNAL_FILE "': %s", run_dir,
			    err_text(ret));
	ret = journal_remove(run_dir);
	if (ret < 0) {
		log_error("cannot remove '%s/" JOURNAL_FILE "': %s", run_dir,
			  err_text(ret));
		note(recovery, ret);
	}
}

static void give_resolver_back(struct recovery *recovery, const char *run_dir)
{
	const struct resolvconf conf = {RESOLVCONF_PATH, run_dir};
	int ret = resolvconf_give_back(&conf);

	if (ret < 0) {
		log_error("cannot give '" RESOLVCONF_PATH "' back: %s",
			  err_text(ret));
		note(recovery, ret);
		return;
	}
	recovery->report->resolver = ret;
}

/* Behind everything that it protects. */
static void remove_table(struct recovery *recovery)
{
	char why[FIREWALL_WHY_SIZE] = "";
	struct firewall firewall = {0};
	int ret = firewall_remove(&firewall, NULL, why);

	firewall_fini(&firewall);
	if (ret > 0) {
		log_debug("removed: nftables table inet " TABLE_NAME);
		recovery->report->tables++;
	} else if (ret < 0) {
		/* A kernel without nftables has none of ours. */
		log_debug("%s", why);
	}
}

static void recover_lan(struct recovery *recovery, const char *run_dir,
			enum recover_scope scope)
{
	char why[LAN_WHY_SIZE] = "";
	int ret = lan_recover(run_dir, scope == RECOVER_BUT_TABLE, why);

	if (ret > 0)
		recovery->report->tables++;
	else if (ret < 0)
		log_debug("%s", why);
}

static enum firewall_kind look_at_table(void)
{
	char why[FIREWALL_WHY_SIZE];
	struct firewall firewall = {0};
	enum firewall_kind kind = FIREWALL_NONE;
	int ret = firewall_look(&firewall, &kind, why);

	firewall_fini(&firewall);
	return ret == 0 ? kind : FIREWALL_NONE;
}

static int look(struct nl_state *found)
{
	struct nl_reader *reader;
	int ret = nl_reader_open(&reader);

	if (ret < 0)
		return ret;
	ret = nl_reader_dump(reader, found);
	nl_reader_close(reader);
	return ret;
}

int recover_run(const char *run_dir, enum recover_scope scope,
		struct recover_report *report)
{
	struct recovery recovery = {.report = report};
	bool keeps_table = scope == RECOVER_BUT_TABLE;
	int ret;

	memset(report, 0, sizeof(*report));
	if (scope == RECOVER_UNLESS_CLOSED) {
		enum firewall_kind kind = look_at_table();

		report->is_kept = kind == FIREWALL_CLOSED;
		keeps_table = kind == FIREWALL_GUARD;
	}
	if (report->is_kept)
		return 0;
	ret = look(&recovery.found);
	if (ret < 0)
		return ret;
	ret = nl_edit_open(&recovery.edit);
	if (ret < 0)
		goto free_found;
	if (run_dir)
		give_resolver_back(&recovery, run_dir);
	remove_objects(&recovery);
	if (run_dir)
		remove_links(&recovery, run_dir);
	remove_veths(&recovery);
	recover_lan(&recovery, run_dir, scope);
	if (!keeps_table)
		remove_table(&recovery);
	ret = recovery.first_error;
	nl_edit_close(recovery.edit);

free_found:
	nl_state_free(&recovery.found);
	return ret;
}

void recover_leftovers(const char *run_dir, enum recover_scope scope)
{
	struct recover_report report;
	int ret = recover_run(run_dir, scope, &report);

	/* What could not be removed has been logged there. */
	if (ret < 0 || report.rules || report.routes || report.links ||
	    report.tables || report.resolver)
		log_notice("removed what an earlier run left behind: %zu "
			   "rules, %zu routes, %zu devices%s%s",
			   report.rules, report.routes, report.links,
			   report.tables ? ", the nftables table" : "",
			   report.resolver > 0 ? ", resolv.conf" : "");
}
