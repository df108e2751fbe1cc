// SPDX-License-Identifier: BSD-2-Clause
/*
 * recover.h - removes whatever an instance left behind, and nothing else.
 *
 * Rules and routes are known by protocol number, the TUN by the journal (name
 * and index), the nftables table by its name and comment, a resolv.conf by its
 * first line.  Running it twice, or where
 * nothing is left, changes nothing.
 *
 * Privilege	CAP_NET_ADMIN, and root for resolv.conf
 * Errors	-errno of the first thing that could not be removed; the rest
 *		is removed all the same, each failure is logged
 */
#ifndef ERSATZ_ROUTED_RECOVER_H
#define ERSATZ_ROUTED_RECOVER_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>

struct recover_report {
	size_t rules, routes, links, tables;
	bool is_kept; /* the host is closed, and was left so */
	int resolver; /* 1: given back; 0: was not ours */
};

enum recover_scope {
	RECOVER_ALL,
	/* Before a start, whose own table takes the place of what is there. */
	RECOVER_BUT_TABLE,
	/*
	 * Nothing of a host that `on-crash: closed` keeps closed; nor the guard
	 * that a stop has left.
	 */
	RECOVER_UNLESS_CLOSED,
};

/*
 * For a host whose routed does not run (the caller holds its lock).  A NULL
 * `run_dir` leaves journal and resolv.conf alone.
 */
NODISCARD int recover_run(const char *run_dir, enum recover_scope scope,
			  struct recover_report *report);

/* The same, by a routed that holds the lock; told in the log. */
void recover_leftovers(const char *run_dir, enum recover_scope scope);

#endif
