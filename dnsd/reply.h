// SPDX-License-Identifier: BSD-2-Clause
/*
 * reply.h - the replies that dnsd makes itself.
 *
 * Each function makes one message (answer.h), sends it, and counts it.
 *
 * Ownership	everything is borrowed
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_REPLY_H
#define ERSATZ_DNSD_REPLY_H

#include "common/config.h"
#include "dnsd/decide.h"
#include "dnsd/dispatch.h"
#include "dnsd/fakes.h"
#include "dnsd/hosts.h"
#include "dnsd/opt.h"
#include "dnsd/server.h"
#include "dnsd/wire.h"

/* What replies are made of, and sent with. */
struct reply_parts {
	struct server *server;
	struct fakes *fakes;
	const struct hosts *hosts;
	const struct config *config;
	struct dispatch_stats stats;
};

/*
 * Who asked what, and with asker->cause what decided: that goes into the
 * Extended DNS Error.
 */
struct reply {
	struct reply_parts *parts;
	struct asker *asker;
	const struct question *question;
};

void reply_error(const struct reply *reply, enum dns_rcode rcode,
		 const struct ede *ede);

/* NODATA or NXDOMAIN, with our SOA. */
void reply_negative(const struct reply *reply, enum dns_rcode rcode,
		    const struct ede *ede);

/* What question_parse() found wrong. */
void reply_refuse(const struct reply *reply, int rcode);

/* There is no question, only a cookie that is completed. */
void reply_cookie(const struct reply *reply);

/* A question of our own that an upstream brought back. */
void reply_loop(const struct reply *reply);

/* SERVFAIL, since no upstream could answer. */
void reply_failure(const struct reply *reply, uint16_t code, const char *why);

void reply_fake(const struct reply *reply);

/* What a carried name has not, and what it has of everything. */
void reply_nodata(const struct reply *reply);

/* RFC 8914, 4.16: the rule is the policy that blocked. */
void reply_reject(const struct reply *reply);

/* The name of a fake address; negative: of none that a name can have. */
void reply_reverse(const struct reply *reply, int64_t slot);

/* What is special to everybody: that of the cause. */
void reply_special(const struct reply *reply);

/* What somebody wrote down, and where. */
void reply_hosts(const struct reply *reply, int64_t host);

/*
 * The upstream's word, in our own answer: the SOA is ours, to be asked again.
 */
void reply_missing(const struct reply *reply, int upstream);

#endif
