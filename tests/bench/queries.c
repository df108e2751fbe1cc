// SPDX-License-Identifier: BSD-2-Clause
/*
 * queries - asks a DNS server as fast as it answers, or at a rate.
 *
 *	queries ADDRESS PORT PREFIX FIRST COUNT SECONDS WINDOW [RATE]
 *	queries answer ADDRESS PORT
 *
 * Asks for A of PREFIXnnnnnn.example.net, n from FIRST on, COUNT names in
 * turn, for so many seconds, or each once if that is 0; WINDOW are under way at
 * most.  Prints: answers a second, latency in microseconds at p50 and p99,
 * answers, queries that were lost, answers without an address, and for which
 * part of the time there was nothing to do.  The second form answers 192.0.2.1
 * for every name, for an hour.
 *
 * What asks must be faster than what answers, or the rate is its own.  By
 * itself it would not be, as it sends and takes as many datagrams.  So queries
 * are equally long and go to the kernel as one (UDP_SEGMENT), which cuts it up
 * on the way to the socket of the server, who sees no difference; and without
 * a rate to keep nobody has to be woken up for an answer.
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define PACKET 512
#define QUERY_MAX 128
#define DIGITS 6
#define WINDOW_MAX 65536
#define SAMPLES_MAX (1 << 22)
#define LOST_NS INT64_C(2000000000)
#define PAUSE_NS 20000
#define SECOND_NS INT64_C(1000000000)

struct load {
	int fd;
	unsigned char query[QUERY_MAX]; /* all of them, but for ID and digits */
	size_t query_length, digits_at;
	uint32_t first, count, window;
	int64_t duration_ns; /* 0: each name once */
	double rate;         /* 0: as fast as it goes */

	uint64_t asked, answered, lost, failed;
	int64_t idle_ns, all_ns;     /* without work, of all that it took */
	int64_t last_ns;             /* when an answer came last */
	int64_t sent_ns[WINDOW_MAX]; /* 0: free */
	uint16_t free[WINDOW_MAX];
	uint32_t free_count;
	uint32_t *samples; /* owned: microseconds */
	size_t sample_count;
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	unsigned char bytes[BATCH][PACKET];
	unsigned char out[BATCH * QUERY_MAX];
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

/* "n.real" is n000005.real.example.net. */
static int prepare_query(struct load *load, const char *prefix)
{
	static const unsigned char tail[] = "\7example\3net\0\0\1\0\1";
	static const unsigned char head[12] = {[2] = 1 /* RD */, [5] = 1};
	const char *dot = strchr(prefix, '.');
	unsigned char *out = load->query;
	size_t at = sizeof(head);
	char label[64];

	if (strlen(prefix) > 40)
		return -1;
	memcpy(out, head, at);
	snprintf(label, sizeof(label), "%.*s%0*d",
		 dot ? (int)(dot - prefix) : 40, prefix, DIGITS, 0);
	at += put_label(out + at, label);
	load->digits_at = at - DIGITS;
	if (dot)
		at += put_label(out + at, dot + 1);
	memcpy(out + at, tail, sizeof(tail) - 1);
	load->query_length = at + sizeof(tail) - 1;
	return 0;
}

static void make_query(const struct load *load, unsigned char *out, uint16_t id)
{
	uint32_t number = load->first + (uint32_t)(load->asked % load->count);

	memcpy(out, load->query, load->query_length);
	out[0] = (unsigned char)(id >> 8);
	out[1] = (unsigned char)id;
	for (size_t i = DIGITS; i-- > 0; number /= 10)
		out[load->digits_at + i] = (unsigned char)('0' + number % 10);
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
	int64_t now = now_ns();

	for (uint32_t i = 0; i < count; i++) {
		uint16_t id = load->free[--load->free_count];

		make_query(load, load->out + i * load->query_length, id);
		load->sent_ns[id] = now;
		load->asked++;
	}
	/* What did not leave is as good as lost on the way. */
	(void)!send(load->fd, load->out, count * load->query_length, 0);
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
	if (count > 0)
		load->last_ns = now;
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

/*
 * With a rate to keep an answer is taken as it comes.  Else it would cost the
 * server to wake us up, and there is more to do soon.
 */
static void rest(struct load *load, int64_t now)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct pollfd readable = {.fd = load->fd, .events = POLLIN};

	ppoll(&readable, load->rate > 0, &pause, NULL);
	load->idle_ns += now_ns() - now;
}

/* In seconds; to wait for what is lost does not count. */
static double run(struct load *load)
{
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
			rest(load, now);
		}
		now = now_ns();
		if (now - looked > SECOND_NS) {
			give_up_old(load, now);
			looked = now;
		}
	}
	load->all_ns = now - start;
	return (double)(load->last_ns - start) / SECOND_NS;
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

static int dial(const char *address, const char *port, size_t segment)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port))};
	const int size = 4 << 20, segment_size = (int)segment;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment_size,
		       sizeof(segment_size)) < 0)
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
	load->fd = prepare_query(load, argv[3])
			   ? -1
			   : dial(argv[1], argv[2], load->query_length);
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
	prctl(PR_SET_TIMERSLACK, 1UL);
	seconds = run(load);
	qsort(load->samples, load->sample_count, sizeof(*load->samples),
	      by_number);
	printf("%.0f %u %u %llu %llu %llu %.2f\n",
	       (double)load->answered / seconds, percentile(load, 50),
	       percentile(load, 99), (unsigned long long)load->answered,
	       (unsigned long long)load->lost, (unsigned long long)load->failed,
	       (double)load->idle_ns / (double)load->all_ns);
	free(load->samples);
	free(load);
	return EXIT_SUCCESS;
}
