// SPDX-License-Identifier: BSD-2-Clause
/*
 * echo - the bare minimum of a DNS server: recvmmsg, set QR, sendmmsg.
 *
 * What a resolver's rate is compared with: nothing that answers in batches
 * over the same sockets can be faster.
 *
 *	echo ADDRESS PORT
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64
#define PACKET 1500

struct batch {
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_in peers[BATCH];
	unsigned char bytes[BATCH][PACKET];
};

static void batch_prepare(struct batch *batch)
{
	for (int i = 0; i < BATCH; i++) {
		batch->vectors[i].iov_base = batch->bytes[i];
		batch->vectors[i].iov_len = PACKET;
		batch->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->peers[i],
			.msg_namelen = sizeof(batch->peers[i]),
			.msg_iov = &batch->vectors[i],
			.msg_iovlen = 1,
		};
	}
}

static void serve(int fd, struct batch *batch)
{
	for (;;) {
		batch_prepare(batch);
		int count = recvmmsg(fd, batch->messages, BATCH, MSG_WAITFORONE,
				     NULL);
		if (count <= 0)
			continue;
		for (int i = 0; i < count; i++) {
			batch->bytes[i][2] |= 0x80;
			batch->vectors[i].iov_len = batch->messages[i].msg_len;
		}
		for (int sent = 0; sent < count;) {
			int n = sendmmsg(fd, batch->messages + sent,
					 (unsigned)(count - sent), 0);
			if (n <= 0)
				break;
			sent += n;
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in self = {.sin_family = AF_INET};

	if (argc != 3 || inet_pton(AF_INET, argv[1], &self.sin_addr) != 1) {
		fprintf(stderr, "usage: echo ADDRESS PORT\n");
		return EXIT_FAILURE;
	}
	self.sin_port = htons((uint16_t)atoi(argv[2]));
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = 4 << 20;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0) {
		perror("echo");
		return EXIT_FAILURE;
	}
	struct batch *batch = calloc(1, sizeof(*batch));
	if (batch == NULL)
		return EXIT_FAILURE;
	serve(fd, batch);
}
