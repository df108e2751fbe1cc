// SPDX-License-Identifier: BSD-2-Clause
/*
 * config.h - the one configuration of both daemons.
 *
 * Text in, checked structure out.  The whole text is checked, every section
 * by both daemons, and every error told; nothing is applied halfway.  Where
 * the text comes from is the caller's: a file, --proxy, or a descriptor that
 * routed hands to its relay.
 *
 * Errors	ERR_CONFIG (diag has the lines), -ENOMEM
 * Ownership	config_load() gives to the caller; members are owned by the
 *		config and live as long as it does
 */
#ifndef ERSATZ_COMMON_CONFIG_H
#define ERSATZ_COMMON_CONFIG_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/diag.h"
#include "common/fake.h"
#include "common/log.h"
#include "common/name.h"
#include "common/rules.h"

#include <stdbool.h>
#include <stdio.h>

#define CONFIG_SIZE_MAX (8U << 20)
#define CONFIG_DEFAULT_FILE SYSCONFDIR "/ersatz/ersatz.yaml"

enum outbound_type {
	OUTBOUND_TYPE_DIRECT,
	OUTBOUND_TYPE_REJECT,
	OUTBOUND_TYPE_REJECT_DROP,
	OUTBOUND_TYPE_PASS,
	OUTBOUND_TYPE_SOCKS5,
	OUTBOUND_TYPE_HTTP, /* CONNECT */
	OUTBOUND_TYPE_INTERFACE,
	/* Groups, which choose one of their members. */
	OUTBOUND_TYPE_FALLBACK,
	OUTBOUND_TYPE_LATENCY,
	OUTBOUND_TYPE_LOAD_BALANCE,
};

/* Somewhere in the world: a name, or else an address. */
struct destination {
	const char *text;         /* as written */
	struct name name;         /* length 0: none */
	struct endpoint endpoint; /* with a name: its port only */
};

enum balance_key { BALANCE_SOURCE, BALANCE_NAME };

#define GROUP_MEMBERS_MAX 64
#define GROUP_DEPTH_MAX 8 /* of groups in groups */

struct group_conf {
	const char **names; /* of the members, as written */
	size_t name_count;
	int *members; /* the same as indices, as many; never PASS, no circle */
	int *leaves;  /* the outbounds below that are no groups, once each */
	size_t leaf_count;
	unsigned height;                 /* 1: no member is a group */
	const struct destination *probe; /* NULL: none */
	int64_t probe_interval_ms;
	bool is_probed_always;    /* and not only while it is in use */
	int64_t tolerance_ms;     /* latency */
	enum balance_key balance; /* load-balance */
};

/* How what is refused is answered. */
enum outbound_reject {
	OUTBOUND_REJECT_RESET, /* other than TCP: port unreachable */
	OUTBOUND_REJECT_PORT,
	OUTBOUND_REJECT_HOST,
	OUTBOUND_REJECT_NET,
	OUTBOUND_REJECT_PROHIBITED,
	OUTBOUND_REJECT_SILENT,
};

enum outbound_udp {
	OUTBOUND_UDP_ASSOCIATE,
	OUTBOUND_UDP_OVER_TCP,
	OUTBOUND_UDP_OFF,
};

struct outbound_conf {
	const char *name;
	enum outbound_type type;
	struct endpoint server;    /* socks5, http; no family: server_path */
	const char *server_path;   /* of a Unix socket, NULL: by TCP */
	const char *username;      /* NULL: no authentication */
	const char *password;      /* read from password-file; "" if none */
	const char *password_file; /* as written */
	const char *interface;     /* interface */
	enum outbound_udp udp;     /* socks5 */
	enum outbound_reject with; /* reject */
	struct group_conf group;   /* fallback, latency, load-balance */
	unsigned line;
};

/* Servers of one upstream, times the ways to them. */
#define UPSTREAM_SERVERS_MAX 16

enum upstream_transport {
	UPSTREAM_SYSTEM, /* the resolvers that the host had before us */
	UPSTREAM_UDP,    /* TCP when truncated, or through a proxy */
	UPSTREAM_TCP,
	UPSTREAM_TLS,   /* RFC 7858 */
	UPSTREAM_HTTPS, /* RFC 8484 */
};

struct upstream_server_conf {
	enum upstream_transport transport;
	/* Unset for UPSTREAM_SYSTEM; a port alone if the proxy has the host. */
	struct endpoint endpoint;
	const char *host; /* the certificate's name; NULL: the address */
	const char *path; /* UPSTREAM_HTTPS: "/dns-query" */
	uint8_t way;      /* of its upstream; 0 in the config */
};

enum upstream_strategy {
	UPSTREAM_ORDER,
	UPSTREAM_RACE, /* all at once, the first answer counts */
	UPSTREAM_LATENCY,
};

/* RFC 7871: what an upstream hears of the client's network. */
enum upstream_ecs_kind {
	UPSTREAM_ECS_STRIP, /* nothing */
	UPSTREAM_ECS_KEEP,  /* what the client says itself */
	UPSTREAM_ECS_SET,   /* the prefix below */
};

struct upstream_ecs {
	enum upstream_ecs_kind kind;
	struct prefix prefix;
};

/* How queries leave: one for each outbound below a group. */
struct upstream_way {
	const struct outbound_conf *outbound; /* NULL: none is named */
	const struct outbound_conf *proxy;    /* the same, if it is one */
	const char *interface;                /* NULL: the uplink */
};

struct upstream_conf {
	const char *name;
	enum upstream_strategy strategy;
	struct upstream_server_conf *servers;
	size_t server_count;
	const char *interface; /* NULL: the uplink */
	const struct outbound_conf *via;
	struct upstream_way *ways; /* at least one */
	size_t way_count;
	struct addr *addresses; /* of servers that are given by name */
	size_t address_count;
	struct upstream_ecs ecs;
	const char *tls_name; /* NULL: as each server says */
	const char *ca_file;  /* NULL: the system's */
	unsigned line;
};

/* What a name of `hosts` stands for; + is the first and the third. */
enum {
	HOST_ITSELF = 1,
	HOST_CHILD = 2, /* *. */
	HOST_BELOW = 4, /* . */
};

struct host_addr {
	struct host_addr *next;
	struct addr addr;
};

struct host_conf {
	struct host_conf *next;
	const char *text; /* as written */
	struct name name; /* without the mark in front */
	uint8_t match;    /* HOST_ */
	struct host_addr *addrs;
	unsigned line;
};

enum fake_verify {
	FAKE_VERIFY_OFF,
	FAKE_VERIFY_BACKGROUND,
	FAKE_VERIFY_FIRST,
};

struct dnsd_conf {
	struct endpoint *listen;
	size_t listen_count;
	struct fake_pool fake;
	uint32_t fake_ttl_s;          /* 0 to 10 */
	int64_t fake_guard_ms;        /* unanswered for that long: idle */
	enum fake_verify fake_verify; /* that the name exists */
	int upstream;                 /* index for rules that name none */
	bool reject_is_fake;     /* REJECT answers an address that is reset */
	const char *hosts_file;  /* NULL: none is read */
	bool has_builtin_direct; /* names that break when faked are not */
	int64_t timeout_ms;      /* for a query, all tries together */
	struct {
		size_t size_bytes; /* 0: off */
		int64_t stale_ms;
		bool has_prefetch;
	} cache;
	const char *query_log;   /* NULL: off; "syslog"; or a path */
	struct endpoint metrics; /* family ADDR_NONE: off */
};

enum routed_mode { ROUTED_MODE_POLICY, ROUTED_MODE_MAIN };
enum routed_capture { ROUTED_CAPTURE_ALL, ROUTED_CAPTURE_FAKE };
enum routed_carrier {
	ROUTED_CARRIER_AUTO,
	ROUTED_CARRIER_KERNEL,
	ROUTED_CARRIER_USER,
};
enum routed_sniff { ROUTED_SNIFF_TLS, ROUTED_SNIFF_HTTP, ROUTED_SNIFF_QUIC };
enum routed_icmp { ROUTED_ICMP_TRUTH, ROUTED_ICMP_DROP };
enum routed_on_crash { ROUTED_ON_CRASH_OPEN, ROUTED_ON_CRASH_CLOSED };
enum routed_resolver {
	ROUTED_RESOLVER_AUTO,
	ROUTED_RESOLVER_RESOLV_CONF,
	ROUTED_RESOLVER_RESOLVED,
	ROUTED_RESOLVER_OFF,
};

struct uid_range {
	uint32_t first, last;
};

/* A packet whose mark has `value` in the bits of `mask`. */
struct mark_match {
	uint32_t value, mask;
};

#define CONFIG_GATEWAY_AUTO "auto"
#define CONFIG_GATEWAY_OFF "off"

struct routed_conf {
	enum routed_mode mode;
	enum routed_capture capture;
	enum routed_resolver resolver;
	enum routed_icmp icmp;
	enum routed_carrier carrier; /* of TCP between TUN and relay */
	enum routed_on_crash on_crash;
	bool is_ipv6_refused; /* routed.ipv6: off */
	int64_t guard_ms;     /* 0: none */
	const char *tun;      /* "ersatz0" */
	const char *uplink;   /* NULL: found */
	struct {
		struct uid_range *uids;
		size_t uid_count;
		struct mark_match *marks;
		size_t mark_count;
		struct prefix *prefixes;
		size_t prefix_count;
		const char **interfaces; /* that packets come in by */
		size_t interface_count;
		const char **cgroups; /* "/system.slice/tor.service" */
		size_t cgroup_count;
	} exempt;
	struct {
		struct prefix *prefixes; /* captured whatever leads there */
		size_t prefix_count;
	} include;
	const char **gateways; /* interfaces, or one of the words below */
	size_t gateway_count;
	uint16_t *serve; /* UDP ports that answer on the wildcard address */
	size_t serve_count;
	int64_t connect_timeout_ms;
	enum routed_sniff *sniff; /* where names are looked for */
	size_t sniff_count;
	int64_t sniff_wait_ms;
	const char *flow_log;    /* NULL: off; "syslog"; or a path */
	struct endpoint metrics; /* family ADDR_NONE: off */
	uint32_t flows_max;
	uint32_t flows_per_source; /* that is not this host */
	struct {
		uint32_t flows, flows_per_source;
		int64_t idle_ms;
		int64_t idle_short_ms; /* of domain and NTP */
	} udp;
};

struct config {
	const char *file; /* as the user named it */
	const char *state_dir;
	const char *run_dir;
	const char *user;
	enum log_level log_level;

	struct outbound_conf *outbounds; /* the built-in ones first */
	size_t outbound_count;
	struct upstream_conf *upstreams; /* at least one */
	size_t upstream_count;
	struct rules_geo geo; /* as written */
	struct rule_set_conf *rule_sets;
	size_t rule_set_count;
	struct rules *rules;                 /* owned, sealed */
	struct host_conf *hosts, *hosts_end; /* in the order of the file */

	struct dnsd_conf dnsd;
	struct routed_conf routed;
};

/*
 * Parses and checks `text`.  Warnings go to `diag` too; the result is 0 then.
 * `file` names it in messages and is where relative paths start.
 */
NODISCARD int config_load(struct config **config, const char *text,
			  size_t length, const char *file, struct diag *diag);
/*
 * The same without the lists and databases of its rules, for who wants to know
 * but of the rest: it costs nothing then, and works when one is broken.
 */
NODISCARD int config_load_without_lists(struct config **config,
					const char *text, size_t length,
					const char *file, struct diag *diag);
void config_free(struct config *config);

/*
 * Reads a file (at most CONFIG_SIZE_MAX) into memory that the caller frees.
 * "file: reason" goes to `diag` for missing, folder, empty.
 */
NODISCARD int config_read(char **text, size_t *length, const char *file,
			  struct diag *diag);

/*
 * The text that --proxy stands for: everything through that proxy but private
 * addresses and names.  `url` is socks5://[user@]host:port with a numeric
 * host (IPv6 in brackets) or "localhost".  The caller frees it.
 */
NODISCARD int config_text_for_proxy(char **text, const char *url,
				    const char *password_file,
				    struct diag *diag);

/* The effective configuration; what it prints loads to the same again. */
void config_print(const struct config *config, FILE *out);

/* Index of the name, or -ENOENT. */
NODISCARD int config_outbound(const struct config *config, const char *name);
NODISCARD int config_upstream(const struct config *config, const char *name);

/* By TLS, by HTTPS or through a proxy: it is libcurl that asks. */
bool config_needs_libcurl(const struct upstream_conf *upstream);

bool config_is_proxy(enum outbound_type type);
bool config_is_group(enum outbound_type type);

/* Could a flow of `outbound` leave by `leaf`: itself, or a member? */
bool config_leads_to(const struct config *config, int outbound, int leaf);
/* Could it leave through a proxy? */
bool config_leads_to_proxy(const struct config *config, int outbound);

/* Is it one of `routed.gateway`, and not only found for `auto`? */
bool config_names_gateway(const struct config *config, const char *interface);

/* "RUN/dnsd.sock" and the like; the caller frees it; NULL: no memory. */
char *config_path(const char *folder, const char *file);

#endif
