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
	 .keys = config_routed_keys,
	 .help = "The routing state and the relay."},
	{.name = NULL},
};
