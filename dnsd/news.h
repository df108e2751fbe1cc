// SPDX-License-Identifier: BSD-2-Clause
/*
 * news.h - what an answer has that routed should know.
 *
 * The addresses of a DIRECT name that may go past the relay at kernel speed
 * (decide_goes_past()).  Pure.
 *
 * Source	RFC 2181 8 (a TTL with its highest bit set is 0)
 */
#ifndef ERSATZ_DNSD_NEWS_H
#define ERSATZ_DNSD_NEWS_H

#include "common/addr.h"
#include "common/config.h"
#include "dnsd/question.h"

#define NEWS_ADDRS_MAX 16 /* further ones go by the relay */

struct news {
	struct addr addrs[NEWS_ADDRS_MAX];
	size_t count;
	uint32_t ttl_s;   /* the longest of an address */
	bool is_personal; /* another client's answer may have other news */
};

/* All borrowed. */
struct news_source {
	const struct config *config;
	const struct question *question;
	const struct addr *client;
};

/* False if there is nothing to tell. */
bool news_read(struct news *news, const struct news_source *source,
	       const uint8_t *message, size_t length);

#endif
