// SPDX-License-Identifier: BSD-2-Clause
/*
 * route_host FILE - host.h as a program, without relay, for tests of the
 * routing state alone.
 *
 * Makes the TUN of the configuration, which swallows what enters it, captures
 * and says "ready", or "failed: WHY".  Then it does what standard input says,
 * a line each, and answers each with a line:
 *
 *	tun-close | tun-open | far ADDR | uids FIRST LAST | udp 4|6 PORT |
 *	release | status
 *
 * It releases and ends with the input.  With ROUTE_HOST_STEP=N it stops itself
 * (SIGSTOP) right before the Nth change that it makes in the kernel: that is
 * where a test kills it.
 */
#include "common/config.h"
#include "common/err.h"
#include "routed/host.h"
#include "routed/nft.h"
#include "routed/plan.h"
#include "routed/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct root {
	struct ev_loop *loop;
	struct config *config;
	struct host *host;
	struct ev_io input, tun_io;
	int tun;
	char line[256];
	size_t length;
	char why[HOST_WHY_SIZE];
};

/* Every change of rules, routes and tables goes through these two. */
int __real_nl_edit_batch(struct nl_edit *edit, struct nl_change *changes,
			 size_t count);
int __real_nft_change(struct nft *nft, const char *commands, char *error);
int __wrap_nl_edit_batch(struct nl_edit *edit, struct nl_change *changes,
			 size_t count);
int __wrap_nft_change(struct nft *nft, const char *commands, char *error);

static void take_step(void)
{
	static int taken;
	const char *wanted = getenv("ROUTE_HOST_STEP");

	if (wanted && ++taken == atoi(wanted))
		raise(SIGSTOP);
}

int __wrap_nl_edit_batch(struct nl_edit *edit, struct nl_change *changes,
			 size_t count)
{
	take_step();
	return __real_nl_edit_batch(edit, changes, count);
}

int __wrap_nft_change(struct nft *nft, const char *commands, char *error)
{
	take_step();
	return __real_nft_change(nft, commands, error);
}

static void on_tun(struct ev_loop *loop, struct ev_io *io, int revents)
{
	static char packet[70000];

	(void)loop;
	(void)revents;
	while (read(io->fd, packet, sizeof(packet)) > 0)
		;
}

static int open_tun(struct root *root)
{
	const char *name = root->config->routed.tun;

	root->tun = tun_open(name, 1500);
	if (root->tun < 0)
		return root->tun;
	ev_io_init(&root->tun_io, on_tun, root->tun, EV_READ);
	ev_io_start(root->loop, &root->tun_io);
	return (int)if_nametoindex(name);
}

static void close_tun(struct root *root)
{
	ev_io_stop(root->loop, &root->tun_io);
	close(root->tun);
	root->tun = -1;
}

static int do_far(struct root *root, const char *text)
{
	struct prefix end;
	int ret = prefix_parse(&end, text);

	return ret < 0 ? ret : host_add_far_end(root->host, &end);
}

static int do_udp(struct root *root, int family, int port)
{
	const struct endpoint server = {
		.addr = {.family = (uint8_t)family},
		.port = (uint16_t)port,
	};
	const struct host_facts facts = {.udp_servers = &server,
					 .udp_server_count = 1};

	return host_learn(root->host, &facts);
}

static void print_status(const struct root *root)
{
	const struct host_status status = host_status(root->host);

	printf("captured %d objects %zu repairs %" PRIu64 " foreign %" PRIu64
	       " resolver %d\n",
	       status.is_captured, status.objects, status.repairs,
	       status.foreign, status.has_resolver);
}

static int obey(struct root *root, const char *line)
{
	struct uid_range uids;
	char text[64];
	int family, port;

	if (strcmp(line, "tun-close") == 0) {
		close_tun(root);
		host_set_tun(root->host, 0);
	} else if (strcmp(line, "tun-open") == 0) {
		host_set_tun(root->host, open_tun(root));
	} else if (strcmp(line, "release") == 0) {
		host_release(root->host);
	} else if (strcmp(line, "status") == 0) {
		print_status(root);
		return 1;
	} else if (sscanf(line, "far %63s", text) == 1) {
		return do_far(root, text);
	} else if (sscanf(line, "uids %u %u", &uids.first, &uids.last) == 2) {
		const struct host_facts facts = {.uids = &uids, .uid_count = 1};

		return host_learn(root->host, &facts);
	} else if (sscanf(line, "udp %d %d", &family, &port) == 2) {
		return do_udp(root, family, port);
	} else {
		return -EINVAL;
	}
	return 0;
}

static void take_lines(struct root *root)
{
	char *end;

	while ((end = memchr(root->line, '\n', root->length))) {
		int ret;

		*end++ = '\0';
		ret = obey(root, root->line);
		if (ret <= 0)
			printf("%s\n", ret ? err_text(ret) : "ok");
		root->length -= (size_t)(end - root->line);
		memmove(root->line, end, root->length);
	}
}

static void on_input(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct root *root = io->data;
	ssize_t got = read(io->fd, root->line + root->length,
			   sizeof(root->line) - root->length);

	(void)revents;
	if (got <= 0) {
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	root->length += (size_t)got;
	take_lines(root);
}

static void on_change(void *ctx, const struct nl_state *state)
{
	(void)ctx;
	(void)state;
}

static int load(struct root *root, const char *file)
{
	struct diag diag;
	char *text = NULL;
	size_t length;
	int ret;

	diag_init(&diag);
	ret = config_read(&text, &length, file, &diag);
	if (ret == 0)
		ret = config_load(&root->config, text, length, file, &diag);
	if (ret < 0)
		diag_print(&diag, stdout);
	diag_fini(&diag);
	free(text);
	return ret;
}

static int start(struct root *root)
{
	int ifindex;
	int ret = host_open(&root->host, root->loop, root->config, on_change,
			    root);

	if (ret < 0)
		return ret;
	ifindex = open_tun(root);
	if (ifindex < 0)
		return ifindex;
	return host_capture(root->host, ifindex, root->why);
}

static void serve(struct root *root)
{
	printf("ready\n");
	ev_io_init(&root->input, on_input, STDIN_FILENO, EV_READ);
	root->input.data = root;
	ev_io_start(root->loop, &root->input);
	ev_run(root->loop, 0);
}

int main(int argc, char **argv)
{
	static struct root root = {.tun = -1};
	int ret = -EINVAL;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_open("route_host", LOG_LEVEL_INFO, LOG_TARGET_STDERR);
	root.loop = ev_default_loop(0);
	if (argc == 2)
		ret = load(&root, argv[1]);
	if (ret == 0)
		ret = start(&root);
	if (ret == 0)
		serve(&root);
	else
		printf("failed: %s\n", root.why[0] ? root.why : err_text(ret));
	host_close(root.host);
	if (root.tun >= 0)
		close_tun(&root);
	config_free(root.config);
	ev_loop_destroy(root.loop);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
