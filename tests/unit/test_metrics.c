// SPDX-License-Identifier: BSD-2-Clause
/* The text, and what a client of the real library gets. */
#include "common/metrics.h"

#include "common/metrics_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct metric table[] = {
	{"a", "x_things", METRIC_COUNTER, "kind=\"a\"", "Things."},
	{"b", "x_things", METRIC_COUNTER, "kind=\"b\"", NULL},
	{"missing", "x_others", METRIC_COUNTER, NULL, "Others."},
	{"c", "x_level", METRIC_GAUGE, NULL, "Now."},
	{NULL, NULL, METRIC_GAUGE, NULL, NULL},
};

#define TEXT                             \
	"# TYPE x_things counter\n"      \
	"# HELP x_things Things.\n"      \
	"x_things_total{kind=\"a\"} 7\n" \
	"x_things_total{kind=\"b\"} 0\n" \
	"# TYPE x_others counter\n"      \
	"# HELP x_others Others.\n"      \
	"# TYPE x_level gauge\n"         \
	"# HELP x_level Now.\n"          \
	"x_level 9223372036854775807\n"  \
	"# EOF\n"

static char *text_of_now(void *ctx)
{
	static const char line[] =
		"{\"a\":7,\"b\":0,\"c\":9223372036854775807}";
	struct json *json = json_parse(line, strlen(line));
	char *text = json ? metrics_text(table, json, NULL) : NULL;

	(void)ctx;
	json_free(json);
	return text;
}

static void a_line_becomes_openmetrics(void **state)
{
	char *text = text_of_now(NULL);

	(void)state;
	assert_string_equal(text, TEXT);
	free(text);
}

static void histograms_are_cumulative_and_in_seconds(void **state)
{
	static const struct metric none[] = {
		{NULL, NULL, METRIC_GAUGE, NULL, NULL},
	};
	static const uint32_t bounds[] = {100, 1000000};
	static const uint64_t first[] = {2, 1, 0}, second[] = {0, 0, 4};
	static const struct metrics_histogram histograms[] = {
		{"x_seconds", "step=\"a\"", "Time.", bounds, first, 3, 1500000},
		{"x_seconds", "step=\"b\"", NULL, bounds, second, 3, 7},
		{NULL, NULL, NULL, NULL, NULL, 0, 0},
	};
	struct json *json = json_new();
	char *text;

	(void)state;
	assert_non_null(json);
	text = metrics_text(none, json, histograms);
	assert_string_equal(text,
			    "# TYPE x_seconds histogram\n"
			    "# UNIT x_seconds seconds\n"
			    "# HELP x_seconds Time.\n"
			    "x_seconds_bucket{step=\"a\",le=\"0.0001\"} 2\n"
			    "x_seconds_bucket{step=\"a\",le=\"1\"} 3\n"
			    "x_seconds_bucket{step=\"a\",le=\"+Inf\"} 3\n"
			    "x_seconds_count{step=\"a\"} 3\n"
			    "x_seconds_sum{step=\"a\"} 1.500000\n"
			    "x_seconds_bucket{step=\"b\",le=\"0.0001\"} 0\n"
			    "x_seconds_bucket{step=\"b\",le=\"1\"} 0\n"
			    "x_seconds_bucket{step=\"b\",le=\"+Inf\"} 4\n"
			    "x_seconds_count{step=\"b\"} 4\n"
			    "x_seconds_sum{step=\"b\"} 0.000007\n"
			    "# EOF\n");
	free(text);
	json_free(json);
}

static const char *ask(struct ev_loop *loop, uint16_t port, const char *request)
{
	static char reply[4096];
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	size_t used = 0;
	ssize_t n;

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		assert_int_equal(errno, EINPROGRESS);
	do {
		ev_run(loop, EVRUN_NOWAIT);
		n = send(fd, request, strlen(request), MSG_NOSIGNAL);
	} while (n < 0 && errno == EAGAIN);
	assert_int_equal(n, strlen(request));
	do {
		ev_run(loop, EVRUN_NOWAIT);
		n = recv(fd, reply + used, sizeof(reply) - 1 - used, 0);
		if (n > 0)
			used += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EAGAIN));
	close(fd);
	reply[used] = '\0';
	return reply;
}

/* A port that nobody has now; whoever takes it first fails the test. */
static uint16_t free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static void it_is_served_by_http(void **state)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct endpoint endpoint = {.addr = addr_ipv4(INADDR_LOOPBACK),
				    .port = free_port()};
	const struct metrics_http_conf conf = {
		.listen = &endpoint,
		.text = text_of_now,
	};
	struct metrics_http *http, *second;
	const char *reply;

	(void)state;
	alarm(60);
	if (!metrics_http_is_built()) {
		assert_int_equal(metrics_http_open(&http, loop, &conf),
				 -ENOSYS);
		ev_loop_destroy(loop);
		skip();
	}
	assert_int_equal(metrics_http_open(&http, loop, &conf), 0);
	assert_int_equal(metrics_http_open(&second, loop, &conf), -EADDRINUSE);
	reply = ask(loop, endpoint.port,
		    "GET /metrics HTTP/1.1\r\nHost: x\r\n"
		    "Connection: close\r\n\r\n");
	assert_memory_equal(reply, "HTTP/1.1 200 ", 13);
	assert_non_null(strstr(reply, METRICS_TYPE));
	assert_string_equal(strstr(reply, "# TYPE"), TEXT);
	reply = ask(loop, endpoint.port,
		    "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_memory_equal(reply, "HTTP/1.1 404 ", 13);
	reply = ask(loop, endpoint.port,
		    "DELETE /metrics HTTP/1.1\r\nHost: x\r\n"
		    "Connection: close\r\n\r\n");
	assert_memory_equal(reply, "HTTP/1.1 405 ", 13);
	metrics_http_close(http);
	ev_loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_becomes_openmetrics),
		cmocka_unit_test(histograms_are_cumulative_and_in_seconds),
		cmocka_unit_test(it_is_served_by_http),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
