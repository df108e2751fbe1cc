// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/inquiry.h"

#include <errno.h>
#include <stdlib.h>

struct question {
	uint32_t id;
	struct link_flow flow;
};

struct inquiry {
	struct ev_loop *loop;  /* borrowed */
	struct ev_io writable; /* runs while questions wait */
	uint32_t capacity;     /* of the ring */
	uint32_t first, count; /* that wait */
	struct question ring[];
};

static int put(const struct inquiry *inquiry, const struct question *question)
{
	const struct link_message message = {
		.type = LINK_OWNER,
		.id = question->id,
		.flow = question->flow,
	};

	return link_send(inquiry->writable.fd, &message, NULL);
}

static void on_writable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct inquiry *inquiry = io->data;

	(void)revents;
	while (inquiry->count > 0) {
		if (put(inquiry, &inquiry->ring[inquiry->first]) == -EAGAIN)
			return;
		/* A link that is gone ends the relay: nothing to do here. */
		inquiry->first = (inquiry->first + 1) % inquiry->capacity;
		inquiry->count--;
	}
	ev_io_stop(loop, io);
}

int inquiry_new(struct inquiry **inquiry, struct ev_loop *loop, int link_fd,
		uint32_t capacity)
{
	struct inquiry *new =
		calloc(1, sizeof(*new) + capacity * sizeof(new->ring[0]));

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->capacity = capacity;
	ev_io_init(&new->writable, on_writable, link_fd, EV_WRITE);
	new->writable.data = new;
	*inquiry = new;
	return 0;
}

void inquiry_free(struct inquiry *inquiry)
{
	if (!inquiry)
		return;
	ev_io_stop(inquiry->loop, &inquiry->writable);
	free(inquiry);
}

int inquiry_ask(struct inquiry *inquiry, uint32_t id,
		const struct link_flow *flow)
{
	struct question question = {.id = id, .flow = *flow};
	int ret = -EAGAIN;

	if (inquiry->count == 0)
		ret = put(inquiry, &question);
	if (ret != -EAGAIN || inquiry->count == inquiry->capacity)
		return ret;
	inquiry->ring[(inquiry->first + inquiry->count) % inquiry->capacity] =
		question;
	inquiry->count++;
	ev_io_start(inquiry->loop, &inquiry->writable);
	return 0;
}
