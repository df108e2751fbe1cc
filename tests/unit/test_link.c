// SPDX-License-Identifier: BSD-2-Clause
#include "routed/link.h"

#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY_FDS 12 /* more than any message has */

static int setup(void **state)
{
	static int ends[2];

	*state = ends;
	return link_pair(ends);
}

static int teardown(void **state)
{
	int *ends = *state;

	close(ends[0]);
	close(ends[1]);
	return 0;
}

static struct link_fds some_fds(int count)
{
	struct link_fds fds = {.count = count};

	for (int i = 0; i < count; i++)
		fds.fd[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fds;
}

static void close_all(struct link_fds *fds)
{
	for (int i = 0; i < fds->count; i++)
		close(fds->fd[i]);
}

static void setup_arrives_with_all_its_descriptors(void **state)
{
	int *ends = *state;
	struct link_message sent = {.type = LINK_SETUP, .id = 7};
	struct link_message got;
	struct link_fds fds = some_fds(LINK_FDS), got_fds;

	strcpy(sent.setup.config_file, "/etc/ersatz/ersatz.yaml");
	sent.setup.log_target = 1;
	assert_int_equal(link_send(ends[0], &sent, &fds), 0);
	assert_int_equal(link_recv(ends[1], &got, &got_fds), 1);
	assert_int_equal(got.id, 7);
	assert_string_equal(got.setup.config_file, sent.setup.config_file);
	assert_int_equal(got.setup.log_target, 1);
	assert_int_equal(got_fds.count, LINK_FDS);
	for (int i = 0; i < LINK_FDS; i++)
		assert_int_equal(fcntl(got_fds.fd[i], F_GETFD), FD_CLOEXEC);
	close_all(&fds);
	close_all(&got_fds);
}

static void every_type_comes_through_whole(void **state)
{
	int *ends = *state;
	struct link_message sent = {.type = LINK_OWNER, .id = 9}, got;
	struct link_fds fds;

	sent.flow.network = 1;
	sent.flow.dst.addr.family = ADDR_IPV4;
	sent.flow.dst.port = 443;
	assert_int_equal(link_send(ends[0], &sent, NULL), 0);
	assert_int_equal(link_recv(ends[1], &got, &fds), 1);
	assert_int_equal(fds.count, 0);
	assert_memory_equal(&got.flow, &sent.flow, sizeof(sent.flow));
	for (uint32_t type = LINK_READY; type < LINK_STOP; type++) {
		if (type == LINK_FLOWS || type == LINK_CONFIG ||
		    type == LINK_ICMP)
			continue;
		sent.type = type;
		assert_int_equal(link_send(ends[1], &sent, NULL), 0);
		assert_int_equal(link_recv(ends[0], &got, &fds), 1);
		assert_int_equal(got.type, type);
	}
}

static void many_requests_fit_before_the_link_is_full(void **state)
{
	int *ends = *state;
	struct link_message m = {.type = LINK_OWNER};
	int sent = 0, ret;

	while ((ret = link_send(ends[0], &m, NULL)) == 0)
		sent++;
	assert_int_equal(ret, -EAGAIN);
	assert_true(sent >= 100);
}

static void nothing_there_is_not_an_end(void **state)
{
	int *ends = *state;
	struct link_message got;
	struct link_fds fds;

	assert_int_equal(link_recv(ends[1], &got, &fds), -EAGAIN);
	assert_int_equal(shutdown(ends[0], SHUT_RDWR), 0);
	assert_int_equal(link_recv(ends[1], &got, &fds), 0);
}

/* The same descriptor `count` times beside it. */
static void send_bytes(int fd, const void *bytes, size_t size, int fd_beside,
		       size_t count)
{
	char control[CMSG_SPACE(sizeof(int) * MANY_FDS)] = {0};
	char copy[sizeof(struct link_message) + 1] = {0};
	struct iovec iov = {.iov_base = copy, .iov_len = size};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	memcpy(copy, bytes,
	       size < sizeof(struct link_message)
		       ? size
		       : sizeof(struct link_message));
	if (count > 0) {
		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		struct cmsghdr *c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		for (size_t i = 0; i < count; i++)
			memcpy(CMSG_DATA(c) + sizeof(int) * i, &fd_beside,
			       sizeof(int));
	}
	assert_true(sendmsg(fd, &header, 0) == (ssize_t)size);
}

static void a_wrong_length_is_malformed(void **state)
{
	int *ends = *state;
	struct link_message m = {.type = LINK_PONG}, got;
	struct link_fds fds;

	for (size_t size = 1; size < 64; size++) {
		if (size == offsetof(struct link_message, setup))
			continue;
		send_bytes(ends[0], &m, size, -1, 0);
		assert_int_equal(link_recv(ends[1], &got, &fds), ERR_MALFORMED);
	}
	send_bytes(ends[0], &m, sizeof(m) + 1, -1, 0);
	assert_int_equal(link_recv(ends[1], &got, &fds), ERR_MALFORMED);
}

static void an_unknown_type_is_malformed(void **state)
{
	int *ends = *state;
	const uint32_t types[] = {0, LINK_STOP + 1, UINT32_MAX};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct link_message m = {.type = types[i]}, got;
		struct link_fds fds;

		send_bytes(ends[0], &m, sizeof(m), -1, 0);
		assert_int_equal(link_recv(ends[1], &got, &fds), ERR_MALFORMED);
	}
}

static int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void descriptors_nobody_asked_for_are_closed(void **state)
{
	int *ends = *state;
	struct link_message m = {.type = LINK_PONG}, got;
	struct link_fds fds;
	int before = open_descriptors();

	for (size_t count = 1; count <= MANY_FDS; count++) {
		send_bytes(ends[0], &m, offsetof(struct link_message, setup),
			   ends[0], count);
		assert_int_equal(link_recv(ends[1], &got, &fds), ERR_MALFORMED);
		assert_int_equal(fds.count, 0);
		assert_int_equal(open_descriptors(), before);
	}
}

static void flows_without_its_descriptor_is_malformed(void **state)
{
	int *ends = *state;
	struct link_message m = {.type = LINK_FLOWS}, got;
	struct link_fds fds;

	send_bytes(ends[0], &m, offsetof(struct link_message, setup), -1, 0);
	assert_int_equal(link_recv(ends[1], &got, &fds), ERR_MALFORMED);
}

static void a_text_without_an_end_is_malformed(void **state)
{
	int *ends = *state;
	struct link_message m = {.type = LINK_SETUP}, got;
	struct link_fds fds = some_fds(LINK_FDS), got_fds;

	memset(m.setup.state_dir, 'x', sizeof(m.setup.state_dir));
	assert_int_equal(link_send(ends[0], &m, &fds), 0);
	assert_int_equal(link_recv(ends[1], &got, &got_fds), ERR_MALFORMED);
	close_all(&fds);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(setup_arrives_with_all_its_descriptors),
		WITH_PAIR(every_type_comes_through_whole),
		WITH_PAIR(many_requests_fit_before_the_link_is_full),
		WITH_PAIR(nothing_there_is_not_an_end),
		WITH_PAIR(a_wrong_length_is_malformed),
		WITH_PAIR(an_unknown_type_is_malformed),
		WITH_PAIR(descriptors_nobody_asked_for_are_closed),
		WITH_PAIR(flows_without_its_descriptor_is_malformed),
		WITH_PAIR(a_text_without_an_end_is_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
