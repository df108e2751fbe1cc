// SPDX-License-Identifier: BSD-2-Clause
/*
 * datagrams - UDP for benchmarks: who sends, who answers, and a proxy between.
 *
 *	datagrams peer ADDRESS PORT
 *	datagrams proxy ADDRESS PORT
 *	datagrams up|down ADDRESS PORT SIZE RATE SECONDS TRAIN [PROXY PORT]
 *
 * "up" sends to the peer, "down" has the peer send, RATE datagrams a second
 * (0: as many as go); TRAIN of them at a time by UDP_SEGMENT (1: none).  With
 * a proxy the client speaks SOCKS5 itself.  Prints how many were sent, how
 * many arrived, and the seconds.
 *
 * The proxy is fast enough not to be what is measured: trains in and out.
 * IPv4 only, one association a connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 32,
	HEAD = 10, /* of SOCKS, with an IPv4 address */
	SIZE_MAX_BYTES = 1472,
	BUFFER = 65536,
	SEGMENTS = 64,
	ASSOCIATIONS = 64,
};

enum kind { DATA = 'D', END = 'E', COUNT = 'C', GO = 'G' };

/* In front of each payload. */
struct note {
	uint32_t kind, size;
	uint64_t rate, count, ns, train;
};

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

static struct sockaddr_in endpoint(const char *address, const char *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, address, &in.sin_addr) != 1)
		exit(EXIT_FAILURE);
	return in;
}

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static int open_udp(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = 8 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (at && bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
		fail("bind");
	return fd;
}

/* --- a stream of datagrams --- */

struct stream {
	int fd;
	const struct sockaddr_in *to; /* NULL: connected */
	size_t head_size;             /* 0, or that of SOCKS */
	uint8_t head[HEAD];
	struct note note; /* size, rate, ns, train */
};

/* A train of `count` datagrams in one buffer. */
static size_t fill(const struct stream *stream, uint8_t *bytes, size_t count)
{
	struct note data = {.kind = DATA};
	size_t unit = stream->head_size + stream->note.size;

	for (size_t i = 0; i < count; i++) {
		memcpy(bytes + i * unit, stream->head, stream->head_size);
		memcpy(bytes + i * unit + stream->head_size, &data,
		       sizeof(data));
	}
	return count * unit;
}

static void pace(uint64_t start, uint64_t sent, uint64_t rate)
{
	uint64_t due = start + sent * 1000000000U / (rate ? rate : 1);
	struct timespec until = {.tv_sec = (time_t)(due / 1000000000U),
				 .tv_nsec = (long)(due % 1000000000U)};

	if (rate > 0)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static uint64_t run_stream(const struct stream *stream)
{
	static uint8_t bytes[BUFFER];
	const struct note *note = &stream->note;
	size_t train = note->train ? note->train : 1;
	uint64_t start = now_ns(), sent = 0;
	/* A millisecond's worth, so that bursts are no larger than they need
	 * to be. */
	uint64_t most = note->rate ? note->rate / 1000 / train + 1 : BATCH;
	unsigned batch = (unsigned)(most < BATCH ? most : BATCH);
	uint16_t segment = (uint16_t)(stream->head_size + note->size);
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(segment))];
	struct iovec iov = {bytes, fill(stream, bytes, train)};
	struct msghdr msg = {
		.msg_name = (void *)(uintptr_t)stream->to,
		.msg_namelen = stream->to ? sizeof(*stream->to) : 0,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	struct mmsghdr messages[BATCH];

	if (train > 1) {
		struct cmsghdr *cmsg = (struct cmsghdr *)(void *)control;

		memset(control, 0, sizeof(control));
		cmsg->cmsg_level = IPPROTO_UDP;
		cmsg->cmsg_type = UDP_SEGMENT;
		cmsg->cmsg_len = CMSG_LEN(sizeof(segment));
		memcpy(CMSG_DATA(cmsg), &segment, sizeof(segment));
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
	}
	for (unsigned i = 0; i < BATCH; i++)
		messages[i].msg_hdr = msg;
	while (now_ns() - start < note->ns) {
		int n = sendmmsg(stream->fd, messages, batch, 0);

		if (n > 0)
			sent += (uint64_t)n * train;
		pace(start, sent, note->rate);
	}
	return sent;
}

/* --- the peer --- */

/* Sends what was asked for, and then, more than once, how much that was. */
static void go(int fd, const struct sockaddr_in *from, const struct note *note)
{
	struct stream stream = {.fd = fd, .to = from, .note = *note};
	struct note answer = {.kind = COUNT, .count = run_stream(&stream)};

	for (int i = 0; i < 20; i++) {
		usleep(10000);
		sendto(fd, &answer, sizeof(answer), 0,
		       (const struct sockaddr *)from, sizeof(*from));
	}
}

static void serve_one(int fd, const struct sockaddr_in *from,
		      const struct note *note, uint64_t *count)
{
	struct note answer = {.kind = COUNT, .count = *count};

	switch (note->kind) {
	case DATA:
		(*count)++;
		break;
	case END:
		sendto(fd, &answer, sizeof(answer), 0,
		       (const struct sockaddr *)from, sizeof(*from));
		break;
	case GO:
		go(fd, from, note);
		*count = 0;
		break;
	default:
		*count = 0;
	}
}

static void serve(const char *address, const char *port)
{
	static uint8_t bytes[BATCH][SIZE_MAX_BYTES];
	struct sockaddr_in at = endpoint(address, port), from[BATCH];
	struct iovec iovs[BATCH];
	struct mmsghdr messages[BATCH];
	int fd = open_udp(&at);
	uint64_t count = 0;

	for (;;) {
		for (int i = 0; i < BATCH; i++) {
			iovs[i] = (struct iovec){bytes[i], SIZE_MAX_BYTES};
			messages[i].msg_hdr = (struct msghdr){
				.msg_name = &from[i],
				.msg_namelen = sizeof(from[i]),
				.msg_iov = &iovs[i],
				.msg_iovlen = 1,
			};
		}
		int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			struct note note;

			memcpy(&note, bytes[i], sizeof(note));
			if (messages[i].msg_len >= sizeof(note))
				serve_one(fd, &from[i], &note, &count);
		}
	}
}

/* --- the client --- */

struct client {
	struct stream stream;
	int control;
};

static void exchange(int fd, const void *out, size_t out_size, void *in,
		     size_t in_size)
{
	if (send(fd, out, out_size, 0) != (ssize_t)out_size ||
	    recv(fd, in, in_size, MSG_WAITALL) != (ssize_t)in_size)
		fail("SOCKS");
}

static void connect_client(struct client *client, const struct sockaddr_in *to,
			   const struct sockaddr_in *proxy)
{
	struct sockaddr_in next = *to;
	uint8_t reply[HEAD];
	struct timeval patience = {.tv_sec = 1};

	if (proxy) {
		client->control = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(client->control, (const struct sockaddr *)proxy,
			    sizeof(*proxy)) < 0)
			fail("connect");
		exchange(client->control, "\5\1\0", 3, reply, 2);
		exchange(client->control, "\5\3\0\1\0\0\0\0\0\0", 10, reply,
			 HEAD);
		next = *proxy;
		memcpy(&next.sin_port, reply + 8, 2);
		client->stream.head_size = HEAD;
		memcpy(client->stream.head, "\0\0\0\1", 4);
		memcpy(client->stream.head + 4, &to->sin_addr, 4);
		memcpy(client->stream.head + 8, &to->sin_port, 2);
	}
	client->stream.fd = open_udp(NULL);
	setsockopt(client->stream.fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		   sizeof(patience));
	if (connect(client->stream.fd, (const struct sockaddr *)&next,
		    sizeof(next)) < 0)
		fail("connect");
}

static void say(const struct stream *stream, const struct note *note)
{
	uint8_t bytes[HEAD + sizeof(*note)];

	memcpy(bytes, stream->head, stream->head_size);
	memcpy(bytes + stream->head_size, note, sizeof(*note));
	send(stream->fd, bytes, stream->head_size + sizeof(*note), 0);
}

/* What the peer says it got. */
static uint64_t ask(const struct stream *stream)
{
	const struct note end = {.kind = END};
	uint8_t bytes[SIZE_MAX_BYTES];
	struct note note;

	for (int i = 0; i < 20; i++) {
		say(stream, &end);
		ssize_t n = recv(stream->fd, bytes, sizeof(bytes), 0);
		if (n < (ssize_t)(stream->head_size + sizeof(note)))
			continue;
		memcpy(&note, bytes + stream->head_size, sizeof(note));
		return note.count;
	}
	fail("the peer does not answer");
	return 0;
}

static void go_up(const struct stream *stream)
{
	const struct note start = {.kind = 0};
	uint64_t began, sent;

	/* The first ones make the flow; then counting begins at zero. */
	ask(stream);
	say(stream, &start);
	began = now_ns();
	sent = run_stream(stream);
	double seconds = (double)(now_ns() - began) / 1e9;
	usleep(200000);
	printf("%llu %llu %.3f\n", (unsigned long long)sent,
	       (unsigned long long)ask(stream), seconds);
}

static void go_down(const struct stream *stream)
{
	static uint8_t bytes[BATCH][SIZE_MAX_BYTES];
	struct iovec iovs[BATCH];
	struct mmsghdr messages[BATCH];
	struct note note = stream->note;
	uint64_t count = 0;

	for (int i = 0; i < BATCH; i++) {
		iovs[i] = (struct iovec){bytes[i], SIZE_MAX_BYTES};
		messages[i].msg_hdr =
			(struct msghdr){.msg_iov = &iovs[i], .msg_iovlen = 1};
	}
	ask(stream);
	note.kind = GO;
	say(stream, &note);
	for (;;) {
		int n = recvmmsg(stream->fd, messages, BATCH, MSG_WAITFORONE,
				 NULL);

		if (n <= 0)
			fail("the peer does not end");
		for (int i = 0; i < n; i++) {
			memcpy(&note, bytes[i] + stream->head_size,
			       sizeof(note));
			count += note.kind == DATA;
			if (note.kind != COUNT)
				continue;
			printf("%llu %llu %.3f\n",
			       (unsigned long long)note.count,
			       (unsigned long long)count,
			       (double)stream->note.ns / 1e9);
			return;
		}
	}
}

/* --- the proxy --- */

struct association {
	int control, client, target;
	bool is_connected;
};

static struct association associations[ASSOCIATIONS];
static uint8_t buffers[BATCH][BUFFER];

static int accept_association(int listener, const char *address)
{
	struct sockaddr_in at = endpoint(address, "0");
	socklen_t size = sizeof(at);
	uint8_t bytes[64], reply[HEAD] = {5, 0, 0, 1};
	int on = 1;

	for (int i = 0; i < ASSOCIATIONS; i++) {
		struct association *one = &associations[i];

		if (one->control)
			continue;
		one->control = accept(listener, NULL, NULL);
		one->client = open_udp(&at);
		one->target = open_udp(NULL);
		one->is_connected = false;
		setsockopt(one->client, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
		setsockopt(one->target, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
		getsockname(one->client, (struct sockaddr *)&at, &size);
		memcpy(reply + 4, &at.sin_addr, 4);
		memcpy(reply + 8, &at.sin_port, 2);
		recv(one->control, bytes, 3, MSG_WAITALL);
		send(one->control, "\5\0", 2, 0);
		recv(one->control, bytes, 10, MSG_WAITALL);
		send(one->control, reply, HEAD, 0);
		return 0;
	}
	return -1;
}

static uint16_t segment_of(struct msghdr *msg)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		int value;

		memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
		return (uint16_t)value;
	}
	return 0;
}

struct bytes {
	uint8_t *at;
	size_t length, unit; /* of each datagram of a train */
};

/* A train, with a header taken off or put before each datagram. */
static void pass(int fd, struct sockaddr_in *to, const uint8_t *head,
		 const struct bytes *train)
{
	uint8_t *bytes = train->at;
	size_t length = train->length, unit = train->unit;
	struct iovec iov[2 * SEGMENTS];
	size_t skip = head ? 0 : HEAD, count = 0, segments = 0;
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(2)] = {0};
	struct cmsghdr *cmsg = (struct cmsghdr *)(void *)control;
	uint16_t segment = (uint16_t)(head ? unit + HEAD : unit - skip);
	struct msghdr msg = {.msg_name = to,
			     .msg_namelen = to ? sizeof(*to) : 0,
			     .msg_iov = iov};

	for (size_t at = 0; at < length && segments < SEGMENTS; at += unit) {
		size_t size = length - at < unit ? length - at : unit;

		if (head)
			iov[count++] =
				(struct iovec){(void *)(uintptr_t)head, HEAD};
		iov[count++] = (struct iovec){bytes + at + skip, size - skip};
		segments++;
	}
	msg.msg_iovlen = count;
	if (segments > 1) {
		cmsg->cmsg_level = IPPROTO_UDP;
		cmsg->cmsg_type = UDP_SEGMENT;
		cmsg->cmsg_len = CMSG_LEN(2);
		memcpy(CMSG_DATA(cmsg), &segment, 2);
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
	}
	sendmsg(fd, &msg, 0);
}

static void forward(struct association *one, bool is_up)
{
	struct sockaddr_in from[BATCH], to = {.sin_family = AF_INET};
	_Alignas(struct cmsghdr) uint8_t control[BATCH][64];
	struct iovec iovs[BATCH];
	struct mmsghdr messages[BATCH];
	uint8_t head[HEAD] = {0, 0, 0, 1};

	for (int i = 0; i < BATCH; i++) {
		iovs[i] = (struct iovec){buffers[i], BUFFER};
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i],
			.msg_namelen = sizeof(from[i]),
			.msg_iov = &iovs[i],
			.msg_iovlen = 1,
			.msg_control = control[i],
			.msg_controllen = sizeof(control[i]),
		};
	}
	int n = recvmmsg(is_up ? one->client : one->target, messages, BATCH,
			 MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		size_t length = messages[i].msg_len;
		size_t unit = segment_of(&messages[i].msg_hdr);

		if (unit == 0 || unit > length)
			unit = length;
		if (is_up && !one->is_connected) {
			connect(one->client, (struct sockaddr *)&from[i],
				sizeof(from[i]));
			one->is_connected = true;
		}
		memcpy(&to.sin_addr, buffers[i] + 4, 4);
		memcpy(&to.sin_port, buffers[i] + 8, 2);
		memcpy(head + 4, &from[i].sin_addr, 4);
		memcpy(head + 8, &from[i].sin_port, 2);
		const struct bytes train = {buffers[i], length, unit};
		if (is_up)
			pass(one->target, &to, NULL, &train);
		else
			pass(one->client, NULL, head, &train);
	}
}

static void end_association(struct association *one)
{
	close(one->control);
	close(one->client);
	close(one->target);
	one->control = 0;
}

static void run_proxy(const char *address, const char *port)
{
	struct sockaddr_in at = endpoint(address, port);
	struct pollfd polls[1 + 3 * ASSOCIATIONS];
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(listener, 64) < 0)
		fail("proxy");
	for (;;) {
		polls[0] = (struct pollfd){.fd = listener, .events = POLLIN};
		for (int i = 0; i < ASSOCIATIONS; i++) {
			struct association *one = &associations[i];
			const int fds[3] = {one->control, one->client,
					    one->target};

			for (int j = 0; j < 3; j++)
				polls[1 + 3 * i + j] = (struct pollfd){
					.fd = one->control ? fds[j] : -1,
					.events = POLLIN,
				};
		}
		poll(polls, 1 + 3 * ASSOCIATIONS, -1);
		for (int i = 0; i < ASSOCIATIONS; i++) {
			const struct pollfd *own = &polls[1 + 3 * i];

			if (own[1].revents)
				forward(&associations[i], true);
			if (own[2].revents)
				forward(&associations[i], false);
			if (own[0].revents)
				end_association(&associations[i]);
		}
		if (polls[0].revents)
			accept_association(listener, address);
	}
}

int main(int argc, char **argv)
{
	struct client client = {.control = -1};

	if (argc == 4 && strcmp(argv[1], "peer") == 0)
		serve(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "proxy") == 0)
		run_proxy(argv[2], argv[3]);
	if (argc != 8 && argc != 10) {
		fprintf(stderr, "usage: see the top of datagrams.c\n");
		return EXIT_FAILURE;
	}
	struct sockaddr_in to = endpoint(argv[2], argv[3]), proxy;
	client.stream.note = (struct note){
		.size = (uint32_t)atoi(argv[4]),
		.rate = (uint64_t)atoll(argv[5]),
		.ns = (uint64_t)(atof(argv[6]) * 1e9),
		.train = (uint64_t)atoi(argv[7]),
	};
	if (argc == 10)
		proxy = endpoint(argv[8], argv[9]);
	connect_client(&client, &to, argc == 10 ? &proxy : NULL);
	if (strcmp(argv[1], "up") == 0)
		go_up(&client.stream);
	else
		go_down(&client.stream);
	return EXIT_SUCCESS;
}
