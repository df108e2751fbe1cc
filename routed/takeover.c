// SPDX-License-Identifier: BSD-2-Clause
#include "routed/takeover.h"

#include "common/err.h"
#include "common/log.h"
#include "routed/resolvconf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

	if (!takeover->is_taken || is_still_ours(takeover))
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

int takeover_start(struct takeover *takeover, const struct config *config,
		   char *why)
{
	const struct dnsd_conf *dnsd = &config->dnsd;
	const struct resolvconf conf = {RESOLVCONF_PATH, config->run_dir};
	int ret;

	if (config->routed.resolver == ROUTED_RESOLVER_OFF)
		return 0;
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

int takeover_stop(struct takeover *takeover, const struct config *config)
{
	const struct resolvconf conf = {RESOLVCONF_PATH, config->run_dir};
	int ret;

	if (!takeover->is_taken)
		return 0;
	takeover->is_taken = false;
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
