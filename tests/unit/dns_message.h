// SPDX-License-Identifier: BSD-2-Clause
/*
 * dns_message.h - messages for tests, record by record.
 */
#ifndef ERSATZ_TESTS_DNS_MESSAGE_H
#define ERSATZ_TESTS_DNS_MESSAGE_H

#include "dnsd/question.h"
#include "dnsd/wire.h"

struct dns_message {
	uint8_t bytes[4096];
	size_t length;
	size_t question; /* length of the name in it */
};

struct question dns_question(const char *name, uint16_t type);

/* An answer to it with those flags (an rcode among them), no records. */
void dns_message_begin(struct dns_message *message,
		       const struct question *question, unsigned flags);

struct dns_record {
	uint16_t type;
	uint32_t ttl_s;
	const void *rdata; /* borrowed */
	size_t length;
};

/* Adds to a section (0: answer, 1: authority, 2: additional). */
void dns_message_add(struct dns_message *message, unsigned section,
		     const struct dns_record *record);
void dns_message_add_a(struct dns_message *message, uint32_t ttl_s,
		       uint32_t address);
/*
 * A SOA of the zone that begins at the label `skip` bytes into the name of the
 * question; its own names point into the question, too.
 */
void dns_message_add_soa(struct dns_message *message, size_t skip,
			 uint32_t ttl_s, uint32_t minimum_s);

/* The TTL of the nth record, from 0; fails the test if there is none. */
uint32_t dns_message_ttl(const uint8_t *bytes, size_t length, unsigned nth);

#endif
