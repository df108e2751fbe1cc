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

/* Trains of UDP datagrams: Linux 6.2, which older headers do not know. */
#define OFFLOAD_USO4 0x20
#define OFFLOAD_USO6 0x40

static int set_offload(int fd)
{
	const unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

	if (ioctl(fd, TUNSETOFFLOAD, tcp | OFFLOAD_USO4 | OFFLOAD_USO6) == 0)
		return 0;
	return ioctl(fd, TUNSETOFFLOAD, tcp);
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
	if (ioctl(fd, TUNSETIFF, &request) < 0 || set_offload(fd) < 0) {
		int ret = -errno;
		close(fd);
		return ret;
	}
	memcpy(name, request.ifr_name, IFNAMSIZ);
	return fd;
}

int tun_open_nameless(const char *pattern, char name[IFNAMSIZ])
{
	return make(pattern, 0, name);
}

int tun_set_mtu(const char *name, uint32_t mtu)
{
	struct nl_device *device;
	int ret = nl_device_open(&device);

	if (ret < 0)
		return ret;
	ret = nl_device_set_mtu(device, name, mtu);
	nl_device_close(device);
	return ret;
}

int tun_open(const char *name, uint32_t mtu)
{
	char got[IFNAMSIZ];
	struct nl_device *device;
	int ret = nl_device_open(&device);
	if (ret < 0)
		return ret;

	/* Not somebody's persistent TUN that happens to have the name. */
	int fd = make(name, (short)IFF_TUN_EXCL, got);
	if (fd < 0) {
		ret = fd;
		goto close_device;
	}
	ret = nl_device_set_quiet(device, name);
	if (ret == 0)
		ret = nl_device_set_mtu(device, name, mtu);
	if (ret < 0) {
		close(fd);
		goto close_device;
	}
	ret = fd;

close_device:
	nl_device_close(device);
	return ret;
}
