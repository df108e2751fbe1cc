// SPDX-License-Identifier: BSD-2-Clause
#include "common/aside.h"

#include "common/priority.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct aside {
	struct ev_loop *loop; /* borrowed */
	struct ev_async done;
	pthread_t thread;
	aside_fn work, on_done;
	void *ctx;
	bool is_joined;
};

static void *run(void *ctx)
{
	struct aside *aside = ctx;

	priority_lower();
	aside->work(aside->ctx);
	ev_async_send(aside->loop, &aside->done);
	return NULL;
}

static void join(struct aside *aside)
{
	pthread_join(aside->thread, NULL);
	ev_async_stop(aside->loop, &aside->done);
	aside->is_joined = true;
}

static void on_async(struct ev_loop *loop, struct ev_async *done, int events)
{
	struct aside *aside = done->data;

	(void)loop;
	(void)events;
	join(aside);
	aside->on_done(aside->ctx);
}

/* Signals are the loop's, but that of a forbidden system call (seccomp.h). */
static int start_thread(struct aside *aside)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&aside->thread, NULL, run, aside);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -ret;
}

int aside_start(struct aside **aside, struct ev_loop *loop, aside_fn work,
		aside_fn on_done, void *ctx)
{
	struct aside *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->work = work;
	new->on_done = on_done;
	new->ctx = ctx;
	ev_async_init(&new->done, on_async);
	new->done.data = new;
	ev_async_start(loop, &new->done);
	ret = start_thread(new);
	if (ret < 0) {
		ev_async_stop(loop, &new->done);
		free(new);
		return ret;
	}
	*aside = new;
	return 0;
}

void aside_free(struct aside *aside)
{
	if (!aside)
		return;
	if (!aside->is_joined)
		join(aside);
	free(aside);
}
