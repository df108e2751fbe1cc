// SPDX-License-Identifier: BSD-2-Clause
/*
 * query.h - the life of a query that needs an upstream.
 *
 * A query is kept by value from the moment it is handed in until it has got
 * its one reply: the upstream's answer made the client's own (its ID, its
 * question as asked, its size, OPT hop by hop), what `decided` answered, or
 * `fail`.  Where a rule needs an address, the name is resolved first and the
 * rules are asked again.
 *
 * Ownership	a fixed pool, sized at the start; when it is full the query
 *		fails at once
 * Thread	the thread of the loop
 * Source	RFC 6891 7 (OPT is hop by hop), RFC 2181 9 (TC)
 */
#ifndef ERSATZ_DNSD_QUERY_H
#define ERSATZ_DNSD_QUERY_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/control.h"
#include "common/rules.h"
#include "dnsd/question.h"
#include "dnsd/server.h"
#include "dnsd/upstream/lookup.h"

#include <stdbool.h>
#include <stdint.h>

struct queries;

/* What `decided` did. */
enum query_decided {
	QUERY_ANSWERED, /* it has replied (a fake address, a refusal) */
	QUERY_REAL,     /* the name is not carried: pass the answer on */
};

/* A finished message, what an upstream said. */
struct query_reply {
	const uint8_t *message;
	size_t length;
	struct cache_note *note; /* NULL: it does not come from the cache */
};

struct query_ops {
	/* Sends it; copies. */
	void (*reply)(void *ctx, const struct asker *asker,
		      const struct question *question,
		      const struct query_reply *reply);
	/* Answers SERVFAIL with an Extended DNS Error (RFC 8914). */
	void (*fail)(void *ctx, const struct asker *asker,
		     const struct question *question, uint16_t ede,
		     const char *why);
	/*
	 * The rules were asked again with the address.  What it promises is
	 * committed with the batch of this turn of the loop.  Notes in the
	 * asker what has decided.  `is_missing`: the upstream knows no such
	 * name.
	 */
	enum query_decided (*decided)(void *ctx, struct asker *asker,
				      const struct question *question,
				      const struct verdict *verdict,
				      bool is_missing);
	/*
	 * What queries_verify() waited for; without an answer of the upstream
	 * the name is taken to exist.
	 */
	void (*verified)(void *ctx, const struct asker *asker,
			 const struct question *question, int upstream,
			 bool is_missing);
	/*
	 * The upstreams of these queries are gone.  True: others have taken
	 * the question, as after a reload, and will reply; false: nobody has,
	 * as dnsd stops.
	 */
	bool (*canceled)(void *ctx, const struct queries *queries,
			 const struct asker *asker,
			 const struct question *question);
};

/* How much is done to learn whether a name exists. */
enum query_care {
	QUERY_LOOK,       /* only what is kept is looked at */
	QUERY_LOOK_LATER, /* it is asked for, and nobody waits for that */
	QUERY_WAIT,       /* `verified` comes when it is known */
};

enum query_existence {
	QUERY_EXISTS,  /* as far as is known */
	QUERY_MISSING, /* NXDOMAIN */
	QUERY_ASKED,   /* with QUERY_WAIT: it will be known */
};

struct queries_counters {
	uint64_t passed_on; /* answers that came back, or were kept */
	uint64_t failed;    /* answered SERVFAIL */
	uint64_t full;      /* of these: too many were under way */
	size_t under_way;
};

struct queries_conf {
	const struct config *config; /* borrowed, as all of these */
	struct upstreams *upstreams;
	struct lookups *lookups;
	struct queries_counters *counters; /* they go on over a reload */
	const struct query_ops *ops;
	void *ctx;  /* of the ops */
	size_t max; /* queries under way */
};

NODISCARD int queries_new(struct queries **queries,
			  const struct queries_conf *conf);
/*
 * Upstreams are freed first: their end ends every query, here at least; see
 * `canceled`.
 */
void queries_free(struct queries *queries);

/*
 * The question is about to be handed to queries_forward(): what is kept of it
 * is fetched, a step at each call (cache_expect()).
 */
void queries_expect(const struct queries *queries,
		    const struct question *question, int upstream,
		    unsigned step);

/* Asks that group (UPSTREAM_DEFAULT: the config's) and passes the answer on. */
void queries_forward(struct queries *queries, const struct asker *asker,
		     const struct question *question, int upstream);

/*
 * The group that a name of this network goes to; -ENOENT: no upstream may hear
 * of it (upstreams_home()).
 */
NODISCARD int queries_home(const struct queries *queries, int upstream);

/*
 * The same for a name that has fake addresses: the answer is made to fit
 * (carried.h).
 */
void queries_carried(struct queries *queries, const struct asker *asker,
		     const struct question *question, int upstream);

/*
 * For VERDICT_NEEDS_ADDRESS and a question for A or AAAA: resolves at the
 * group of that verdict, decides again, and calls `decided`.  A name without
 * an address of that type gets the upstream's own answer; one that does not
 * exist or could not be resolved is decided as if it had no address, since a
 * proxy may know what this upstream does not.
 */
void queries_decide(struct queries *queries, const struct asker *asker,
		    const struct question *question, int upstream);

/* True: a question of our own that an upstream brought back: answer NXDOMAIN.
 */
bool queries_take_canary(struct queries *queries,
			 const struct question *question);

/*
 * Does the name of a question for A or AAAA exist, as that group sees it?
 * What is kept decides, for as long as it is kept.
 */
NODISCARD enum query_existence queries_verify(struct queries *queries,
					      const struct asker *asker,
					      const struct question *question,
					      int upstream,
					      enum query_care care);

/*
 * The verb "resolve": {"name":...,"family":4|6,"upstream":NAME}, the last two
 * optional: 4, and the upstream of the rule for that name.  Answers
 * {"address":"..."} for each address, CNAMEs followed; a name that does not
 * exist is an error.
 */
void queries_verb_resolve(struct queries *queries, struct control *control,
			  struct control_client *client,
			  const struct json *request);

#endif
