// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/relay_fixture.h"

#include "common/map.h"
#include "routed/relay/icmp/icmp.h"
#include "routed/relay/intake.h"
#include "routed/relay/quota.h"
#include "routed/relay/stray.h"
#include "routed/relay/udp/udp.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Milliseconds, about: only what would hang for ever takes so long. */
#define TURNS_MAX 20000

struct relay_fixture fixture;

int __wrap_ioctl(int fd, unsigned long request, int *value);
const struct nl_state *
__wrap_uplink_watch_state(const struct uplink_watch *watch);

int __wrap_ioctl(int fd, unsigned long request, int *value)
{
	(void)fd;
	assert_int_equal(request, TUNGETVNETHDRSZ);
	*value = CARRIER_HEADER_SIZE;
	return 0;
}

const struct nl_state *
__wrap_uplink_watch_state(const struct uplink_watch *watch)
{
	(void)watch;
	return &fixture.state;
}

static void on_packet(void *ctx, const uint8_t *frame, size_t length)
{
	struct parts *parts = ctx;
	struct packet packet;

	fixture.packets_to_intake++;
	assert_int_equal(packet_parse(&packet, frame + CARRIER_HEADER_SIZE,
				      length - CARRIER_HEADER_SIZE),
			 0);
	if (packet.protocol == PACKET_ICMP || packet.protocol == PACKET_ICMPV6)
		icmp_on_packet(parts->icmp, &packet);
	else if (packet_is_opening(&packet))
		intake_on_syn(parts, &packet, frame, length);
	else if (packet.protocol == PACKET_UDP)
		udp_on_packet(parts->udp, &packet, frame);
	else if (packet.protocol != PACKET_TCP)
		stray_on_packet(parts, &packet);
}

static void on_gone(void *ctx, int error)
{
	(void)ctx;
	fixture.gone = error;
}

static const struct carrier_ops carrier_ops = {
	.on_packet = on_packet,
	.on_gone = on_gone,
};

static void make_map(void)
{
	static const struct {
		uint32_t slot;
		const char *text;
	} names[] = {
		{SLOT_DIRECT, "direct.example"},
		{SLOT_REJECT, "reject.example"},
		{SLOT_DROP, "drop.example"},
		{SLOT_SITE, "site.example"},
	};
	const struct fake_pool pool = fake_pool_default();
	char path[64], reason[MAP_REASON_SIZE];
	struct map *map;

	snprintf(path, sizeof(path), "%s/map.db", fixture.folder);
	assert_int_equal(map_open(&map, path, &pool, reason), 0);
	assert_int_equal(map_reserve(map, 8192), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct map_row row = {.slot = names[i].slot, .created_ms = 1};

		assert_int_equal(name_parse(&row.name, names[i].text), 0);
		assert_int_equal(map_add(map, &row, 1), 0);
	}
	map_close(map);
	assert_int_equal(decider_new(&fixture.parts.decider, path), 0);
}

/* lo, and an eth0 with an address; no routes: only loopback is reached. */
static void make_links(void)
{
	struct nl_link *lo = &fixture.links[0], *eth0 = &fixture.links[1];

	*lo = (struct nl_link){
		.ifindex = 1, .name = "lo", .is_up = true, .is_loopback = true};
	*eth0 = (struct nl_link){.ifindex = 2,
				 .name = "eth0",
				 .is_up = true,
				 .has_carrier = true};
	fixture.addrs[0] = (struct nl_ifaddr){
		.ifindex = 1, .addr = addr_ipv4(INADDR_LOOPBACK)};
	fixture.addrs[1] =
		(struct nl_ifaddr){.ifindex = 2, .addr = addr_ipv4(0xc0000201)};
	fixture.state.links = fixture.links;
	fixture.state.link_count = 2;
	fixture.state.addrs = fixture.addrs;
	fixture.state.addr_count = 2;
}

static void packet_pair(int pair[2])
{
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair),
		0);
}

static void make_parts(void)
{
	struct parts *parts = &fixture.parts;
	int tun[2], inner[2], link[2];
	char path[64];

	parts->loop = ev_loop_new(EVFLAG_AUTO);
	snprintf(path, sizeof(path), "%s/dnsd.sock", fixture.folder);
	assert_int_equal(resolver_new(&parts->resolver, parts->loop, path, 8),
			 0);
	assert_int_equal(poller_new(&parts->poller, parts->loop, parts), 0);
	assert_int_equal(mover_room_new(&parts->room, 2), 0);
	assert_int_equal(flows_new(&parts->flows, 4), 0);
	assert_int_equal(holds_new(&parts->holds, 3, 1000), 0);
	const struct quota_conf quota = {
		.flows = 4, .half_open = 4, .flows_a_source = 2};
	assert_int_equal(quota_new(&parts->quota, &quota), 0);
	assert_int_equal(link_pair(link), 0);
	fixture.link = link[0];
	fixture.link_fd = link[1];
	assert_int_equal(inquiry_new(&parts->inquiry, parts->loop, link[1], 4),
			 0);
	packet_pair(tun);
	packet_pair(inner);
	fixture.host = tun[0];
	fixture.inner = inner[0];
	assert_int_equal(carrier_new(&parts->carrier, parts->loop,
				     (int[]){tun[1], inner[1]}, &carrier_ops,
				     parts),
			 0);
	assert_int_equal(udp_new(&parts->udp, parts, link[1], 4), 0);
	assert_int_equal(icmp_new(&parts->icmp, parts), 0);
	parts->failures.burst = parts->faults.burst = 0;
	parts->dialler = (struct dialler){
		.loop = parts->loop,
		.poller = parts->poller,
		.resolver = parts->resolver,
		.ops = &intake_dial_ops,
		.ctx = parts,
	};
	assert_int_equal(scout_new(&parts->scout, parts, link[1]), 0);
}

int relay_fixture_setup(void **state)
{
	(void)state;
	memset(&fixture, 0, sizeof(fixture));
	strcpy(fixture.folder, "/tmp/test-relay-XXXXXX");
	if (!mkdtemp(fixture.folder))
		return -1;
	make_links();
	make_map();
	make_parts();
	fixture.proxy = relay_fixture_listen(&fixture.proxy_port);
	fixture.dnsd = relay_fixture_udp(&fixture.dnsd_port);
	relay_fixture_follow("  - DOMAIN,direct.example,DIRECT\n"
			     "  - DOMAIN,reject.example,REJECT\n"
			     "  - DOMAIN,drop.example,REJECT-DROP\n"
			     "  - IP-CIDR,127.0.0.0/8,DIRECT\n"
			     "  - MATCH,proxy\n");
	return 0;
}

void relay_fixture_follow(const char *rules)
{
	char text[2048];
	struct policy *policy;
	struct diag diag;
	int ret;

	snprintf(text, sizeof(text),
		 "outbounds:\n"
		 "  proxy: { type: socks5, server: 127.0.0.1:%u }\n"
		 "  lo: { type: interface, interface: lo }\n"
		 "  web: { type: http, server: 127.0.0.1:%u }\n"
		 "  unix: { type: socks5, server: \"unix:%s/proxy.sock\" }\n"
		 "  gone: { type: socks5, server: 127.0.0.1:1 }\n"
		 "  auto:\n"
		 "    type: fallback\n"
		 "    members: [gone, proxy]\n"
		 "    probe: { interval: 100ms, destination: 192.0.2.9:80 }\n"
		 "dnsd: { fake: { ipv6: auto }, listen: ['127.0.0.1:%u'] }\n"
		 "routed: { connect-timeout: 5s }\n"
		 "rules:\n%s",
		 fixture.proxy_port, fixture.proxy_port, fixture.folder,
		 fixture.dnsd_port, rules);
	diag_init(&diag);
	ret = policy_new(&policy, text, strlen(text), "test.yaml", &diag);
	if (ret < 0)
		diag_print(&diag, stderr);
	assert_int_equal(ret, 0);
	diag_fini(&diag);
	/* It is on this host, but only its own test wants owners asked for. */
	policy->has_local_server = false;
	/* Trials of pipelining would be one connection more at the proxy. */
	for (size_t i = 0; i < policy->config->outbound_count; i++)
		policy->outbounds[i].pipelining = POLICY_PIPELINING_REFUSED;
	policy_unref(fixture.parts.policy);
	fixture.parts.policy = policy;
}

int relay_fixture_teardown(void **state)
{
	struct parts *parts = &fixture.parts;
	char command[64];

	(void)state;
	intake_stop(parts);
	udp_stop(parts->udp);
	icmp_free(parts->icmp);
	scout_free(parts->scout);
	assert_int_equal(flows_count(parts->flows), 0);
	assert_int_equal(holds_count(parts->holds), 0);
	assert_int_equal(mover_room_free_pipes(parts->room), 2);
	assert_int_equal(parts->policy->references, 1);
	udp_free(parts->udp);
	carrier_free(parts->carrier);
	inquiry_free(parts->inquiry);
	quota_free(parts->quota);
	holds_free(parts->holds);
	flows_free(parts->flows);
	mover_room_free(parts->room);
	poller_free(parts->poller);
	resolver_free(parts->resolver);
	decider_free(parts->decider);
	policy_unref(parts->policy);
	ev_loop_destroy(parts->loop);
	close(fixture.host);
	close(fixture.inner);
	close(fixture.link);
	close(fixture.link_fd);
	close(fixture.proxy);
	close(fixture.dnsd);
	snprintf(command, sizeof(command), "rm -rf %s", fixture.folder);
	return system(command);
}

void relay_fixture_run(void)
{
	for (int i = 0; i < 20; i++)
		ev_run(fixture.parts.loop, EVRUN_NOWAIT);
}

void relay_fixture_turn(int turn)
{
	assert_true(turn < TURNS_MAX);
	ev_run(fixture.parts.loop, EVRUN_NOWAIT);
	if (turn > 10)
		poll(NULL, 0, 1);
}

void relay_fixture_send(const uint8_t *packet, size_t length)
{
	uint8_t frame[CARRIER_HEADER_SIZE + PACKETS_SIZE] = {0};

	/* The checksum is not there yet, as with what this host sends. */
	frame[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	memcpy(frame + CARRIER_HEADER_SIZE, packet, length);
	length += CARRIER_HEADER_SIZE;
	assert_int_equal(write(fixture.host, frame, length), length);
	relay_fixture_run();
}

bool relay_fixture_is_quiet(int tun)
{
	uint8_t byte;

	relay_fixture_run();
	return recv(tun, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

void relay_fixture_receive(int tun, uint8_t *out, struct packet *packet)
{
	uint8_t frame[CARRIER_HEADER_SIZE + PACKETS_SIZE];
	ssize_t n;
	size_t length;

	RUN_UNTIL((n = read(tun, frame, sizeof(frame))) > 0);
	assert_true(n > CARRIER_HEADER_SIZE);
	length = (size_t)n - CARRIER_HEADER_SIZE;
	memcpy(out, frame + CARRIER_HEADER_SIZE, length);
	assert_int_equal(packet_parse(packet, out, length), 0);
}

size_t relay_fixture_syn(uint8_t *out, uint32_t slot, uint16_t port)
{
	size_t length = packets_tcp4(out, PACKET_TCP_SYN, 0);
	const struct fake_pool pool = fake_pool_default();
	struct addr addr = fake_ipv4(&pool, slot);

	memcpy(out + 16, addr.bytes, 4);
	out[22] = (uint8_t)(port >> 8);
	out[23] = (uint8_t)port;
	return length;
}

int relay_fixture_listen(uint16_t *port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
	*port = ntohs(addr.sin_port);
	return fd;
}

int relay_fixture_accept(int listener)
{
	int fd;

	RUN_UNTIL((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	return fd;
}

void relay_fixture_expect(int fd, const void *bytes, size_t length)
{
	uint8_t got[1024];

	assert_true(length <= sizeof(got));
	RUN_UNTIL(recv(fd, got, length, MSG_PEEK | MSG_DONTWAIT) ==
		  (ssize_t)length);
	assert_int_equal(recv(fd, got, length, 0), length);
	assert_memory_equal(got, bytes, length);
}

/* What recv() says in the end, when there is no data. */
static ssize_t last_result(int fd)
{
	char byte;
	ssize_t n;

	RUN_UNTIL((n = recv(fd, &byte, 1, MSG_DONTWAIT)) == 0 ||
		  (n < 0 && errno != EAGAIN));
	return n;
}

void relay_fixture_expect_end(int fd)
{
	assert_int_equal(last_result(fd), 0);
}

void relay_fixture_expect_reset(int fd)
{
	assert_int_equal(last_result(fd), -1);
	assert_int_equal(errno, ECONNRESET);
}

void relay_fixture_say(int fd, const void *bytes, size_t length)
{
	assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
	relay_fixture_run();
}

int relay_fixture_udp(uint16_t *port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
	*port = ntohs(addr.sin_port);
	return fd;
}

void relay_fixture_tcp_pair(int pair[2])
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint16_t port;
	int listener = relay_fixture_listen(&port);

	addr.sin_port = htons(port);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
		connect(pair[0], (struct sockaddr *)&addr, sizeof(addr)), 0);
	pair[1] = relay_fixture_accept(listener);
	close(listener);
}
