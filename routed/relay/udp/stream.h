// SPDX-License-Identifier: BSD-2-Clause
/*
 * stream.h - a leg whose datagrams go through a stream (uot.h).
 *
 * What is full drops, as UDP does: a datagram is taken as a whole or not at
 * all.  The rest of one that the socket took a part of, and the beginning of
 * one that has come in part, are kept in chunks out of a small pool; a leg
 * that finds none there loses its stream, and has a new one with the next
 * datagram.
 *
 * Errors	nothing here logs but what the server does wrong
 * Ownership	the stream is the leg's control_fd
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_UDP_STREAM_H
#define ERSATZ_ROUTED_RELAY_UDP_STREAM_H

#include "routed/relay/socks_address.h"
#include "routed/relay/udp/datagram.h"
#include "routed/relay/udp/table.h"

struct udp_streams;

NODISCARD int udp_streams_new(struct udp_streams **streams);
void udp_streams_free(struct udp_streams *streams);

/* The name that the proxy is asked for. */
const struct name *udp_streams_host(const struct udp_streams *streams);

/* Right after it was connected: the request, for whom is asked first. */
void udp_stream_start(struct udp *udp, struct udp_leg *leg);
/* To `target`, the leg may have lost its stream after this. */
void udp_stream_put(struct udp *udp, struct udp_leg *leg,
		    const struct datagram *datagram,
		    const struct socks_target *target);
/* Reads what has come and sends what was left; the leg may be gone. */
void udp_stream_on_event(struct udp *udp, struct udp_leg *leg);
/* The leg's stream is being closed. */
void udp_stream_forget(struct udp *udp, struct udp_leg *leg);

#endif
