// SPDX-License-Identifier: BSD-2-Clause
/*
 * port.h - a socket at an address that dnsd listens at, UDP or TCP.
 *
 * Errors	-errno
 * Ownership	the caller closes the descriptor
 */
#ifndef ERSATZ_DNSD_LISTEN_PORT_H
#define ERSATZ_DNSD_LISTEN_PORT_H

#include "common/addr.h"
#include "common/compiler.h"

/*
 * A descriptor that is not bound yet; `type` is SOCK_DGRAM or SOCK_STREAM.  An
 * IPv6 socket is for IPv6 alone.
 */
NODISCARD int port_open(const struct endpoint *endpoint, int type);

NODISCARD int port_bind(int fd, const struct endpoint *endpoint);

/*
 * A second UDP socket at the address and port that `fd` is bound to, for
 * sending alone.  It is connected to these themselves, from where nobody else
 * can send, so nothing arrives at it; it can send to anybody all the same.
 * Fails where an address cannot be reached by itself (no loopback interface).
 */
NODISCARD int port_open_sender(int fd, const struct endpoint *endpoint);

/* Logs why nobody can listen there, with the remedy; returns `err`. */
int port_explain(const struct endpoint *endpoint, int type, int err);

#endif
