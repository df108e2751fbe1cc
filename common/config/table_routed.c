// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#define AT(member) .at = offsetof(struct config, member)
#define COUNT_AT(member) .count_at = offsetof(struct config, member)

static const struct schema_word mode_words[] = {
	{"policy", ROUTED_MODE_POLICY, NULL},
	{"main", ROUTED_MODE_MAIN, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word capture_words[] = {
	{"all", ROUTED_CAPTURE_ALL, NULL},
	{"fake", ROUTED_CAPTURE_FAKE, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word carrier_words[] = {
	{"auto", ROUTED_CARRIER_AUTO, NULL},
	{"kernel", ROUTED_CARRIER_KERNEL, NULL},
	{"user", ROUTED_CARRIER_USER, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word icmp_words[] = {
	{"truth", ROUTED_ICMP_TRUTH, NULL},
	{"drop", ROUTED_ICMP_DROP, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word sniff_words[] = {
	{"tls", ROUTED_SNIFF_TLS, NULL},
	{"http", ROUTED_SNIFF_HTTP, NULL},
	{"quic", ROUTED_SNIFF_QUIC, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word resolver_words[] = {
	{"auto", ROUTED_RESOLVER_AUTO, NULL},
	{"resolv.conf", ROUTED_RESOLVER_RESOLV_CONF, NULL},
	{"resolved", ROUTED_RESOLVER_RESOLVED, NULL},
	{"off", ROUTED_RESOLVER_OFF, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word crash_words[] = {
	{"open", ROUTED_ON_CRASH_OPEN, NULL},
	{"closed", ROUTED_ON_CRASH_CLOSED, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word ipv6_words[] = {
	{"on", false, NULL},
	{"off", true, NULL},
	{NULL, 0, NULL},
};

static const struct schema_key exempt_keys[] = {
	{.name = "uid",
	 .kind = SCHEMA_LIST,
	 .type = &config_uid,
	 .help = "Users whose traffic is left alone.",
	 AT(routed.exempt.uids),
	 COUNT_AT(routed.exempt.uid_count)},
	{.name = "mark",
	 .kind = SCHEMA_LIST,
	 .type = &config_mark,
	 .help = "Firewall marks whose traffic is left alone.",
	 AT(routed.exempt.marks),
	 COUNT_AT(routed.exempt.mark_count)},
	{.name = "address",
	 .kind = SCHEMA_LIST,
	 .type = &schema_prefix,
	 .help = "Destinations whose traffic is left alone.",
	 AT(routed.exempt.prefixes),
	 COUNT_AT(routed.exempt.prefix_count)},
	{.name = "interface",
	 .kind = SCHEMA_LIST,
	 .type = &schema_interface,
	 .help = "Interfaces: what comes in by them, to be forwarded, is left "
		 "alone.",
	 AT(routed.exempt.interfaces),
	 COUNT_AT(routed.exempt.interface_count)},
	{.name = "cgroup",
	 .kind = SCHEMA_LIST,
	 .type = &config_cgroup,
	 .items_max = 8,
	 .help = "Control groups of version 2, and those below them, whose "
		 "traffic is left alone.",
	 AT(routed.exempt.cgroups),
	 COUNT_AT(routed.exempt.cgroup_count)},
	{.name = NULL},
};

static const struct schema_key include_keys[] = {
	{.name = "address",
	 .kind = SCHEMA_LIST,
	 .type = &schema_prefix,
	 .help = "Destinations that are led to the relay, though this host's "
		 "routes or 'capture: fake' would leave them alone.",
	 AT(routed.include.prefixes),
	 COUNT_AT(routed.include.prefix_count)},
	{.name = NULL},
};

static const struct schema_key routed_udp_keys[] = {
	{.name = "flows",
	 .type = &schema_number,
	 .min = 16,
	 .max = 262144,
	 .fallback = "1536",
	 .help = "How many sockets of applications may have their UDP carried "
		 "at a time; further ones are refused.",
	 AT(routed.udp.flows)},
	{.name = "flows-per-source",
	 .type = &schema_number,
	 .min = 1,
	 .max = 262144,
	 .fallback = "1024",
	 .help = "How many of them one address may have.",
	 AT(routed.udp.flows_per_source)},
	{.name = "idle",
	 .type = &schema_duration,
	 .min = 1000,
	 .max = 86400000,
	 .fallback = "2m",
	 .help = "For how long a UDP flow is kept that is silent.",
	 AT(routed.udp.idle_ms)},
	{.name = "idle-short",
	 .type = &schema_duration,
	 .min = 1000,
	 .max = 86400000,
	 .fallback = "10s",
	 .help = "The same for flows to ports 53 and 123 only, where a "
		 "question has one answer.",
	 AT(routed.udp.idle_short_ms)},
	{.name = NULL},
};

const struct schema_key config_routed_keys[] = {
	{.name = "mode",
	 .type = &schema_word,
	 .words = mode_words,
	 .fallback = "policy",
	 .help = "How traffic is led to the relay: by routing rules and tables "
		 "of our own, or by routes in the main table alone.",
	 AT(routed.mode)},
	{.name = "capture",
	 .type = &schema_word,
	 .words = capture_words,
	 .fallback = "all",
	 .help = "What is led to the relay: all traffic, or only that to fake "
		 "addresses.",
	 AT(routed.capture)},
	{.name = "resolver",
	 .type = &schema_word,
	 .words = resolver_words,
	 .fallback = "auto",
	 .help = "How the host is made to ask dnsd: /etc/resolv.conf, "
		 "or systemd-resolved by the system bus; auto: the latter "
		 "where resolv.conf leads to it.",
	 AT(routed.resolver)},
	{.name = "tun",
	 .type = &schema_interface,
	 .fallback = "ersatz0",
	 .help = "The name of the TUN device.",
	 AT(routed.tun)},
	{.name = "carrier",
	 .type = &schema_word,
	 .words = carrier_words,
	 .fallback = "auto",
	 .help = "What carries TCP between the TUN and the relay: the kernel "
		 "by BPF, or the relay itself; auto: the kernel if it can.",
	 AT(routed.carrier)},
	{.name = "uplink",
	 .type = &schema_interface,
	 .help = "The interface that leads to the world; unset: found by its "
		 "default route.",
	 AT(routed.uplink)},
	{.name = "ipv6",
	 .type = &schema_flag,
	 .words = ipv6_words,
	 .fallback = "on",
	 .help = "Whether IPv6 is carried; off: it is refused at once, and "
		 "never goes out past us.",
	 AT(routed.is_ipv6_refused)},
	{.name = "include",
	 .kind = SCHEMA_SECTION,
	 .keys = include_keys,
	 .help = "Traffic that enters the relay, whatever else is said."},
	{.name = "exempt",
	 .kind = SCHEMA_SECTION,
	 .keys = exempt_keys,
	 .help = "Traffic that never enters the relay."},
	{.name = "serve",
	 .kind = SCHEMA_LIST,
	 .type = &schema_port,
	 .help = "UDP ports of servers on the wildcard address, whose replies "
		 "must keep their address.",
	 AT(routed.serve),
	 COUNT_AT(routed.serve_count)},
	{.name = "connect-timeout",
	 .type = &schema_duration,
	 .min = 100,
	 .max = 300000,
	 .fallback = "10s",
	 .help = "For how long a connection through an outbound is tried.",
	 AT(routed.connect_timeout_ms)},
	{.name = "sniff",
	 .kind = SCHEMA_LIST,
	 .type = &schema_word,
	 .words = sniff_words,
	 .items_max = 3,
	 .help = "Protocols in which the name of a flow to a real address is "
		 "looked for, where the rules depend on it.",
	 AT(routed.sniff),
	 COUNT_AT(routed.sniff_count)},
	{.name = "sniff-wait",
	 .type = &schema_duration,
	 .min = 10,
	 .max = 30000,
	 .fallback = "300ms",
	 .help = "For how long an application may keep silent before its flow "
		 "goes on without a name.",
	 AT(routed.sniff_wait_ms)},
	{.name = "flow-log",
	 .type = &config_query_log,
	 .fallback = "off",
	 .help = "Where a line is written for each flow when it ends or is "
		 "refused.",
	 AT(routed.flow_log)},
	{.name = "metrics",
	 .type = &config_metrics,
	 .fallback = "off",
	 .help = "Where metrics are served by HTTP, in OpenMetrics' form: an "
		 "address of loopback.",
	 AT(routed.metrics)},
	{.name = "icmp",
	 .type = &schema_word,
	 .words = icmp_words,
	 .fallback = "truth",
	 .help = "What a ping is told: what the way to its destination says, "
		 "or nothing.",
	 AT(routed.icmp)},
	{.name = "flows",
	 .type = &schema_number,
	 .min = 16,
	 .max = 262144,
	 .fallback = "8192",
	 .help = "How many flows there may be at a time; further ones are "
		 "refused.",
	 AT(routed.flows_max)},
	{.name = "flows-per-source",
	 .type = &schema_number,
	 .min = 1,
	 .max = 262144,
	 .fallback = "2048",
	 .help = "How many of them one device behind this host may have.",
	 AT(routed.flows_per_source)},
	{.name = "udp",
	 .kind = SCHEMA_SECTION,
	 .keys = routed_udp_keys,
	 .help = "Limits of UDP flows."},
	{.name = "on-crash",
	 .type = &schema_word,
	 .words = crash_words,
	 .fallback = "open",
	 .help = "What becomes of the host when we die: new flows go direct, "
		 "or nothing leaves.",
	 AT(routed.on_crash)},
	{.name = "gateway",
	 .kind = SCHEMA_LIST,
	 .type = &config_gateway,
	 .fallback = "auto",
	 .help = "The interfaces whose devices are served too; auto: the "
		 "bridges of this host's containers and guests.",
	 AT(routed.gateways),
	 COUNT_AT(routed.gateway_count)},
	{.name = "guard",
	 .type = &config_guard,
	 .min = 1000,
	 .max = 86400000,
	 .fallback = "off",
	 .help = "For how long after a stop the kernel goes on to refuse fake "
		 "addresses.",
	 AT(routed.guard_ms)},
	{.name = NULL},
};
