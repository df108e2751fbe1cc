// SPDX-License-Identifier: BSD-2-Clause
/*
 * relay_fixture.h - a relay without a kernel around it.
 *
 *	host <--pair--> [TUN  carrier  inner TUN] <--pair--> inner
 *
 * The TUNs are packet sockets of the test, the links are what the test says,
 * the map is a real one with a few names, and the outbounds lie on loopback.
 * Programs that use it are linked with --wrap=ioctl (what TUNs are asked) and
 * --wrap=uplink_watch_state.
 */
#ifndef ERSATZ_TESTS_RELAY_FIXTURE_H
#define ERSATZ_TESTS_RELAY_FIXTURE_H

#include "routed/relay/parts.h"
#include "tests/unit/relay_packets.h"

/* Slots of the names in the map; 18 * 256 + 103 is PACKETS' destination. */
enum {
	SLOT_SITE = 18 * 256 + 103, /* site.example: by the proxy */
	SLOT_DIRECT = 300,          /* direct.example: DIRECT */
	SLOT_REJECT,                /* reject.example: REJECT */
	SLOT_DROP,                  /* drop.example: REJECT-DROP */
	SLOT_UNKNOWN,               /* nobody */
};

/* Outbounds of relay_fixture_follow(), as indices. */
enum {
	OUT_PROXY = OUTBOUND_FIRST, /* the listener below */
	OUT_LO,                     /* by an interface */
	OUT_WEB,                    /* the listener below, by HTTP */
	OUT_UNIX,                   /* "proxy.sock" in the folder */
	OUT_GONE,                   /* nobody listens */
	OUT_AUTO,                   /* the one that is gone, then the proxy */
};

struct relay_fixture {
	char folder[32];
	struct parts parts;
	int host, inner; /* the test's ends of the TUNs */
	int link;        /* the parent's end of the link */
	int link_fd;     /* the relay's */
	int proxy;       /* a listener on loopback */
	uint16_t proxy_port;
	int dnsd; /* a socket of UDP where dnsd would be */
	uint16_t dnsd_port;
	int packets_to_intake; /* what the carrier handed over */
	int gone;              /* error of a TUN that went away, or 0 */
	/* What the fake of uplink_watch_state() says. */
	struct nl_state state;
	struct nl_link links[2];
	struct nl_ifaddr addrs[2];
};

extern struct relay_fixture fixture;

int relay_fixture_setup(void **state);
int relay_fixture_teardown(void **state);

/* Follows a configuration with these rules, one a line: "  - ...\n". */
void relay_fixture_follow(const char *rules);

/* Turns the loop a few times: what is ready is handled. */
void relay_fixture_run(void);

/*
 * Turns it until the claim is true.  Loopback may take its time, so nothing
 * that comes by a socket is there at once.
 */
#define RUN_UNTIL(claim)                       \
	for (int turn_ = 0; !(claim); turn_++) \
	relay_fixture_turn(turn_)
void relay_fixture_turn(int turn);

/* The host sends a packet. */
void relay_fixture_send(const uint8_t *packet, size_t length);

/*
 * What comes out of a TUN (PACKETS_SIZE bytes at `out`): waits for it, or
 * says that nothing is there now.
 */
void relay_fixture_receive(int tun, uint8_t *out, struct packet *packet);
bool relay_fixture_is_quiet(int tun);

/* An opening SYN of PACKETS' source to the fake address of a slot. */
size_t relay_fixture_syn(uint8_t *out, uint32_t slot, uint16_t port);

/* A listener on loopback, and what is played there. */
int relay_fixture_listen(uint16_t *port);
int relay_fixture_accept(int listener);
void relay_fixture_expect(int fd, const void *bytes, size_t length);
void relay_fixture_expect_end(int fd);
void relay_fixture_expect_reset(int fd);
void relay_fixture_say(int fd, const void *bytes, size_t length);

/* A socket of UDP on loopback. */
int relay_fixture_udp(uint16_t *port);

/* Two ends of a connection over loopback. */
void relay_fixture_tcp_pair(int pair[2]);

#endif
