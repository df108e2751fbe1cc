// SPDX-License-Identifier: BSD-2-Clause
/*
 * A whole daemon in this process, in folders of its own.  Only the change of
 * user, the filter of system calls and Landlock are fakes: they could not be
 * taken back.
 */
#include "dnsd/service.h"

#include "common/err.h"
#include "common/landlock.h"
#include "common/privilege.h"
#include "dnsd/allowed.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PORT 15354

static unsigned drops;
static int drop_result;

int identity_find(struct identity *identity, const char *user)
{
	if (strcmp(user, "nobody-of-that-name") == 0)
		return -ENOENT;
	*identity = (struct identity){geteuid(), getegid()};
	return 0;
}

void allowed_enter(void)
{
}

int __wrap_landlock_enter(const struct landlock_place *places, size_t count,
			  bool may_listen);
int __wrap_landlock_enter(const struct landlock_place *places, size_t count,
			  bool may_listen)
{
	(void)places;
	assert_int_equal(count, 5);
	assert_true(may_listen);
	return 0;
}

int privilege_drop_all(const struct identity *identity)
{
	assert_int_equal(identity->uid, geteuid());
	drops++;
	return drop_result;
}

struct fixture {
	char folder[64];
	struct ev_loop *loop;
	struct daemon daemon;
	struct service *service;
	struct endpoint address;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint32_t pid = (uint32_t)getpid();

	if (!f)
		return -1;
	strcpy(f->folder, "/tmp/ersatz-test-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	/* 127.x.y.z by the process id: no other test is there. */
	f->address.addr = addr_ipv4(127U << 24 | (pid & 0x3fffff) << 2 | 1);
	f->address.port = PORT;
	f->loop = ev_loop_new(0);
	f->daemon = (struct daemon){.lock_fd = -1, .ready_fd = -1};
	drops = 0;
	drop_result = 0;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	service_stop(f->service);
	ev_loop_destroy(f->loop);
	snprintf(command, sizeof(command), "rm -r '%s'", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* Every name by the proxy, and what the test adds. */
static struct config *config_of(const struct fixture *f, const char *more)
{
	char text[1024], address[ENDPOINT_TEXT_SIZE];
	struct config *config = NULL;
	struct diag diag;
	int length;

	endpoint_format(&f->address, address, sizeof(address));
	length = snprintf(
		text, sizeof(text),
		"state: %s/state\nrun: %s/run\nlog: error\n"
		"outbounds: { p: { type: socks5, server: 127.0.0.1:9 } }\n"
		"dnsd: { listen: [\"%s\"] %s }\n"
		"upstreams: { u: { servers: [\"127.0.0.1:9\"] } }\n"
		"rules: [ \"DOMAIN,no.example,REJECT\", \"MATCH,p\" ]\n",
		f->folder, f->folder, address, more);
	diag_init(&diag);
	if (config_load(&config, text, (size_t)length, "x.yaml", &diag) < 0)
		diag_print(&diag, stderr);
	assert_non_null(config);
	diag_fini(&diag);
	return config;
}

static void start(struct fixture *f)
{
	assert_int_equal(service_start(&f->service, f->loop, &f->daemon,
				       config_of(f, "")),
			 0);
}

static void stop(struct fixture *f)
{
	service_stop(f->service);
	f->service = NULL;
}

/* Asks for the A record of a name of one letter and "example". */
static int ask(struct fixture *f, char letter, struct addr *addr)
{
	uint8_t message[512] = "\0\1\1\0\0\1\0\0\0\0\0\0"
			       "\1?\7example\0\0\1\0\1";
	struct sockaddr_storage ss;
	socklen_t length = endpoint_to_sockaddr(&f->address, &ss);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	ssize_t got;

	message[13] = (uint8_t)letter;
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, length), 0);
	assert_int_equal(send(fd, message, 27, 0), 27);
	for (int i = 0; i < 20; i++)
		ev_run(f->loop, EVRUN_NOWAIT);
	got = recv(fd, message, sizeof(message), MSG_DONTWAIT);
	close(fd);
	assert_true(got >= 27);
	*addr = (struct addr){0};
	if (message[7] == 1) {
		addr->family = ADDR_IPV4;
		memcpy(addr->bytes, message + got - 4, 4);
	}
	return message[3] & 0xf;
}

static void it_answers_and_remembers(void **state)
{
	struct fixture *f = *state;
	struct addr a, b, again;

	start(f);
	assert_int_equal(drops, 1);
	assert_int_equal(ask(f, 'a', &a), 0);
	assert_int_equal(ask(f, 'b', &b), 0);
	assert_false(addr_equal(&a, &b));
	stop(f);
	start(f);
	assert_int_equal(ask(f, 'b', &again), 0);
	assert_true(addr_equal(&b, &again));
}

static void it_leaves_nothing_in_the_run_folder_but_the_lock_file(void **state)
{
	struct fixture *f = *state;
	char path[128];

	start(f);
	snprintf(path, sizeof(path), "%s/run/dnsd.sock", f->folder);
	assert_int_equal(access(path, F_OK), 0);
	stop(f);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_second_one_is_kept_out(void **state)
{
	struct fixture *f = *state;
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};
	struct service *second;

	start(f);
	assert_int_equal(
		service_start(&second, f->loop, &daemon, config_of(f, "")),
		ERR_RUNNING);
}

static void what_fails_on_the_way_is_undone(void **state)
{
	struct fixture *f = *state;

	drop_result = -EPERM;
	assert_int_equal(service_start(&f->service, f->loop, &f->daemon,
				       config_of(f, "")),
			 -EPERM);
	assert_null(f->service);
	drop_result = 0;
	start(f);
}

static void a_file_that_is_no_map_stops_the_start(void **state)
{
	struct fixture *f = *state;
	char path[128];
	FILE *file;

	start(f);
	stop(f);
	snprintf(path, sizeof(path), "%s/state/map.db", f->folder);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("notes\n", file);
	fclose(file);
	assert_int_equal(service_start(&f->service, f->loop, &f->daemon,
				       config_of(f, "")),
			 ERR_NOT_MAP);
}

static void a_reload_takes_the_new_configuration(void **state)
{
	struct fixture *f = *state;
	struct config *config;
	struct addr a, again;

	start(f);
	assert_int_equal(ask(f, 'a', &a), 0);
	config = config_of(f, ", fake: { ttl: 7 }");
	assert_int_equal(service_reload(f->service, config), 0);
	assert_int_equal(ask(f, 'a', &again), 0);
	assert_true(addr_equal(&a, &again));
}

static void what_only_the_start_reads_cannot_be_reloaded(void **state)
{
	struct fixture *f = *state;
	struct config *config;
	struct addr a, again;

	start(f);
	assert_int_equal(ask(f, 'a', &a), 0);
	config = config_of(f, ", fake: { ipv6: off }");
	assert_int_equal(service_reload(f->service, config), ERR_CONFIG);
	f->address.port++;
	config = config_of(f, "");
	f->address.port--;
	assert_int_equal(service_reload(f->service, config), ERR_CONFIG);
	assert_int_equal(ask(f, 'a', &again), 0);
	assert_true(addr_equal(&a, &again));
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_answers_and_remembers),
		TEST(it_leaves_nothing_in_the_run_folder_but_the_lock_file),
		TEST(a_second_one_is_kept_out),
		TEST(what_fails_on_the_way_is_undone),
		TEST(a_file_that_is_no_map_stops_the_start),
		TEST(a_reload_takes_the_new_configuration),
		TEST(what_only_the_start_reads_cannot_be_reloaded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
