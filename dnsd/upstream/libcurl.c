// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/libcurl_api.h"

#include "common/libraries.h"
#include "common/log.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE 10
#define WHY_SIZE 256

struct libcurl {
	struct ev_loop *loop; /* borrowed */
	libcurl_done_fn fn;
	void *ctx;
	struct ev_async done;
	pthread_t thread;
	bool is_done;
	/* The thread's, until it is done. */
	struct libcurl_api api;
	bool is_usable;
	char why[WHY_SIZE];
};

/* In the order of the struct. */
static const char *const symbols[] = {
	"curl_global_init",         "curl_easy_init",
	"curl_easy_cleanup",        "curl_easy_reset",
	"curl_easy_setopt",         "curl_easy_getinfo",
	"curl_easy_send",           "curl_easy_recv",
	"curl_easy_strerror",       "curl_multi_init",
	"curl_multi_cleanup",       "curl_multi_setopt",
	"curl_multi_add_handle",    "curl_multi_remove_handle",
	"curl_multi_socket_action", "curl_multi_assign",
	"curl_multi_info_read",     "curl_slist_append",
	"curl_slist_free_all",
};
_Static_assert(sizeof(symbols) == sizeof(struct libcurl_api),
	       "one for each function");

static void load(struct libcurl *libcurl)
{
	/* Never closed: its libraries cannot be. */
	void *library = dlopen(LIBRARY_CURL, RTLD_NOW | RTLD_LOCAL);
	char *at = (char *)&libcurl->api;

	if (!library) {
		snprintf(libcurl->why, sizeof(libcurl->why), "%s", dlerror());
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		void *function = dlsym(library, symbols[i]);

		if (!function) {
			snprintf(libcurl->why, sizeof(libcurl->why),
				 "it has no '%s'", symbols[i]);
			return;
		}
		memcpy(at + i * sizeof(function), &function, sizeof(function));
	}
	libcurl->is_usable = !libcurl->api.global_init(CURL_GLOBAL_DEFAULT);
	if (!libcurl->is_usable)
		snprintf(libcurl->why, sizeof(libcurl->why),
			 "it cannot be set up");
}

static void *run(void *ctx)
{
	struct libcurl *libcurl = ctx;

	/* In Linux this is the priority of the thread alone. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	load(libcurl);
	ev_async_send(libcurl->loop, &libcurl->done);
	return NULL;
}

static void on_done(struct ev_loop *loop, struct ev_async *done, int events)
{
	struct libcurl *libcurl = done->data;

	(void)events;
	ev_async_stop(loop, done);
	pthread_join(libcurl->thread, NULL);
	libcurl->is_done = true;
	if (!libcurl->is_usable)
		log_error("cannot load libcurl, which upstreams by TLS, by "
			  "HTTPS or through a proxy need: %s; install the "
			  "package libcurl4",
			  libcurl->why);
	libcurl->fn(libcurl->ctx);
}

/* Signals are the loop's, but that of a forbidden system call (SIGSYS). */
static int start_thread(struct libcurl *libcurl)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&libcurl->thread, NULL, run, libcurl);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -ret;
}

int libcurl_load(struct libcurl **libcurl, struct ev_loop *loop,
		 libcurl_done_fn fn, void *ctx)
{
	struct libcurl *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->fn = fn;
	new->ctx = ctx;
	ev_async_init(&new->done, on_done);
	new->done.data = new;
	ev_async_start(loop, &new->done);
	ret = start_thread(new);
	if (ret < 0) {
		ev_async_stop(loop, &new->done);
		free(new);
		return ret;
	}
	*libcurl = new;
	return 0;
}

void libcurl_free(struct libcurl *libcurl)
{
	if (!libcurl)
		return;
	if (!libcurl->is_done) {
		pthread_join(libcurl->thread, NULL);
		ev_async_stop(libcurl->loop, &libcurl->done);
	}
	free(libcurl);
}

bool libcurl_has_failed(const struct libcurl *libcurl)
{
	return libcurl->is_done && !libcurl->is_usable;
}

const struct libcurl_api *libcurl_api(const struct libcurl *libcurl)
{
	return libcurl->is_done && libcurl->is_usable ? &libcurl->api : NULL;
}
