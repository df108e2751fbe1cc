// SPDX-License-Identifier: BSD-2-Clause
#include "routed/tunnels.h"

#include "tests/unit/fib_model.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TUN_NAME "ersatz0"
#define NOBODY ((uid_t)-1)

struct fixture {
	struct fib_model model;
	struct sockdiag *diag;
	struct tunnels tunnels;
	uint16_t port;
	int udp;
	int tun;
};

static int open_tun(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	strcpy(request.ifr_name, name);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	return fd;
}

/* In a network of its own, which ends with this program. */
static int setup(void **state)
{
	static struct fixture f;
	struct sockaddr_in any = {.sin_family = AF_INET};
	socklen_t size = sizeof(any);

	*state = NULL;
	if (unshare(CLONE_NEWNET) < 0)
		return 0;
	memset(&f, 0, sizeof(f));
	fib_model_laptop(&f.model);
	assert_int_equal(sockdiag_open(&f.diag), 0);
	f.udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f.udp, (struct sockaddr *)&any, size), 0);
	assert_int_equal(getsockname(f.udp, (struct sockaddr *)&any, &size), 0);
	f.port = ntohs(any.sin_port);
	f.tun = -1;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (!f)
		return 0;
	if (f->tun >= 0)
		close(f->tun);
	close(f->udp);
	sockdiag_close(f->diag);
	return 0;
}

static struct fixture *fixture(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static int look(struct fixture *f)
{
	return tunnels_find(&f->tunnels, f->diag, &f->model.state, TUN_NAME,
			    NOBODY);
}

static void who_holds_a_tunnel_speaks_for_it(void **state)
{
	struct fixture *f = fixture(state);

	/* There is a socket, but no tunnel. */
	assert_int_equal(look(f), 0);
	fib_model_link(&f->model, WG);
	assert_true(tunnels_are_there(&f->model.state, TUN_NAME));
	/* The tunnel is somebody else's. */
	assert_int_equal(look(f), 0);
	assert_false(tunnels_have(&f->tunnels, f->port));
	f->tun = open_tun("wg0");
	f->tunnels.key = 0; /* the same link and socket as before */
	assert_int_equal(look(f), 1);
	assert_true(tunnels_have(&f->tunnels, f->port));
	assert_int_equal(look(f), 0);
	/* The tunnel goes. */
	f->model.state.link_count--;
	assert_int_equal(look(f), 1);
	assert_int_equal(f->tunnels.count, 0);
}

static void our_own_tun_is_none(void **state)
{
	struct fixture *f = fixture(state);

	f->tun = open_tun(TUN_NAME);
	assert_false(tunnels_are_there(&f->model.state, TUN_NAME));
	fib_model_link(&f->model, WG);
	assert_int_equal(look(f), 0);
	assert_int_equal(f->tunnels.count, 0);
}

static void own_user_does_not_count(void **state)
{
	struct fixture *f = fixture(state);

	f->tun = open_tun("wg0");
	fib_model_link(&f->model, WG);
	assert_int_equal(tunnels_find(&f->tunnels, f->diag, &f->model.state,
				      TUN_NAME, geteuid()),
			 0);
	assert_int_equal(f->tunnels.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			who_holds_a_tunnel_speaks_for_it, setup, teardown),
		cmocka_unit_test_setup_teardown(our_own_tun_is_none, setup,
						teardown),
		cmocka_unit_test_setup_teardown(own_user_does_not_count, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
