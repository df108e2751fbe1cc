// SPDX-License-Identifier: BSD-2-Clause
/*
 * The addresses that the C library finds for each name on the command line, a
 * line each: "NAME ADDRESS ..." or "NAME ! REASON".  Made with the system's
 * library, and with musl's, statically, by test_stubs.py.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

static void tell(const char *name)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *all;
	char text[NI_MAXHOST];
	int ret = getaddrinfo(name, NULL, &hints, &all);

	printf("%s", name);
	if (ret) {
		printf(" ! %s\n", gai_strerror(ret));
		return;
	}
	for (const struct addrinfo *one = all; one; one = one->ai_next) {
		if (!getnameinfo(one->ai_addr, one->ai_addrlen, text,
				 sizeof(text), NULL, 0, NI_NUMERICHOST))
			printf(" %s", text);
	}
	putchar('\n');
	freeaddrinfo(all);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		tell(argv[i]);
	return 0;
}
