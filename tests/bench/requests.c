// SPDX-License-Identifier: BSD-2-Clause
/*
 * requests - small requests and new connections, server and client.
 *
 * The client uses nothing but blocking calls in threads, so that it can run
 * under proxychains4 as it is: the floor is the same application speaking
 * SOCKS itself.
 *
 *	requests serve ADDRESS PORT
 *	requests kept ADDRESS PORT CONNECTIONS SECONDS
 *	requests new ADDRESS PORT IN-FLIGHT COUNT
 *	requests connect ADDRESS PORT IN-FLIGHT COUNT	(nothing is sent)
 *	requests hold ADDRESS PORT CONNECTIONS	(until standard input ends)
 *
 * The client prints: requests-a-second p50-us p99-us failed
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SIZE 64
#define SAMPLES_MAX 2000000

struct client {
	struct sockaddr_in server;
	pthread_t thread;
	long count; /* requests to make; -1: until `end` */
	int64_t end_ns;
	int64_t *samples; /* owned */
	long sample_max;
	long done;
	long failed;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int serve_one(int fd)
{
	char bytes[4096];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

	if (n <= 0 || send(fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
		return -1;
	return 0;
}

static void serve_accept(int epoll, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int on = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int serve(const struct sockaddr_in *self)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int on = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (const struct sockaddr *)self, sizeof(*self)) < 0 ||
	    listen(listener, 4096) < 0) {
		perror("requests");
		return EXIT_FAILURE;
	}
	struct epoll_event first = {.events = EPOLLIN, .data.fd = listener};
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &first);
	for (;;) {
		struct epoll_event events[64];
		int count = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == listener)
				serve_accept(epoll, listener);
			else if (serve_one(events[i].data.fd) < 0)
				close(events[i].data.fd);
		}
	}
}

static int client_connect(const struct client *client)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (connect(fd, (const struct sockaddr *)&client->server,
		    sizeof(client->server)) < 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int client_request(int fd)
{
	char bytes[SIZE] = {0};
	size_t have = 0;

	if (send(fd, bytes, SIZE, MSG_NOSIGNAL) != SIZE)
		return -1;
	while (have < SIZE) {
		ssize_t n = recv(fd, bytes, SIZE - have, 0);
		if (n <= 0)
			return -1;
		have += (size_t)n;
	}
	return 0;
}

static void client_note(struct client *client, int64_t start_ns)
{
	if (client->done < client->sample_max)
		client->samples[client->done] = now_ns() - start_ns;
	client->done++;
}

static void *client_kept(void *ctx)
{
	struct client *client = ctx;
	int fd = client_connect(client);

	while (fd >= 0 && now_ns() < client->end_ns) {
		int64_t start = now_ns();
		if (client_request(fd) < 0) {
			client->failed++;
			break;
		}
		client_note(client, start);
	}
	if (fd < 0)
		client->failed++;
	else
		close(fd);
	return NULL;
}

static void *client_new(void *ctx)
{
	struct client *client = ctx;

	while (client->done + client->failed < client->count) {
		int64_t start = now_ns();
		int fd = client_connect(client);
		if (fd < 0 || client_request(fd) < 0)
			client->failed++;
		else
			client_note(client, start);
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void *client_connects(void *ctx)
{
	struct client *client = ctx;

	while (client->done + client->failed < client->count) {
		int64_t start = now_ns();
		int fd = client_connect(client);
		if (fd < 0) {
			client->failed++;
			continue;
		}
		client_note(client, start);
		close(fd);
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int report(struct client *clients, long count, double seconds)
{
	int64_t *all = calloc(SAMPLES_MAX, sizeof(*all));
	long total = 0, done = 0, failed = 0;

	if (all == NULL)
		return EXIT_FAILURE;
	for (long i = 0; i < count; i++) {
		const struct client *c = &clients[i];
		long have = c->done < c->sample_max ? c->done : c->sample_max;

		memcpy(all + total, c->samples, (size_t)have * sizeof(*all));
		total += have;
		done += c->done;
		failed += c->failed;
	}
	qsort(all, (size_t)total, sizeof(*all), by_value);
	if (total > 0)
		printf("%.0f %.1f %.1f %ld\n", (double)done / seconds,
		       (double)all[total / 2] / 1e3,
		       (double)all[total * 99 / 100] / 1e3, failed);
	free(all);
	return total == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_clients(const struct sockaddr_in *server, long count, long work,
		       void *(*body)(void *))
{
	struct client *clients = calloc((size_t)count, sizeof(*clients));
	int64_t start = now_ns();

	for (long i = 0; i < count; i++) {
		struct client *c = &clients[i];

		c->server = *server;
		c->sample_max = SAMPLES_MAX / count;
		c->samples = calloc((size_t)c->sample_max, sizeof(int64_t));
		c->count = work / count;
		c->end_ns = start + work * INT64_C(1000000000);
		if (pthread_create(&c->thread, NULL, body, c) != 0)
			return EXIT_FAILURE;
	}
	for (long i = 0; i < count; i++)
		pthread_join(clients[i].thread, NULL);
	return report(clients, count, (double)(now_ns() - start) / 1e9);
}

static int hold(const struct sockaddr_in *server, long count)
{
	struct client client = {.server = *server};

	for (long i = 0; i < count; i++) {
		int fd = client_connect(&client);
		if (fd < 0 || client_request(fd) < 0) {
			fprintf(stderr, "requests: connection %ld failed\n", i);
			return EXIT_FAILURE;
		}
	}
	puts("held");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct sockaddr_in peer = {.sin_family = AF_INET};
	struct rlimit files = {65536, 65536};

	if (setrlimit(RLIMIT_NOFILE, &files) < 0) {
		getrlimit(RLIMIT_NOFILE, &files);
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (argc < 4 || inet_pton(AF_INET, argv[2], &peer.sin_addr) != 1) {
		fprintf(stderr, "usage: see requests.c\n");
		return EXIT_FAILURE;
	}
	peer.sin_port = htons((uint16_t)atoi(argv[3]));
	if (strcmp(argv[1], "serve") == 0)
		return serve(&peer);
	if (argc == 5 && strcmp(argv[1], "hold") == 0)
		return hold(&peer, atol(argv[4]));
	if (argc == 6 && strcmp(argv[1], "kept") == 0)
		return run_clients(&peer, atol(argv[4]), atol(argv[5]),
				   client_kept);
	if (argc == 6 && strcmp(argv[1], "connect") == 0)
		return run_clients(&peer, atol(argv[4]), atol(argv[5]),
				   client_connects);
	if (argc == 6 && strcmp(argv[1], "new") == 0)
		return run_clients(&peer, atol(argv[4]), atol(argv[5]),
				   client_new);
	return EXIT_FAILURE;
}
