// SPDX-License-Identifier: BSD-2-Clause
/* What the doctor finds on a kernel of paper. */
#include "routed/doctor.h"

#include "routed/plan.h"
#include "tests/unit/fib_model.h"

#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct fib_model model;
	struct config config;
	struct endpoint listen[1];
	struct udp_servers servers;
	struct doctor_facts facts;
	struct doctor doctor;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fib_model_laptop(&f.model);
	f.listen[0] = (struct endpoint){addr_of("127.0.0.1"), 53};
	f.config.user = "ersatz";
	f.config.dnsd.listen = f.listen;
	f.config.dnsd.listen_count = 1;
	f.config.dnsd.fake = fake_pool_default();
	f.config.routed.tun = "ersatz0";
	f.facts = (struct doctor_facts){
		.config = &f.config,
		.config_file = "/etc/e.yaml",
		.run_dir = "/run/ersatz",
		.state = &f.model.state,
		.udp_servers = &f.servers,
		.routed_runs = DOCTOR_NO,
		.dnsd_runs = DOCTOR_NO,
		.has_nftables = DOCTOR_YES,
		.has_bpf = DOCTOR_YES,
		.rp_filter = 2,
		.has_user = true,
		.has_tun = true,
	};
	*state = &f;
	return 0;
}

/* The one finding that there is then. */
static const struct doctor_finding *only(struct fixture *f)
{
	doctor_find(&f->doctor, &f->facts);
	for (size_t i = 1; i < f->doctor.count; i++)
		print_error("also: %s\n", f->doctor.list[i].id);
	assert_int_equal(f->doctor.count, 1);
	assert_true(f->doctor.list[0].what[0]);
	assert_true(f->doctor.list[0].why[0]);
	assert_true(f->doctor.list[0].mend[0]);
	return &f->doctor.list[0];
}

static void finds(struct fixture *f, const char *id, bool is_broken,
		  const char *mend)
{
	const struct doctor_finding *finding = only(f);

	assert_string_equal(finding->id, id);
	assert_int_equal(finding->is_broken, is_broken);
	assert_int_equal(doctor_has_broken(&f->doctor), is_broken);
	if (!strstr(finding->mend, mend))
		fail_msg("'%s' is not in '%s'", mend, finding->mend);
}

static void finds_nothing(struct fixture *f)
{
	doctor_find(&f->doctor, &f->facts);
	if (f->doctor.count)
		fail_msg("found: %s", f->doctor.list[0].what);
}

static void clean_host_has_no_findings(void **state)
{
	finds_nothing(*state);
}

static void strict_rp_filter_is_found(void **state)
{
	struct fixture *f = *state;

	f->facts.rp_filter = 1;
	finds(f, "rp-filter", true, "net/ipv4/conf/eth0/rp_filter=2");
	f->facts.rp_filter = 0;
	finds_nothing(f);
}

static void device_that_a_shell_would_run_is_not_pasted(void **state)
{
	struct fixture *f = *state;

	f->facts.rp_filter = 1;
	for (size_t i = 0; i < f->model.state.link_count; i++) {
		if (f->model.links[i].ifindex == ETH)
			strcpy(f->model.links[i].name, "a';reboot;'");
	}
	finds(f, "rp-filter", true, "net/ipv4/conf/DEVICE/rp_filter=2");
}

static void leftovers_are_those_of_nobody_running(void **state)
{
	struct fixture *f = *state;

	fib_model_rule(&f->model, ADDR_IPV4, 5002, 197)->protocol = NL_PROTOCOL;
	finds(f, "leftover", true, "routed --recover");
	f->facts.run_dir = "/run/other";
	finds(f, "leftover", true, "routed --run /run/other --recover");
	f->facts.routed_runs = DOCTOR_UNKNOWN;
	finds_nothing(f);
}

static void closed_host_is_a_leftover_and_a_guard_is_none(void **state)
{
	struct fixture *f = *state;

	f->facts.table = FIREWALL_GUARD;
	finds_nothing(f);
	f->facts.table = FIREWALL_CLOSED;
	finds(f, "leftover", true, "--recover");
	assert_non_null(strstr(f->doctor.list[0].why, "closed"));
	f->facts.table = FIREWALL_FOREIGN;
	finds(f, "foreign-table", true, "nft delete table inet ersatz");
}

static void what_is_missing_is_told(void **state)
{
	struct fixture *f = *state;

	f->facts.has_user = false;
	finds(f, "no-user", true, "useradd --system");
	f->facts.has_user = true;
	f->facts.has_tun = false;
	finds(f, "no-tun", true, "modprobe tun");
	f->facts.has_tun = true;
	f->facts.has_nftables = DOCTOR_NO;
	finds(f, "no-nftables", true, "modprobe nf_tables");
	f->facts.has_nftables = DOCTOR_UNKNOWN;
	f->facts.has_bpf = DOCTOR_NO;
	finds(f, "no-bpf", false, "BPF_SYSCALL");
	f->facts.has_bpf = DOCTOR_UNKNOWN;
	finds_nothing(f);
}

static void broken_configuration_hides_nothing_else(void **state)
{
	struct fixture *f = *state;

	f->facts.config = NULL;
	f->facts.has_user = false;
	finds(f, "config", true, "routed -c '/etc/e.yaml' --check");
	f->facts.rp_filter = 1;
	doctor_find(&f->doctor, &f->facts);
	assert_int_equal(f->doctor.count, 2);
}

static void listener_collides_by_address(void **state)
{
	static const struct {
		const char *theirs, *ours;
		bool collides;
	} cases[] = {
		{"127.0.0.1", "127.0.0.1", true},
		{"0.0.0.0", "127.0.0.1", true},
		{"::", "127.0.0.1", true}, /* both families */
		{"127.0.0.53", "127.0.0.1", false},
		{"127.0.0.53", "0.0.0.0", true},
		{"0.0.0.0", "::1", false},
	};
	struct fixture *f = *state;
	struct doctor_listener *listener = &f->facts.listeners[0];

	f->facts.listener_count = 1;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		*listener = (struct doctor_listener){
			.local = {addr_of(cases[i].theirs), 53},
			.pid = 77,
			.program = "unbound",
		};
		f->listen[0].addr = addr_of(cases[i].ours);
		if (!cases[i].collides) {
			finds_nothing(f);
			continue;
		}
		finds(f, "other-resolver", true, "kill 77");
		strcpy(listener->unit, "unbound.service");
		finds(f, "other-resolver", true,
		      "systemctl disable --now unbound.service");
		listener->unit[0] = '\0';
		listener->pid = 0;
		finds(f, "other-resolver", true, "ss -lntup");
	}
	f->facts.listeners[0].local.addr = addr_of("127.0.0.1");
	f->listen[0].addr = addr_of("127.0.0.1");
	f->facts.dnsd_runs = DOCTOR_YES; /* it is dnsd itself */
	finds_nothing(f);
}

static void resolv_conf_matters_while_captured(void **state)
{
	struct fixture *f = *state;

	f->facts.nameservers[0] = addr_of("192.168.7.1");
	f->facts.nameserver_count = 1;
	finds_nothing(f);
	f->facts.routed_runs = DOCTOR_YES;
	finds(f, "resolv-conf", true, "nameserver 127.0.0.1");
	/* What systemd-resolved has, routed has told it. */
	f->facts.nameservers[0] = addr_of("127.0.0.53");
	finds_nothing(f);
	f->config.routed.resolver = ROUTED_RESOLVER_RESOLV_CONF;
	finds(f, "resolv-conf", true, "nameserver 127.0.0.1");
	f->facts.nameservers[0] = addr_of("192.168.7.1");
	f->config.routed.resolver = ROUTED_RESOLVER_OFF;
	finds(f, "resolv-conf", false, "nameserver 127.0.0.1");
	f->facts.nameservers[0] = addr_of("127.0.0.1");
	finds_nothing(f);
}

static void pool_of_another_network_is_found(void **state)
{
	static const struct {
		const char *address, *id, *mend;
	} cases[] = {
		{"198.18.4.1/24", "pool-address",
		 "ip addr del 198.18.4.1/24 dev 'eth0'"},
		{"2001:2::9/64", "pool-address", "ip addr del 2001:2::9/64"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		setup(state);
		fib_model_addr(&f->model, ETH, cases[i].address);
		/* The route of the prefix has the protocol of the kernel. */
		f->model.routes[f->model.state.route_count - 1].protocol =
			RTPROT_KERNEL;
		finds(f, cases[i].id, true, cases[i].mend);
	}
	setup(state);
	fib_model_route(&f->model, "198.18.0.0/16", ETH, "192.168.7.9");
	finds(f, "pool-route", true, "ip route del 198.18.0.0/16 table 254");
	setup(state);
	fib_model_route(&f->model, "2001:2::/32", ETH, NULL);
	finds(f, "pool-route", true, "ip -6 route del 2001:2::/32 table 254");
	/* What stands for everything, and what the TUN has, is none. */
	setup(state);
	fib_model_route(&f->model, "192.0.0.0/2", ETH, NULL);
	fib_model_route(&f->model, "198.18.0.0/15", TUN, NULL);
	fib_model_addr(&f->model, TUN, "198.18.0.1/32");
	finds_nothing(f);
}

static void ipv6_that_is_not_captured_is_found(void **state)
{
	struct fixture *f = *state;

	f->facts.is_ipv6_off = true;
	finds(f, "ipv6-refused", true, "disable_ipv6=0");
	f->config.routed.is_ipv6_refused = true; /* as was wished */
	finds_nothing(f);
	setup(state);
	f->config.dnsd.fake.ipv6 = (struct prefix){0};
	finds_nothing(f);
	f->config.routed.capture = ROUTED_CAPTURE_FAKE;
	finds(f, "ipv6-escape", false, "capture: all");
	setup(state);
	f->facts.routed_runs = DOCTOR_YES;
	f->facts.nameservers[0] = addr_of("127.0.0.1");
	f->facts.nameserver_count = 1;
	fib_model_rule(&f->model, ADDR_IPV4, 5002, 197)->protocol = NL_PROTOCOL;
	finds(f, "ipv6-escape", true, "kill -HUP");
	fib_model_rule(&f->model, ADDR_IPV6, 5002, 197)->protocol = NL_PROTOCOL;
	finds_nothing(f);
}

static void neighbours_are_named_and_break_nothing(void **state)
{
	struct fixture *f = *state;

	f->facts.ruleset = "chain ufw-before-input {\n";
	finds_nothing(f); /* there, and not active */
	f->facts.ruleset = "counter jump ufw-before-input\n";
	finds(f, "beside-ufw", false, "ufw allow");
	f->facts.ruleset = "table inet firewalld {\n";
	finds(f, "beside-firewalld", false, "firewall-cmd");
	f->facts.ruleset = "chain DOCKER {\n";
	finds(f, "beside-docker", false, "docker network");
	f->facts.ruleset = "chain LIBVIRT_INP {\n";
	finds(f, "beside-libvirt", false, "virsh");
	f->facts.ruleset = NULL;
	f->facts.has_network_manager = true;
	finds(f, "beside-networkmanager", false, "nmcli");
}

static void udp_servers_are_named_until_they_are_served(void **state)
{
	struct fixture *f = *state;
	uint16_t serve[] = {514};

	f->servers.list[0] = (struct endpoint){addr_of("0.0.0.0"), 514};
	f->servers.list[1] = (struct endpoint){addr_of("0.0.0.0"), 1194};
	f->servers.count = 2;
	finds(f, "udp-servers", false, "serve: [ 514, 1194 ]");
	f->config.routed.serve = serve;
	f->config.routed.serve_count = 1;
	finds(f, "udp-servers", false, "serve: [ 1194 ]");
	struct nl_rule *rule = fib_model_rule(
		&f->model, ADDR_IPV4, PLAN_PRIORITY_SERVE, RT_TABLE_MAIN);
	rule->protocol = NL_PROTOCOL;
	rule->sport_first = rule->sport_last = 1194;
	f->facts.routed_runs = DOCTOR_UNKNOWN;
	finds_nothing(f);
}

static void exempt_groups_are_looked_for(void **state)
{
	struct fixture *f = *state;
	const char *groups[] = {"/a", "/b"};
	const char *lost[] = {"/b"};

	f->facts.has_groups = DOCTOR_NO; /* nobody asks for them */
	finds_nothing(f);
	f->config.routed.exempt.cgroups = groups;
	f->config.routed.exempt.cgroup_count = 2;
	finds(f, "exempt-cgroup", true, "mount -t cgroup2");
	f->facts.has_groups = DOCTOR_YES;
	finds_nothing(f);
	f->facts.lost_groups = lost;
	f->facts.lost_group_count = 1;
	finds(f, "exempt-cgroup", false, "systemd-cgls");
	assert_non_null(strstr(f->doctor.list[0].what, "'/b'"));
}

static void rival_is_named(void **state)
{
	struct fixture *f = *state;

	strcpy(f->facts.rival, "'vpn.sh' (process 12)");
	finds(f, "rival", true, "protocol 198");
	assert_non_null(strstr(f->doctor.list[0].what, "'vpn.sh'"));
}

static void networkd_is_found(void **state)
{
	struct fixture *f = *state;

	f->facts.is_networkd_in_charge = true;
	finds(f, "networkd", true, "ManageForeignRoutingPolicyRules=no");
}

static void vpns_are_named_and_break_nothing(void **state)
{
	struct fixture *f = *state;
	struct nl_rule *rule;

	fib_model_link(&f->model, WG);
	fib_model_route(&f->model, "0.0.0.0/0", WG, NULL)->table = 51820;
	rule = fib_model_rule(&f->model, ADDR_IPV4, 32764, RT_TABLE_MAIN);
	rule->suppress_prefixlength = 0;
	finds_nothing(f); /* half of it is something else */
	rule = fib_model_rule(&f->model, ADDR_IPV4, 32765, 51820);
	rule->is_inverted = true;
	rule->mark = 51820;
	rule->mark_mask = ~0U;
	finds(f, "vpn-wg-quick", false, "interface: wg0");

	setup(state);
	rule = fib_model_rule(&f->model, ADDR_IPV4, 5210, RT_TABLE_MAIN);
	rule->mark = 0x80000;
	rule->mark_mask = 0xff0000;
	finds(f, "vpn-tailscale", false, "tailscale0");

	setup(state);
	fib_model_rule(&f->model, ADDR_IPV4, 220, 220);
	finds(f, "vpn-strongswan", false, "table 220");
	assert_non_null(strstr(f->doctor.list[0].why, "before our rules"));

	setup(state);
	fib_model_link(&f->model, WG);
	fib_model_route(&f->model, "0.0.0.0/1", WG, NULL);
	finds_nothing(f);
	fib_model_route(&f->model, "128.0.0.0/1", WG, NULL);
	finds(f, "vpn-openvpn", false, "interface: wg0");
	f->config.routed.mode = ROUTED_MODE_MAIN;
	doctor_find(&f->doctor, &f->facts);
	assert_int_equal(f->doctor.count, 2);
	assert_string_equal(f->doctor.list[1].id, "mode-main");
}

static void firewalls_are_named_only_if_they_hurt(void **state)
{
	struct fixture *f = *state;

	f->facts.ruleset = "table inet filter {\n"
			   "\tchain input {\n"
			   "\t\ttype filter hook input priority 0; policy "
			   "drop;\n"
			   "\t\tiif \"lo\" accept\n"
			   "\t}\n"
			   "}\n";
	finds(f, "firewall-input", true,
	      "nft insert rule inet filter input ct state "
	      "established,related accept");
	f->facts.ruleset = "table inet filter {\n"
			   "\tchain input {\n"
			   "\t\ttype filter hook input priority 0; policy "
			   "drop;\n"
			   "\t\tct state 0x2,0x4 accept\n"
			   "\t}\n"
			   "}\n";
	finds_nothing(f);
	f->facts.ruleset = "table inet ersatz {\n"
			   "\tchain input {\n"
			   "\t\ttype filter hook input priority 0; policy "
			   "drop;\n"
			   "\t}\n"
			   "}\n";
	finds_nothing(f);
}

static void masquerading_hurts_who_forwards(void **state)
{
	struct fixture *f = *state;

	f->facts.ruleset = "table ip nat {\n"
			   "\tchain post {\n"
			   "\t\ttype nat hook postrouting priority 100; policy "
			   "accept;\n"
			   "\t\tip saddr 172.17.0.0/16 oifname != \"docker0\" "
			   "masquerade\n"
			   "\t\tcounter packets 0 bytes 0 masquerade\n"
			   "\t}\n"
			   "}\n";
	finds_nothing(f);
	f->facts.is_forwarding = true;
	finds(f, "firewall-masquerade", true,
	      "nft insert rule ip nat post oifname '\"ersatz0\"' accept");
	f->facts.ruleset = "table ip nat {\n"
			   "\tchain post {\n"
			   "\t\ttype nat hook postrouting priority 100; policy "
			   "accept;\n"
			   "\t\toifname \"ersatz0\" accept\n"
			   "\t\tmasquerade\n"
			   "\t}\n"
			   "}\n";
	finds_nothing(f);
}

static void too_many_findings_are_cut(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < DOCTOR_FINDINGS_MAX + 5; i++)
		fib_model_route(&f->model, "198.18.0.0/16", ETH, NULL);
	doctor_find(&f->doctor, &f->facts);
	assert_int_equal(f->doctor.count, DOCTOR_FINDINGS_MAX);
}

static void findings_are_printed(void **state)
{
	struct fixture *f = *state;
	char *text;
	size_t size;
	FILE *out;

	f->facts.rp_filter = 1;
	doctor_find(&f->doctor, &f->facts);
	out = open_memstream(&text, &size);
	assert_int_equal(doctor_print(&f->doctor, true, out), 0);
	assert_int_equal(doctor_print(&f->doctor, false, out), 0);
	fclose(out);
	assert_non_null(strstr(text, "\"finding\""));
	assert_non_null(strstr(text, "\nbroken rp-filter: "));
	assert_non_null(strstr(text, "\n  mend  sysctl -w "));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(clean_host_has_no_findings, setup),
		cmocka_unit_test_setup(strict_rp_filter_is_found, setup),
		cmocka_unit_test_setup(
			device_that_a_shell_would_run_is_not_pasted, setup),
		cmocka_unit_test_setup(leftovers_are_those_of_nobody_running,
				       setup),
		cmocka_unit_test_setup(
			closed_host_is_a_leftover_and_a_guard_is_none, setup),
		cmocka_unit_test_setup(what_is_missing_is_told, setup),
		cmocka_unit_test_setup(broken_configuration_hides_nothing_else,
				       setup),
		cmocka_unit_test_setup(listener_collides_by_address, setup),
		cmocka_unit_test_setup(resolv_conf_matters_while_captured,
				       setup),
		cmocka_unit_test_setup(pool_of_another_network_is_found, setup),
		cmocka_unit_test_setup(ipv6_that_is_not_captured_is_found,
				       setup),
		cmocka_unit_test_setup(
			udp_servers_are_named_until_they_are_served, setup),
		cmocka_unit_test_setup(exempt_groups_are_looked_for, setup),
		cmocka_unit_test_setup(rival_is_named, setup),
		cmocka_unit_test_setup(networkd_is_found, setup),
		cmocka_unit_test_setup(neighbours_are_named_and_break_nothing,
				       setup),
		cmocka_unit_test_setup(vpns_are_named_and_break_nothing, setup),
		cmocka_unit_test_setup(firewalls_are_named_only_if_they_hurt,
				       setup),
		cmocka_unit_test_setup(masquerading_hurts_who_forwards, setup),
		cmocka_unit_test_setup(too_many_findings_are_cut, setup),
		cmocka_unit_test_setup(findings_are_printed, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
