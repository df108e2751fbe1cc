// SPDX-License-Identifier: BSD-2-Clause
/*
 * flow_list.h - the flows as somebody looks at them, round after round.
 *
 * A round is what `flows` of the control socket answers.  A flow is known
 * again by network, source, destination and the time of its begin, and what
 * it moved since the round before gives its rate.
 *
 * Units	bytes, bytes a second, milliseconds of the wall clock
 * Errors	-ENOMEM
 * Ownership	rows belong to the list and live until the next round ends
 */
#ifndef ERSATZ_ROUTED_VIEW_FLOW_LIST_H
#define ERSATZ_ROUTED_VIEW_FLOW_LIST_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flow_order {
	FLOW_ORDER_RATE,
	FLOW_ORDER_BYTES,
	FLOW_ORDER_AGE, /* youngest first */
	FLOW_ORDER_TO,
	FLOW_ORDER_BY,
	FLOW_ORDERS,
};

/* "rate", "bytes", ...: what the list is sorted by. */
const char *flow_order_word(enum flow_order order);

struct flow_row {
	/* As the daemon told them; never NULL, "" if unknown. */
	const char *network, *src, *dst, *name, *real, *outbound, *rule, *state;
	const char *id, *mac;
	char to[64];      /* name or address, with the port; cut to fit */
	char program[32]; /* "curl/4711", "" if unknown */
	char setup[96];   /* "map 8, rules 1, connect 2103 us"; "" */
	int64_t up, down;
	int64_t up_rate, down_rate;
	int64_t since_ms;
};

struct flow_list;

NODISCARD int flow_list_new(struct flow_list **list);
void flow_list_free(struct flow_list *list);

/* A round: begin, each line, end.  What did not come is gone after it. */
void flow_list_begin(struct flow_list *list, int64_t now_ms);
NODISCARD int flow_list_add(struct flow_list *list, const struct json *line);
void flow_list_end(struct flow_list *list);

/*
 * For the row that was added last: is its program not known yet?  It is asked
 * for once.
 */
struct flow_row *flow_list_unnamed(struct flow_list *list);

struct flow_choice {
	enum flow_order order;
	bool is_reversed;
	const char *filter; /* part of any text of a row, without case; "" */
};

/* The rows of the last round, chosen and sorted; `*rows` is the list's. */
size_t flow_list_choose(struct flow_list *list,
			const struct flow_choice *choice,
			const struct flow_row *const **rows);

/* Of all rows, chosen or not. */
struct flow_totals {
	size_t count;
	int64_t up_rate, down_rate;
};
struct flow_totals flow_list_totals(const struct flow_list *list);

#endif
