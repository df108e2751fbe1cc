// SPDX-License-Identifier: BSD-2-Clause
/*
 * Everything that may have changed something ends in one place: a timer that
 * dumps, plans and applies.  Events only start it, and not at once if the
 * last dump was just now; so a swarm of them costs one dump, and a rival who
 * removes our rules all day long costs one a second.
 *
 * Our own changes make no events (their sender is known), so the state is
 * dumped again after each of them, without telling anybody.
 */
#include "routed/host.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/nl_watch.h"
#include "routed/capture.h"
#include "routed/learnt.h"
#include "routed/nft_watch.h"
#include "routed/outlook.h"
#include "routed/plan_main.h"
#include "routed/recover.h"
#include "routed/takeover.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DUMP_SPACING_MS 100 /* between two dumps */
#define DUMP_DELAY_MS 10    /* after the first event: they come in swarms */
#define RETRY_MS 1000       /* after a failure */

struct host {
	struct ev_loop *loop;        /* borrowed */
	const struct config *config; /* borrowed */
	struct nl_reader *reader;    /* owned, as all below */
	struct nl_watch *watch;
	struct nft_watch *nft_watch; /* NULL: no nftables to be watched */
	struct nl_state state;
	struct capture capture;
	struct takeover takeover;
	struct learnt learnt;
	struct lan lan;
	struct direct *direct;
	struct ev_timer timer;
	struct ev_timer expiry; /* of addresses of DIRECT names */
	int64_t dumped_ms;
	struct log_limit failures;
	bool is_captured;
	bool is_abandoned; /* closed, for somebody else to open */
	host_change_fn fn;
	void *ctx;
};

/* 1 when the state is another one than before. */
static int dump(struct host *host)
{
	struct nl_state now;
	bool is_same;
	int ret = nl_reader_dump(host->reader, &now);

	if (ret < 0)
		return ret;
	host->dumped_ms = clock_monotonic_ms();
	is_same = nl_state_equal(&host->state, &now);
	nl_state_free(&host->state);
	host->state = now;
	return !is_same;
}

/* A timer that would run later runs then. */
static void schedule(struct host *host, int64_t delay_ms)
{
	const double delay_s = (double)delay_ms / 1000;

	ev_now_update(host->loop);
	if (ev_is_active(&host->timer) &&
	    ev_timer_remaining(host->loop, &host->timer) <= delay_s)
		return;
	ev_timer_stop(host->loop, &host->timer);
	ev_timer_set(&host->timer, delay_s, 0);
	ev_timer_start(host->loop, &host->timer);
}

static void on_event(void *ctx)
{
	struct host *host = ctx;
	int64_t now_ms = clock_monotonic_ms();
	int64_t delay_ms = host->dumped_ms + DUMP_SPACING_MS - now_ms;
	int64_t rest_ms = rival_spacing_ms(&host->capture.rival, now_ms);

	if (delay_ms < DUMP_DELAY_MS)
		delay_ms = DUMP_DELAY_MS;
	schedule(host, delay_ms > rest_ms ? delay_ms : rest_ms);
}

static void on_nft_event(void *ctx)
{
	struct host *host = ctx;

	host->capture.is_table_dirty = true;
	rival_see_table(&host->capture.rival, host->nft_watch);
	on_event(host);
}

static struct plan_names names_now(const struct host *host)
{
	return (struct plan_names){
		.state = &host->state,
		.tun = host->config->routed.tun,
		.tun_ifindex = host->learnt.facts.tun_ifindex,
	};
}

static int look_out(const struct host *host, struct outlook *outlook, char *why)
{
	struct plan_facts facts = host->learnt.facts;

	facts.directs = direct_prefixes(host->direct, &facts.direct_count);
	return outlook_make(outlook, host->config, &host->state, &facts, why);
}

/*
 * Without its table a device would be served half: replies of published ports
 * would be lost.  So nobody is.
 */
static int put_lan(struct host *host, struct outlook *outlook, char *why)
{
	const struct lan_table table = {
		.text = outlook->plan.side,
		.directs = outlook->facts.directs,
		.direct_count = outlook->facts.direct_count,
		.is_dirty = host->capture.is_table_dirty,
	};

	if (lan_put(&host->lan, &table, why) >= 0)
		return 0;
	if (log_limit_pass(&host->failures))
		log_warning("%s; devices behind this host are not served", why);
	return outlook_serve_nobody(outlook, why);
}

/* All that is planned, or the difference to what is there. */
typedef int (*change_fn)(struct host *host, struct plan *plan, char *why);

static int change(struct host *host, change_fn fn, char *why)
{
	struct outlook outlook;
	int ret = look_out(host, &outlook, why);

	if (ret < 0)
		return ret;
	ret = put_lan(host, &outlook, why);
	if (ret == 0)
		ret = fn(host, &outlook.plan, why);
	if (ret >= 0)
		lan_open(&host->lan, host->config, &host->state,
			 &outlook.facts);
	outlook_fini(&outlook);
	return ret;
}

static int follow_plan(struct host *host, struct plan *plan, char *why)
{
	const struct plan_names names = names_now(host);

	return capture_follow(&host->capture, plan, &names, why);
}

static int follow(struct host *host, char *why)
{
	int ret = change(host, follow_plan, why);

	/* Half of it may have been made. */
	if (ret != 0 && dump(host) < 0 && ret > 0) {
		snprintf(why, HOST_WHY_SIZE, "cannot read the routes");
		ret = -EIO;
	}
	return ret;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct host *host = timer->data;
	char why[HOST_WHY_SIZE] = "cannot read the routes";
	int ret = dump(host);

	(void)loop;
	(void)revents;
	if (ret > 0)
		host->fn(host->ctx, &host->state);
	if (ret >= 0 && host->is_captured)
		ret = follow(host, why);
	if (ret >= 0)
		return;
	if (log_limit_pass(&host->failures))
		log_warning("%s; trying again", why);
	schedule(host, RETRY_MS);
}

static bool captures_all(const struct host *host)
{
	return host->is_captured &&
	       host->config->routed.capture == ROUTED_CAPTURE_ALL &&
	       host->config->routed.mode == ROUTED_MODE_POLICY;
}

/* What cannot be done at once is done by the next plan. */
static int change_directs(struct host *host,
			  const struct capture_directs *directs)
{
	const struct plan_names names = names_now(host);
	char why[HOST_WHY_SIZE];
	int ret;

	if (!captures_all(host))
		return 0;
	ret = capture_change_directs(&host->capture, directs, &names, why);
	if (ret == 0) {
		snprintf(why, sizeof(why),
			 "cannot tell nftables of an address "
			 "of a DIRECT name");
		ret = lan_change_directs(&host->lan, directs->removed,
					 directs->removed_count, directs->added,
					 directs->added_count);
	}
	if (ret == 0)
		return 0;
	schedule(host, DUMP_DELAY_MS);
	if (log_limit_pass(&host->failures))
		log_warning("%s; trying again", why);
	return ret;
}

static void watch_expiry(struct host *host)
{
	int64_t next_ms = direct_next_ms(host->direct);
	int64_t rest_ms = next_ms - clock_monotonic_ms();

	ev_timer_stop(host->loop, &host->expiry);
	if (next_ms == INT64_MAX)
		return;
	ev_now_update(host->loop);
	ev_timer_set(&host->expiry, rest_ms > 0 ? (double)rest_ms / 1000 : 0.,
		     0.);
	ev_timer_start(host->loop, &host->expiry);
}

static void on_expiry(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct host *host = timer->data;
	int64_t now_ms = clock_monotonic_ms();
	struct capture_directs directs = {0};

	(void)loop;
	(void)revents;
	do {
		directs.removed_count =
			direct_expire(host->direct, now_ms, directs.removed,
				      CAPTURE_DIRECTS_MAX);
		/* It has told what failed, and will be called again. */
		if (change_directs(host, &directs) < 0)
			break;
	} while (directs.removed_count == CAPTURE_DIRECTS_MAX);
	watch_expiry(host);
}

static void remove_journal(const struct config *config)
{
	if (journal_remove(config->run_dir) < 0)
		log_debug("left the journal behind");
}

int host_open(struct host **host, struct ev_loop *loop,
	      const struct config *config, host_change_fn fn, void *ctx)
{
	struct host *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->config = config;
	new->fn = fn;
	new->ctx = ctx;
	new->failures.burst = 3;
	ev_timer_init(&new->timer, on_timer, 0, 0);
	ev_timer_init(&new->expiry, on_expiry, 0, 0);
	new->timer.data = new->expiry.data = new;
	takeover_init(&new->takeover, loop);
	lan_init(&new->lan, config->run_dir);
	recover_leftovers(config->run_dir, RECOVER_BUT_TABLE);
	host_find_facts(&new->learnt.facts, config);
	ret = learnt_set_rules(&new->learnt, config);
	if (ret < 0)
		goto free_host;
	ret = direct_new(&new->direct);
	if (ret < 0)
		goto free_host;
	ret = nl_reader_open(&new->reader);
	if (ret < 0)
		goto free_direct;
	ret = capture_init(&new->capture, config->run_dir);
	if (ret < 0)
		goto close_reader;
	/* Before the first dump, so that nothing falls between. */
	ret = nl_watch_open(&new->watch, loop,
			    nl_edit_portid(new->capture.edit), on_event, new);
	if (ret < 0)
		goto fini_capture;
	nl_watch_removals(new->watch, rival_see, &new->capture.rival);
	ret = nft_watch_open(&new->nft_watch, loop, on_nft_event, new);
	if (ret < 0)
		log_debug("cannot watch nftables: %s", err_text(ret));
	ret = dump(new);
	if (ret < 0)
		goto close_watch;
	*host = new;
	fn(ctx, &new->state);
	return 0;

close_watch:
	nft_watch_close(new->nft_watch);
	nl_watch_close(new->watch);
fini_capture:
	capture_fini(&new->capture);
	remove_journal(config);
close_reader:
	nl_reader_close(new->reader);
free_direct:
	direct_free(new->direct);
free_host:
	takeover_fini(&new->takeover);
	learnt_fini(&new->learnt);
	free(new);
	return ret;
}

static int install_plan(struct host *host, struct plan *plan, char *why)
{
	const struct plan_names names = names_now(host);

	return capture_install(&host->capture, plan, &names, why);
}

static int install(struct host *host, char *why)
{
	char lan_why[LAN_WHY_SIZE];
	int ret =
		plan_main_check(host->config, &host->state, why, HOST_WHY_SIZE);

	if (ret == 0)
		ret = change(host, install_plan, why);
	if (ret < 0 && lan_remove(&host->lan, lan_why) < 0)
		log_error("%s; 'routed --recover' tries again", lan_why);
	return ret;
}

int host_capture(struct host *host, int tun_ifindex, char *why)
{
	int ret;

	snprintf(why, HOST_WHY_SIZE, "cannot read the routes");
	host_set_tun(host, tun_ifindex);
	ret = dump(host);
	if (ret < 0)
		return ret;
	ret = install(host, why);
	if (ret < 0)
		return ret;
	host->is_captured = true;
	ret = takeover_start(&host->takeover, host->config, why);
	if (ret < 0)
		host_release(host);
	else
		schedule(host, DUMP_DELAY_MS);
	return ret;
}

static int remove_all(struct host *host, const struct plan_names *names,
		      char *why)
{
	char *guard = NULL;
	int ret = 0;

	if (host->config->routed.guard_ms)
		ret = table_make_guard(&guard, host->config);
	if (ret < 0)
		log_error("cannot leave a guard behind: %s", err_text(ret));
	ret = capture_remove(&host->capture, names, guard, why);
	free(guard);
	if (ret >= 0)
		ret = lan_remove(&host->lan, why);
	return ret;
}

void host_abandon(struct host *host)
{
	if (!host->capture.plan.is_closed) {
		host_release(host);
		return;
	}
	if (!host->is_captured)
		return;
	host->is_captured = false;
	host->is_abandoned = true;
	log_warning("this host stays closed: nothing leaves it but by a new "
		    "start, until 'routed --recover'");
}

void host_release(struct host *host)
{
	const struct plan_names names = names_now(host);
	char why[HOST_WHY_SIZE] = "cannot read the routes";
	int ret;

	if (!host->is_captured)
		return;
	host->is_captured = false;
	int given_back = takeover_stop(&host->takeover, host->config);
	lan_close(&host->lan);
	ret = dump(host);
	if (ret >= 0)
		ret = remove_all(host, &names, why);
	if (ret < 0)
		log_error("%s", why);
	if (ret < 0 || given_back < 0) /* tries all of it again */
		recover_leftovers(host->config->run_dir, RECOVER_ALL);
	if (dump(host) < 0)
		log_debug("cannot read the routes after the release");
}

void host_close(struct host *host)
{
	if (!host)
		return;
	host_release(host);
	ev_timer_stop(host->loop, &host->timer);
	ev_timer_stop(host->loop, &host->expiry);
	capture_forget_leftover(&host->capture);
	if (!host->is_abandoned) {
		lan_forget_leftover(&host->lan);
		remove_journal(host->config);
	}
	nft_watch_close(host->nft_watch);
	nl_watch_close(host->watch);
	capture_fini(&host->capture);
	nl_reader_close(host->reader);
	nl_state_free(&host->state);
	takeover_fini(&host->takeover);
	learnt_fini(&host->learnt);
	direct_free(host->direct);
	lan_fini(&host->lan);
	free(host);
}

void host_set_config(struct host *host, const struct config *config)
{
	char why[HOST_WHY_SIZE];

	host->config = config;
	lan_set_run_dir(&host->lan, config->run_dir);
	if (learnt_set_rules(&host->learnt, config) < 0)
		log_warning("cannot tell which prefixes the new rules send "
			    "DIRECT; those of the old ones stay out of the "
			    "TUN");
	if (!host->is_captured)
		return;
	if (config->routed.resolver == ROUTED_RESOLVER_OFF)
		takeover_stop(&host->takeover, config);
	else if (takeover_start(&host->takeover, config, why) < 0)
		log_error("%s", why);
	schedule(host, DUMP_DELAY_MS);
}

void host_set_tun(struct host *host, int tun_ifindex)
{
	const char *tun = host->config->routed.tun;
	int ret = 0;

	host->learnt.facts.tun_ifindex = tun_ifindex;
	host->learnt.facts.is_ipv6_off = host_is_ipv6_off(host->config);
	takeover_follow_tun(&host->takeover, tun_ifindex);
	if (tun_ifindex)
		ret = journal_tun(host->capture.journal, tun, tun_ifindex);
	if (ret < 0)
		log_warning("cannot write the journal: %s", err_text(ret));
	schedule(host, DUMP_DELAY_MS);
}

int host_learn(struct host *host, const struct host_facts *facts)
{
	struct learnt *learnt = &host->learnt;
	int ret = learnt_set_uids(learnt, facts->uids, facts->uid_count);

	if (ret == 0)
		ret = learnt_set_far_ends(learnt, facts->far_ends,
					  facts->far_end_count);
	if (ret == 0)
		ret = learnt_set_udp_servers(learnt, facts->udp_servers,
					     facts->udp_server_count);
	if (ret == 0)
		ret = learnt_set_tunnel_ports(learnt, facts->tunnel_ports,
					      facts->tunnel_port_count);
	schedule(host, DUMP_DELAY_MS);
	return ret;
}

int host_add_far_end(struct host *host, const struct prefix *end)
{
	const struct plan_names names = names_now(host);
	char why[HOST_WHY_SIZE];
	int ret = learnt_add_far_end(&host->learnt, end);

	if (ret <= 0 || !captures_all(host))
		return ret < 0 ? ret : 0;
	schedule(host, DUMP_DELAY_MS);
	ret = capture_throw(&host->capture, end, &names, why);
	if (ret < 0 && log_limit_pass(&host->failures))
		log_warning("%s", why);
	return ret;
}

int host_add_directs(struct host *host, const struct addr *addrs, size_t count,
		     int64_t ttl_s)
{
	int64_t until_ms = direct_until_ms(clock_monotonic_ms(), ttl_s);
	struct capture_directs directs = {0};

	assert(count <= HOST_DIRECTS_MAX);
	if (host->config->routed.capture != ROUTED_CAPTURE_ALL ||
	    host->config->routed.mode != ROUTED_MODE_POLICY ||
	    host->config->routed.on_crash == ROUTED_ON_CRASH_CLOSED)
		return 0;
	for (size_t i = 0; i < count; i++) {
		struct addr *evicted = &directs.removed[directs.removed_count];

		if (addrs[i].family == ADDR_IPV6 &&
		    host->learnt.facts.is_ipv6_off)
			continue;
		if (direct_ask(host->direct, &addrs[i], until_ms, evicted))
			directs.added[directs.added_count++] = addrs[i];
		if (evicted->family != ADDR_NONE)
			directs.removed_count++;
	}
	watch_expiry(host);
	if (!directs.added_count)
		return 0;
	return change_directs(host, &directs);
}

const struct nl_state *host_state(const struct host *host)
{
	return &host->state;
}

int host_diff(struct host *host, struct reconcile *diff, char *why)
{
	struct outlook outlook;
	int ret = dump(host);

	snprintf(why, HOST_WHY_SIZE, "cannot read the routes");
	if (ret > 0)
		host->fn(host->ctx, &host->state);
	if (ret >= 0)
		ret = look_out(host, &outlook, why);
	if (ret < 0)
		return ret;
	ret = reconcile_make(diff, &outlook.plan, &host->state);
	outlook_fini(&outlook);
	return ret;
}

struct firewall_counters host_refused(struct host *host)
{
	return firewall_counters(&host->capture.firewall);
}

struct lan_counters host_lan(struct host *host)
{
	return lan_counters(&host->lan);
}

struct host_status host_status(const struct host *host)
{
	return (struct host_status){
		.is_captured = host->is_captured,
		.objects = host->capture.plan.count,
		.repairs = host->capture.repairs,
		.foreign = host->capture.foreign,
		.rival = host->capture.rival.told,
		.has_resolver = host->takeover.is_taken,
		.is_resolved_told = host->takeover.is_bus,
		.directs = direct_stats(host->direct),
		.is_closed = host->capture.plan.is_closed,
	};
}
