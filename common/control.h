// SPDX-License-Identifier: BSD-2-Clause
/*
 * control.h - the control socket: one line of JSON in, lines of JSON out.
 *
 * A request is {"verb":"status",...}.  The answer is any number of objects, a
 * line each, and then {"end":true} or {"end":true,"error":"..."}; the
 * connection then stays open for the next request.  Anybody on this host may
 * connect (mode 0666); who may what is control_peer.h's to know, verb by verb.
 * A client that does not read is dropped when 1 MiB waits for it or after
 * 10 s; it never stalls the daemon.  So an answer of more than that is for
 * control_detach().  A request has 64 KiB at most.  64 clients, 32 of them
 * strangers; one more takes the place of the oldest that wants nothing, a
 * stranger that of a stranger.
 *
 * Errors	-errno; the client side also ERR_NOT_RUNNING, ERR_TIMEOUT,
 *		ERR_REFUSED (the answer ended with an error), ERR_MALFORMED,
 *		-ECONNRESET (the daemon went away before the end)
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_COMMON_CONTROL_H
#define ERSATZ_COMMON_CONTROL_H

#include "common/compiler.h"
#include "common/control_peer.h"
#include "common/json.h"

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

struct control;        /* the server */
struct control_client; /* one connection */

/*
 * Answers a request with control_send() and, at once or later, ends it with
 * exactly one control_end() (or control_detach()).
 */
typedef void (*control_verb_fn)(void *ctx, struct control_client *client,
				const struct json *request);

struct control_verb {
	const char *name; /* NULL ends the table */
	enum control_access access;
	control_verb_fn fn;
};

struct control_conf {
	const char *path; /* copied */
	gid_t group;      /* for CONTROL_WATCH; (gid_t)-1: none */
	uid_t partner;    /* for CONTROL_PARTNER; 0: nobody else */
	const struct control_verb *verbs; /* borrowed */
	void *ctx;                        /* borrowed, for the verbs */
};

/*
 * Listens at the path (a stale socket is replaced, a live one is ERR_RUNNING,
 * another kind of file -EEXIST).  A daemon that gives up root calls this
 * before, as the run folder is root's.
 */
NODISCARD int control_open(struct control **control, struct ev_loop *loop,
			   const struct control_conf *conf);
/*
 * Unlinks too, if it still can: who gave up root since leaves a stale socket,
 * which nobody answers and the next control_open() replaces.
 */
void control_close(struct control *control);

/*
 * Sends a line; takes no ownership.  A dead client is ignored; the pointer
 * that a verb was called with is good until it returns.
 */
void control_send(struct control_client *client, const struct json *json);
/* `error` NULL: done. */
void control_end(struct control_client *client, const char *error);

/*
 * An answer that comes later keeps a number, never a pointer: the client may
 * be gone.  0 is never a number; NULL for a client that is gone.
 */
uint64_t control_client_id(const struct control_client *client);
struct control_client *control_client_by_id(struct control *control,
					    uint64_t id);

/* Who asks; as long as the verb that was called has not returned. */
const struct control_peer *
control_client_peer(const struct control_client *client);

/*
 * Takes the descriptor out, non-blocking, in place of control_end(); the
 * caller owns it.  -EAGAIN while an earlier answer has not left.
 */
NODISCARD int control_detach(struct control_client *client);

/* What the command line's side (control_call.c) does with an answer. */
struct control_sink {
	int timeout_ms; /* the longest without a line */
	/* Each line but the last. */
	void (*on_line)(void *ctx, const struct json *line);
	void *ctx;
	char *error; /* gets the text of an ERR_REFUSED, else "" */
	size_t error_size;
};

/* Connects, sends, hands on every line; blocks. */
NODISCARD int control_call(const char *path, const struct json *request,
			   const struct control_sink *sink);

#endif
