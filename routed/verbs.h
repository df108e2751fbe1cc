// SPDX-License-Identifier: BSD-2-Clause
/*
 * verbs.h - what the control socket of routed is asked, and who asks it.
 *
 *	status	one object: what is captured, by which parts, the relay's
 *		counters (all 0 while there is no relay); then one for each
 *		member of each group: members.h
 *	metrics	{"metrics":TEXT}, OpenMetrics (common/metrics.h)
 *	flows	a line for each flow that the client may see (listing.h),
 *		written by the relay itself, to which the client's connection is
 *		handed
 *	explain	{"target":ADDRESS|NAME,"port":N,"network":"tcp"|"udp",
 *		"from":ADDRESS,"uid":N,"iif":INTERFACE}, all but the first
 *		optional: explain.h
 *	diff	a line for each rule or route that is not as it should be,
 *		{"verdict":"missing"|"surplus"|"foreign","object":TEXT}; at most
 *		VERBS_DIFFS_MAX of them, then {"more":N}
 *	direct	{"addresses":"192.0.2.1 192.0.2.2","ttl":SECONDS}, from dnsd:
 *		they are those of a DIRECT name, and the answer comes when
 *		their packets go past the TUN; host_add_directs()
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_VERBS_H
#define ERSATZ_ROUTED_VERBS_H

#include "common/config.h"
#include "common/control.h"
#include "common/privilege.h"
#include "routed/host.h"
#include "routed/inner.h"
#include "routed/link.h"
#include "routed/members.h"
#include "routed/options.h"
#include "routed/outlet.h"
#include "routed/relays.h"

#define VERBS_PENDING_MAX 64
#define VERBS_DIFFS_MAX 256

struct verbs;
/* Tells a client what it asked for; counters NULL: there is no relay. */
typedef void (*verbs_tell_fn)(const struct verbs *verbs,
			      struct control_client *client,
			      const struct link_counters *counters);

/* All pointers borrowed; a reload changes them. */
struct verbs {
	struct control *control; /* owned */
	struct outlet outlet;
	struct host *host;
	struct relays *relays;
	struct inner *inner;
	const struct config *config;
	int64_t started_ms; /* wall clock */
	/* Who waits for the relay's counters; id 0: free. */
	struct {
		uint32_t id;
		uint64_t client;
		verbs_tell_fn tell;
	} pending[VERBS_PENDING_MAX];
	uint32_t last_id;
	struct members members;
	struct link_counters last; /* that the relay told */
};

/*
 * The socket and what else `verbs->config` wants; its members have been set.
 * What is wrong is logged.
 */
NODISCARD int verbs_open(struct verbs *verbs, struct ev_loop *loop,
			 const struct identity *identity);
/* Another configuration; when that fails all stays. */
NODISCARD int verbs_follow(struct verbs *verbs, const struct config *config);
void verbs_close(struct verbs *verbs);

/* For control_open(); the context is the struct verbs. */
extern const struct control_verb verbs_table[];

void verbs_on_member(struct verbs *verbs, const struct link_member *member);
/* The relay has answered, or (`counters` NULL) there is none any more. */
void verbs_on_counters(struct verbs *verbs, uint32_t id,
		       const struct link_counters *counters);
void verbs_on_relay_lost(struct verbs *verbs);

/*
 * The command line's side: asks the daemon that runs in `run_dir` and prints.
 * Each returns what exit() gets.
 */
NODISCARD int verbs_print_status(const char *run_dir, bool is_json, FILE *out);
NODISCARD int verbs_print_metrics(const char *run_dir, FILE *out);
/* EXIT_FAILURE too when something is not as it should be. */
NODISCARD int verbs_print_diff(const char *run_dir, bool is_json, FILE *out);
NODISCARD int verbs_print_flows(const char *run_dir, bool is_json, FILE *out);
/*
 * For who looks at flows: each line goes to `fn`; one flow is reset.  What is
 * wrong is in `error`.
 */
NODISCARD int verbs_ask_flows(const char *run_dir,
			      void (*fn)(void *ctx, const struct json *line),
			      void *ctx, char *error, size_t error_size);
struct verbs_flow {
	const char *network, *src, *dst; /* as in its line */
};
NODISCARD int verbs_close_flow(const char *run_dir,
			       const struct verbs_flow *flow, char *error,
			       size_t error_size);
/* Ends the one flow whose id begins so; says which one it was. */
NODISCARD int verbs_print_close(const char *run_dir, const char *id,
				bool is_json, FILE *out);
/* `config` is for when no daemon runs; NULL: there is none. */
NODISCARD int verbs_print_explanation(const char *run_dir,
				      const struct options *options,
				      const struct config *config, FILE *out);

#endif
