// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/confine.h"

#include "common/err.h"
#include "common/landlock.h"
#include "common/log.h"
#include "routed/allowed.h"

#include <limits.h>

void confine_relay(const struct config *config, const char *state_dir)
{
	char folder[PATH_MAX];
	const struct landlock_place places[] = {
		{state_dir, LANDLOCK_APPEND},
		{landlock_log_folder(config->routed.flow_log, folder),
		 LANDLOCK_APPEND},
		{LANDLOCK_LOGS, LANDLOCK_APPEND},
		{"/dev/null", LANDLOCK_WRITE},
	};
	int ret = landlock_enter(places, ARRAY_LEN(places), false);

	if (ret < 0)
		log_warning("cannot confine the relay to its files: %s",
			    err_text(ret));
	allowed_enter(ALLOWED_RELAY);
}
