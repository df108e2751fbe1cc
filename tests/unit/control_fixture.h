// SPDX-License-Identifier: BSD-2-Clause
/*
 * control_fixture.h - a control server with a verb for each way to answer:
 * echo, later, change, tell, see, detach, flood, refuse, exit.
 */
#ifndef ERSATZ_TESTS_CONTROL_FIXTURE_H
#define ERSATZ_TESTS_CONTROL_FIXTURE_H

#include "common/control.h"

#define NOBODY 65534
#define CONTROL_FIXTURE_PARTNER 60001
#define CONTROL_FIXTURE_GROUP 60002

/* A server in a folder of its own, with a verb for each way to answer. */
struct control_fixture {
	struct ev_loop *loop;
	struct control *control;
	char folder[32];
	char path[64];
	uint64_t later; /* who waits for an answer */
	int detached;   /* what control_detach() gave */
	int changes;    /* calls of verbs that change */
	int flood;      /* lines that "flood" sent */
};

extern const struct control_verb control_fixture_verbs[];

int control_fixture_setup(void **state);
int control_fixture_teardown(void **state);

/* Another server with the same verbs. */
int control_fixture_open(struct control_fixture *fixture, const char *path,
			 gid_t group, struct control **control);

#define END "{\"end\":true}\n"

/* A Unix socket delivers at once, so a few turns do all there is to do. */
void fixture_turn(struct control_fixture *fixture);
int fixture_dial(const struct control_fixture *fixture);
void fixture_say(int fd, const char *text);
/* Everything that has come, as text; "EOF" behind it when that came too. */
const char *fixture_heard(int fd);

#define CONTROL_TEST(fn)                                           \
	cmocka_unit_test_setup_teardown(fn, control_fixture_setup, \
					control_fixture_teardown)

#endif
