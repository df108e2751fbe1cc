// SPDX-License-Identifier: BSD-2-Clause
/* The command line's side of control.h: blocking, one request. */
#include "common/clock.h"
#include "common/control.h"
#include "common/err.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES (1U << 20)
#define READ_SIZE (16U << 10)

struct reply {
	int fd;
	int timeout_ms;
	char *bytes; /* owned */
	size_t begin, end, size;
};

static int dial(const char *path, int timeout_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_usec = timeout_ms % 1000 * 1000,
	};
	int fd, ret;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Holds for connect() too, when the queue of the daemon is full. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) <
	    0) {
		ret = -errno;
		goto close_fd;
	}
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) <
	    0) {
		ret = -errno;
		goto close_fd;
	}
	return fd;
close_fd:
	close(fd);
	if (ret == -ENOENT || ret == -ECONNREFUSED)
		return ERR_NOT_RUNNING;
	return ret == -EAGAIN ? ERR_TIMEOUT : ret;
}

static int send_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return ERR_TIMEOUT;
		/* Refused before it was read: the answer tells why. */
		if (n < 0 && errno == EPIPE)
			return 0;
		if (n < 0)
			return -errno;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

static int send_request(int fd, const struct json *request)
{
	char *line = json_line(request);
	int ret;

	if (!line)
		return -ENOMEM;
	ret = send_all(fd, line, strlen(line));
	if (ret == 0)
		ret = send_all(fd, "\n", 1);
	free(line);
	return ret;
}

static int reply_grow(struct reply *reply)
{
	size_t used = reply->end - reply->begin;

	if (reply->begin > 0)
		memmove(reply->bytes, reply->bytes + reply->begin, used);
	reply->begin = 0;
	reply->end = used;
	if (reply->size - used >= READ_SIZE)
		return 0;
	if (reply->size >= LINE_MAX_BYTES)
		return ERR_MALFORMED;

	size_t size = reply->size ? reply->size * 2 : 2 * READ_SIZE;
	char *bytes = realloc(reply->bytes, size);
	if (!bytes)
		return -ENOMEM;
	reply->bytes = bytes;
	reply->size = size;
	return 0;
}

static int reply_read(struct reply *reply, int64_t deadline_ms)
{
	struct pollfd readable = {.fd = reply->fd, .events = POLLIN};
	int64_t left_ms = deadline_ms - clock_monotonic_ms();
	int ret;

	if (left_ms < 0)
		left_ms = 0;
	ret = poll(&readable, 1, (int)left_ms);
	if (ret < 0)
		return errno == EINTR ? 0 : -errno;
	if (ret == 0)
		return ERR_TIMEOUT;
	ret = reply_grow(reply);
	if (ret < 0)
		return ret;

	ssize_t n = recv(reply->fd, reply->bytes + reply->end,
			 reply->size - reply->end, 0);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	reply->end += (size_t)n;
	return 0;
}

static int reply_next(struct reply *reply, struct json **line)
{
	int64_t deadline_ms = clock_monotonic_ms() + reply->timeout_ms;
	size_t looked_at = 0;

	for (;;) {
		size_t length = reply->end - reply->begin;
		char *start = NULL, *newline = NULL;

		if (length > looked_at) {
			start = reply->bytes + reply->begin;
			newline = memchr(start + looked_at, '\n',
					 length - looked_at);
		}
		if (newline) {
			reply->begin += (size_t)(newline - start) + 1;
			*line = json_parse(start, (size_t)(newline - start));
			return *line ? 0 : ERR_MALFORMED;
		}
		looked_at = length;
		int ret = reply_read(reply, deadline_ms);
		if (ret < 0)
			return ret;
	}
}

/* Frees the last line. */
static int finish(struct json *line, const struct control_sink *sink)
{
	const char *text = json_get_text(line, "error");
	int ret = text ? ERR_REFUSED : 0;

	if (text && sink->error_size > 0)
		snprintf(sink->error, sink->error_size, "%s", text);
	json_free(line);
	return ret;
}

int control_call(const char *path, const struct json *request,
		 const struct control_sink *sink)
{
	struct reply reply = {.fd = -1, .timeout_ms = sink->timeout_ms};
	struct json *line;
	int ret;

	if (sink->error_size > 0)
		sink->error[0] = '\0';
	reply.fd = dial(path, sink->timeout_ms);
	if (reply.fd < 0)
		return reply.fd;
	ret = send_request(reply.fd, request);
	while (ret == 0) {
		ret = reply_next(&reply, &line);
		if (ret < 0)
			break;
		if (json_get_bool(line, "end", false)) {
			ret = finish(line, sink);
			break;
		}
		sink->on_line(sink->ctx, line);
		json_free(line);
	}
	free(reply.bytes);
	close(reply.fd);
	return ret;
}
