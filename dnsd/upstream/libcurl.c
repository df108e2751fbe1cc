// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/libcurl_api.h"

#include "common/aside.h"
#include "common/libraries.h"
#include "common/log.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_SIZE 256

struct libcurl {
	libcurl_done_fn fn;
	void *ctx;
	struct aside *aside; /* owned */
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

static void load(void *ctx)
{
	struct libcurl *libcurl = ctx;
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

static void on_done(void *ctx)
{
	struct libcurl *libcurl = ctx;

	libcurl->is_done = true;
	if (!libcurl->is_usable)
		log_error("cannot load libcurl, which upstreams by TLS, by "
			  "HTTPS or through a proxy need: %s; install the "
			  "package libcurl4",
			  libcurl->why);
	libcurl->fn(libcurl->ctx);
}

int libcurl_load(struct libcurl **libcurl, struct ev_loop *loop,
		 libcurl_done_fn fn, void *ctx)
{
	struct libcurl *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->fn = fn;
	new->ctx = ctx;
	ret = aside_start(&new->aside, loop, load, on_done, new);
	if (ret < 0) {
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
	aside_free(libcurl->aside);
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
