// SPDX-License-Identifier: BSD-2-Clause
#include "routed/allowed.h"

#include "common/err.h"
#include "common/log.h"
#include "common/seccomp_tables.h"

#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define INT_IS(number_, value_)                                             \
	{                                                                   \
		.number = (number_), .mask = SECCOMP_INT, .value = (value_) \
	}
#define TYPE 0xfU

/*
 * Routes, rules and links, firewalls, the sockets of others; TUNs; the raw
 * sockets that relays get, and their options.
 */
static const struct seccomp_form parent_forms[] = {
	/* Is it still there?  Of a server of an outbound. */
	{"kill", {INT_IS(1, 0)}},
	{"socket", {INT_IS(0, AF_NETLINK), INT_IS(2, NETLINK_NETFILTER)}},
	{"socket", {INT_IS(0, AF_NETLINK), INT_IS(2, NETLINK_SOCK_DIAG)}},
	{"socket", {INT_IS(0, AF_INET), {1, TYPE, SOCK_RAW}}},
	{"socket", {INT_IS(0, AF_INET6), {1, TYPE, SOCK_RAW}}},
	{"setsockopt", {INT_IS(1, SOL_RAW)}},
	{"setsockopt", {INT_IS(1, SOL_ICMPV6)}},
	{"ioctl", {INT_IS(1, TUNSETIFF)}},
	{"ioctl", {INT_IS(1, TUNGETIFF)}},
	{"ioctl", {INT_IS(1, TUNSETOFFLOAD)}},
	{"ioctl", {INT_IS(1, TUNSETVNETHDRSZ)}},
	{"ioctl", {INT_IS(1, TUNGETVNETHDRSZ)}},
};

/* It waits for the spawner when it ends. */
static const struct seccomp_table parent = {
	"wait4 waitid",
	parent_forms,
	ARRAY_LEN(parent_forms),
};

static const struct seccomp_form relay_forms[] = {
	/* Whose sockets are at a port. */
	{"socket", {INT_IS(0, AF_NETLINK), INT_IS(2, NETLINK_SOCK_DIAG)}},
	{"ioctl", {INT_IS(1, TUNGETVNETHDRSZ)}},
	/* Of the inner one, when it is left to its namespace. */
	{"ioctl", {INT_IS(1, TUNSETPERSIST)}},
};

static const struct seccomp_table relay = {
	"ftruncate fsync fdatasync",
	relay_forms,
	ARRAY_LEN(relay_forms),
};

/* Makes relays, executes this program, kills them and hears of their end. */
static const struct seccomp_table spawner = {
	"clone fork vfork execve wait4 waitid kill setsid",
	NULL,
	0,
};

void allowed_enter(enum allowed_process process)
{
	static const struct seccomp_table *const parent_tables[] = {
		&seccomp_base,    &seccomp_files,    &seccomp_files_change,
		&seccomp_sockets, &seccomp_internet, &seccomp_listen,
		&parent,
	};
	/* That of the relay, which inherits it, and one more. */
	static const struct seccomp_table *const tables[] = {
		&seccomp_base,     &seccomp_files, &seccomp_sockets,
		&seccomp_internet, &relay,         &spawner,
	};
	size_t count = ARRAY_LEN(tables);
	int ret;

	if (process == ALLOWED_PARENT)
		ret = seccomp_enter(parent_tables, ARRAY_LEN(parent_tables));
	else
		ret = seccomp_enter(tables, process == ALLOWED_RELAY ? count - 1
								     : count);
	if (ret < 0)
		log_warning("cannot filter system calls: %s", err_text(ret));
}
