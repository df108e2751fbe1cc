// SPDX-License-Identifier: BSD-2-Clause
/*
 * link.h - what routed's parent and its relay say to each other.
 *
 * A SOCK_SEQPACKET pair; a message is a struct link_message, cut to what its
 * type needs, with the descriptors of its type beside it.  The parent treats
 * what the relay sends as hostile: type, length, number of descriptors and
 * the end of texts are checked by link_recv(), order and values by the one
 * who acts, and everything but the requests below ends the relay.
 *
 *	parent -> relay			relay -> parent
 *	LINK_SETUP (fds below)		LINK_READY
 *	LINK_CONFIG (fd: memfd)
 *	LINK_PING			LINK_PONG
 *	LINK_FLOWS (who, fd: a client)
 *	LINK_STATUS (number)		LINK_STATUS (counters)
 *	LINK_OWNED (whose)		LINK_OWNER (whose flow is this?)
 *	LINK_CLOSE (flow)
 *	LINK_ICMP (fd: raw socket of an exit)
 *	LINK_DIRECT (address of a DIRECT name)
 *					LINK_UDP_SERVER (who answers from P?)
 *					LINK_MEMBER (of a group: how it is)
 *	LINK_STOP
 *
 * An answer (LINK_STATUS, LINK_OWNED) repeats the id of what it answers;
 * LINK_PONG that of the LINK_PING.
 *
 * Errors	-errno, ERR_MALFORMED
 * Ownership	descriptors that were received belong to the receiver
 */
#ifndef ERSATZ_ROUTED_LINK_H
#define ERSATZ_ROUTED_LINK_H

#include "common/addr.h"
#include "common/compiler.h"
#include "routed/histogram.h"

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define LINK_FDS 5
#define LINK_NAME_SIZE 65 /* of an outbound, with its end */
#define LINK_REASON_SIZE 64

enum link_type {
	LINK_SETUP = 1,
	LINK_READY,
	LINK_CONFIG, /* after SIGHUP: flows that begin now follow this one */
	LINK_PING,
	LINK_PONG,
	LINK_FLOWS,
	LINK_STATUS,
	LINK_OWNER,
	LINK_OWNED,
	LINK_UDP_SERVER,
	LINK_CLOSE, /* a flow, if there is such a one */
	LINK_ICMP,  /* bound to one interface; one for each exit and family */
	LINK_MEMBER,
	LINK_DIRECT,
	LINK_STOP, /* the last one */
};

/* The order of the descriptors beside LINK_SETUP. */
enum link_setup_fd {
	LINK_FD_TUN,       /* the host's TUN: IFF_VNET_HDR, non-blocking */
	LINK_FD_INNER_TUN, /* the inner namespace's */
	LINK_FD_LISTEN4,   /* IP_TRANSPARENT listeners of the namespace */
	LINK_FD_LISTEN6,
	LINK_FD_CONFIG, /* memfd: the text of the configuration */
};

struct link_setup {
	char config_file[PATH_MAX]; /* how messages name it */
	char state_dir[PATH_MAX];   /* these two override the config */
	char run_dir[PATH_MAX];
	uint32_t log_target; /* enum log_target: the parent's */
};

struct link_flow {
	uint8_t network;       /* enum network: TCP or UDP */
	uint8_t wants_process; /* LINK_OWNER: the user alone is not enough */
	struct endpoint src;
	struct endpoint dst;
};

#define LINK_PATH_SIZE 512

/* Texts are empty if unknown. */
struct link_owner {
	int32_t outbound; /* of which it is the server; -1: none */
	uint8_t is_known; /* somebody of this host has it */
	uint32_t uid;
	char process[LINK_PATH_SIZE]; /* path of the program */
	char cgroup[LINK_PATH_SIZE];
};

/* Who wants to see flows. */
struct link_viewer {
	uint8_t sees_all; /* else those of sockets of this user alone */
	uint32_t uid;
};

struct link_icmp {
	int32_t ifindex; /* that the socket is bound to */
	uint8_t family;  /* enum addr_family */
};

struct link_direct {
	struct addr addr;
	int64_t until_ms; /* of the monotonic clock */
};

enum link_member_state {
	LINK_MEMBER_UNKNOWN,
	LINK_MEMBER_UP,
	LINK_MEMBER_DOWN,
};

/* Sent when the relay follows a configuration, and after each change. */
struct link_member {
	char group[LINK_NAME_SIZE];
	char member[LINK_NAME_SIZE];
	char reason[LINK_REASON_SIZE]; /* of the last failure, or "" */
	uint8_t state;                 /* enum link_member_state */
	uint8_t is_first;              /* a new flow would try this one first */
	int64_t latency_us;            /* -1: not measured */
	int64_t since_ms;              /* wall clock: of the state */
};

/* Steps of setting up a flow. */
enum link_step {
	LINK_STEP_MAP,
	LINK_STEP_RULES,
	LINK_STEP_OWNER,
	LINK_STEP_CONNECT,
	LINK_STEP_HANDSHAKE,
	LINK_STEP_ACCEPT,
	LINK_STEPS,
};

/* Why flows of TCP are refused; what others count is not in here. */
enum link_refused {
	LINK_REFUSED_RULE,
	LINK_REFUSED_UNKNOWN, /* a fake address without a name */
	LINK_REFUSED_FULL,    /* of flows, or half-open ones */
	LINK_REFUSED_QUOTA,   /* of its source */
	LINK_REFUSED_OUTBOUND,
	LINK_REFUSED_DESTINATION,
	LINK_REFUSED_CLOSED, /* by hand, a reload, a link that went */
	LINK_REFUSED,
};

struct link_counters {
	uint64_t flows_now, flows_ever, flows_refused, flows_held;
	uint64_t bytes_up, bytes_down; /* application's view */
	uint64_t packets_in, packets_out, packets_dropped;
	uint64_t own_flows; /* of an outbound's own server, carried DIRECT */
	uint64_t echoes_answered, echoes_refused;
	uint64_t loops; /* our own packets that came back: must stay 0 */
	uint64_t udp_flows_now, udp_flows_ever, udp_refused;
	uint64_t udp_packets_up, udp_packets_down;
	uint64_t udp_bytes_up, udp_bytes_down;
	uint64_t udp_dropped; /* full buffers, answers to nobody */
	uint64_t dns_queries; /* that entered the TUN, given to dnsd */
	uint64_t memory;      /* bytes of the heap that are in use */
	uint64_t refused[LINK_REFUSED];
	uint64_t sniffed, sniffed_nothing; /* flows that were looked at */
	struct histogram setup[LINK_STEPS];
};

struct link_message {
	uint32_t type; /* enum link_type */
	uint32_t id;   /* of a request; the answer repeats it */
	union {
		struct link_setup setup;
		struct link_flow flow;   /* LINK_CLOSE, LINK_OWNER */
		struct link_owner owner; /* LINK_OWNED */
		struct endpoint server;  /* LINK_UDP_SERVER: family and port */
		struct link_viewer viewer; /* LINK_FLOWS */
		struct link_icmp icmp;
		struct link_member member;
		struct link_direct direct;
		struct link_counters counters;
	};
};

struct link_fds {
	int fd[LINK_FDS]; /* owned by the receiver; -1 where there is none */
	int count;
};

/* A pair of non-blocking, close-on-exec SOCK_SEQPACKET ends. */
NODISCARD int link_pair(int ends[2]);

/* Does not take the descriptors.  -EAGAIN when the other end is slow. */
NODISCARD int link_send(int fd, const struct link_message *message,
			const struct link_fds *fds);
/*
 * 1 with a message, 0 when the other end is gone, -EAGAIN when there is none
 * now, ERR_MALFORMED for anything else (descriptors are closed then).
 */
NODISCARD int link_recv(int fd, struct link_message *message,
			struct link_fds *fds);

#endif
