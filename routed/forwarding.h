// SPDX-License-Identifier: BSD-2-Clause
/*
 * forwarding.h - the settings that let this host forward for devices behind
 * it, where they are needed and nowhere else.
 *
 * IPv4 has forwarding for each interface that packets come in by: those of the
 * devices, the uplink and the TUN.  The one for all of them would change
 * accept_redirects too, and switch others on.
 *
 * IPv6 has it for the host alone (Linux 6.17 has a way around that).  A host
 * that forwards takes no router advertisements any more, and loses the default
 * routes that it had from them, unless accept_ra is 2: so that is set first,
 * where it was 1.  IPv6 is left alone while no interface that is served has an
 * address of it.
 *
 * A strict rp_filter looks for the way back of a forwarded packet as for one
 * that comes in where that one leaves: by the rules for devices, thus into the
 * TUN.  With src_valid_mark it looks with the mark that the packet has (side.h)
 * and finds the uplink.  The TUN, which is our own, gets rp_filter 2: it
 * answers for addresses that are thrown, too.
 *
 * Which settings there are to be is pure.
 *
 * Errors	-ENOMEM; what cannot be set is logged, with the command
 * Ownership	forwarding_fini() frees the list
 */
#ifndef ERSATZ_ROUTED_FORWARDING_H
#define ERSATZ_ROUTED_FORWARDING_H

#include "common/log.h"
#include "routed/plan.h"
#include "routed/sysctls.h"

enum forwarding_how {
	FORWARDING_SET,
	FORWARDING_RAISE, /* from 1, and from nothing else */
	FORWARDING_OWN,   /* of the TUN, with which it goes */
	/* Set where rp_filter is strict, for packets of that interface. */
	FORWARDING_STRICT,
	/* Not set, but taken along by the one that is set next. */
	FORWARDING_TAKEN,
};

struct forwarding_setting {
	char path[SYSCTLS_PATH_SIZE];
	int value;
	enum forwarding_how how;
};

struct forwarding {
	struct forwarding_setting *list; /* owned; in order */
	size_t count;
	int error;
};

NODISCARD int forwarding_plan(struct forwarding *forwarding,
			      const struct config *config,
			      const struct nl_state *found,
			      const struct plan_facts *facts);
void forwarding_fini(struct forwarding *forwarding);

/* Sets what is not so yet, and puts back what is not needed any more. */
void forwarding_apply(const struct forwarding *forwarding,
		      struct sysctls *sysctls, struct log_limit *limit);

/*
 * As commands that paste, if it is not so yet; nothing undoes what goes with
 * the TUN: "".
 */
#define FORWARDING_COMMAND_SIZE 160
bool forwarding_commands(const struct forwarding_setting *one, char *apply,
			 char *undo);

#endif
