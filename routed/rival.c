// SPDX-License-Identifier: BSD-2-Clause
#include "routed/rival.h"

#include "common/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NETWORKD "systemd-networkd"
#define NETWORKD_HINT                                      \
	NETWORKD ", unless networkd.conf says "            \
		 "ManageForeignRoutingPolicyRules=no and " \
		 "ManageForeignRoutes=no"

bool rival_note(struct rival *rival, int64_t now_ms)
{
	if (rival->row && now_ms - rival->last_ms > RIVAL_PAUSE_MS)
		rival->row = 0;
	rival->last_ms = now_ms;
	if (rival->row < RIVAL_ROW)
		rival->row++;
	if (rival->row < RIVAL_ROW ||
	    (rival->has_warned && now_ms - rival->warned_ms < RIVAL_WARN_MS))
		return false;
	rival->has_warned = true;
	rival->warned_ms = now_ms;
	return true;
}

int64_t rival_spacing_ms(const struct rival *rival, int64_t now_ms)
{
	if (rival->row < RIVAL_ROW ||
	    now_ms - rival->last_ms >= RIVAL_SPACING_MS)
		return 0;
	return RIVAL_SPACING_MS - (now_ms - rival->last_ms);
}

static bool read_command(uint32_t pid, char *out, size_t size)
{
	char path[32];
	size_t length = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	length = fread(out, 1, size - 1, file);
	fclose(file);
	out[length] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return out[0];
}

const char *rival_name(uint32_t portid, char *out, size_t size)
{
	char command[32];
	char clean[4 * sizeof(command)];
	bool is_known =
		portid && read_command(portid, command, sizeof(command));

	/* The kernel cuts names to 15 bytes. */
	if (is_known && strncmp(command, NETWORKD, strlen(command)) != 0)
		snprintf(out, size, "'%s' (process %u)",
			 log_escape(clean, sizeof(clean), command,
				    strlen(command)),
			 portid);
	else if (is_known || access("/run/systemd/netif/links", F_OK) == 0)
		snprintf(out, size, "%s", NETWORKD_HINT);
	else
		snprintf(out, size, "another program");
	return out;
}
