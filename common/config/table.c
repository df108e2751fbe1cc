// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include "common/rules/form.h"

#define AT(member) .at = offsetof(struct config, member)
#define COUNT_AT(member) .count_at = offsetof(struct config, member)
#define SET_AT(member) .at = offsetof(struct rule_set_conf, member)

static const struct schema_word log_words[] = {
	{"error", LOG_LEVEL_ERROR, NULL},
	{"warning", LOG_LEVEL_WARNING, NULL},
	{"notice", LOG_LEVEL_NOTICE, NULL},
	{"info", LOG_LEVEL_INFO, NULL},
	{"debug", LOG_LEVEL_DEBUG, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word set_type_words[] = {
	{"file", 0, NULL},
	{"http", 0, "the file itself, fetched by a timer of yours"},
	{"inline", 0, "a file of its own, or 'sub-rules'"},
	{NULL, 0, NULL},
};

static const struct schema_word behavior_words[] = {
	{"auto", FORM_AUTO, NULL},
	{"domain", FORM_DOMAIN, NULL},
	{"ipcidr", FORM_IPCIDR, NULL},
	{"classical", FORM_CLASSICAL, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word format_words[] = {
	{"auto", FORM_AUTO, NULL},
	{"yaml", FORM_YAML, NULL},
	{"text", FORM_TEXT, NULL},
	{"dnsmasq", FORM_DNSMASQ, NULL},
	{"hosts", FORM_HOSTS, NULL},
	{"adblock", FORM_ADBLOCK, NULL},
	{"v2fly", FORM_V2FLY, NULL},
	{"mrs", 0, "the same list as yaml or text"},
	{NULL, 0, NULL},
};

static const struct schema_word reject_words[] = {
	{"nxdomain", false, NULL},
	{"fake", true, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word builtin_words[] = {
	{"on", true, NULL},
	{"off", false, NULL},
	{NULL, 0, NULL},
};

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

static const struct schema_word resolver_words[] = {
	{"resolv.conf", ROUTED_RESOLVER_RESOLV_CONF, NULL},
	{"auto", ROUTED_RESOLVER_RESOLV_CONF, NULL},
	{"off", ROUTED_RESOLVER_OFF, NULL},
	{"resolved", 0, ""},
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

static const struct schema_word gateway_words[] = {
	{"off", 0, NULL},
	{"auto", 0, ""},
	{NULL, 0, NULL},
};

static const struct schema_word verify_words[] = {
	{"off", FAKE_VERIFY_OFF, NULL},
	{"background", FAKE_VERIFY_BACKGROUND, NULL},
	{"first", FAKE_VERIFY_FIRST, NULL},
	{NULL, 0, NULL},
};

static const struct schema_key fake_keys[] = {
	{.name = "ipv4",
	 .type = &schema_prefix,
	 .expected = "an IPv4 prefix of /8 to /28, such as 198.18.0.0/15",
	 .fallback = "198.18.0.0/15",
	 .help = "The pool that fake A records come from.",
	 AT(dnsd.fake.ipv4)},
	{.name = "ipv6",
	 .type = &config_fake_ipv6,
	 .fallback = "auto",
	 .help = "The pool that fake AAAA records come from; auto is "
		 "2001:2::/48, off answers without data.",
	 AT(dnsd.fake.ipv6)},
	{.name = "ttl",
	 .type = &schema_seconds,
	 .min = 0,
	 .max = 10,
	 .fallback = "1",
	 .help = "For how many seconds a client may keep a fake address.",
	 AT(dnsd.fake_ttl_s)},
	{.name = "guard",
	 .type = &schema_duration,
	 .min = 1000,
	 .max = 86400000,
	 .fallback = "10m",
	 .help = "For how long an address must not have been answered or used "
		 "before another name may get it.",
	 AT(dnsd.fake_guard_ms)},
	{.name = "verify",
	 .type = &schema_word,
	 .words = verify_words,
	 .fallback = "off",
	 .help = "Whether a name that does not exist may get a fake address: "
		 "it is not looked up, or behind the first answer, or before.",
	 AT(dnsd.fake_verify)},
	{.name = NULL},
};

static const struct schema_key dnsd_keys[] = {
	{.name = "listen",
	 .kind = SCHEMA_LIST,
	 .type = &schema_endpoint,
	 .expected = "ADDRESS[:PORT], such as 127.0.0.1:53",
	 .port = 53,
	 .items_min = 1,
	 .items_max = 64,
	 .fallback = "127.0.0.1:53",
	 .help = "Where dnsd answers, by UDP and TCP.",
	 AT(dnsd.listen),
	 COUNT_AT(dnsd.listen_count)},
	{.name = "fake",
	 .kind = SCHEMA_SECTION,
	 .keys = fake_keys,
	 .help = "The addresses that stand for names."},
	{.name = "upstream",
	 .type = &config_upstream_name,
	 .help = "The upstream for rules that name none; unset: the first one "
		 "listed.",
	 AT(dnsd.upstream)},
	{.name = "reject",
	 .type = &schema_flag,
	 .words = reject_words,
	 .fallback = "nxdomain",
	 .help = "What the name of a REJECT rule answers: no such name, or an "
		 "address that is then reset.",
	 AT(dnsd.reject_is_fake)},
	{.name = "hosts-file",
	 .type = &config_hosts_file,
	 .fallback = "/etc/hosts",
	 .help = "The file of names and addresses that is read behind 'hosts', "
		 "and again when it changes; or off.",
	 AT(dnsd.hosts_file)},
	{.name = "builtin-direct",
	 .type = &schema_flag,
	 .words = builtin_words,
	 .fallback = "on",
	 .help = "Whether names that break when they are faked (time servers, "
		 "STUN, connectivity checks) are not, unless a rule names "
		 "them.",
	 AT(dnsd.has_builtin_direct)},
	{.name = "timeout",
	 .type = &schema_duration,
	 .min = 100,
	 .max = 60000,
	 .fallback = "4s",
	 .help = "For how long an upstream is asked, all tries together.",
	 AT(dnsd.timeout_ms)},
	{.name = "cache",
	 .kind = SCHEMA_SECTION,
	 .keys = config_cache_keys,
	 .help = "The answers of upstreams that are kept."},
	{.name = "query-log",
	 .type = &config_query_log,
	 .fallback = "off",
	 .help = "Where each query is logged with its answer: off, syslog or "
		 "a file.",
	 AT(dnsd.query_log)},
	{.name = "metrics",
	 .type = &config_metrics,
	 .fallback = "off",
	 .help = "Where Prometheus finds metrics by HTTP, at /metrics.",
	 AT(dnsd.metrics)},
	{.name = NULL},
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
	 .kind = SCHEMA_LATER,
	 .expected = "uid, mark, address or interface"},
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

static const struct schema_key routed_keys[] = {
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
	 .help = "How the host is made to ask dnsd.",
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
	 .type = &schema_fixed,
	 .words = gateway_words,
	 .fallback = "off",
	 .help = "Whether devices of the LAN are served too."},
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

static const struct schema_key geo_keys[] = {
	{.name = "country",
	 .type = &schema_text,
	 .help = "A database of countries in MaxMind's format, for GEOIP.",
	 AT(geo.country)},
	{.name = "asn",
	 .type = &schema_text,
	 .help = "A database of autonomous systems in the same format, for "
		 "IP-ASN.",
	 AT(geo.asn)},
	{.name = "site",
	 .type = &schema_text,
	 .help = "The geosite.dat of the v2fly project, or a folder of its "
		 "lists, for GEOSITE.",
	 AT(geo.site)},
	{.name = NULL},
};

#define FETCH                                                                  \
	"a file that is there, fetched by a timer of yours; it is read again " \
	"when it changes"

static const struct schema_key set_keys[] = {
	{.name = "type",
	 .type = &schema_fixed,
	 .words = set_type_words,
	 .fallback = "file",
	 .help = "Where the list is: in a file."},
	{.name = "behavior",
	 .type = &schema_word,
	 .words = behavior_words,
	 .fallback = "auto",
	 .help = "What an entry is: a name, a prefix, or a rule without an "
		 "outbound; auto: any of these.",
	 SET_AT(behavior)},
	{.name = "format",
	 .type = &schema_word,
	 .words = format_words,
	 .fallback = "auto",
	 .help = "How the file is written; auto: that is seen from it.",
	 SET_AT(format)},
	{.name = "path",
	 .type = &schema_text,
	 .is_required = true,
	 .expected = "the path of the list",
	 .help = "The file, from the folder of the configuration.",
	 SET_AT(path)},
	{.name = "url", .kind = SCHEMA_LATER, .expected = FETCH},
	{.name = "interval", .kind = SCHEMA_LATER, .expected = FETCH},
	{.name = "proxy", .kind = SCHEMA_LATER, .expected = FETCH},
	{.name = "header", .kind = SCHEMA_LATER, .expected = FETCH},
	{.name = "size-limit", .kind = SCHEMA_LATER, .expected = FETCH},
	{.name = "payload",
	 .kind = SCHEMA_LATER,
	 .expected = "the entries in a file that 'path' names"},
	{.name = NULL},
};

/*
 * In the order of reading: `user` before the password files that it must be
 * able to read; what is named before what names it.
 */
const struct schema_key config_keys[] = {
	{.name = "state",
	 .type = &schema_path,
	 .fallback = "/var/lib/ersatz",
	 .help = "The folder of what must outlive a boot: the map.",
	 AT(state_dir)},
	{.name = "run",
	 .type = &schema_path,
	 .fallback = "/run/ersatz",
	 .help = "The folder of sockets, locks and the journal.",
	 AT(run_dir)},
	{.name = "user",
	 .type = &config_user,
	 .fallback = "ersatz",
	 .help = "The user that dnsd and the relay become.",
	 AT(user)},
	{.name = "log",
	 .type = &schema_word,
	 .words = log_words,
	 .fallback = "notice",
	 .help = "The least level that is logged.",
	 AT(log_level)},
	{.name = "outbounds",
	 .kind = SCHEMA_NAMED,
	 .keys = config_outbound_keys,
	 .expected = "a mapping such as 'proxy: {type: socks5, server: "
		     "127.0.0.1:1080}'",
	 .help = "The ways out, by name; DIRECT, REJECT, REJECT-DROP and PASS "
		 "are built in.",
	 AT(outbounds),
	 COUNT_AT(outbound_count),
	 .item_size = sizeof(struct outbound_conf),
	 .line_at = offsetof(struct outbound_conf, line),
	 .first = OUTBOUND_FIRST,
	 .each = config_outbound_each,
	 .done = config_outbounds_done},
	{.name = "upstreams",
	 .kind = SCHEMA_NAMED,
	 .keys = config_upstream_keys,
	 .expected = "a mapping such as 'home: {servers: [system]}'",
	 .help = "Groups of DNS servers, by name; without any there is one "
		 "named 'system'.",
	 AT(upstreams),
	 COUNT_AT(upstream_count),
	 .item_size = sizeof(struct upstream_conf),
	 .line_at = offsetof(struct upstream_conf, line),
	 .each = config_upstream_each,
	 .done = config_upstreams_done},
	{.name = "proxies",
	 .kind = SCHEMA_LATER,
	 .help = "(it is Clash's)",
	 .expected = "'outbounds' such as 'proxy: {type: socks5, server: "
		     "127.0.0.1:1080}'"},
	{.name = "proxy-groups",
	 .kind = SCHEMA_LATER,
	 .help = "(it is Clash's)",
	 .expected = "the name of an outbound in each rule"},
	{.name = "rule-providers",
	 .kind = SCHEMA_LATER,
	 .help = "(it is Clash's)",
	 .expected = "'rule-sets' with 'path' and 'behavior' of each"},
	{.name = "geo",
	 .kind = SCHEMA_SECTION,
	 .keys = geo_keys,
	 .help = "The databases of GEOIP, IP-ASN and GEOSITE.",
	 .done = config_geo_done},
	{.name = "rule-sets",
	 .kind = SCHEMA_NAMED,
	 .keys = set_keys,
	 .expected = "a mapping such as 'cn: {behavior: domain, path: "
		     "lists/cn.yaml}'",
	 .help = "Lists that RULE-SET can name.",
	 AT(rule_sets),
	 COUNT_AT(rule_set_count),
	 .item_size = sizeof(struct rule_set_conf),
	 .line_at = offsetof(struct rule_set_conf, line),
	 .each = config_rule_set_each,
	 .done = config_rule_sets_done},
	{.name = "sub-rules",
	 .kind = SCHEMA_LISTS,
	 .type = &config_rule,
	 .expected = "a mapping such as 'inner: [\"MATCH,proxy\"]'",
	 .items_max = CONFIG_SIZE_MAX,
	 .help = "Lists of rules that SUB-RULE can name.",
	 .each = config_sub_rules_each,
	 .print = config_print_sub_rules},
	{.name = "rules",
	 .kind = SCHEMA_LIST,
	 .type = &config_rule,
	 .items_max = CONFIG_SIZE_MAX,
	 .help = "Which outbound a name or flow gets; the first rule that "
		 "matches wins.",
	 .print = config_print_rules},
	{.name = "hosts",
	 .kind = SCHEMA_LISTS,
	 .type = &config_host_address,
	 .expected = "a mapping such as 'nas.lan: 192.168.1.5'",
	 .help = "Addresses of names; '*.', '.' or '+.' in front of one stands "
		 "for names below it.",
	 .each = config_hosts_each,
	 .print = config_print_hosts},
	{.name = "dnsd",
	 .kind = SCHEMA_SECTION,
	 .keys = dnsd_keys,
	 .help = "The resolver."},
	{.name = "routed",
	 .kind = SCHEMA_SECTION,
	 .keys = routed_keys,
	 .help = "The routing state and the relay."},
	{.name = NULL},
};
