// SPDX-License-Identifier: BSD-2-Clause
#include "routed/takeover.h"

#include "common/err.h"
#include "common/fake.h"
#include "common/log.h"
#include "routed/resolvconf.h"
#include "routed/resolved_bus.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define QUARREL_PAUSE_S 3

static bool is_still_ours(const struct takeover *takeover)
{
	const struct resolvconf conf = {RESOLVCONF_PATH,
					takeover->config->run_dir};

	return resolvconf_is_ours(&conf);
}

static void take_again(struct takeover *takeover)
{
	char why[TAKEOVER_WHY_SIZE];

	if (!takeover->is_taken || takeover->is_bus || is_still_ours(takeover))
		return;
	if (takeover_start(takeover, takeover->config, why) < 0)
		log_error("%s", why);
	else
		log_notice("took '" RESOLVCONF_PATH "' over again: another "
			   "program has written it, its resolvers are upstream "
			   "'system' now");
}

static void on_pause_end(struct ev_loop *loop, struct ev_timer *timer,
			 int revents)
{
	(void)loop;
	(void)revents;
	take_again(timer->data);
}

/* Two that write at once would do so for ever. */
static void on_change(void *ctx)
{
	struct takeover *takeover = ctx;

	if (!takeover->is_taken || is_still_ours(takeover) ||
	    ev_is_active(&takeover->pause))
		return;
	if (log_limit_pass(&takeover->again)) {
		take_again(takeover);
		return;
	}
	log_warning("another program writes '" RESOLVCONF_PATH "' again and "
		    "again: take it over in %d s; 'routed.resolver: off' ends "
		    "the quarrel",
		    QUARREL_PAUSE_S);
	ev_timer_set(&takeover->pause, QUARREL_PAUSE_S, 0);
	ev_timer_start(takeover->loop, &takeover->pause);
}

void takeover_init(struct takeover *takeover, struct ev_loop *loop)
{
	int ret = file_watch_new(&takeover->watch, loop, on_change, takeover);

	if (ret < 0)
		log_warning("cannot watch '" RESOLVCONF_PATH "': %s",
			    err_text(ret));
	takeover->again.burst = 3;
	takeover->loop = loop;
	ev_timer_init(&takeover->pause, on_pause_end, 0, 0);
	takeover->pause.data = takeover;
}

void takeover_fini(struct takeover *takeover)
{
	if (takeover->loop)
		ev_timer_stop(takeover->loop, &takeover->pause);
	file_watch_free(takeover->watch);
	memset(takeover, 0, sizeof(*takeover));
}

/* A link may lead to another file each time. */
static void watch_file(struct takeover *takeover)
{
	int ret;

	if (!takeover->watch)
		return;
	file_watch_clear(takeover->watch);
	ret = file_watch_add(takeover->watch, RESOLVCONF_PATH,
			     strlen(RESOLVCONF_PATH));
	if (ret < 0)
		log_warning("cannot watch '" RESOLVCONF_PATH "': %s",
			    err_text(ret));
}

/* Both names that systemd gives to what leads to its stub. */
static bool leads_to_stub(void)
{
	static const char *const ends[] = {"/systemd/resolve/stub-resolv.conf",
					   "/lib/systemd/resolv.conf"};
	char target[PATH_MAX];
	ssize_t length = readlink(RESOLVCONF_PATH, target, sizeof(target));

	for (size_t i = 0; length > 0 && i < ARRAY_LEN(ends); i++) {
		size_t size = strlen(ends[i]);

		if ((size_t)length >= size &&
		    memcmp(target + length - size, ends[i], size) == 0)
			return true;
	}
	return false;
}

static int tell_resolved(struct takeover *takeover, const struct config *config,
			 char *why)
{
	const struct addr server =
		fake_ipv4(&config->dnsd.fake, FAKE_SLOT_DNSD);
	char reason[RESOLVED_BUS_WHY_SIZE];
	int ret = resolved_bus_take(takeover->tun_ifindex, &server, reason);

	if (ret < 0)
		snprintf(why, TAKEOVER_WHY_SIZE,
			 "cannot have systemd-resolved ask dnsd: %s", reason);
	return ret;
}

static bool wants_bus(const struct config *config)
{
	enum routed_resolver resolver = config->routed.resolver;

	return resolver == ROUTED_RESOLVER_RESOLVED ||
	       (resolver == ROUTED_RESOLVER_AUTO && leads_to_stub());
}

void takeover_follow_tun(struct takeover *takeover, int tun_ifindex)
{
	char why[TAKEOVER_WHY_SIZE];

	takeover->tun_ifindex = tun_ifindex;
	if (takeover->is_taken && takeover->is_bus && tun_ifindex &&
	    tell_resolved(takeover, takeover->config, why) < 0)
		log_error("%s", why);
}

/* 1: by the bus; 0: by the file. */
static int start_by_bus(struct takeover *takeover, const struct config *config,
			char *why)
{
	int ret = tell_resolved(takeover, config, why);

	if (ret < 0 && config->routed.resolver != ROUTED_RESOLVER_AUTO)
		return ret;
	if (ret < 0) {
		log_notice("%s; '" RESOLVCONF_PATH "' is replaced instead",
			   why);
		return 0;
	}
	takeover->is_taken = takeover->is_bus = true;
	takeover->config = config;
	return 1;
}

static int start_by_file(struct takeover *takeover, const struct config *config,
			 char *why)
{
	const struct dnsd_conf *dnsd = &config->dnsd;
	const struct resolvconf conf = {RESOLVCONF_PATH, config->run_dir};
	int ret;

	ret = resolvconf_take(&conf, dnsd->listen, dnsd->listen_count);
	if (ret == -ENOENT)
		snprintf(why, TAKEOVER_WHY_SIZE,
			 "cannot take '" RESOLVCONF_PATH "' over: dnsd listens "
			 "at no address with port 53; set 'dnsd.listen', or "
			 "'routed.resolver: off'");
	else if (ret == -EPERM)
		snprintf(why, TAKEOVER_WHY_SIZE,
			 "cannot take '" RESOLVCONF_PATH "' over: it is "
			 "immutable; 'chattr -i " RESOLVCONF_PATH "' lets us, "
			 "'routed.resolver: off' leaves it alone");
	else if (ret < 0)
		snprintf(why, TAKEOVER_WHY_SIZE,
			 "cannot take '" RESOLVCONF_PATH "' over: %s; "
			 "'routed.resolver: off' leaves it alone",
			 err_text(ret));
	if (ret < 0)
		return ret;
	takeover->is_taken = true;
	takeover->config = config;
	watch_file(takeover);
	return 0;
}

int takeover_start(struct takeover *takeover, const struct config *config,
		   char *why)
{
	bool is_by_file = takeover->is_taken && !takeover->is_bus;
	int ret = 0;

	if (config->routed.resolver == ROUTED_RESOLVER_OFF)
		return 0;
	/* What is ours leads to no stub: `auto` stays with what it chose. */
	if (takeover->is_taken && takeover->is_bus != wants_bus(config) &&
	    !(is_by_file && config->routed.resolver == ROUTED_RESOLVER_AUTO))
		takeover_stop(takeover, takeover->config);
	if (!is_by_file && wants_bus(config))
		ret = start_by_bus(takeover, config, why);
	return ret == 0 ? start_by_file(takeover, config, why)
			: (ret < 0 ? ret : 0);
}

static int stop_by_bus(struct takeover *takeover)
{
	char why[RESOLVED_BUS_WHY_SIZE];

	takeover->is_bus = false;
	/* The link's end undoes it as well: only its cache is left. */
	if (resolved_bus_give_back(takeover->tun_ifindex, why) < 0)
		log_info("cannot tell systemd-resolved of the end: %s", why);
	return 1;
}

int takeover_stop(struct takeover *takeover, const struct config *config)
{
	const struct resolvconf conf = {RESOLVCONF_PATH, config->run_dir};
	int ret;

	if (!takeover->is_taken)
		return 0;
	takeover->is_taken = false;
	if (takeover->is_bus)
		return stop_by_bus(takeover);
	if (takeover->watch)
		file_watch_clear(takeover->watch);
	ret = resolvconf_give_back(&conf);
	if (ret == -EPERM)
		log_error("cannot give '" RESOLVCONF_PATH "' back: somebody "
			  "has made it immutable; 'chattr -i " RESOLVCONF_PATH
			  "', then 'routed --recover'");
	else if (ret < 0)
		log_error("cannot give '" RESOLVCONF_PATH "' back: %s",
			  err_text(ret));
	else if (ret == 0)
		log_notice("left '" RESOLVCONF_PATH
			   "' alone: another program has written it since");
	return ret;
}
