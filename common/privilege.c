// SPDX-License-Identifier: BSD-2-Clause
#include "common/privilege.h"
#include "common/log.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PASSWD_SIZE 16384

int identity_find(struct identity *identity, const char *user)
{
	struct passwd entry, *found = NULL;
	char *buffer = malloc(PASSWD_SIZE);
	int ret;

	if (!buffer)
		return -ENOMEM;
	ret = -getpwnam_r(user, &entry, buffer, PASSWD_SIZE, &found);
	if (found) {
		identity->uid = found->pw_uid;
		identity->gid = found->pw_gid;
		ret = 0;
	} else if (ret == 0 || ret == -ENOENT || ret == -ESRCH) {
		/* getpwnam(3): sources say "no such user" in several ways. */
		ret = -ENOENT;
		log_error("cannot find user '%s': make it with: useradd "
			  "--system --no-create-home --shell /usr/sbin/nologin "
			  "%s",
			  user, user);
	} else {
		log_error("cannot look for user '%s': %s: see the sources of "
			  "'passwd' in /etc/nsswitch.conf",
			  user, strerror(-ret));
	}
	free(buffer);
	return ret;
}

static int forbid_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* libcap-ng tells only that it failed; errno is of the call inside. */
static int from_capng(int result)
{
	if (result >= 0)
		return 0;
	return errno > 0 ? -errno : -EPERM;
}

/* Does not trust that a drop dropped: reads back. */
static int check_none(capng_select_t set)
{
	if (capng_get_caps_process() < 0)
		return -EPERM;
	return capng_have_capabilities(set) == CAPNG_NONE ? 0 : -EPERM;
}

int privilege_drop_all(const struct identity *identity)
{
	bool is_root = geteuid() == 0;
	int ret;

	errno = 0;
	capng_clear(CAPNG_SELECT_ALL);
	if (is_root)
		ret = from_capng(capng_change_id(
			(int)identity->uid, (int)identity->gid,
			CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING |
				CAPNG_CLEAR_AMBIENT));
	else
		/* The bounding set needs CAP_SETPCAP, and binds nobody who
		 * cannot gain anything by exec. */
		ret = from_capng(
			capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT));
	if (ret < 0)
		return ret;
	ret = forbid_new_privileges();
	if (ret < 0)
		return ret;
	if (!is_root)
		return check_none(CAPNG_SELECT_CAPS);
	ret = check_none(CAPNG_SELECT_ALL);
	if (ret < 0)
		return ret;
	if (identity->uid != 0 && setuid(0) == 0)
		return -EPERM;
	return 0;
}

int privilege_keep_network(gid_t group)
{
	int ret;

	if (setgroups(group == (gid_t)-1 ? 0 : 1, &group) < 0)
		return -errno;
	errno = 0;
	capng_clear(CAPNG_SELECT_ALL);
	ret = from_capng(capng_updatev(
		CAPNG_ADD,
		CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
		CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
		-1));
	if (ret < 0)
		return ret;
	ret = from_capng(capng_apply(CAPNG_SELECT_ALL));
	if (ret < 0)
		return ret;
	ret = forbid_new_privileges();
	if (ret < 0)
		return ret;
	/* As above, by one that would undo all the rest. */
	if (capng_get_caps_process() < 0 ||
	    capng_have_capability(CAPNG_PERMITTED, CAP_SYS_ADMIN) ||
	    capng_have_capability(CAPNG_BOUNDING_SET, CAP_SYS_ADMIN))
		return -EPERM;
	return 0;
}
