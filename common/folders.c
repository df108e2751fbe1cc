// SPDX-License-Identifier: BSD-2-Clause
#include "common/folders.h"

#include "common/err.h"
#include "common/log.h"

#include <errno.h>

static int explain(const char *folder, const char *owner, int error)
{
	if (error == -EPERM)
		log_error("cannot use folder '%s': it has files, and it is not "
			  "%s's alone to write to; empty it, or name another "
			  "one",
			  folder, owner);
	else if (error < 0)
		log_error("cannot make folder '%s': %s", folder,
			  err_text(error));
	return error;
}

static int take_lock(struct daemon *daemon, const char *run_dir,
		     const char *name)
{
	pid_t holder = 0;
	int ret = daemon_lock(daemon, run_dir, name, &holder);

	if (ret == ERR_RUNNING)
		log_error("cannot start: %s is running already in '%s', "
			  "process %d",
			  name, run_dir, (int)holder);
	else if (ret < 0)
		log_error("cannot lock '%s/%s.pid': %s", run_dir, name,
			  err_text(ret));
	return ret;
}

int folders_take(struct daemon *daemon, const struct config *config,
		 const struct identity *identity, const char *name)
{
	int ret = daemon_make_run_dir(config->run_dir);

	if (ret < 0)
		return explain(config->run_dir, "root", ret);
	ret = take_lock(daemon, config->run_dir, name);
	if (ret < 0)
		return ret;
	ret = daemon_make_state_dir(config->state_dir, identity->uid,
				    identity->gid);
	return explain(config->state_dir, config->user, ret);
}
