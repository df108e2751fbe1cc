// SPDX-License-Identifier: BSD-2-Clause
/*
 * As stub_libc.c, by c-ares, the resolver in many a curl and node.  The first
 * word may be a flag of it: "tcp" or "edns".
 */
#include <ares.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>

static void on_answer(void *ctx, int status, int timeouts,
		      struct ares_addrinfo *all)
{
	char text[INET6_ADDRSTRLEN];

	(void)timeouts;
	printf("%s", (const char *)ctx);
	if (status != ARES_SUCCESS)
		printf(" ! %s", ares_strerror(status));
	for (struct ares_addrinfo_node *one = all ? all->nodes : NULL; one;
	     one = one->ai_next) {
		if (!getnameinfo(one->ai_addr, one->ai_addrlen, text,
				 sizeof(text), NULL, 0, NI_NUMERICHOST))
			printf(" %s", text);
	}
	putchar('\n');
	ares_freeaddrinfo(all);
}

static void wait_for_all(ares_channel channel)
{
	fd_set readable, writable;
	struct timeval wait, *left;
	int count;

	for (;;) {
		FD_ZERO(&readable);
		FD_ZERO(&writable);
		count = ares_fds(channel, &readable, &writable);
		if (count == 0)
			return;
		left = ares_timeout(channel, NULL, &wait);
		select(count, &readable, &writable, NULL, left);
		ares_process(channel, &readable, &writable);
	}
}

int main(int argc, char **argv)
{
	const struct ares_addrinfo_hints hints = {.ai_socktype = SOCK_STREAM};
	struct ares_options options = {0};
	ares_channel channel;
	int first = 1;

	if (argc > 1 && !strcmp(argv[1], "tcp"))
		options.flags = ARES_FLAG_USEVC;
	else if (argc > 1 && !strcmp(argv[1], "edns"))
		options.flags = ARES_FLAG_EDNS;
	if (options.flags)
		first = 2;
	if (ares_library_init(ARES_LIB_INIT_ALL) ||
	    ares_init_options(&channel, &options,
			      options.flags ? ARES_OPT_FLAGS : 0))
		return 1;
	for (int i = first; i < argc; i++)
		ares_getaddrinfo(channel, argv[i], NULL, &hints, on_answer,
				 argv[i]);
	wait_for_all(channel);
	ares_destroy(channel);
	return 0;
}
