// SPDX-License-Identifier: BSD-2-Clause
/*
 * nl_edit.h - changing routes, rules and the TUN's addresses, and asking the
 * kernel where a packet would go; one of the boundary files of libnl.
 *
 * Adding never replaces (NLM_F_EXCL); deleting hits only what matches key and
 * protocol.  Devices are made and moved by nl_device.h.
 *
 * Errors	-errno as the kernel answered: -EEXIST when the key is taken,
 *		-ENOENT or -ESRCH when there is nothing to delete
 * Privilege	CAP_NET_ADMIN for changes; nl_edit_lookup() needs none
 * Source	rtnetlink(7), linux/fib_rules.h
 */
#ifndef ERSATZ_ROUTED_NL_EDIT_H
#define ERSATZ_ROUTED_NL_EDIT_H

#include "common/nl.h"

#define NL_EDIT_BATCH_MAX 64

struct nl_edit;

enum nl_object_kind {
	NL_OBJECT_LINK_UP, /* a link that is up, without an address of its
			      own making */
	NL_OBJECT_IFADDR,
	NL_OBJECT_ROUTE,
	NL_OBJECT_RULE,
};

struct nl_object {
	enum nl_object_kind kind;
	union {
		int ifindex; /* NL_OBJECT_LINK_UP */
		struct nl_ifaddr ifaddr;
		struct nl_route route;
		struct nl_rule rule;
	};
};

struct nl_change {
	bool is_removal; /* not for NL_OBJECT_LINK_UP */
	struct nl_object object;
	int result; /* set by nl_edit_batch(): 0 or -errno */
};

/* In the network namespace of the calling thread. */
NODISCARD int nl_edit_open(struct nl_edit **edit);
void nl_edit_close(struct nl_edit *edit);

/* The sender of our notifications, for nl_watch_open(). */
uint32_t nl_edit_portid(const struct nl_edit *edit);

/*
 * Makes up to NL_EDIT_BATCH_MAX changes with one system call, in their order;
 * one that fails does not stop those after it.  The number of those that
 * failed, or an error if the kernel could not be asked at all (`result` is
 * -EIO then for what is not known to have been made).
 */
NODISCARD int nl_edit_batch(struct nl_edit *edit, struct nl_change *changes,
			    size_t count);

/* One change; its result. */
NODISCARD int nl_edit_add(struct nl_edit *edit, const struct nl_object *object);
NODISCARD int nl_edit_del(struct nl_edit *edit, const struct nl_object *object);

/* Deletes a link. */
NODISCARD int nl_edit_del_link(struct nl_edit *edit, int ifindex);

/* What a socket or a packet looks like; members that are zero do not count. */
struct nl_lookup {
	struct addr dst;
	struct addr src;
	char iif[IFNAMSIZ]; /* as if it came in by that link */
	char oif[IFNAMSIZ]; /* SO_BINDTODEVICE */
	uint32_t mark;
	uint32_t uid;
	bool has_uid;
	uint8_t ip_protocol;
	uint16_t sport, dport;
};

struct nl_lookup_answer {
	uint8_t type; /* RTN_UNICAST, RTN_LOCAL, ... */
	uint32_t table;
	int oif;
	struct addr prefsrc;
	struct addr gateway;
};

/*
 * The kernel's own answer (RTM_GETROUTE).  What it refuses to route is an
 * error: -ENETUNREACH, -EHOSTUNREACH, -EACCES.
 */
NODISCARD int nl_edit_lookup(struct nl_edit *edit,
			     const struct nl_lookup *lookup,
			     struct nl_lookup_answer *answer);

#endif
