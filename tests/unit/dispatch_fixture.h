// SPDX-License-Identifier: BSD-2-Clause
/*
 * dispatch_fixture.h - what is around dispatch.c, as fakes: the server, the
 * upstreams, the rules, and the way to routed.
 */
#ifndef ERSATZ_TESTS_DISPATCH_FIXTURE_H
#define ERSATZ_TESTS_DISPATCH_FIXTURE_H

#include "common/rules.h"
#include "dnsd/question.h"
#include "dnsd/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the rules say to everything. */
extern struct verdict said;

/* What was sent last: nothing, a reply or a promise. */
struct sent {
	enum { NOTHING, REPLY, PROMISE } how;
	bool may_be_many;
	struct asker asker; /* with what decided */
	uint8_t message[DNS_EDNS_SIZE];
	size_t length;
};
extern struct sent sent;

/* What was handed on last. */
struct handed {
	enum { NOBODY, FORWARD, CARRIED, DECIDE } how;
	int upstream;
};
extern struct handed handed;

/* Whether the next answer of an upstream has any; how often it was told. */
extern bool has_news;
extern unsigned told;

/* Whether there is an upstream for names of this network. */
extern bool has_home;

#endif
