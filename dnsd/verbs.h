// SPDX-License-Identifier: BSD-2-Clause
/*
 * verbs.h - what the control socket of dnsd is asked.
 *
 *	status	one object of numbers, then {"upstream","servers"} for each
 *		group
 *	used	{"used","next"}: when names were last used since the start,
 *		as text (used.h); at most 4096 slots from the member "from" on
 *		(0 if missing) are looked at, and "next" is there if there are
 *		more: ask again from there
 *	flush	{"name":NAME}, optional: forgets what the cache has of that name
 *		and of all below it, or everything; answers {"flushed":N}
 *	hold	by the relay: flows use {"slots":"3,7-9"} (common/slots.h), and
 *		with "all":true no other ones; see fakes.h
 *	metrics	{"metrics":TEXT}, OpenMetrics (common/metrics.h)
 *	explain, resolve, watch		explain.h, query.h, watch.h
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_VERBS_H
#define ERSATZ_DNSD_VERBS_H

#include "common/config.h"
#include "common/control.h"
#include "dnsd/direct.h"
#include "dnsd/dispatch.h"
#include "dnsd/explain.h"
#include "dnsd/fakes.h"
#include "dnsd/query.h"
#include "dnsd/server.h"
#include "dnsd/upstream/lookup_memory.h"
#include "dnsd/watch.h"

/*
 * The parts that the verbs tell of; all borrowed.  A reload changes the
 * pointers, which is safe as they are read anew with each request.
 */
struct verbs {
	struct control *control;
	struct fakes *fakes;
	struct direct *direct;
	struct dispatch *dispatch;
	struct server *server;
	struct queries *queries;
	const struct queries_counters *counters;
	struct lookup_memory *memory;
	struct upstreams *upstreams;
	struct explainer *explainer;
	struct watch *watch;
	const struct config *config;
	int64_t started_ms; /* wall clock */
	int landlock;       /* its version; 0: none */
};

/* For control_open(); the context is the struct verbs. */
extern const struct control_verb verbs_table[];

/*
 * dnsd --status: asks the daemon that runs in `run_dir` and prints.  Returns
 * what exit() gets.
 */
NODISCARD int verbs_print_status(const struct config *config, bool is_json,
				 FILE *out);

/* dnsd --flush [NAME]: the same for that verb; `name` may be NULL. */
NODISCARD int verbs_flush(const struct config *config, const char *name,
			  bool is_json, FILE *out);

/* dnsd --metrics: the same, as OpenMetrics text. */
NODISCARD int verbs_print_metrics(const struct config *config, FILE *out);

/* That text, to be freed; `ctx` is the struct verbs.  NULL: no memory. */
NODISCARD char *verbs_metrics(void *ctx);

#endif
