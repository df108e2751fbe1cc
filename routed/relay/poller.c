// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/poller.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BATCH = 128,
	MANY = 4,
	ROUNDS = 4, /* then it is the turn of the loop's others */
};

struct poller {
	struct ev_loop *loop; /* borrowed */
	void *ctx;            /* borrowed */
	int fd;               /* owned */
	struct ev_io io;
	struct ev_check check; /* gives the turns that were asked for */
	struct ev_idle idle;   /* keeps the loop from sleeping meanwhile */
	struct poller_source wanting; /* the ring's head */
	struct epoll_event batch[BATCH];
	int at, count; /* of the batch that is being handed out */
};

static void ring_init(struct poller_source *head)
{
	head->next = head->prev = head;
}

static void ring_leave(struct poller_source *source)
{
	if (!source->next)
		return;
	source->next->prev = source->prev;
	source->prev->next = source->next;
	source->next = source->prev = NULL;
}

static void ring_join(struct poller_source *head, struct poller_source *source)
{
	source->next = head;
	source->prev = head->prev;
	head->prev->next = source;
	head->prev = source;
}

/* Moves the whole ring of `from` to `to`, which is empty. */
static void ring_take(struct poller_source *to, struct poller_source *from)
{
	ring_init(to);
	if (from->next == from)
		return;
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	ring_init(from);
}

/* Returns how many there were. */
static int hand_out(struct poller *poller)
{
	int count = epoll_wait(poller->fd, poller->batch, BATCH, 0);

	poller->count = count > 0 ? count : 0;
	for (poller->at = 0; poller->at < poller->count; poller->at++) {
		const struct epoll_event *event = &poller->batch[poller->at];
		struct poller_source *source = event->data.ptr;

		if (source)
			source->fn(poller->ctx, source, event->events);
	}
	poller->count = 0;
	return count;
}

/* Where there was a lot there is more by now: the loop's own way is longer. */
static void on_events(struct ev_loop *loop, struct ev_io *io, int revents)
{
	(void)loop, (void)revents;
	for (int i = 0; i < ROUNDS && hand_out(io->data) >= MANY; i++)
		;
}

static void on_check(struct ev_loop *loop, struct ev_check *check, int revents)
{
	struct poller *poller = check->data;
	struct poller_source due;

	(void)revents;
	ring_take(&due, &poller->wanting);
	while (due.next != &due) {
		struct poller_source *source = due.next;

		ring_leave(source);
		source->fn(poller->ctx, source, 0);
	}
	if (poller->wanting.next == &poller->wanting)
		ev_idle_stop(loop, &poller->idle);
}

static void on_idle(struct ev_loop *loop, struct ev_idle *idle, int revents)
{
	(void)loop, (void)idle, (void)revents;
}

int poller_new(struct poller **poller, struct ev_loop *loop, void *ctx)
{
	struct poller *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->ctx = ctx;
	ring_init(&new->wanting);
	new->fd = epoll_create1(EPOLL_CLOEXEC);
	if (new->fd < 0) {
		ret = -errno;
		goto free_poller;
	}
	ev_io_init(&new->io, on_events, new->fd, EV_READ);
	ev_check_init(&new->check, on_check);
	ev_idle_init(&new->idle, on_idle);
	new->io.data = new->check.data = new;
	ev_io_start(loop, &new->io);
	ev_check_start(loop, &new->check);
	*poller = new;
	return 0;

free_poller:
	free(new);
	return ret;
}

void poller_free(struct poller *poller)
{
	if (!poller)
		return;
	ev_io_stop(poller->loop, &poller->io);
	ev_check_stop(poller->loop, &poller->check);
	ev_idle_stop(poller->loop, &poller->idle);
	close(poller->fd);
	free(poller);
}

int poller_add(struct poller *poller, int fd, struct poller_source *source)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = source,
	};

	if (epoll_ctl(poller->fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	return 0;
}

void poller_forget(struct poller *poller, struct poller_source *source)
{
	ring_leave(source);
	for (int i = poller->at + 1; i < poller->count; i++) {
		if (poller->batch[i].data.ptr == source)
			poller->batch[i].data.ptr = NULL;
	}
}

void poller_again(struct poller *poller, struct poller_source *source)
{
	if (source->next)
		return;
	ring_join(&poller->wanting, source);
	ev_idle_start(poller->loop, &poller->idle);
}
