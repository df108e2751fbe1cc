// SPDX-License-Identifier: BSD-2-Clause
#include "routed/doctor_collect.h"

#include "common/control.h"
#include "common/err.h"
#include "common/json.h"
#include "common/log.h"
#include "common/uplink.h"
#include "routed/group_mark_limits.h"
#include "routed/groups.h"
#include "routed/host.h"
#include "routed/owner.h"
#include "routed/resolvconf.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <linux/bpf.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINE_SIZE 512
#define ASK_TIMEOUT_MS 5000 /* a relay that hangs is found after two */
#define LINES_MAX 1000      /* of any file */
/* Its folder is there without it. */
#define NETWORKD_STATE "/run/systemd/netif/state"
#define NETWORK_MANAGER_FOLDER "/run/NetworkManager"
#define NETWORKD_KEY "ManageForeignRoutingPolicyRules="

/* A small number in a file; -1 if there is none. */
static int read_number(const char *path)
{
	char line[LINE_SIZE];
	FILE *file = fopen(path, "re");
	int number = -1;

	if (!file)
		return -1;
	if (fgets(line, sizeof(line), file))
		number = atoi(line);
	fclose(file);
	return number;
}

/* The lock cannot be looked at by everybody, the process can. */
static enum doctor_answer runs(const char *run_dir, const char *program)
{
	char path[LINE_SIZE], name[32] = "";
	FILE *file;
	int pid;

	snprintf(path, sizeof(path), "%s/%s.pid", run_dir, program);
	pid = read_number(path);
	if (pid <= 0)
		return access(path, R_OK) == 0 || errno == ENOENT
			       ? DOCTOR_NO
			       : DOCTOR_UNKNOWN;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return DOCTOR_NO;
	bool is_read = fgets(name, sizeof(name), file);
	fclose(file);
	name[strcspn(name, "\n")] = '\0';
	return is_read && strcmp(name, program) == 0 ? DOCTOR_YES : DOCTOR_NO;
}

static int read_rp_filter(const char *device)
{
	char path[LINE_SIZE];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter",
		 device);
	return read_number(path);
}

static int find_rp_filter(const struct doctor_facts *facts)
{
	const char *pinned =
		facts->config ? facts->config->routed.uplink : NULL;
	struct uplink uplink;

	if (uplink_find(facts->state, ADDR_IPV4, pinned, &uplink) < 0)
		return -1;
	int own = read_rp_filter(uplink.name);
	int all = read_rp_filter("all");
	return own > all ? own : all;
}

static void read_nameservers(struct doctor_facts *facts)
{
	FILE *file = fopen(RESOLVCONF_PATH, "re");
	char line[LINE_SIZE], word[ADDR_TEXT_SIZE + 1];
	int lines = 0;

	if (!file)
		return;
	while (fgets(line, sizeof(line), file) && lines++ < LINES_MAX &&
	       facts->nameserver_count < DOCTOR_NAMESERVERS_MAX) {
		struct addr *addr =
			&facts->nameservers[facts->nameserver_count];

		if (sscanf(line, "nameserver %46s", word) == 1 &&
		    addr_parse(addr, word) == 0)
			facts->nameserver_count++;
	}
	fclose(file);
}

/* 1: on, 0: off, -1: the file does not say. */
static int read_networkd_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[LINE_SIZE];
	int lines = 0, said = -1;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file) && lines++ < LINES_MAX) {
		const char *value = line + strlen(NETWORKD_KEY);

		if (strncmp(line, NETWORKD_KEY, strlen(NETWORKD_KEY)) != 0)
			continue;
		said = strncasecmp(value, "no", 2) != 0 &&
		       strncasecmp(value, "false", 5) != 0 &&
		       strncasecmp(value, "off", 3) != 0 && *value != '0';
	}
	fclose(file);
	return said;
}

static void read_networkd_files(const char *pattern, bool *is_on)
{
	glob_t found = {0};

	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			int said = read_networkd_file(found.gl_pathv[i]);

			*is_on = said < 0 ? *is_on : said;
		}
	}
	globfree(&found);
}

/* networkd.conf(5): the file first, then what is beside it, by name. */
static bool is_networkd_in_charge(void)
{
	static const char *const patterns[] = {
		"/etc/systemd/networkd.conf",
		"/usr/lib/systemd/networkd.conf.d/*.conf",
		"/run/systemd/networkd.conf.d/*.conf",
		"/etc/systemd/networkd.conf.d/*.conf",
	};
	bool is_on = true;

	if (access(NETWORKD_STATE, F_OK) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		read_networkd_files(patterns[i], &is_on);
	return is_on;
}

/* "0::/system.slice/unbound.service": only a name that a shell takes as is. */
static void find_unit(pid_t pid, char *unit, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.@";
	char path[64], line[LINE_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		const char *name = strrchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		if (!name || !strstr(name, ".service") ||
		    strncmp(name, "/user@", 6) == 0 ||
		    name[1 + strspn(name + 1, plain)] != '\0')
			continue;
		snprintf(unit, size, "%s", name + 1);
		break;
	}
	fclose(file);
}

static void name_listener(struct doctor_listener *listener, uint32_t inode)
{
	struct owner owner;

	if (!inode || owner_find(&owner, inode) < 0)
		return;
	const char *slash = strrchr(owner.exe, '/');
	const char *name = slash ? slash + 1 : owner.exe;

	listener->pid = owner.pid;
	log_escape(listener->program, sizeof(listener->program), name,
		   strlen(name));
	find_unit(owner.pid, listener->unit, sizeof(listener->unit));
}

/* One that has UDP and TCP, or both families, is one all the same. */
static void on_listener(void *ctx, const struct sockdiag_socket *socket)
{
	struct doctor_facts *facts = ctx;
	struct doctor_listener new = {.local = socket->local,
				      .uid = socket->uid};

	if (facts->listener_count == DOCTOR_LISTENERS_MAX)
		return;
	name_listener(&new, socket->inode);
	for (size_t i = 0; i < facts->listener_count; i++) {
		const struct doctor_listener *old = &facts->listeners[i];

		if (old->pid == new.pid && old->uid == new.uid &&
		    (new.pid || endpoint_equal(&old->local, &new.local)))
			return;
	}
	facts->listeners[facts->listener_count++] = new;
}

static void find_sockets(struct doctor_facts *facts,
			 struct udp_servers *servers, uid_t own_uid)
{
	static const struct sockdiag_query queries[] = {
		{NETWORK_UDP, SOCKDIAG_UNCONNECTED, 53},
		{NETWORK_TCP, SOCKDIAG_LISTENING, 53},
	};
	struct sockdiag *diag;

	if (sockdiag_open(&diag) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		if (sockdiag_each(diag, &queries[i], on_listener, facts) < 0)
			log_debug("cannot see who has port 53");
	}
	if (udp_servers_find(servers, diag, own_uid) >= 0)
		facts->udp_servers = servers;
	if (tunnels_find(&facts->tunnels, diag, facts->state,
			 facts->config ? facts->config->routed.tun : "",
			 own_uid) < 0)
		log_debug("cannot see by which ports VPNs speak");
	sockdiag_close(diag);
}

/* `ruleset` is the caller's to free. */
static void find_nftables(struct doctor_facts *facts, char **ruleset)
{
	char why[FIREWALL_WHY_SIZE], error[NFT_ERROR_SIZE];
	struct firewall firewall = {0};
	struct nft *nft;

	if (geteuid() != 0)
		return;
	int ret = firewall_look(&firewall, &facts->table, why);
	firewall_fini(&firewall);
	/* Root of a container may be told nothing. */
	if (ret < 0 && strstr(why, strerror(EPERM)))
		return;
	facts->has_nftables = ret < 0 ? DOCTOR_NO : DOCTOR_YES;
	if (ret < 0 || nft_open(&nft) < 0)
		return;
	if (nft_show(nft, "list ruleset", false, ruleset, error) == 0)
		facts->ruleset = *ruleset;
	nft_close(nft);
}

static enum doctor_answer has_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(uint32_t),
		.max_entries = 1,
	};

	if (geteuid() != 0)
		return DOCTOR_UNKNOWN;
	long fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return DOCTOR_NO;
	close((int)fd);
	return DOCTOR_YES;
}

static void take_rival(void *ctx, const struct json *line)
{
	struct doctor_facts *facts = ctx;
	const char *rival = json_get_text(line, "rival");

	if (rival)
		snprintf(facts->rival, sizeof(facts->rival), "%s", rival);
}

/* The daemon has seen it; the kernel keeps no record. */
static void ask_for_rival(struct doctor_facts *facts)
{
	char *path = config_path(facts->run_dir, "routed.sock");
	struct json *request = json_new();
	char error[LINE_SIZE];
	const struct control_sink sink = {
		.timeout_ms = ASK_TIMEOUT_MS,
		.on_line = take_rival,
		.ctx = facts,
		.error = error,
		.error_size = sizeof(error),
	};
	int ret = -ENOMEM;

	if (request)
		json_set_text(request, "verb", "status");
	if (path && request)
		ret = control_call(path, request, &sink);
	if (ret < 0)
		log_debug("cannot ask routed: %s", err_text(ret));
	json_free(request);
	free(path);
}

/* `lost` has room for as many as are exempt. */
static void find_groups(struct doctor_facts *facts, const char **lost)
{
	const struct routed_conf *conf = &facts->config->routed;
	char root[PATH_MAX];
	int ret = groups_find_root(root);

	facts->has_groups = ret < 0 ? DOCTOR_NO : DOCTOR_YES;
	facts->lost_groups = lost;
	for (size_t i = 0; ret == 0 && i < conf->exempt.cgroup_count; i++) {
		if (!groups_have(root, conf->exempt.cgroups[i]))
			lost[facts->lost_group_count++] =
				conf->exempt.cgroups[i];
	}
}

static int read_state(struct nl_state *state)
{
	struct nl_reader *reader;
	int ret = nl_reader_open(&reader);

	if (ret < 0)
		return ret;
	ret = nl_reader_dump(reader, state);
	nl_reader_close(reader);
	return ret;
}

int doctor_collect(struct doctor *doctor, const struct doctor_conf *conf)
{
	struct nl_state state = {0};
	struct plan_facts own = {0};
	struct udp_servers servers = {0};
	const struct resolvconf resolvconf = {RESOLVCONF_PATH, conf->run_dir};
	struct doctor_facts facts = {
		.config = conf->config,
		.config_file = conf->config_file,
		.run_dir = conf->run_dir,
		.state = &state,
	};
	const char *lost[GROUP_MARK_MAX];
	char *ruleset = NULL;
	int ret = read_state(&state);

	if (ret < 0)
		return ret;
	if (conf->config) {
		host_find_facts(&own, conf->config);
		find_groups(&facts, lost);
	}
	facts.routed_runs = runs(conf->run_dir, "routed");
	if (facts.routed_runs == DOCTOR_YES)
		ask_for_rival(&facts);
	facts.dnsd_runs = runs(conf->run_dir, "dnsd");
	facts.has_bpf = has_bpf();
	facts.rp_filter = find_rp_filter(&facts);
	facts.is_ipv6_off = own.is_ipv6_off && !own.has_no_ipv6;
	facts.is_forwarding = read_number("/proc/sys/net/ipv4/ip_forward") == 1;
	facts.has_user = own.has_own_uid;
	facts.has_tun = access("/dev/net/tun", F_OK) == 0;
	facts.is_networkd_in_charge = is_networkd_in_charge();
	facts.has_network_manager = access(NETWORK_MANAGER_FOLDER, F_OK) == 0;
	facts.is_resolv_conf_ours = resolvconf_is_ours(&resolvconf);
	read_nameservers(&facts);
	find_sockets(&facts, &servers,
		     own.has_own_uid ? own.own_uid : (uid_t)-1);
	find_nftables(&facts, &ruleset);
	doctor_find(doctor, &facts);
	free(ruleset);
	nl_state_free(&state);
	return 0;
}
