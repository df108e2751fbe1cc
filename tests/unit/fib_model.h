// SPDX-License-Identifier: BSD-2-Clause
/*
 * fib_model.h - a kernel of paper: it holds routing state, refuses what the
 * kernel refuses, and looks addresses up by rules and tables.
 *
 * Enough of Linux to tell whether a packet enters the TUN: rules in order of
 * priority, longest prefix, throw, suppress_prefixlength, sockets bound to a
 * link; in IPv6 a rule with a source is passed over while there is none.
 * What it says was compared with the kernel by tests/net/test_routes.py.
 */
#ifndef ERSATZ_TESTS_FIB_MODEL_H
#define ERSATZ_TESTS_FIB_MODEL_H

#include "routed/nl_edit.h"
#include "routed/plan.h"

#define FIB_MODEL_ROUTES 512
#define FIB_MODEL_RULES 256
#define FIB_MODEL_LINKS 16
#define FIB_MODEL_ADDRS 32

enum { LO = 1, ETH = 2, WLAN = 3, WG = 4, BRIDGE = 5, TUN = 9 };

struct fib_model {
	struct nl_state state; /* its arrays are the members below */
	struct nl_link links[FIB_MODEL_LINKS];
	struct nl_ifaddr addrs[FIB_MODEL_ADDRS];
	struct nl_route routes[FIB_MODEL_ROUTES];
	struct nl_rule rules[FIB_MODEL_RULES];
};

/* A host with the kernel's own rules, and lo. */
void fib_model_init(struct fib_model *model);
void fib_model_copy(struct fib_model *to, const struct fib_model *from);

/* eth0, wlan0, wg0, br0 and ersatz0 by their numbers; up, with a carrier. */
struct nl_link *fib_model_link(struct fib_model *model, int ifindex);
/* "192.0.2.10/24", with the route of its prefix. */
void fib_model_addr(struct fib_model *model, int ifindex, const char *text);
/* In main, protocol static; `via` may be NULL. */
struct nl_route *fib_model_route(struct fib_model *model, const char *dst,
				 int oif, const char *via);
struct nl_rule *fib_model_rule(struct fib_model *model, uint8_t family,
			       uint32_t priority, uint32_t table);

/*
 * A laptop: Ethernet 192.168.7.2/24 and 2001:db8:7::2/64 with gateways, and a
 * TUN that is down.
 */
void fib_model_laptop(struct fib_model *model);

/* As the kernel would: 0, -EEXIST, -ENOENT, -ENODEV, -EINVAL. */
int fib_model_change(struct fib_model *model, const struct nl_change *change);

/*
 * Where it goes: a link, or -ENETUNREACH, -EHOSTUNREACH, -EACCES.
 * `is_main_only` looks at main and nothing else.
 */
int fib_model_lookup(const struct fib_model *model,
		     const struct nl_lookup *lookup, bool is_main_only);

struct addr addr_of(const char *text);
struct prefix prefix_of(const char *text);

#endif
