// SPDX-License-Identifier: BSD-2-Clause
/*
 * queries - asks a DNS server as fast as it answers, or at a rate.
 *
 *	queries ADDRESS PORT PREFIX FIRST COUNT SECONDS WINDOW [RATE]
 *	queries answer ADDRESS PORT
 *
 * Asks for A of PREFIXn.example.net, n from FIRST on, COUNT names in turn,
 * for so many seconds, or each once if that is 0; WINDOW are under way at
 * most.  Prints: answers a second, latency in microseconds at p50 and p99,
 * answers, queries that were lost, answers without an address.  The second
 * form answers 192.0.2.1 for every name, for an hour.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define PACKET 512
#define WINDOW_MAX 65536
#define SAMPLES_MAX (1 << 22)
#define LOST_NS INT64_C(2000000000)
#define SECOND_NS INT64_C(1000000000)

struct load {
	int fd;
	const char *prefix;
	uint32_t first, count, window;
	int64_t duration_ns; /* 0: each name once */
	double rate;         /* 0: as fast as it goes */

	uint64_t asked, answered, lost, failed;
	int64_t sent_ns[WINDOW_MAX]; /* 0: free */
	uint16_t free[WINDOW_MAX];
	uint32_t free_count;
	uint32_t *samples; /* owned: microseconds */
	size_t sample_count;
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	unsigned char bytes[BATCH][PACKET];
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static size_t put_label(unsigned char *out, const char *text)
{
	size_t length = strlen(text);

	out[0] = (unsigned char)length;
	memcpy(out + 1, text, length);
	return length + 1;
}

static size_t make_query(const struct load *load, unsigned char *out,
			 uint16_t id)
{
	static const unsigned char tail[] = "\7example\3net\0\0\1\0\1";
	char label[64];
	const char *dot;
	size_t at = 12;

	memset(out, 0, at);
	out[0] = (unsigned char)(id >> 8);
	out[1] = (unsigned char)id;
	out[2] = 1; /* RD */
	out[5] = 1;
	/* "n.real" is n5.real.example.net. */
	dot = strchr(load->prefix, '.');
	snprintf(label, sizeof(label), "%.*s%u",
		 dot ? (int)(dot - load->prefix) : 40, load->prefix,
		 load->first + (uint32_t)(load->asked % load->count));
	at += put_label(out + at, label);
	if (dot)
		at += put_label(out + at, dot + 1);
	memcpy(out + at, tail, sizeof(tail) - 1);
	return at + sizeof(tail) - 1;
}

/* How many may be asked now. */
static uint32_t allowance(const struct load *load, int64_t since_ns)
{
	uint32_t room = load->free_count < BATCH ? load->free_count : BATCH;
	double due;

	if (load->duration_ns == 0 && load->count - load->asked < room)
		room = (uint32_t)(load->count - load->asked);
	if (load->duration_ns > 0 && since_ns > load->duration_ns)
		return 0;
	if (load->rate <= 0)
		return room;
	due = load->rate * (double)since_ns / SECOND_NS - (double)load->asked;
	if (due < 0)
		return 0;
	return due < room ? (uint32_t)due : room;
}

static void ask(struct load *load, uint32_t count)
{
	uint16_t ids[BATCH];
	int64_t now = now_ns();
	int sent;

	for (uint32_t i = 0; i < count; i++) {
		ids[i] = load->free[--load->free_count];
		load->vectors[i].iov_base = load->bytes[i];
		load->vectors[i].iov_len =
			make_query(load, load->bytes[i], ids[i]);
		load->messages[i].msg_hdr = (struct msghdr){
			.msg_iov = &load->vectors[i], .msg_iovlen = 1};
		load->sent_ns[ids[i]] = now;
		load->asked++;
	}
	sent = sendmmsg(load->fd, load->messages, count, 0);
	/* What did not leave is as good as lost on the way. */
	if (sent < 0)
		sent = 0;
}

static void take_answer(struct load *load, const unsigned char *bytes,
			size_t length, int64_t now)
{
	uint16_t id = (uint16_t)(bytes[0] << 8 | bytes[1]);

	if (length < 12 || id >= load->window || load->sent_ns[id] == 0)
		return;
	if (load->sample_count < SAMPLES_MAX)
		load->samples[load->sample_count++] =
			(uint32_t)((now - load->sent_ns[id]) / 1000);
	load->sent_ns[id] = 0;
	load->free[load->free_count++] = id;
	load->answered++;
	if (bytes[3] & 15 || bytes[7] == 0)
		load->failed++;
}

static bool take_answers(struct load *load)
{
	int64_t now;
	int count;

	for (int i = 0; i < BATCH; i++) {
		load->vectors[i].iov_base = load->bytes[i];
		load->vectors[i].iov_len = PACKET;
		load->messages[i].msg_hdr = (struct msghdr){
			.msg_iov = &load->vectors[i], .msg_iovlen = 1};
	}
	count = recvmmsg(load->fd, load->messages, BATCH, MSG_DONTWAIT, NULL);
	now = now_ns();
	for (int i = 0; i < count; i++)
		take_answer(load, load->bytes[i], load->messages[i].msg_len,
			    now);
	return count > 0;
}

static void give_up_old(struct load *load, int64_t now)
{
	for (uint32_t id = 0; id < load->window; id++) {
		if (load->sent_ns[id] == 0 || now - load->sent_ns[id] < LOST_NS)
			continue;
		load->sent_ns[id] = 0;
		load->free[load->free_count++] = (uint16_t)id;
		load->lost++;
	}
}

static double run(struct load *load)
{
	static const struct timespec pace = {.tv_nsec = 50000};
	static const struct timespec rest = {.tv_nsec = 1000000};
	struct pollfd readable = {.fd = load->fd, .events = POLLIN};
	int64_t start = now_ns(), now = start, looked = start;

	for (;;) {
		uint32_t count = allowance(load, now - start);
		bool is_over = load->duration_ns > 0
				       ? now - start > load->duration_ns
				       : load->asked == load->count;

		if (count > 0)
			ask(load, count);
		if (!take_answers(load) && count == 0) {
			if (is_over && load->free_count == load->window)
				break;
			ppoll(&readable, 1,
			      load->rate > 0 && !is_over ? &pace : &rest, NULL);
		}
		now = now_ns();
		if (now - looked > SECOND_NS) {
			give_up_old(load, now);
			looked = now;
		}
	}
	return (double)(now - start) / SECOND_NS;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t percentile(struct load *load, unsigned percent)
{
	if (load->sample_count == 0)
		return 0;
	return load->samples[(load->sample_count - 1) * percent / 100];
}

static int dial(const char *address, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port))};
	const int size = 4 << 20;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return fd;
}

/* The question back, and one A record behind it. */
static void answer(const char *address, const char *port)
{
	static const unsigned char record[] =
		"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\xc0\0\2\1";
	struct sockaddr_in self = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned char bytes[1500];

	if (inet_pton(AF_INET, address, &self.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0) {
		perror("queries");
		return;
	}
	for (;;) {
		struct sockaddr_in peer;
		socklen_t length = sizeof(peer);
		ssize_t n = recvfrom(fd, bytes, 512, 0,
				     (struct sockaddr *)&peer, &length);
		size_t end = 12;

		if (n < 17)
			continue;
		while (end < (size_t)n && bytes[end])
			end += 1U + bytes[end];
		end += 5;
		if (end > (size_t)n)
			continue;
		bytes[2] = 0x81;
		bytes[3] = 0x80;
		memset(bytes + 6, 0, 6);
		bytes[7] = 1;
		memcpy(bytes + end, record, sizeof(record) - 1);
		sendto(fd, bytes, end + sizeof(record) - 1, 0,
		       (struct sockaddr *)&peer, length);
	}
}

int main(int argc, char **argv)
{
	struct load *load = calloc(1, sizeof(*load));
	double seconds;

	if (argc == 4 && !strcmp(argv[1], "answer")) {
		answer(argv[2], argv[3]);
		return EXIT_FAILURE;
	}
	if (argc < 8 || !load) {
		fprintf(stderr, "usage: queries ADDRESS PORT PREFIX FIRST "
				"COUNT SECONDS WINDOW [RATE]\n");
		return EXIT_FAILURE;
	}
	load->fd = dial(argv[1], argv[2]);
	load->prefix = argv[3];
	load->first = (uint32_t)strtoul(argv[4], NULL, 10);
	load->count = (uint32_t)strtoul(argv[5], NULL, 10);
	load->duration_ns = (int64_t)(strtod(argv[6], NULL) * SECOND_NS);
	load->window = (uint32_t)strtoul(argv[7], NULL, 10);
	load->rate = argc > 8 ? strtod(argv[8], NULL) : 0;
	load->samples = calloc(SAMPLES_MAX, sizeof(*load->samples));
	if (load->fd < 0 || !load->samples || load->count == 0 ||
	    load->window == 0 || load->window > WINDOW_MAX) {
		fprintf(stderr, "queries: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	for (uint32_t id = 0; id < load->window; id++)
		load->free[load->free_count++] = (uint16_t)id;
	seconds = run(load);
	qsort(load->samples, load->sample_count, sizeof(*load->samples),
	      by_number);
	printf("%.0f %u %u %llu %llu %llu\n", (double)load->answered / seconds,
	       percentile(load, 50), percentile(load, 99),
	       (unsigned long long)load->answered,
	       (unsigned long long)load->lost,
	       (unsigned long long)load->failed);
	free(load->samples);
	free(load);
	return EXIT_SUCCESS;
}
