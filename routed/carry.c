// SPDX-License-Identifier: BSD-2-Clause
/*
 * The programs are loaded once; a new TUN gets them attached by netlink, which
 * asks for a descriptor and CAP_NET_ADMIN and nothing else.  The indexes
 * that they need, and what they count, lie in memory that is mapped here.
 *
 * The veth needs no neighbours: both ends have NOARP, and what a packet has
 * for a MAC address does not matter, as its way is decided before anybody
 * looks.  Still the route inside names a gateway, which is nobody: one entry
 * for it in the table of neighbours, instead of one for each application's
 * address, which would fill that table.
 */
#include "routed/carry.h"

#include "common/err.h"
#include "common/log.h"
#include "routed/carry.skel.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#define GATEWAY4 "169.254.0.1"
#define GATEWAY6 "fe80::1"
#define MTU_MAX 65535

struct carry {
	struct carry_conf conf;
	struct carry_bpf *skeleton; /* owned */
	int host_end;               /* its index; owned; 0: none */
	bool is_started;
};

static int fd_of(const struct bpf_program *program)
{
	return bpf_program__fd(program);
}

static int attach(struct nl_device *device, const char *name,
		  const struct bpf_program *in, const struct bpf_program *out)
{
	int ret = nl_device_add_clsact(device, name);

	if (ret == 0)
		ret = nl_device_add_program(device, name, NL_DEVICE_INGRESS,
					    fd_of(in));
	if (ret == 0)
		ret = nl_device_add_program(device, name, NL_DEVICE_EGRESS,
					    fd_of(out));
	return ret;
}

static int lay_veth(struct carry *carry)
{
	const struct nl_device_veth veth = {
		.name = CARRY_INNER_END,
		.peer_name = CARRY_HOST_PREFIX "%d",
		.peer_netns = carry->conf.outside_netns,
		.peer_mtu = MTU_MAX, /* that of the inner end decides */
	};
	char name[IFNAMSIZ];
	int ret = nl_device_add_veth(carry->conf.inside, &veth);

	if (ret < 0)
		return ret;
	carry->host_end = ret;
	ret = nl_device_name(carry->conf.outside, carry->host_end, name);
	if (ret == 0)
		ret = attach(carry->conf.outside, name,
			     carry->skeleton->progs.host_end_in,
			     carry->skeleton->progs.host_end_out);
	if (ret == 0)
		ret = nl_device_up(carry->conf.outside, name, 0);
	return ret;
}

/* A TUN that is not gone yet is about to: the same wait does for both. */
static void remove_links(struct carry *carry)
{
	const int links[] = {
		carry->host_end,
		(int)carry->skeleton->bss->tun_ifindex,
	};
	int ret =
		nl_device_del_all(carry->conf.outside, links, links[1] ? 2 : 1);

	if (ret < 0 && ret != -ENODEV) {
		log_debug("cannot remove veth and TUN together: %s",
			  err_text(ret));
		ret = nl_device_del(carry->conf.outside, carry->host_end);
	}
	if (ret < 0) /* somebody removed it: it is gone */
		log_debug("cannot remove the veth: %s", err_text(ret));
}

int carry_new(struct carry **out, const struct carry_conf *conf)
{
	int ret = -ENOMEM;
	struct carry *carry = calloc(1, sizeof(*carry));
	if (!carry)
		return ret;
	carry->conf = *conf;
	libbpf_set_print(NULL); /* an error tells the reason */
	carry->skeleton = carry_bpf__open_and_load();
	if (!carry->skeleton) {
		ret = errno ? -errno : -EOPNOTSUPP;
		goto free_carry;
	}
	ret = lay_veth(carry);
	if (ret < 0)
		goto free_carry;
	carry->skeleton->bss->host_end_ifindex = (uint32_t)carry->host_end;
	*out = carry;
	return 0;

free_carry:
	carry_free(carry);
	return ret;
}

void carry_free(struct carry *carry)
{
	if (!carry)
		return;
	if (carry->host_end > 0)
		remove_links(carry);
	carry_bpf__destroy(carry->skeleton);
	free(carry);
}

static int add_default(struct carry *carry, const char *gateway)
{
	struct addr addr;
	int ret = addr_parse(&addr, gateway);

	if (ret == 0)
		ret = nl_device_add_gateway(carry->conf.inside, &addr,
					    CARRY_INNER_END);
	return ret;
}

int carry_start(struct carry *carry, const char *tun, uint32_t mtu,
		bool has_ipv6)
{
	carry_stop(carry);
	int ret = nl_device_up(carry->conf.inside, CARRY_INNER_END, mtu);
	if (ret < 0)
		return ret;
	carry->is_started = true;
	ret = add_default(carry, GATEWAY4);
	if (ret == 0 && has_ipv6)
		ret = add_default(carry, GATEWAY6);
	if (ret < 0)
		goto stop;
	ret = nl_device_index(carry->conf.outside, tun);
	if (ret < 0)
		goto stop;
	carry->skeleton->bss->tun_ifindex = (uint32_t)ret;
	ret = attach(carry->conf.outside, tun, carry->skeleton->progs.tun_in,
		     carry->skeleton->progs.tun_out);
	if (ret == 0)
		return 0;

stop:
	carry_stop(carry);
	return ret;
}

void carry_stop(struct carry *carry)
{
	carry->skeleton->bss->tun_ifindex = 0;
	if (!carry->is_started)
		return;
	carry->is_started = false;
	/* Takes its routes along. */
	int ret = nl_device_down(carry->conf.inside, CARRY_INNER_END);
	if (ret < 0) /* gone, as are they */
		log_debug("cannot set the veth down: %s", err_text(ret));
}

int carry_set_mtu(struct carry *carry, uint32_t mtu)
{
	return nl_device_set_mtu(carry->conf.inside, CARRY_INNER_END, mtu);
}

uint64_t carry_dropped(const struct carry *carry)
{
	return carry->skeleton->bss->syns_dropped;
}
