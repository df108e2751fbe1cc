// SPDX-License-Identifier: BSD-2-Clause
/*
 * policy.h - a configuration that flows follow, for as long as they live.
 *
 * After a reload new flows follow the new configuration, while the flows
 * that are there still point into the old one.  So a configuration has
 * references, and goes with the last of them.  What is known of the members
 * of groups and of proxies is kept here, too.
 *
 * Errors	what config_load() says; diag has the lines
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_POLICY_H
#define ERSATZ_ROUTED_RELAY_POLICY_H

#include "common/config.h"
#include "common/uplink.h"
#include "routed/relay/group.h"
#include "routed/relay/socks.h"

/* Does a SOCKS server take greeting and request in one packet? */
enum policy_pipelining {
	POLICY_PIPELINING_UNKNOWN,
	POLICY_PIPELINING_TRIED, /* just now */
	POLICY_PIPELINING_TAKEN,
	POLICY_PIPELINING_REFUSED,
};

/* What an outbound needs beyond its configuration. */
struct policy_outbound {
	const struct outbound_conf *conf; /* borrowed from the config */
	struct group *group;              /* owned; NULL: it is none */
	enum policy_pipelining pipelining;
	bool is_doubted; /* a group does not know that it works */
	struct socks_login login;
	bool has_login;
	bool is_local; /* its server is on this host */
	/* Learnt: until when its UDP is refused, and how. */
	int64_t udp_again_ms; /* monotonic */
	enum refusal udp_refusal;
};

struct policy {
	struct config *config;             /* owned */
	struct policy_outbound *outbounds; /* owned, as many as the config's */
	bool has_local_server;
	bool asks_process; /* a rule may want to know more than the user */
	bool asks_mac;     /* a rule may want to know it */
	unsigned sniffs;   /* enum sniff_protocol, or-ed */
	unsigned references;
};

/* Text as config_load() takes it.  The caller has the first reference. */
NODISCARD int policy_new(struct policy **policy, const char *text,
			 size_t length, const char *file, struct diag *diag);

struct policy *policy_ref(struct policy *policy);
/* NULL is fine. */
void policy_unref(struct policy *policy);

/* Finds out anew which servers are on this host. */
void policy_look_around(struct policy *policy, const struct nl_state *state);

/* Where dnsd is asked: where it listens, on this host. */
struct endpoint policy_dnsd(const struct policy *policy);

/* "proxy", "DIRECT": an outbound's name. */
const char *policy_outbound_name(const struct policy *policy, int outbound);

#endif
