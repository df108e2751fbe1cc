// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/control_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void on_echo(void *ctx, struct control_client *client,
		    const struct json *request)
{
	(void)ctx;
	control_send(client, request);
	control_end(client, NULL);
}

static void on_later(void *ctx, struct control_client *client,
		     const struct json *request)
{
	struct control_fixture *fixture = ctx;

	(void)request;
	fixture->later = control_client_id(client);
}

static void on_change(void *ctx, struct control_client *client,
		      const struct json *request)
{
	struct control_fixture *fixture = ctx;

	(void)request;
	fixture->changes++;
	control_end(client, NULL);
}

static void on_detach(void *ctx, struct control_client *client,
		      const struct json *request)
{
	struct control_fixture *fixture = ctx;

	(void)request;
	fixture->detached = control_detach(client);
}

static void on_flood(void *ctx, struct control_client *client,
		     const struct json *request)
{
	struct control_fixture *fixture = ctx;
	struct json *line = json_new();
	char text[1001];

	(void)request;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	json_set_text(line, "x", text);
	for (int i = 0; i < fixture->flood; i++)
		control_send(client, line);
	json_free(line);
	control_end(client, NULL);
}

static void on_refuse(void *ctx, struct control_client *client,
		      const struct json *request)
{
	(void)ctx;
	(void)request;
	control_end(client, "the moon is full");
}

static void on_exit_now(void *ctx, struct control_client *client,
			const struct json *request)
{
	(void)client;
	(void)request;
	ev_break(((struct control_fixture *)ctx)->loop, EVBREAK_ALL);
}

const struct control_verb control_fixture_verbs[] = {
	{"change", CONTROL_CHANGE, on_change},
	{"detach", CONTROL_READ, on_detach},
	{"echo", CONTROL_READ, on_echo},
	{"exit", CONTROL_READ, on_exit_now},
	{"flood", CONTROL_READ, on_flood},
	{"later", CONTROL_READ, on_later},
	{"refuse", CONTROL_READ, on_refuse},
	{"see", CONTROL_WATCH, on_change},
	{"tell", CONTROL_PARTNER, on_change},
	{NULL, CONTROL_READ, NULL},
};

void fixture_turn(struct control_fixture *fixture)
{
	for (int i = 0; i < 20; i++)
		ev_run(fixture->loop, EVRUN_NOWAIT);
}

int fixture_dial(const struct control_fixture *fixture)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, fixture->path, sizeof(fixture->path));
	assert_int_equal(
		connect(fd, (const struct sockaddr *)&address, sizeof(address)),
		0);
	return fd;
}

void fixture_say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
}

const char *fixture_heard(int fd)
{
	static char text[8192];
	size_t used = 0;
	ssize_t n;

	while ((n = recv(fd, text + used, sizeof(text) - 8 - used, 0)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	if (n == 0 || (n < 0 && errno != EAGAIN))
		strcat(text, "EOF");
	return text;
}

int control_fixture_open(struct control_fixture *fixture, const char *path,
			 gid_t group, struct control **control)
{
	const struct control_conf conf = {
		.path = path,
		.group = group,
		.partner = CONTROL_FIXTURE_PARTNER,
		.verbs = control_fixture_verbs,
		.ctx = fixture,
	};

	return control_open(control, fixture->loop, &conf);
}

int control_fixture_setup(void **state)
{
	struct control_fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		return -1;
	strcpy(fixture->folder, "/tmp/test_control.XXXXXX");
	if (!mkdtemp(fixture->folder) || chmod(fixture->folder, 0755) < 0)
		return -1;
	snprintf(fixture->path, sizeof(fixture->path), "%s/sock",
		 fixture->folder);
	fixture->detached = -1;
	fixture->loop = ev_loop_new(EVFLAG_AUTO);
	if (!fixture->loop ||
	    control_fixture_open(fixture, fixture->path, CONTROL_FIXTURE_GROUP,
				 &fixture->control))
		return -1;
	*state = fixture;
	return 0;
}

int control_fixture_teardown(void **state)
{
	struct control_fixture *fixture = *state;

	control_close(fixture->control);
	ev_loop_destroy(fixture->loop);
	if (rmdir(fixture->folder) < 0)
		return -1;
	free(fixture);
	return 0;
}
