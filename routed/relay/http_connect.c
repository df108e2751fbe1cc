// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/http_connect.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	LOGIN_MAX = 511, /* two texts of 255 and a colon */
	STATUS_MIN = 100,
	STATUS_MAX = 599,
};

static const char version[] = "HTTP/1.";

/* What the application is told of a status; 0 ends the table. */
static const struct {
	uint16_t status;
	enum refusal refusal;
	bool is_proxys_fault;
	const char *text;
} statuses[] = {
	{400, REFUSAL_HOST, false, "bad request"},
	{401, REFUSAL_PROHIBITED, true,
	 "the proxy wants another way to log in"},
	{403, REFUSAL_PROHIBITED, false, "not allowed by its rules"},
	{404, REFUSAL_HOST, false, "destination not found"},
	{405, REFUSAL_PROHIBITED, true, "the proxy takes no CONNECT"},
	{407, REFUSAL_PROHIBITED, true, "the proxy wants a login"},
	{408, REFUSAL_HOST, false, "timed out behind the proxy"},
	{429, REFUSAL_HOST, true, "the proxy wants fewer requests"},
	{451, REFUSAL_PROHIBITED, false, "not allowed by law"},
	{500, REFUSAL_HOST, false, "the proxy cannot connect"},
	{501, REFUSAL_PROHIBITED, true, "the proxy takes no CONNECT"},
	{502, REFUSAL_HOST, false, "the proxy cannot connect"},
	{503, REFUSAL_HOST, false, "the proxy cannot connect"},
	{504, REFUSAL_HOST, false, "timed out behind the proxy"},
	{0, REFUSAL_HOST, false, NULL},
};

/* What proxies say in a header of the failure behind them. */
static const struct {
	const char *header, *word;
	enum refusal refusal;
	const char *text;
} details[] = {
	{"x-squid-error:", "ERR_CONNECT_FAIL 111", REFUSAL_RESET,
	 "connection refused"},
	{"x-squid-error:", "ERR_CONNECT_FAIL 101", REFUSAL_NET,
	 "network unreachable"},
	{"x-squid-error:", "ERR_DNS_FAIL", REFUSAL_HOST,
	 "the proxy does not know the name"},
	{"proxy-status:", "error=connection_refused", REFUSAL_RESET,
	 "connection refused"},
	{"proxy-status:", "error=destination_ip_unroutable", REFUSAL_NET,
	 "network unreachable"},
	{"proxy-status:", "error=destination_ip_prohibited", REFUSAL_PROHIBITED,
	 "not allowed by its rules"},
	{"proxy-status:", "error=dns_error", REFUSAL_HOST,
	 "the proxy does not know the name"},
};

PRINTF_LIKE(4, 5)
static void fail(struct http_connect *http, enum refusal refusal,
		 bool is_proxys_fault, const char *fmt, ...)
{
	va_list args;

	http->need = SOCKS_FAILED;
	http->is_proxys_fault = is_proxys_fault;
	http->refusal = refusal;
	va_start(args, fmt);
	vsnprintf(http->reason, sizeof(http->reason), fmt, args);
	va_end(args);
}

/* Cut text is found out by its length, at the end. */
PRINTF_LIKE(2, 3)
static void put(struct http_connect *http, const char *fmt, ...)
{
	size_t room = sizeof(http->out) - http->out_length;
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(http->out + http->out_length, room, fmt, args);
	va_end(args);
	assert(length >= 0 && (size_t)length < room);
	http->out_length = (uint16_t)(http->out_length + length);
}

/* RFC 4648, 4. */
static void put_base64(struct http_connect *http, const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i += 3) {
		unsigned left = length - i < 3 ? (unsigned)(length - i) : 3;
		unsigned bits = 0;

		for (unsigned k = 0; k < 3; k++)
			bits = bits << 8 |
			       (k < left ? (unsigned char)text[i + k] : 0U);
		put(http, "%c%c%c%c", digits[bits >> 18],
		    digits[bits >> 12 & 63],
		    left > 1 ? digits[bits >> 6 & 63] : '=',
		    left > 2 ? digits[bits & 63] : '=');
	}
}

static int put_login(struct http_connect *http, const struct socks_login *login)
{
	char text[LOGIN_MAX + 1];
	int length;

	if (strchr(login->username, ':'))
		return -EINVAL;
	length = snprintf(text, sizeof(text), "%s:%s", login->username,
			  login->password);
	if (length < 0 || (size_t)length >= sizeof(text))
		return -EINVAL;
	put(http, "Proxy-Authorization: Basic ");
	put_base64(http, text);
	put(http, "\r\n");
	explicit_bzero(text, sizeof(text));
	return 0;
}

/* "host:port", a numeric IPv6 address in brackets. */
static int format_target(const struct socks_target *target, char *out,
			 size_t size)
{
	uint8_t address[SOCKS_ADDRESS_MAX]; /* type, length, text, port */

	if (!target->name) {
		endpoint_format(&target->endpoint, out, size);
		return 0;
	}
	if (socks_address_put(address, target) == 0)
		return -EINVAL;
	snprintf(out, size, "%.*s:%u", address[1], (const char *)address + 2,
		 target->endpoint.port);
	return 0;
}

int http_connect_start(struct http_connect *http,
		       const struct socks_target *target,
		       const struct socks_login *login)
{
	char text[SOCKS_ADDRESS_MAX + 8];
	int ret = format_target(target, text, sizeof(text));

	if (ret < 0)
		return ret;
	http->need = SOCKS_SEND;
	http->refusal = REFUSAL_HOST;
	http->is_proxys_fault = http->is_answered = http->has_detail = false;
	http->has_login = login != NULL;
	http->status = 0;
	http->out_length = http->out_sent = 0;
	http->received = http->line_length = 0;
	http->reason[0] = '\0';
	put(http, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", text, text);
	if (login) {
		ret = put_login(http, login);
		if (ret < 0)
			return ret;
	}
	put(http, "\r\n");
	return 0;
}

enum socks_need http_connect_need(const struct http_connect *http)
{
	return http->need;
}

const uint8_t *http_connect_output(const struct http_connect *http,
				   size_t *length)
{
	*length = (size_t)http->out_length - http->out_sent;
	return (const uint8_t *)http->out + http->out_sent;
}

void http_connect_sent(struct http_connect *http, size_t length)
{
	assert(http->need == SOCKS_SEND);
	assert(length <= (size_t)http->out_length - http->out_sent);
	http->out_sent = (uint16_t)(http->out_sent + length);
	if (http->out_sent == http->out_length)
		http->need = SOCKS_RECEIVE;
}

static void fail_by_status(struct http_connect *http)
{
	size_t i = 0;

	http->is_answered = true;
	if ((http->status == 407 || http->status == 401) && http->has_login) {
		fail(http, REFUSAL_PROHIBITED, true,
		     "the proxy refuses username or password");
		return;
	}
	if (http->has_detail && http->status >= 500) {
		http->need = SOCKS_FAILED;
		return;
	}
	while (statuses[i].status && statuses[i].status != http->status)
		i++;
	if (statuses[i].status)
		fail(http, statuses[i].refusal, statuses[i].is_proxys_fault,
		     "%s (status %u)", statuses[i].text, http->status);
	else
		fail(http, REFUSAL_HOST, false,
		     "the proxy answers with status %u", http->status);
}

/* "HTTP/1.1 200 Connection established" */
static void on_status(struct http_connect *http)
{
	const char *line = http->line;
	unsigned status = 0;

	for (size_t i = 0; i < 3; i++) {
		char c = line[strlen(version) + 2 + i];

		if (c < '0' || c > '9') {
			status = 0;
			break;
		}
		status = status * 10 + (unsigned)(c - '0');
	}
	if (line[strlen(version) + 1] != ' ' || status < STATUS_MIN ||
	    status > STATUS_MAX)
		fail(http, REFUSAL_NET, true, "the proxy speaks no HTTP/1");
	else
		http->status = (uint16_t)status;
}

static void on_header(struct http_connect *http)
{
	for (size_t i = 0; i < ARRAY_LEN(details); i++) {
		size_t length = strlen(details[i].header);

		if (strncasecmp(http->line, details[i].header, length) != 0 ||
		    !strstr(http->line + length, details[i].word))
			continue;
		http->has_detail = true;
		http->refusal = details[i].refusal;
		snprintf(http->reason, sizeof(http->reason), "%s",
			 details[i].text);
		return;
	}
}

static void on_end(struct http_connect *http)
{
	if (http->status < 200 && http->status != 101) {
		/* RFC 9110, 15.2: the final answer is yet to come. */
		http->status = 0;
		http->has_detail = false;
	} else if (http->status >= 200 && http->status < 300) {
		http->need = SOCKS_DONE;
	} else {
		fail_by_status(http);
	}
}

static void on_line(struct http_connect *http)
{
	size_t length = http->line_length;

	if (length > 0 && http->line[length - 1] == '\r')
		length--;
	http->line_length = 0;
	memset(http->line + length, 0, sizeof(http->line) - length);
	if (!http->status)
		on_status(http);
	else if (length > 0)
		on_header(http);
	else
		on_end(http);
}

static void take(struct http_connect *http, char byte)
{
	size_t at = http->line_length;

	if (byte == '\n') {
		on_line(http);
		return;
	}
	/* Whoever begins otherwise may never send the end of a line. */
	if (!http->status && at < strlen(version) && byte != version[at]) {
		fail(http, REFUSAL_NET, true, "the proxy speaks no HTTP/1");
		return;
	}
	/* The end of a long line is of no interest; one NUL stays behind it. */
	if (at < sizeof(http->line) - 1) {
		http->line[at] = byte;
		http->line_length++;
	}
}

size_t http_connect_received(struct http_connect *http, const uint8_t *bytes,
			     size_t length)
{
	size_t taken = 0;

	assert(http->need == SOCKS_RECEIVE && length > 0);
	while (taken < length && http->need == SOCKS_RECEIVE) {
		if (http->received++ == HTTP_CONNECT_ANSWER_MAX) {
			fail(http, REFUSAL_NET, true,
			     "the proxy's answer has no end");
			break;
		}
		take(http, (char)bytes[taken++]);
	}
	return taken ? taken : 1;
}

void http_connect_ended(struct http_connect *http)
{
	/* A short refusal is one all the same. */
	if (http->status >= 300)
		fail_by_status(http);
	else
		fail(http, REFUSAL_NET, true, "the proxy hung up");
}

enum refusal http_connect_refusal(const struct http_connect *http)
{
	return http->refusal;
}

const char *http_connect_reason(const struct http_connect *http)
{
	return http->reason;
}

bool http_connect_is_proxys_fault(const struct http_connect *http)
{
	return http->is_proxys_fault;
}

bool http_connect_is_answered(const struct http_connect *http)
{
	return http->is_answered;
}
