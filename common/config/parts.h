// SPDX-License-Identifier: BSD-2-Clause
/*
 * parts.h - what the files of config.c share, and nobody else needs.
 *
 * ../config.c	loads, frees, reads files
 * table.c	every key, its default, what it expects, where it goes
 * dnsd.c	types of the dnsd section
 * table_outbound.c	those of an outbound
 * table_routed.c	those of routed
 * outbound.c	outbounds: which keys each type has
 * password.c	their password files
 * group.c	outbounds that choose among others
 * upstream.c	upstreams, what names them
 * rule.c	rules, and the sets, sub-rules and databases that they name
 * host.c	hosts, and their file
 * routed.c	types of the routed section, and of the fake pools
 * check.c	what only the whole can tell
 * proxy.c	the text that --proxy stands for
 * schema.h	the engine that reads and prints along the table
 * yaml.h	text to tree
 */
#ifndef ERSATZ_COMMON_CONFIG_PARTS_H
#define ERSATZ_COMMON_CONFIG_PARTS_H

#include "common/config.h"
#include "common/config/schema_type.h"

/* The table; its root object is a struct config. */
extern const struct schema_key config_keys[];
/* Of it: the keys of an upstream, and those of dnsd.cache. */
extern const struct schema_key config_upstream_keys[];
extern const struct schema_key config_cache_keys[];
/* Those of `routed`; the object is the struct config. */
extern const struct schema_key config_routed_keys[];
/* Those of each member of `outbounds`; the object is a struct outbound_conf. */
extern const struct schema_key config_outbound_keys[];

/* schema_walk.context: what rules may name, once it is known. */
struct config_names {
	const char *const *outbounds;
	const char *const *upstreams;
};

/* Is it a name that a rule can write?  Tells if not. */
NODISCARD int config_check_name(const struct schema_call *call,
				const char *name);

/*
 * A path is relative to the folder of the file that names it; NULL: no memory.
 */
const char *config_path_beside(const struct schema_walk *walk,
			       const char *path);

/* Reads outbound.password_file to outbound.password. */
NODISCARD int config_load_password(const struct schema_call *call,
				   struct outbound_conf *outbound);

/* What the types of groups have in common; then all members of all groups. */
NODISCARD int config_check_group(const struct schema_call *call,
				 struct outbound_conf *outbound);
NODISCARD int config_resolve_members(const struct schema_call *call,
				     struct config *config);

/* Hooks of `outbounds` and `upstreams`. */
int config_outbound_each(const struct schema_call *call, void *object);
int config_outbounds_done(const struct schema_call *call, void *object);
int config_upstream_each(const struct schema_call *call, void *object);
int config_upstreams_done(const struct schema_call *call, void *object);

/* schema_key.is_part: of an outbound that has UDP, or has it not. */
bool config_is_part_of_socks5(const void *object);
bool config_is_part_of_reject(const void *object);
/* outbound_conf.server, or .server_path: "ADDRESS:PORT", "unix:PATH". */
extern const struct schema_type config_server;
/* const struct destination *: "HOST:PORT". */
extern const struct schema_type config_destination;
/* schema_key.is_part of outbounds. */
bool config_is_part_of_group(const void *object);
bool config_is_part_of_latency(const void *object);
bool config_is_part_of_balance(const void *object);

/* struct upstream_server_conf: "system", "udp://ADDRESS:PORT", ... */
extern const struct schema_type config_upstream_server;
/* const struct outbound_conf *: one that queries can leave by. */
extern const struct schema_type config_via;
/* struct addr */
extern const struct schema_type config_address;
/* struct upstream_ecs: "strip", "keep" or a prefix. */
extern const struct schema_type config_ecs;
/* const char *: the name of a host. */
extern const struct schema_type config_host;
/* int: the index of an upstream. */
extern const struct schema_type config_upstream_name;
/* Not stored: goes to config.rules, in the list that the path names. */
extern const struct schema_type config_rule;
void config_print_rules(const void *root, FILE *out);
void config_print_sub_rules(const void *root, FILE *out);

/* Hooks of `geo`, `rule-sets` and `sub-rules`. */
int config_geo_done(const struct schema_call *call, void *object);
int config_rule_set_each(const struct schema_call *call, void *object);
int config_rule_sets_done(const struct schema_call *call, void *object);
int config_sub_rules_each(const struct schema_call *call, void *object);

/* Hook, type and printer of `hosts`. */
int config_hosts_each(const struct schema_call *call, void *object);
extern const struct schema_type config_host_address;
void config_print_hosts(const void *root, FILE *out);
/* Tells of addresses inside the fake pool. */
void config_check_hosts(struct schema_walk *walk);
/* const char *: a path, or NULL for "off". */
extern const struct schema_type config_hosts_file;

/* struct prefix: "auto", "off" or a prefix. */
extern const struct schema_type config_fake_ipv6;
/* const char *: NULL, "syslog" or an absolute path. */
extern const struct schema_type config_query_log;
/* struct endpoint: none, or of loopback. */
extern const struct schema_type config_metrics;
/* const char *: what useradd(8) takes as a name. */
extern const struct schema_type config_user;
/* struct uid_range: a number, a range or a user's name. */
extern const struct schema_type config_uid;
/* struct mark_match: a firewall mark, with or without a mask. */
extern const struct schema_type config_mark;
/* const char *: an interface, "auto" or "off". */
extern const struct schema_type config_gateway;
/* const char *: a control group, from the root on. */
extern const struct schema_type config_cgroup;
/* int64_t, milliseconds: a time, or "off", which is 0. */
extern const struct schema_type config_guard;

/* Tells what only the whole can show. */
void config_check(struct schema_walk *walk, const struct yaml_node *root);

#endif
