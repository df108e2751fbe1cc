// SPDX-License-Identifier: BSD-2-Clause
#include "routed/host.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#define PASSWD_SIZE 4096

bool host_is_ipv6_off(const struct config *config)
{
	char path[64 + IFNAMSIZ];
	FILE *file;
	int value;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6",
		 config->routed.tun);
	file = fopen(path, "re");
	if (!file)
		file = fopen("/proc/sys/net/ipv6/conf/default/disable_ipv6",
			     "re");
	if (!file)
		return true;
	value = fgetc(file);
	fclose(file);
	return value != '0';
}

void host_find_facts(struct plan_facts *facts, const struct config *config)
{
	char buffer[PASSWD_SIZE];
	struct passwd entry, *user = NULL;

	/* What reads the configuration aside may look for users, too. */
	if (config->user && getpwnam_r(config->user, &entry, buffer,
				       sizeof(buffer), &user) != 0)
		user = NULL;
	facts->is_ipv6_off = host_is_ipv6_off(config);
	facts->has_no_ipv6 = access("/proc/sys/net/ipv6", F_OK) != 0;
	facts->has_own_uid = user;
	facts->own_uid = user ? user->pw_uid : 0;
}
