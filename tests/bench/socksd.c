// SPDX-License-Identifier: BSD-2-Clause
/*
 * socksd - a small splicing SOCKS5 server for benchmarks.
 *
 * Fast enough not to be what is measured: one thread, edge-triggered epoll,
 * bytes moved by splice(2) without being copied.  No authentication; IPv4
 * addresses only, since the benchmarks dial nothing else.
 *
 *	socksd ADDRESS PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPE_SIZE (1 << 20)
#define NARROW_SIZE (16 << 10)
#define ROUNDS 16

enum state { GREETING, REQUEST, CONNECTING, MOVING };

struct pair;

struct side {
	struct pair *pair;
	int fd;
	int pipe[2]; /* what was read here and not yet written there */
	size_t piped;
	bool is_wide; /* its pipe */
	bool is_readable, has_ended, is_told;
};

struct pair {
	enum state state;
	struct side client, server;
	unsigned char bytes[512];
	size_t have;
	bool is_dead;
	struct pair *next_dead;
};

static struct pair *dead;

static void pair_kill(struct pair *pair)
{
	if (pair->is_dead)
		return;
	pair->is_dead = true;
	close(pair->client.fd);
	if (pair->server.fd >= 0)
		close(pair->server.fd);
	for (int i = 0; i < 2 && pair->client.pipe[0] >= 0; i++) {
		close(pair->client.pipe[i]);
		close(pair->server.pipe[i]);
	}
	pair->next_dead = dead;
	dead = pair;
}

static void watch(int epoll, struct side *side)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = side,
	};
	int on = 1;

	setsockopt(side->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	epoll_ctl(epoll, EPOLL_CTL_ADD, side->fd, &event);
}

/* A pipe grows with its load: 20,000 idle pairs need not be wide. */
static void side_take(struct side *side, size_t size)
{
	side->piped += size;
	if (side->is_wide || size < NARROW_SIZE)
		return;
	side->is_wide = true;
	fcntl(side->pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
}

/* One way; false when the pair must end. */
static bool move(struct side *from, struct side *to)
{
	for (int round = 0; round < ROUNDS; round++) {
		if (from->is_readable && !from->has_ended &&
		    from->piped < PIPE_SIZE) {
			ssize_t n = splice(from->fd, NULL, from->pipe[1], NULL,
					   PIPE_SIZE, SPLICE_F_NONBLOCK);
			if (n > 0)
				side_take(from, (size_t)n);
			else if (n == 0)
				from->has_ended = true;
			else if (errno == EAGAIN && from->piped == 0)
				from->is_readable = false;
			else if (errno != EAGAIN)
				return false;
		}
		if (from->piped == 0)
			break;
		ssize_t n = splice(from->pipe[0], NULL, to->fd, NULL,
				   from->piped, SPLICE_F_NONBLOCK);
		if (n < 0)
			return errno == EAGAIN;
		from->piped -= (size_t)n;
	}
	if (from->has_ended && from->piped == 0 && !from->is_told) {
		from->is_told = true;
		shutdown(to->fd, SHUT_WR);
	}
	return true;
}

/* Rounds are bounded, so that no flow starves another; ask for the rest. */
static void watch_again(int epoll, struct side *side)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = side,
	};

	if (side->is_readable && !side->has_ended && side->piped == 0)
		epoll_ctl(epoll, EPOLL_CTL_MOD, side->fd, &event);
}

static void pair_move(int epoll, struct pair *pair)
{
	struct side *c = &pair->client, *s = &pair->server;

	if (!move(c, s) || !move(s, c) || (c->is_told && s->is_told)) {
		pair_kill(pair);
		return;
	}
	watch_again(epoll, c);
	watch_again(epoll, s);
}

static void pair_dial(int epoll, struct pair *pair)
{
	struct sockaddr_in to = {.sin_family = AF_INET};

	memcpy(&to.sin_addr, pair->bytes + 4, 4);
	memcpy(&to.sin_port, pair->bytes + 8, 2);
	pair->server.fd =
		socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (pipe2(pair->client.pipe, O_NONBLOCK | O_CLOEXEC) < 0 ||
	    pipe2(pair->server.pipe, O_NONBLOCK | O_CLOEXEC) < 0) {
		pair_kill(pair);
		return;
	}
	if (connect(pair->server.fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS) {
		send(pair->client.fd, "\5\5\0\1\0\0\0\0\0", 10, MSG_NOSIGNAL);
		pair_kill(pair);
		return;
	}
	pair->state = CONNECTING;
	watch(epoll, &pair->server);
}

/* Reads the greeting and the request, which may come in one packet. */
static void pair_talk(int epoll, struct pair *pair)
{
	ssize_t n = recv(pair->client.fd, pair->bytes + pair->have,
			 sizeof(pair->bytes) - pair->have, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			pair_kill(pair);
		return;
	}
	pair->have += (size_t)n;
	if (pair->state == GREETING && pair->have >= 2 &&
	    pair->have >= 2U + pair->bytes[1]) {
		size_t used = 2U + pair->bytes[1];

		send(pair->client.fd, "\5\0", 2, MSG_NOSIGNAL);
		pair->have -= used;
		memmove(pair->bytes, pair->bytes + used, pair->have);
		pair->state = REQUEST;
	}
	if (pair->state == REQUEST && pair->have >= 10) {
		if (pair->bytes[3] == 1)
			pair_dial(epoll, pair);
		else
			pair_kill(pair);
	}
}

static void pair_connected(int epoll, struct pair *pair)
{
	int error = 0;
	socklen_t size = sizeof(error);
	unsigned char reply[10] = {5, 0, 0, 1};

	getsockopt(pair->server.fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0)
		reply[1] = error == ECONNREFUSED ? 5 : 4;
	send(pair->client.fd, reply, sizeof(reply), MSG_NOSIGNAL);
	if (error != 0) {
		pair_kill(pair);
		return;
	}
	pair->state = MOVING;
	pair->client.is_readable = true;
	pair_move(epoll, pair);
}

static void on_event(int epoll, struct side *side, uint32_t events)
{
	struct pair *pair = side->pair;

	if (pair->is_dead)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		side->is_readable = true;
	if (pair->state == MOVING)
		pair_move(epoll, pair);
	else if (side == &pair->client && pair->state != CONNECTING)
		pair_talk(epoll, pair);
	else if (side == &pair->server && (events & (EPOLLOUT | EPOLLERR)))
		pair_connected(epoll, pair);
}

static void on_accept(int epoll, int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct pair *pair = fd < 0 ? NULL : calloc(1, sizeof(*pair));

		if (pair == NULL)
			return;
		pair->client =
			(struct side){.pair = pair, .fd = fd, .pipe = {-1, -1}};
		pair->server =
			(struct side){.pair = pair, .fd = -1, .pipe = {-1, -1}};
		watch(epoll, &pair->client);
	}
}

static void loop(int epoll, int listener)
{
	for (;;) {
		struct epoll_event events[256];
		int count = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL)
				on_accept(epoll, listener);
			else
				on_event(epoll, events[i].data.ptr,
					 events[i].events);
		}
		while (dead != NULL) {
			struct pair *pair = dead;

			dead = pair->next_dead;
			free(pair);
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in self = {.sin_family = AF_INET};
	struct rlimit files = {262144, 262144};
	int on = 1;

	/* splice(2) has no flag for it. */
	signal(SIGPIPE, SIG_IGN);
	if (setrlimit(RLIMIT_NOFILE, &files) < 0) {
		getrlimit(RLIMIT_NOFILE, &files);
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (argc != 3 || inet_pton(AF_INET, argv[1], &self.sin_addr) != 1) {
		fprintf(stderr, "usage: socksd ADDRESS PORT\n");
		return EXIT_FAILURE;
	}
	self.sin_port = htons((uint16_t)atoi(argv[2]));
	int listener =
		socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Several servers where one has not enough descriptors. */
	setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&self, sizeof(self)) < 0 ||
	    listen(listener, 4096) < 0) {
		perror("socksd");
		return EXIT_FAILURE;
	}
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	loop(epoll, listener);
}
