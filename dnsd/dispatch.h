// SPDX-License-Identifier: BSD-2-Clause
/*
 * dispatch.h - from a query to its answer, or to the one who will answer.
 *
 * Reads the question, decides (decide.h), and answers at once what dnsd knows
 * itself; the rest goes to query.h, which answers when the upstream has.  All
 * errors end in an answer.
 *
 * Ownership	dispatch_new() gives to the caller; the parts are borrowed
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_DISPATCH_H
#define ERSATZ_DNSD_DISPATCH_H

#include "common/compiler.h"
#include "common/config.h"
#include "dnsd/direct.h"
#include "dnsd/fakes.h"
#include "dnsd/hosts.h"
#include "dnsd/query.h"
#include "dnsd/server.h"

struct dispatch;

NODISCARD int dispatch_new(struct dispatch **dispatch);
void dispatch_free(struct dispatch *dispatch);

/* Both before the first query; the second again at a reload. */
void dispatch_set_parts(struct dispatch *dispatch, struct server *server,
			struct fakes *fakes, struct direct *direct);
/*
 * Where names with written addresses are; borrowed, NULL: nowhere.  Again
 * whenever they have changed.
 */
void dispatch_set_hosts(struct dispatch *dispatch, const struct hosts *hosts);
void dispatch_set_config(struct dispatch *dispatch, const struct config *config,
			 struct queries *queries);

/* For server_open(); the context is the struct dispatch. */
extern const struct server_ops dispatch_server_ops;

/* For queries_new(); the context is the struct dispatch. */
extern const struct query_ops dispatch_query_ops;

struct dispatch_stats {
	uint64_t queries;
	uint64_t fake, nodata, rejected, reverse; /* answered by ourselves */
	uint64_t special;   /* names that are special, by ourselves too */
	uint64_t hosts;     /* names whose addresses are written down */
	uint64_t missing;   /* NXDOMAIN, as dnsd.fake.verify found */
	uint64_t forwarded; /* handed to upstreams */
	uint64_t resolved;  /* of these: a rule wanted the address */
	uint64_t malformed; /* dropped, or FORMERR */
	uint64_t refused;   /* NOTIMP, REFUSED, BADVERS */
	uint64_t failed;    /* SERVFAIL by ourselves */
};
void dispatch_stats(const struct dispatch *dispatch,
		    struct dispatch_stats *stats);

#endif
