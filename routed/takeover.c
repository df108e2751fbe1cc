// SPDX-License-Identifier: BSD-2-Clause
#include "routed/takeover.h"

#include "common/err.h"
#include "common/log.h"
#include "routed/resolvconf.h"

#include <errno.h>
#include <stdio.h>

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
	else if (ret < 0)
		snprintf(why, TAKEOVER_WHY_SIZE,
			 "cannot take '" RESOLVCONF_PATH "' over: %s; "
			 "'routed.resolver: off' leaves it alone",
			 err_text(ret));
	if (ret == 0)
		takeover->is_taken = true;
	return ret;
}

int takeover_stop(struct takeover *takeover, const struct config *config)
{
	const struct resolvconf conf = {RESOLVCONF_PATH, config->run_dir};
	int ret;

	if (!takeover->is_taken)
		return 0;
	takeover->is_taken = false;
	ret = resolvconf_give_back(&conf);
	if (ret < 0)
		log_error("cannot give '" RESOLVCONF_PATH "' back: %s",
			  err_text(ret));
	else if (ret == 0)
		log_notice("left '" RESOLVCONF_PATH
			   "' alone: another program has written it since");
	return ret;
}
