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

/* Who asked what. */
struct reply {
	struct reply_parts *parts;
	const struct asker *asker;
	const struct question *question;
};

void reply_error(const struct reply *reply, enum dns_rcode rcode,
		 const struct ede *ede);

/* NODATA or NXDOMAIN, with our SOA. */
void reply_negative(const struct reply *reply, enum dns_rcode rcode,
		    const struct ede *ede);

/* What question_parse() found wrong. */
void reply_refuse(const struct reply *reply, int rcode);

void reply_fake(const struct reply *reply, const struct verdict *verdict);

/* What a carried name has not, and what it has of everything. */
void reply_nodata(const struct reply *reply, const struct verdict *verdict);

/* RFC 8914, 4.16: the rule is the policy that blocked. */
void reply_reject(const struct reply *reply, const struct verdict *verdict);

/* The name of a fake address. */
void reply_reverse(const struct reply *reply, int64_t slot);

/* What is special to everybody, and why. */
void reply_special(const struct reply *reply, const struct special *special);

/* What somebody wrote down, and where. */
void reply_hosts(const struct reply *reply, int64_t host);

/*
 * The upstream's word, in our own answer: the SOA is ours, to be asked again.
 */
void reply_missing(const struct reply *reply, int upstream);

#endif
