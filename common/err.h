// SPDX-License-Identifier: BSD-2-Clause
/*
 * err.h - the one space of errors.
 *
 * A function returns 0 or a positive result, or a negative error: either
 * -errno of the call that failed, or one of the codes below.  Each of these
 * makes some caller react differently; what merely reads differently is text
 * for the log, not a code.
 */
#ifndef ERSATZ_COMMON_ERR_H
#define ERSATZ_COMMON_ERR_H

enum err {
	ERR_CONFIG = -10001,    /* input of the user is wrong; diag.h tells */
	ERR_MALFORMED = -10002, /* bytes of a peer are not what they claim */
	ERR_NOT_MAP = -10003,   /* the file is not a map: move it aside */
	ERR_NEWER = -10004,     /* the file is of a newer version: upgrade */
	ERR_CORRUPT =
		-10005,    /* the map is damaged: move it aside, start anew */
	ERR_FULL = -10006, /* no slot is free: refuse */
	ERR_FOREIGN = -10007,     /* an object is not ours: leave it alone */
	ERR_RUNNING = -10008,     /* another instance holds the lock */
	ERR_NOT_RUNNING = -10009, /* no daemon answers on the socket */
	ERR_REFUSED = -10010,     /* the peer said no */
	ERR_TIMEOUT = -10011,     /* the peer said nothing */
	ERR_POOL = -10012,        /* the map was made for another pool */
};

/* A short text in lower case for any negative error, -errno included. */
const char *err_text(int err);

#endif
