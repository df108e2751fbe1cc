// SPDX-License-Identifier: BSD-2-Clause
#include "routed/doctor.h"

#include "common/uplink.h"
#include "routed/options.h"

#include <linux/rtnetlink.h>
#include <string.h>

#define DNS_PORT 53
#define RP_FILTER_STRICT 1
#define POOL_PREFIX_MIN 8 /* shorter ones stand for everything */

struct doctor_finding *doctor_add(struct doctor *doctor, const char *id,
				  bool is_broken)
{
	struct doctor_finding *finding = &doctor->list[doctor->count];

	if (doctor->count < DOCTOR_FINDINGS_MAX)
		doctor->count++;
	memset(finding, 0, sizeof(*finding));
	finding->id = id;
	finding->is_broken = is_broken;
	return finding;
}

const char *doctor_device(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.@";

	return name[strspn(name, plain)] == '\0' ? name : "DEVICE";
}

bool doctor_has_broken(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		if (doctor->list[i].is_broken)
			return true;
	}
	return false;
}

/* Without the configuration there are no names, so no pinned uplink either. */
static bool find_uplink(const struct doctor_facts *facts, uint8_t family,
			struct uplink *uplink)
{
	const char *pinned =
		facts->config ? facts->config->routed.uplink : NULL;

	return uplink_find(facts->state, family, pinned, uplink) == 0;
}

static void find_leftovers(struct doctor *doctor,
			   const struct doctor_facts *facts)
{
	bool is_default = strcmp(facts->run_dir, OPTIONS_DEFAULT_RUN_DIR) == 0;
	bool is_closed = facts->table == FIREWALL_CLOSED;
	bool has_table = is_closed || facts->table == FIREWALL_OPEN;
	size_t rules = 0, routes = 0;

	for (size_t i = 0; i < facts->state->rule_count; i++)
		rules += facts->state->rules[i].protocol == NL_PROTOCOL;
	for (size_t i = 0; i < facts->state->route_count; i++)
		routes += facts->state->routes[i].protocol == NL_PROTOCOL;
	if (facts->routed_runs != DOCTOR_NO ||
	    (!rules && !routes && !has_table && !facts->is_resolv_conf_ours))
		return;
	struct doctor_finding *finding = doctor_add(doctor, "leftover", true);
	DOCTOR_SAY(finding->what,
		   "routed does not run, but %zu rules and %zu routes of its "
		   "own (protocol %d)%s%s are there",
		   rules, routes, NL_PROTOCOL,
		   has_table ? ", its nftables table" : "",
		   facts->is_resolv_conf_ours ? ", its '/etc/resolv.conf'"
					      : "");
	DOCTOR_SAY(finding->why, "a routed was killed; %s",
		   is_closed ? "'on-crash: closed' keeps this host closed "
			       "until it starts again"
			     : "what it left leads nowhere, and names may "
			       "not resolve");
	DOCTOR_SAY(finding->mend, "routed%s%s --recover",
		   is_default ? "" : " --run ",
		   is_default ? "" : facts->run_dir);
}

static void find_lacks(struct doctor *doctor, const struct doctor_facts *facts)
{
	struct doctor_finding *finding;

	if (!facts->has_tun) {
		finding = doctor_add(doctor, "no-tun", true);
		DOCTOR_SAY(finding->what, "there is no '/dev/net/tun'");
		DOCTOR_SAY(finding->why,
			   "without a TUN device nothing is carried");
		DOCTOR_SAY(finding->mend, "modprobe tun");
	}
	if (facts->has_nftables == DOCTOR_NO) {
		finding = doctor_add(doctor, "no-nftables", true);
		DOCTOR_SAY(finding->what, "this kernel has no nftables");
		DOCTOR_SAY(finding->why,
			   "sockets that are bound to the uplink may leave to "
			   "fake addresses, and 'on-crash: closed' is refused");
		DOCTOR_SAY(finding->mend, "modprobe nf_tables");
	}
	if (facts->has_bpf == DOCTOR_NO) {
		finding = doctor_add(doctor, "no-bpf", false);
		DOCTOR_SAY(finding->what, "BPF programs cannot be loaded");
		DOCTOR_SAY(finding->why,
			   "TCP is carried in user space, which is slower, and "
			   "nftables steers it");
		DOCTOR_SAY(finding->mend,
			   "grep BPF_SYSCALL /boot/config-$(uname -r)");
	}
	if (facts->config && !facts->has_user) {
		finding = doctor_add(doctor, "no-user", true);
		DOCTOR_SAY(finding->what, "there is no user '%s'",
			   facts->config->user);
		DOCTOR_SAY(finding->why,
			   "dnsd and the relay run as that user, and start as "
			   "no other");
		DOCTOR_SAY(finding->mend,
			   "useradd --system --no-create-home --shell "
			   "/usr/sbin/nologin %s",
			   facts->config->user);
	}
}

static void find_rp_filter(struct doctor *doctor,
			   const struct doctor_facts *facts)
{
	struct uplink uplink;

	if (facts->rp_filter != RP_FILTER_STRICT ||
	    !find_uplink(facts, ADDR_IPV4, &uplink))
		return;
	struct doctor_finding *finding = doctor_add(doctor, "rp-filter", true);
	DOCTOR_SAY(finding->what, "rp_filter is strict at the uplink '%s'",
		   uplink.name);
	DOCTOR_SAY(finding->why,
		   "the kernel looks the way back up among our rules, finds "
		   "the TUN, and drops multicast and broadcasts that come in");
	/* The larger of this and 'all' counts. */
	DOCTOR_SAY(finding->mend, "sysctl -w 'net/ipv4/conf/%s/rp_filter=2'",
		   doctor_device(uplink.name));
}

static bool has_own_rule(const struct nl_state *state, uint8_t family)
{
	for (size_t i = 0; i < state->rule_count; i++) {
		if (state->rules[i].protocol == NL_PROTOCOL &&
		    state->rules[i].family == family)
			return true;
	}
	return false;
}

static void find_ipv6_refused(struct doctor *doctor,
			      const struct doctor_facts *facts,
			      const char *uplink)
{
	const char *tun = facts->config->routed.tun;
	bool has_tun = nl_link_by_name(facts->state, tun);
	struct doctor_finding *finding =
		doctor_add(doctor, "ipv6-refused", true);

	DOCTOR_SAY(finding->what,
		   "'%s' has IPv6, but '%s' is refused it by disable_ipv6",
		   uplink, tun);
	DOCTOR_SAY(finding->why,
		   "so that it does not leave past us, every connection by "
		   "IPv6 is refused");
	DOCTOR_SAY(finding->mend, "sysctl -w 'net/ipv6/conf/%s/disable_ipv6=0'",
		   has_tun ? tun : "default");
}

static void find_ipv6(struct doctor *doctor, const struct doctor_facts *facts)
{
	const struct routed_conf *routed = &facts->config->routed;
	bool has_pool = facts->config->dnsd.fake.ipv6.addr.family != ADDR_NONE;
	struct uplink uplink;
	struct doctor_finding *finding;

	if (!find_uplink(facts, ADDR_IPV6, &uplink))
		return;
	if (facts->is_ipv6_off && !routed->is_ipv6_refused)
		find_ipv6_refused(doctor, facts, uplink.name);
	if (routed->capture == ROUTED_CAPTURE_FAKE && !has_pool) {
		finding = doctor_add(doctor, "ipv6-escape", false);
		DOCTOR_SAY(finding->what,
			   "'%s' has IPv6, which has no fake pool, and only "
			   "fake addresses are captured",
			   uplink.name);
		DOCTOR_SAY(finding->why,
			   "what knows an address of IPv6 leaves past us");
		DOCTOR_SAY(finding->mend,
			   "# in '%s': routed: { capture: all }, or without "
			   "'dnsd.fake.ipv6: off'",
			   facts->config_file);
	}
	if (facts->routed_runs == DOCTOR_YES &&
	    routed->capture == ROUTED_CAPTURE_ALL &&
	    routed->mode == ROUTED_MODE_POLICY &&
	    has_own_rule(facts->state, ADDR_IPV4) &&
	    !has_own_rule(facts->state, ADDR_IPV6)) {
		finding = doctor_add(doctor, "ipv6-escape", true);
		DOCTOR_SAY(finding->what,
			   "routed captures IPv4, but has no rule of IPv6");
		DOCTOR_SAY(finding->why, "IPv6 leaves by '%s', past us",
			   uplink.name);
		DOCTOR_SAY(finding->mend, "kill -HUP $(cat '%s/routed.pid')",
			   facts->run_dir);
	}
}

/* Would both ask for the same address and port? */
static bool collides(const struct endpoint *theirs, const struct endpoint *ours)
{
	if (theirs->port != ours->port)
		return false;
	if (addr_is_unspecified(&theirs->addr))
		return theirs->addr.family == ours->addr.family ||
		       theirs->addr.family == ADDR_IPV6;
	if (addr_is_unspecified(&ours->addr))
		return theirs->addr.family == ours->addr.family;
	return addr_equal(&theirs->addr, &ours->addr);
}

static void say_listener(struct doctor *doctor,
			 const struct doctor_listener *listener)
{
	char text[ENDPOINT_TEXT_SIZE];
	struct doctor_finding *finding =
		doctor_add(doctor, "other-resolver", true);

	endpoint_format(&listener->local, text, sizeof(text));
	if (listener->pid)
		DOCTOR_SAY(finding->what, "'%s' (process %d) listens at %s",
			   listener->program, listener->pid, text);
	else
		DOCTOR_SAY(finding->what, "a program of user %u listens at %s",
			   listener->uid, text);
	DOCTOR_SAY(finding->why,
		   "dnsd is to listen there too (dnsd.listen), and cannot");
	if (listener->unit[0])
		DOCTOR_SAY(finding->mend, "systemctl disable --now %s",
			   listener->unit);
	else if (listener->pid)
		DOCTOR_SAY(finding->mend, "kill %d", listener->pid);
	else
		DOCTOR_SAY(finding->mend, "sudo ss -lntup 'sport = :%u'",
			   listener->local.port);
}

/* One that runs has its addresses already. */
static void find_listeners(struct doctor *doctor,
			   const struct doctor_facts *facts)
{
	const struct dnsd_conf *dnsd = &facts->config->dnsd;

	if (facts->dnsd_runs != DOCTOR_NO)
		return;
	for (size_t i = 0; i < facts->listener_count; i++) {
		const struct doctor_listener *listener = &facts->listeners[i];

		for (size_t k = 0; k < dnsd->listen_count; k++) {
			if (!collides(&listener->local, &dnsd->listen[k]))
				continue;
			say_listener(doctor, listener);
			break;
		}
	}
}

static const struct addr *find_own_nameserver(const struct config *config)
{
	for (size_t i = 0; i < config->dnsd.listen_count; i++) {
		const struct endpoint *listen = &config->dnsd.listen[i];

		if (listen->port == DNS_PORT)
			return &listen->addr;
	}
	return NULL;
}

static bool asks_dnsd(const struct doctor_facts *facts)
{
	const struct dnsd_conf *dnsd = &facts->config->dnsd;

	for (size_t i = 0; i < facts->nameserver_count; i++) {
		const struct endpoint theirs = {facts->nameservers[i],
						DNS_PORT};

		for (size_t k = 0; k < dnsd->listen_count; k++) {
			if (collides(&theirs, &dnsd->listen[k]))
				return true;
		}
	}
	return false;
}

/* Its stub, which routed has told to ask dnsd. */
static bool asks_resolved(const struct doctor_facts *facts)
{
	enum routed_resolver resolver = facts->config->routed.resolver;

	return (resolver == ROUTED_RESOLVER_AUTO ||
		resolver == ROUTED_RESOLVER_RESOLVED) &&
	       facts->nameserver_count == 1 &&
	       facts->nameservers[0].family == ADDR_IPV4 &&
	       addr_to_ipv4(&facts->nameservers[0]) == 0x7f000035;
}

static void find_resolv_conf(struct doctor *doctor,
			     const struct doctor_facts *facts)
{
	const struct addr *own = find_own_nameserver(facts->config);
	bool is_wanted = facts->config->routed.resolver != ROUTED_RESOLVER_OFF;
	char text[ADDR_TEXT_SIZE] = "";

	if (facts->routed_runs != DOCTOR_YES || !own || asks_dnsd(facts) ||
	    asks_resolved(facts))
		return;
	struct doctor_finding *finding =
		doctor_add(doctor, "resolv-conf", is_wanted);
	if (facts->nameserver_count)
		addr_format(&facts->nameservers[0], text, sizeof(text));
	DOCTOR_SAY(finding->what,
		   "traffic is captured, but '/etc/resolv.conf' names %s, not "
		   "dnsd",
		   text[0] ? text : "nobody");
	DOCTOR_SAY(finding->why,
		   "names get no fake address unless the question enters the "
		   "TUN, and rules by name cannot see them");
	if (addr_is_unspecified(own))
		snprintf(text, sizeof(text), "%s",
			 own->family == ADDR_IPV4 ? "127.0.0.1" : "::1");
	else
		addr_format(own, text, sizeof(text));
	DOCTOR_SAY(finding->mend,
		   "printf 'nameserver %s\\n' > /etc/resolv.conf", text);
}

static bool is_tun(const struct doctor_facts *facts, int ifindex)
{
	const struct nl_link *link = nl_link_by_index(facts->state, ifindex);

	return link && (strcmp(link->name, facts->config->routed.tun) == 0 ||
			link->group == NL_PROTOCOL);
}

static bool overlaps(const struct prefix *pool, const struct prefix *prefix)
{
	if (prefix->addr.family == ADDR_NONE ||
	    prefix->addr.family != pool->addr.family)
		return false;
	return prefix_covers(pool, prefix) ||
	       (prefix->length >= POOL_PREFIX_MIN &&
		prefix_covers(prefix, pool));
}

static void say_collision(struct doctor_finding *finding,
			  const struct prefix *pool)
{
	char text[PREFIX_TEXT_SIZE];

	DOCTOR_SAY(finding->why,
		   "the fake pool is %s: dnsd would give addresses to names "
		   "that another network has; if that has to stay, choose "
		   "another 'dnsd.fake.%s'",
		   prefix_format(pool, text, sizeof(text)),
		   pool->addr.family == ADDR_IPV4 ? "ipv4" : "ipv6");
}

static void find_addresses(struct doctor *doctor,
			   const struct doctor_facts *facts,
			   const struct prefix *pool)
{
	for (size_t i = 0; i < facts->state->addr_count; i++) {
		const struct nl_ifaddr *ifaddr = &facts->state->addrs[i];
		const struct nl_link *link =
			nl_link_by_index(facts->state, ifaddr->ifindex);
		char text[ADDR_TEXT_SIZE];

		if (!link || is_tun(facts, ifaddr->ifindex) ||
		    (!prefix_has(pool, &ifaddr->addr) &&
		     !overlaps(pool, &ifaddr->prefix)))
			continue;
		struct doctor_finding *finding =
			doctor_add(doctor, "pool-address", true);
		addr_format(&ifaddr->addr, text, sizeof(text));
		DOCTOR_SAY(finding->what, "'%s' has the address %s/%u",
			   link->name, text, ifaddr->prefix.length);
		say_collision(finding, pool);
		DOCTOR_SAY(finding->mend, "ip addr del %s/%u dev '%s'", text,
			   ifaddr->prefix.length, doctor_device(link->name));
	}
}

static void find_routes(struct doctor *doctor, const struct doctor_facts *facts,
			const struct prefix *pool)
{
	for (size_t i = 0; i < facts->state->route_count; i++) {
		const struct nl_route *route = &facts->state->routes[i];
		char text[PREFIX_TEXT_SIZE];

		/* The kernel's own are those of addresses. */
		if (route->protocol == NL_PROTOCOL ||
		    route->protocol == RTPROT_KERNEL ||
		    is_tun(facts, route->oif) || !overlaps(pool, &route->dst))
			continue;
		struct doctor_finding *finding =
			doctor_add(doctor, "pool-route", true);
		prefix_format(&route->dst, text, sizeof(text));
		DOCTOR_SAY(finding->what, "there is a route to %s in table %u",
			   text, route->table);
		say_collision(finding, pool);
		DOCTOR_SAY(finding->mend, "ip %sroute del %s table %u",
			   route->family == ADDR_IPV6 ? "-6 " : "", text,
			   route->table);
	}
}

static void find_collisions(struct doctor *doctor,
			    const struct doctor_facts *facts)
{
	const struct fake_pool *fake = &facts->config->dnsd.fake;
	const struct prefix *const pools[] = {&fake->ipv4, &fake->ipv6};

	for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
		if (pools[i]->addr.family == ADDR_NONE)
			continue;
		find_addresses(doctor, facts, pools[i]);
		find_routes(doctor, facts, pools[i]);
	}
}

static void find_networkd(struct doctor *doctor,
			  const struct doctor_facts *facts)
{
	if (!facts->is_networkd_in_charge)
		return;
	struct doctor_finding *finding = doctor_add(doctor, "networkd", true);
	DOCTOR_SAY(finding->what,
		   "systemd-networkd runs, and removes rules that it did not "
		   "make (ManageForeignRoutingPolicyRules)");
	DOCTOR_SAY(finding->why,
		   "whenever it starts or configures a link anew traffic "
		   "leaves past us, until routed has put its rules back");
	DOCTOR_SAY(finding->mend,
		   "mkdir -p /etc/systemd/networkd.conf.d && printf "
		   "'[Network]\\nManageForeignRoutingPolicyRules=no\\n"
		   "ManageForeignRoutes=no\\n' > "
		   "/etc/systemd/networkd.conf.d/ersatz.conf && systemctl "
		   "restart systemd-networkd");
}

static void find_table(struct doctor *doctor, const struct doctor_facts *facts)
{
	if (facts->table != FIREWALL_FOREIGN)
		return;
	struct doctor_finding *finding =
		doctor_add(doctor, "foreign-table", true);
	DOCTOR_SAY(finding->what,
		   "another program has the nftables table 'inet " TABLE_NAME
		   "'");
	DOCTOR_SAY(finding->why, "ours has that name, so a start is refused");
	DOCTOR_SAY(finding->mend, "nft delete table inet " TABLE_NAME);
}

void doctor_find(struct doctor *doctor, const struct doctor_facts *facts)
{
	struct doctor_finding *finding;

	doctor->count = 0;
	if (!facts->config) {
		finding = doctor_add(doctor, "config", true);
		DOCTOR_SAY(finding->what,
			   "the configuration '%s' is missing or has errors",
			   facts->config_file);
		DOCTOR_SAY(finding->why,
			   "neither daemon starts, and what depends on it was "
			   "not looked at");
		DOCTOR_SAY(finding->mend, "routed -c '%s' --check",
			   facts->config_file);
	}
	find_leftovers(doctor, facts);
	find_lacks(doctor, facts);
	find_rp_filter(doctor, facts);
	find_networkd(doctor, facts);
	find_table(doctor, facts);
	if (facts->config) {
		find_ipv6(doctor, facts);
		find_listeners(doctor, facts);
		find_resolv_conf(doctor, facts);
		find_collisions(doctor, facts);
		doctor_find_sockets(doctor, facts);
	}
	doctor_find_firewalls(doctor, facts);
	doctor_find_vpns(doctor, facts);
	doctor_find_neighbours(doctor, facts);
	doctor_find_gateways(doctor, facts);
}
