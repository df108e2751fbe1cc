// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/listing.h"

#include "routed/relay/flow_line.h"
#include "routed/relay/udp/udp.h"
#include "routed/sockdiag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LISTINGS_MAX = 4,
	/* Those of who sees only his own. */
	NARROW_MAX = LISTINGS_MAX / 2,
	/* For such a one each flow is a question to the kernel. */
	LOOKS_MAX = 256,
	/* Lines are put together until there is this much to send ... */
	FILL_SIZE = 16 << 10,
	/* ... and one line is shorter than this: names, a rule, a path. */
	LINE_SIZE = 16 << 10,
};

#define STALL_S 10.

static const char end_line[] = "{\"end\":true}\n";

struct listing {
	struct listings *listings; /* borrowed */
	struct ev_io writable;     /* its descriptor is owned, -1: free */
	struct ev_timer stall;
	struct link_viewer viewer;
	uint32_t next; /* flow to tell of */
	bool is_whole; /* the end is in the buffer */
	size_t sent, length;
	char buffer[FILL_SIZE + LINE_SIZE];
};

struct listings {
	struct parts *parts;   /* borrowed */
	struct sockdiag *diag; /* owned; NULL: whose a flow is is not known */
	struct listing pool[LISTINGS_MAX];
};

static void listing_close(struct listing *listing)
{
	struct ev_loop *loop = listing->listings->parts->loop;

	ev_io_stop(loop, &listing->writable);
	ev_timer_stop(loop, &listing->stall);
	close(listing->writable.fd);
	listing->writable.fd = -1;
}

/* The line of a flow, to be freed. */
static char *flow_line(struct parts *parts, const char *network,
		       const struct udp_line *flow)
{
	struct json *json = flow_line_json(parts, network, flow);
	char *line = json ? json_line(json) : NULL;

	json_free(json);
	return line;
}

/* A flow whose line cannot be made, or is monstrous, is left out. */
static void put_flow(struct listing *listing, const char *network,
		     const struct udp_line *flow)
{
	char *line = flow_line(listing->listings->parts, network, flow);
	size_t length = line ? strlen(line) : 0;

	if (length > 0 && length < LINE_SIZE - sizeof(end_line)) {
		memcpy(listing->buffer + listing->length, line, length);
		listing->length += length;
		listing->buffer[listing->length++] = '\n';
	}
	free(line);
}

static bool may_see(const struct listing *listing, enum network network,
		    const struct tuple *tuple)
{
	struct sockdiag *diag = listing->listings->diag;
	struct sockdiag_socket socket;

	if (listing->viewer.sees_all)
		return true;
	return diag &&
	       sockdiag_find(diag, network, &tuple->src, &tuple->dst,
			     &socket) == 0 &&
	       socket.inode != 0 && socket.uid == listing->viewer.uid;
}

/* First the flows of TCP, then those of UDP; false: there are no more. */
static bool put_next(struct listing *listing)
{
	struct parts *parts = listing->listings->parts;
	uint32_t number = listing->next++, tcp = flows_end(parts->flows);
	struct udp_line line;

	if (number < tcp) {
		const struct flow *flow = flows_at(parts->flows, number);

		if (flow && may_see(listing, NETWORK_TCP,
				    flows_tuple(parts->flows, flow))) {
			line = flow_line_of(parts, flow);
			put_flow(listing, "tcp", &line);
		}
		return true;
	}
	number -= tcp;
	if (number >= udp_end(parts->udp))
		return false;
	if (udp_line_at(parts->udp, number, &line) &&
	    may_see(listing, NETWORK_UDP, line.tuple))
		put_flow(listing, "udp", &line);
	return true;
}

static void fill(struct listing *listing)
{
	bool has_more = true;

	listing->sent = listing->length = 0;
	for (int looks = 0; has_more && listing->length < FILL_SIZE; looks++) {
		if (looks == LOOKS_MAX && !listing->viewer.sees_all)
			return;
		has_more = put_next(listing);
	}
	if (has_more)
		return;
	memcpy(listing->buffer + listing->length, end_line,
	       sizeof(end_line) - 1);
	listing->length += sizeof(end_line) - 1;
	listing->is_whole = true;
}

static void on_writable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct listing *listing = io->data;
	ssize_t n;

	(void)revents;
	if (listing->sent == listing->length)
		fill(listing);
	if (listing->length == 0)
		return; /* others first; then on */
	n = send(io->fd, listing->buffer + listing->sent,
		 listing->length - listing->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			listing_close(listing);
		return;
	}
	listing->sent += (size_t)n;
	ev_timer_again(loop, &listing->stall);
	if (listing->is_whole && listing->sent == listing->length)
		listing_close(listing);
}

static void on_stall(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	(void)loop, (void)revents;
	listing_close(timer->data);
}

static void listing_init(struct listing *listing, struct listings *listings)
{
	listing->listings = listings;
	ev_io_init(&listing->writable, on_writable, -1, EV_WRITE);
	ev_timer_init(&listing->stall, on_stall, 0, STALL_S);
	listing->writable.data = listing->stall.data = listing;
}

int listings_new(struct listings **listings, struct parts *parts)
{
	struct listings *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->parts = parts;
	if (sockdiag_open(&new->diag) < 0)
		new->diag = NULL;
	for (size_t i = 0; i < LISTINGS_MAX; i++)
		listing_init(&new->pool[i], new);
	*listings = new;
	return 0;
}

void listings_free(struct listings *listings)
{
	if (!listings)
		return;
	for (size_t i = 0; i < LISTINGS_MAX; i++) {
		if (listings->pool[i].writable.fd >= 0)
			listing_close(&listings->pool[i]);
	}
	sockdiag_close(listings->diag);
	free(listings);
}

static size_t count_narrow(const struct listings *listings)
{
	size_t count = 0;

	for (size_t i = 0; i < LISTINGS_MAX; i++)
		count += listings->pool[i].writable.fd >= 0 &&
			 !listings->pool[i].viewer.sees_all;
	return count;
}

void listings_add(struct listings *listings, int fd,
		  const struct link_viewer *viewer)
{
	struct ev_loop *loop = listings->parts->loop;
	bool is_full =
		!viewer->sees_all && count_narrow(listings) >= NARROW_MAX;

	for (size_t i = 0; !is_full && i < LISTINGS_MAX; i++) {
		struct listing *listing = &listings->pool[i];

		if (listing->writable.fd >= 0)
			continue;
		listing->viewer = *viewer;
		listing->next = 0;
		listing->sent = listing->length = 0;
		listing->is_whole = false;
		ev_io_set(&listing->writable, fd, EV_WRITE);
		ev_io_start(loop, &listing->writable);
		ev_timer_again(loop, &listing->stall);
		return;
	}
	close(fd);
}
