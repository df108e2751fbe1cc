// SPDX-License-Identifier: BSD-2-Clause
/*
 * libcurl_api.h - the functions of libcurl, once it is loaded; for tunnel.c.
 */
#ifndef ERSATZ_DNSD_UPSTREAM_LIBCURL_API_H
#define ERSATZ_DNSD_UPSTREAM_LIBCURL_API_H

#include "dnsd/upstream/libcurl.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <stddef.h>

/* The macros of the header would get in the way of the table. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

struct libcurl_api {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *easy);
	void (*easy_reset)(CURL *easy);
	CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
	CURLcode (*easy_send)(CURL *easy, const void *bytes, size_t length,
			      size_t *sent);
	CURLcode (*easy_recv)(CURL *easy, void *bytes, size_t size,
			      size_t *received);
	const char *(*easy_strerror)(CURLcode code);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *multi);
	CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
	CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_socket_action)(CURLM *multi, curl_socket_t fd,
					 int events, int *running);
	CURLMcode (*multi_assign)(CURLM *multi, curl_socket_t fd, void *ctx);
	CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
	struct curl_slist *(*slist_append)(struct curl_slist *list,
					   const char *text);
	void (*slist_free_all)(struct curl_slist *list);
};

/* NULL: it is not loaded (yet). */
const struct libcurl_api *libcurl_api(const struct libcurl *libcurl);

#endif
