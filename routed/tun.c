// SPDX-License-Identifier: BSD-2-Clause
#include "routed/tun.h"

#include "routed/nl_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MTU_MIN 1280U  /* RFC 8200, 5 */
#define MTU_MAX 65535U /* of a TUN */

uint32_t tun_mtu_for(uint32_t uplink_mtu)
{
	if (uplink_mtu < MTU_MIN)
		return MTU_MIN;
	return uplink_mtu > MTU_MAX ? MTU_MAX : uplink_mtu;
}

static int make(const char *pattern, short flags, char name[IFNAMSIZ])
{
	struct ifreq request = {
		.ifr_flags =
			(short)(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | flags),
	};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", pattern);
	if (ioctl(fd, TUNSETIFF, &request) < 0 ||
	    ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) <
		    0) {
		int ret = -errno;
		close(fd);
		return ret;
	}
	memcpy(name, request.ifr_name, IFNAMSIZ);
	return fd;
}

int tun_open_bare(const char *pattern, char name[IFNAMSIZ])
{
	return make(pattern, 0, name);
}

static int bring_up(struct nl_device *device, const struct tun_conf *conf)
{
	int ret = nl_device_up(device, conf->name, conf->mtu);

	if (ret == 0 && conf->ipv4.family != ADDR_NONE)
		ret = nl_device_add_addr(device, conf->name, &conf->ipv4);
	if (ret == 0 && conf->ipv6.family != ADDR_NONE)
		ret = nl_device_add_addr(device, conf->name, &conf->ipv6);
	return ret;
}

int tun_open(const struct tun_conf *conf)
{
	char name[IFNAMSIZ];
	struct nl_device *device;
	int ret = nl_device_open(&device);
	if (ret < 0)
		return ret;

	/* A device of that name that is somebody's persistent TUN is refused */
	int fd = make(conf->name, (short)IFF_TUN_EXCL, name);
	if (fd < 0) {
		ret = fd;
		goto close_device;
	}
	ret = bring_up(device, conf);
	if (ret < 0) {
		close(fd);
		goto close_device;
	}
	ret = fd;

close_device:
	nl_device_close(device);
	return ret;
}
