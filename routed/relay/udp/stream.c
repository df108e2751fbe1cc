// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/stream.h"

#include "common/err.h"
#include "routed/relay/udp/parts.h"
#include "routed/relay/uot.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
	/* A train with a header before each of its datagrams. */
	CHUNK_SIZE = (64 << 10) + DATAGRAM_SEGMENTS_MAX * UOT_HEAD_MAX,
	CHUNKS = 64,
	READ_SIZE = 64 << 10,
	ROUNDS = 4,
	/* Who ends a stream as soon as this has not understood the request. */
	AT_ONCE_MS = 5000,
};

struct udp_chunk {
	struct udp_chunk *next_free;
	size_t at, end; /* of what is left in there */
	uint8_t bytes[CHUNK_SIZE];
};

struct udp_streams {
	struct name host;
	unsigned fresh;
	struct udp_chunk *free;
	struct udp_chunk *chunks; /* owned; touched when they are taken */
	uint8_t input[CHUNK_SIZE + READ_SIZE];
	uint8_t heads[DATAGRAM_SEGMENTS_MAX][UOT_HEAD_MAX];
};

int udp_streams_new(struct udp_streams **streams)
{
	struct udp_streams *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	ret = name_parse(&new->host, UOT_HOST);
	assert(ret == 0);
	new->chunks = calloc(CHUNKS, sizeof(*new->chunks));
	if (!new->chunks) {
		free(new);
		return -ENOMEM;
	}
	*streams = new;
	return 0;
}

void udp_streams_free(struct udp_streams *streams)
{
	if (!streams)
		return;
	free(streams->chunks);
	free(streams);
}

const struct name *udp_streams_host(const struct udp_streams *streams)
{
	return &streams->host;
}

static struct udp_chunk *take_chunk(struct udp_streams *streams)
{
	struct udp_chunk *chunk = streams->free;

	if (chunk)
		streams->free = chunk->next_free;
	else if (streams->fresh < CHUNKS)
		chunk = &streams->chunks[streams->fresh++];
	return chunk;
}

static void give_chunk(struct udp_streams *streams, struct udp_chunk **chunk)
{
	if (!*chunk)
		return;
	(*chunk)->next_free = streams->free;
	streams->free = *chunk;
	*chunk = NULL;
}

void udp_stream_forget(struct udp *udp, struct udp_leg *leg)
{
	give_chunk(udp->streams, &leg->input);
	give_chunk(udp->streams, &leg->output);
}

/* What nobody has understood will not be understood again soon. */
static void lose(struct udp *udp, struct udp_leg *leg, const char *reason)
{
	if (!leg->is_heard && udp->now_ms - leg->opened_ms < AT_ONCE_MS)
		udp_leg_refuse(udp, leg, reason);
	else
		udp_leg_shut(udp, leg);
}

/*
 * The stream is at its end, as its reader will see.  Not here: whoever sends
 * goes on with the leg and its peers.
 */
static void look_again(struct udp *udp, struct udp_leg *leg)
{
	poller_again(udp->parts->poller, &leg->control);
}

/* --- towards the proxy --- */

/* False: the rest of what was begun cannot be kept. */
static bool keep(struct udp *udp, struct udp_leg *leg,
		 const struct iovec *parts, size_t count, size_t sent)
{
	struct udp_chunk *chunk = take_chunk(udp->streams);

	if (!chunk)
		return false;
	chunk->at = chunk->end = 0;
	for (size_t i = 0; i < count; i++) {
		size_t skip = sent < parts[i].iov_len ? sent : parts[i].iov_len;

		memcpy(chunk->bytes + chunk->end,
		       (const uint8_t *)parts[i].iov_base + skip,
		       parts[i].iov_len - skip);
		chunk->end += parts[i].iov_len - skip;
		sent -= skip;
	}
	leg->output = chunk;
	return true;
}

static void transmit(struct udp *udp, struct udp_leg *leg, struct iovec *parts,
		     size_t count)
{
	const struct msghdr msg = {.msg_iov = parts, .msg_iovlen = count};
	size_t length = 0;
	ssize_t n;

	for (size_t i = 0; i < count; i++)
		length += parts[i].iov_len;
	n = sendmsg(leg->control_fd, &msg, MSG_NOSIGNAL);
	if (n < 0) {
		udp->counters.dropped += count / 2;
		if (errno != EAGAIN && errno != EINTR)
			look_again(udp, leg);
	} else if ((size_t)n < length &&
		   !keep(udp, leg, parts, count, (size_t)n)) {
		udp_leg_shut(udp, leg);
	}
}

void udp_stream_put(struct udp *udp, struct udp_leg *leg,
		    const struct datagram *datagram,
		    const struct socks_target *target)
{
	struct udp_streams *streams = udp->streams;
	struct iovec parts[2 * DATAGRAM_SEGMENTS_MAX];
	size_t step = datagram->segment ? datagram->segment : datagram->length;
	size_t at = 0, count = 0;

	/* What was begun comes first, and there is no room for more. */
	if (leg->output) {
		udp->counters.dropped++;
		return;
	}
	do {
		size_t left = datagram->length - at;
		size_t length = left < step ? left : step;
		uint8_t *head = streams->heads[count / 2];

		parts[count++] = (struct iovec){
			head, uot_put_head(head, target, length)};
		/* sendmsg() only reads it. */
		parts[count++] = (struct iovec){
			(void *)(uintptr_t)(datagram->payload + at), length};
		at += length;
	} while (at < datagram->length && count < ARRAY_LEN(parts));
	transmit(udp, leg, parts, count);
}

void udp_stream_start(struct udp *udp, struct udp_leg *leg)
{
	uint8_t bytes[UOT_REQUEST_MAX];
	struct name name;
	struct socks_target to = {.endpoint.addr.family = ADDR_IPV4};
	const struct udp_peer *peer = leg->peers;
	size_t length = 0;

	leg->is_heard = false;
	leg->opened_ms = udp->now_ms;
	if (peer && peer->real.addr.family != ADDR_NONE) {
		to.endpoint = peer->real;
	} else if (peer &&
		   decider_name(udp->parts->decider, peer->slot, &name) &&
		   socks_address_is_sendable(&name)) {
		to.name = &name;
		to.endpoint.port = udp_peer_tuple(udp->table, peer)->dst.port;
	}
	length = uot_put_request(bytes, &to);
	/* A fresh socket has room for it, or was ended by the proxy. */
	if (send(leg->control_fd, bytes, length, MSG_NOSIGNAL) !=
	    (ssize_t)length)
		look_again(udp, leg);
}

/* True: nothing is left, or the socket is full. */
static bool send_rest(struct udp *udp, struct udp_leg *leg)
{
	struct udp_chunk *chunk = leg->output;

	while (chunk && chunk->at < chunk->end) {
		ssize_t n = send(leg->control_fd, chunk->bytes + chunk->at,
				 chunk->end - chunk->at, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		chunk->at += (size_t)n;
	}
	give_chunk(udp->streams, &leg->output);
	return true;
}

/* --- towards the application --- */

/* Every datagram that is there as a whole; how many bytes they were. */
static int take_apart(struct udp *udp, struct udp_leg *leg, size_t length)
{
	const uint8_t *bytes = udp->streams->input;
	size_t at = 0;

	for (;;) {
		struct socks_source source;
		struct datagram datagram = {.length = 0};
		int head = uot_read_head(&source, &datagram.length, bytes + at,
					 length - at);

		if (head < 0)
			return head;
		if (head == 0 || length - at < (size_t)head + datagram.length)
			return (int)at;
		datagram.payload = bytes + at + head;
		at += (size_t)head + datagram.length;
		leg->is_heard = true;
		inbox_deliver(udp, leg, &source, &datagram);
	}
}

/* Of the `length` bytes before: what is no whole datagram stays for later. */
static bool keep_input(struct udp *udp, struct udp_leg *leg, size_t length)
{
	struct udp_chunk *chunk;

	if (length == 0)
		return true;
	chunk = take_chunk(udp->streams);
	if (!chunk)
		return false;
	memcpy(chunk->bytes, udp->streams->input, length);
	chunk->at = 0;
	chunk->end = length;
	leg->input = chunk;
	return true;
}

static size_t take_input(struct udp *udp, struct udp_leg *leg)
{
	size_t length = leg->input ? leg->input->end : 0;

	if (length > 0)
		memcpy(udp->streams->input, leg->input->bytes, length);
	give_chunk(udp->streams, &leg->input);
	return length;
}

enum reading {
	READING_PAUSE, /* there may be more */
	READING_EMPTY,
	READING_LOST,
};

static enum reading read_some(struct udp *udp, struct udp_leg *leg,
			      size_t *length)
{
	uint8_t *input = udp->streams->input;
	ssize_t n = recv(leg->control_fd, input + *length, READ_SIZE, 0);
	int done;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return READING_EMPTY;
	if (n <= 0)
		return READING_LOST;
	leg->last_ms = udp->now_ms;
	*length += (size_t)n;
	done = take_apart(udp, leg, *length);
	/* They lie in the buffer that is moved now. */
	train_flush(&udp->train);
	if (done < 0)
		return READING_LOST;
	*length -= (size_t)done;
	memmove(input, input + done, *length);
	return READING_PAUSE;
}

void udp_stream_on_event(struct udp *udp, struct udp_leg *leg)
{
	enum reading reading = READING_PAUSE;
	size_t length = take_input(udp, leg);

	for (int i = 0; i < ROUNDS && reading == READING_PAUSE; i++)
		reading = read_some(udp, leg, &length);
	if (reading == READING_LOST) {
		lose(udp, leg, "it ends the stream");
		return;
	}
	if (!keep_input(udp, leg, length) || !send_rest(udp, leg)) {
		udp_leg_shut(udp, leg);
		return;
	}
	if (reading == READING_PAUSE)
		poller_again(udp->parts->poller, &leg->control);
}
