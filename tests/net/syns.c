// SPDX-License-Identifier: BSD-2-Clause
/*
 * syns - a flood of SYNs into a TUN, for tests and benchmarks.
 *
 *	syns DEVICE SOURCE DESTINATION RATE SECONDS
 *
 * RATE SYNs a second to ports of DESTINATION, each from another port of
 * SOURCE, put right into the device's queue: no socket answers for them.
 * With a SOURCE of 0.0.0.0 each comes from another address, too.  Prints how
 * many were sent, which is less than asked for where this machine is slow.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64 };

struct syn {
	struct iphdr ip;
	struct tcphdr tcp;
};

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

static void pace(uint64_t due_ns)
{
	struct timespec until = {.tv_sec = (time_t)(due_ns / 1000000000U),
				 .tv_nsec = (long)(due_ns % 1000000000U)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint32_t add(uint32_t sum, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	return sum;
}

static void build(struct syn *syn, uint32_t from, uint32_t to, uint32_t number)
{
	uint32_t sum = IPPROTO_TCP + sizeof(syn->tcp);

	*syn = (struct syn){
		.ip = {.version = 4,
		       .ihl = 5,
		       .tot_len = htons(sizeof(*syn)),
		       .ttl = 64,
		       .protocol = IPPROTO_TCP,
		       .saddr = from ? from : htonl(0x0a000000 | (number >> 3)),
		       .daddr = to},
		.tcp = {.source = htons((uint16_t)(1024 + number % 64000)),
			.dest = htons((uint16_t)(1 + number / 64000 % 60000)),
			.seq = htonl(number),
			.doff = 5,
			.syn = 1,
			.window = htons(64240)},
	};
	syn->ip.check = htons(fold(add(0, &syn->ip, sizeof(syn->ip))));
	sum = add(sum, &syn->ip.saddr, 8);
	syn->tcp.check = htons(fold(add(sum, &syn->tcp, sizeof(syn->tcp))));
}

/* One that is refused is lost, as on a wire, and the others go on. */
static void send_all(int fd, struct mmsghdr *messages)
{
	for (int at = 0; at < BATCH;) {
		int n = sendmmsg(fd, messages + at, (unsigned)(BATCH - at), 0);

		at += n > 0 ? n : 1;
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_ll device = {.sll_family = AF_PACKET,
				     .sll_protocol = htons(ETH_P_IP)};
	struct in_addr from, to;
	struct syn syns[BATCH];
	struct iovec iovs[BATCH];
	struct mmsghdr messages[BATCH];
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t start = now_ns(), sent = 0;

	if (argc != 6 || fd < 0 || inet_pton(AF_INET, argv[2], &from) != 1 ||
	    inet_pton(AF_INET, argv[3], &to) != 1) {
		fprintf(stderr, "usage: see syns.c\n");
		return EXIT_FAILURE;
	}
	uint64_t rate = strtoull(argv[4], NULL, 10);
	uint64_t end = start + strtoull(argv[5], NULL, 10) * 1000000000U;
	device.sll_ifindex = (int)if_nametoindex(argv[1]);
	for (int i = 0; i < BATCH; i++) {
		iovs[i] = (struct iovec){&syns[i], sizeof(syns[i])};
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &device,
			.msg_namelen = sizeof(device),
			.msg_iov = &iovs[i],
			.msg_iovlen = 1,
		};
	}
	while (rate > 0 && now_ns() < end) {
		for (unsigned i = 0; i < BATCH; i++)
			build(&syns[i], from.s_addr, to.s_addr,
			      (uint32_t)(sent + i));
		send_all(fd, messages);
		sent += BATCH;
		pace(start + sent * 1000000000U / rate);
	}
	printf("%llu\n", (unsigned long long)sent);
	return EXIT_SUCCESS;
}
