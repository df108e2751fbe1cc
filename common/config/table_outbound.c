// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#define AT(member) .at = offsetof(struct outbound_conf, member)
#define COUNT_AT(member) .count_at = offsetof(struct outbound_conf, member)

static const struct schema_word type_words[] = {
	{"socks5", OUTBOUND_TYPE_SOCKS5, NULL},
	{"http", OUTBOUND_TYPE_HTTP, NULL},
	{"interface", OUTBOUND_TYPE_INTERFACE, NULL},
	{"reject", OUTBOUND_TYPE_REJECT, NULL},
	{"fallback", OUTBOUND_TYPE_FALLBACK, NULL},
	{"latency", OUTBOUND_TYPE_LATENCY, NULL},
	{"load-balance", OUTBOUND_TYPE_LOAD_BALANCE, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word balance_words[] = {
	{"source", BALANCE_SOURCE, NULL},
	{"name", BALANCE_NAME, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word when_words[] = {
	{"used", false, NULL},
	{"always", true, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word with_words[] = {
	{"reset", OUTBOUND_REJECT_RESET, NULL},
	{"port-unreachable", OUTBOUND_REJECT_PORT, NULL},
	{"host-unreachable", OUTBOUND_REJECT_HOST, NULL},
	{"net-unreachable", OUTBOUND_REJECT_NET, NULL},
	{"admin-prohibited", OUTBOUND_REJECT_PROHIBITED, NULL},
	{"nothing", OUTBOUND_REJECT_SILENT, NULL},
	{NULL, 0, NULL},
};

static const struct schema_word udp_words[] = {
	{"associate", OUTBOUND_UDP_ASSOCIATE, NULL},
	{"udp-over-tcp", OUTBOUND_UDP_OVER_TCP, NULL},
	{"off", OUTBOUND_UDP_OFF, NULL},
	{NULL, 0, NULL},
};

static const struct schema_key probe_keys[] = {
	{.name = "destination",
	 .type = &config_destination,
	 .expected = "HOST:PORT, such as www.example.com:443",
	 .help = "Where a probe connects to through each member.",
	 AT(group.probe)},
	{.name = "interval",
	 .type = &schema_duration,
	 .min = 100,
	 .max = 86400000,
	 .fallback = "1m",
	 .help = "How long it is from one probe of a member to the next.",
	 AT(group.probe_interval_ms)},
	{.name = "when",
	 .type = &schema_flag,
	 .words = when_words,
	 .fallback = "used",
	 .help = "Whether members are probed only while the group is in use, "
		 "or always.",
	 AT(group.is_probed_always)},
	{.name = NULL},
};

const struct schema_key config_outbound_keys[] = {
	{.name = "type",
	 .type = &schema_word,
	 .words = type_words,
	 .is_required = true,
	 .help = "How flows leave: through a proxy, directly by one interface, "
		 "not at all, or by the outbound that a group chooses.",
	 AT(type)},
	{.name = "server",
	 .type = &config_server,
	 .expected = "ADDRESS:PORT of the proxy, such as 127.0.0.1:1080, or "
		     "unix:/PATH",
	 .help = "Where the proxy listens: a numeric address and a port, or "
		 "the path of a Unix socket.",
	 AT(server)},
	{.name = "username",
	 .type = &schema_text,
	 .expected = "a user name of 1 to 255 bytes",
	 .help = "The user name for the proxy; unset, no authentication is "
		 "offered.",
	 AT(username)},
	{.name = "password-file",
	 .type = &schema_text,
	 .expected = "the path of a file with the password in one line",
	 .help = "A file with the password in its one line; a relative path "
		 "starts at the folder of this file.",
	 AT(password_file)},
	{.name = "interface",
	 .type = &schema_interface,
	 .help = "The interface that flows leave by.",
	 AT(interface)},
	{.name = "udp",
	 .type = &schema_word,
	 .words = udp_words,
	 .fallback = "associate",
	 .help = "UDP through the proxy, by its UDP ASSOCIATE, or through a "
		 "stream as sing-box's 'UDP over TCP' (version 2); off, or a "
		 "proxy that has none: it is refused at once, so that QUIC "
		 "falls back to TCP.",
	 .is_part = config_is_part_of_socks5,
	 AT(udp)},
	{.name = "with",
	 .type = &schema_word,
	 .words = with_words,
	 .fallback = "reset",
	 .help = "What is refused is answered with a reset, or by ICMP with "
		 "these words; or with nothing.",
	 .is_part = config_is_part_of_reject,
	 AT(with)},
	{.name = "members",
	 .kind = SCHEMA_LIST,
	 .type = &schema_text,
	 .items_min = 1,
	 .items_max = GROUP_MEMBERS_MAX,
	 .expected = "a list of outbounds, such as [proxy, backup]",
	 .help = "The outbounds that a group chooses from; they may be groups, "
		 "too.",
	 .is_part = config_is_part_of_group,
	 AT(group.names),
	 COUNT_AT(group.name_count)},
	{.name = "probe",
	 .kind = SCHEMA_SECTION,
	 .keys = probe_keys,
	 .help = "How a group finds out which of its members work.",
	 .is_part = config_is_part_of_group},
	{.name = "tolerance",
	 .type = &schema_duration,
	 .min = 0,
	 .max = 60000,
	 .fallback = "50ms",
	 .help = "By how much another member must be faster to be preferred.",
	 .is_part = config_is_part_of_latency,
	 AT(group.tolerance_ms)},
	{.name = "balance",
	 .type = &schema_word,
	 .words = balance_words,
	 .fallback = "source",
	 .help = "What keeps to one member: a source address, or a name.",
	 .is_part = config_is_part_of_balance,
	 AT(group.balance)},
	{.name = "password",
	 .kind = SCHEMA_LATER,
	 .help = "in a file that many can read",
	 .expected = "'password-file: FILE' and the password in that file's "
		     "one line"},
	{.name = NULL},
};
