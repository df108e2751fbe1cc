// SPDX-License-Identifier: BSD-2-Clause
#include "routed/rival.h"

#include "common/log.h"
#include "routed/owner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_SIZE 16 /* TASK_COMM_LEN */
#define CLEAN_SIZE (4 * COMMAND_SIZE + 1)
#define LINE_SIZE 256
#define NETLINK_SOCKETS "/proc/net/netlink"
#define NETWORKD "systemd-networkd"
#define NETWORKD_HINT                                      \
	NETWORKD ", unless networkd.conf says "            \
		 "ManageForeignRoutingPolicyRules=no and " \
		 "ManageForeignRoutes=no"

static bool read_command(uint32_t pid, char out[COMMAND_SIZE])
{
	char path[32];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	length = fread(out, 1, COMMAND_SIZE - 1, file);
	fclose(file);
	out[length] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return out[0];
}

/* 0: it is gone, or is the first one. */
static uint32_t read_parent(uint32_t pid)
{
	char path[32], line[LINE_SIZE];
	unsigned parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "PPid: %u", &parent) == 1)
			break;
	}
	fclose(file);
	return parent > 1 ? parent : 0;
}

/* What a person or a script runs: its own name says little. */
static bool is_tool(const char *command)
{
	static const char *const tools[] = {"ip", "nft", "iptables",
					    "ip6tables", "busybox"};

	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		if (strcmp(command, tools[i]) == 0)
			return true;
	}
	return strncmp(command, "xtables-", 8) == 0;
}

static const char *clean(const char *command, char out[CLEAN_SIZE])
{
	return log_escape(out, CLEAN_SIZE, command, strlen(command));
}

static void describe(uint32_t pid, const char *command,
		     char out[RIVAL_NAME_SIZE])
{
	char runner[COMMAND_SIZE], text[CLEAN_SIZE], more[CLEAN_SIZE];
	uint32_t parent = is_tool(command) ? read_parent(pid) : 0;

	/* The kernel cuts names to 15 bytes. */
	if (strncmp(command, NETWORKD, COMMAND_SIZE - 1) == 0)
		snprintf(out, RIVAL_NAME_SIZE, "%s", NETWORKD_HINT);
	else if (parent && read_command(parent, runner))
		snprintf(out, RIVAL_NAME_SIZE,
			 "'%s' (process %u), run by '%s' (process %u)",
			 clean(command, text), pid, clean(runner, more),
			 parent);
	else
		snprintf(out, RIVAL_NAME_SIZE, "'%s' (process %u)",
			 clean(command, text), pid);
}

/* A program may have several sockets, and only one has its process's number. */
static bool find_by_socket(uint32_t port, char out[RIVAL_NAME_SIZE])
{
	FILE *file = fopen(NETLINK_SOCKETS, "re");
	char line[LINE_SIZE], command[COMMAND_SIZE];
	struct owner owner;
	bool is_found = false;
	uint32_t inode = 0;

	if (!file)
		return false;
	while (!is_found && fgets(line, sizeof(line), file)) {
		unsigned protocol, number;

		is_found = sscanf(line,
				  "%*s %u %u %*s %*s %*s %*s %*s %*s %" SCNu32,
				  &protocol, &number, &inode) == 3 &&
			   protocol == 0 && number == port;
	}
	fclose(file);
	if (!is_found || owner_find(&owner, inode) < 0 ||
	    !read_command((uint32_t)owner.pid, command))
		return false;
	describe((uint32_t)owner.pid, command, out);
	return true;
}

void rival_see(void *ctx, uint32_t port)
{
	struct rival *rival = ctx;
	char command[COMMAND_SIZE];

	rival->of[RIVAL_OF_ROUTES].is_seen = true;
	rival->of[RIVAL_OF_ROUTES].port = port;
	if (read_command(port, command))
		describe(port, command, rival->of[RIVAL_OF_ROUTES].name);
}

void rival_see_table(struct rival *rival, const struct nft_watch *watch)
{
	uint32_t pid;
	const char *program = nft_watch_changer(watch, &pid);

	rival->of[RIVAL_OF_TABLE].is_seen = true;
	if (program[0])
		describe(pid, program, rival->of[RIVAL_OF_TABLE].name);
}

static void tell(struct rival *rival, enum rival_kind kind)
{
	const char *name = rival->of[kind].name;

	if (kind == RIVAL_OF_ROUTES &&
	    find_by_socket(rival->of[kind].port, rival->told))
		return;
	if (!name[0] && access("/run/systemd/netif/links", F_OK) == 0)
		name = NETWORKD_HINT;
	snprintf(rival->told, sizeof(rival->told), "%s",
		 name[0] ? name : "another program");
}

bool rival_note(struct rival *rival, enum rival_kind kind, int64_t now_ms)
{
	if (!rival->of[kind].is_seen)
		return false;
	rival->of[kind].is_seen = false;
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
	tell(rival, kind);
	return true;
}

int64_t rival_spacing_ms(const struct rival *rival, int64_t now_ms)
{
	if (rival->row < RIVAL_ROW ||
	    now_ms - rival->last_ms >= RIVAL_SPACING_MS)
		return 0;
	return RIVAL_SPACING_MS - (now_ms - rival->last_ms);
}
