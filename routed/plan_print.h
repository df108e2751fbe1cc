// SPDX-License-Identifier: BSD-2-Clause
/*
 * plan_print.h - objects as `ip` and `nft` commands that paste.
 *
 * Units	text in ASCII, without a newline, never quoted: interface names
 *		are the only foreign text, and the kernel allows no blanks or
 *		slashes in them; other odd bytes are printed as "?"
 */
#ifndef ERSATZ_ROUTED_PLAN_PRINT_H
#define ERSATZ_ROUTED_PLAN_PRINT_H

#include "routed/forwarding.h"
#include "routed/plan.h"

#include <stdio.h>

#define PLAN_PRINT_SIZE 320

/* Names of links by index; the TUN's is the configuration's. */
struct plan_names {
	const struct nl_state *state;
	const char *tun;
	int tun_ifindex;
};

/* "ip route add 198.18.0.0/15 dev ersatz0 ..."; with "del" if removed. */
const char *plan_print_object(const struct nl_object *object, bool is_removal,
			      const struct plan_names *names, char *out,
			      size_t size);

/*
 * What would be done, in order: commands, and comments between them; at the
 * end the function ersatz_undo() of the shell, which takes it back.  Without
 * settings: NULL.
 */
void plan_print(const struct plan *plan, const struct forwarding *settings,
		const struct plan_names *names, FILE *out);

/*
 * The same, an object a step: "step" (from 0 on), "phase" (a word), "why",
 * "do", and "undo", which is null for what goes with the TUN.  Undone in the
 * reverse order.  -ENOMEM.
 */
NODISCARD int plan_print_json(const struct plan *plan,
			      const struct forwarding *settings,
			      const struct plan_names *names, FILE *out);

#endif
