// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * carry.bpf.c - carries TCP between the host's TUN and the inner namespace
 * without waking anybody.
 *
 *	host's TUN		veth			inner namespace
 *	egress	tun_out  -+
 *	ingress tun_in  <-+ marked ---- to the peer --> TCP
 *	ingress	  <------------ egress: host_end_in <-- TCP
 *			  host_end_out: nothing
 *
 * bpf_redirect_peer() works from ingress only, hence the way back into the
 * TUN; the mark tells such a packet from one that the relay wrote.  It takes
 * the place of a mark that the packet may have had, which nobody can see any
 * more: the TUN's ingress comes before each hook of the host's, and from there
 * it leaves the host.  Answers come without a mark, as the inner sockets have
 * none.
 *
 * Only what packet_is_plain_tcp() would carry is carried: a SYN without ACK,
 * fragments, options of IPv6 and all that is not TCP go to the relay.
 *
 * SYNs that no TCP of this host sends, those of devices behind it and of raw
 * sockets, go there at several times the rate at which flows can begin, and no
 * faster: what the relay would drop is dropped here, where it costs nothing.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#define MARK 0x0e25a72
#define PROTOCOL_TCP 6
#define IPV4_MIN 20
#define IPV6_SIZE 40
#define TCP_MIN 20
#define TCP_FLAGS 13 /* where they are in the header */
#define TCP_SYN 0x02
#define TCP_ACK 0x10

/* 20,000 a second, after the first thousand. */
#define SYN_NS 50000
#define SYN_BURST_NS (1024ULL * SYN_NS)

/* carry.c has them in a mapping: no bpf(2) is needed for that. */
__u32 tun_ifindex;      /* 0: there is none */
__u32 host_end_ifindex; /* of the veth */
__u64 syn_due_ns;       /* when the next one comes at that rate */
__u64 syns_dropped;

/* Where the TCP header is, or 0: it is something else, or only a piece. */
static __always_inline __u32 tcp_offset(struct __sk_buff *skb)
{
	__u8 header[IPV4_MIN];

	if (bpf_skb_load_bytes_relative(skb, 0, header, sizeof(header),
					BPF_HDR_START_NET) < 0)
		return 0;
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return header[6] == PROTOCOL_TCP ? IPV6_SIZE : 0;
	if (skb->protocol != bpf_htons(ETH_P_IP) || header[9] != PROTOCOL_TCP)
		return 0;
	/* More fragments, or an offset. */
	if ((header[6] & 0x3f) || header[7])
		return 0;
	__u32 size = (header[0] & 0x0f) * 4;
	return size >= IPV4_MIN ? size : 0;
}

enum kind { OTHER, OPENING, CARRIED };

static __always_inline enum kind kind_of(struct __sk_buff *skb)
{
	__u32 offset = tcp_offset(skb);
	__u8 rest[TCP_MIN - TCP_FLAGS]; /* of the header: it is all there */

	if (offset == 0 ||
	    bpf_skb_load_bytes_relative(skb, offset + TCP_FLAGS, rest,
					sizeof(rest), BPF_HDR_START_NET) < 0)
		return OTHER;
	return (rest[0] & (TCP_SYN | TCP_ACK)) == TCP_SYN ? OPENING : CARRIED;
}

static __always_inline bool is_of_this_host(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (sk)
		sk = bpf_sk_fullsock(sk);
	return sk && sk->protocol == PROTOCOL_TCP;
}

/* Two processors at a time may let one through too many, which is as well. */
static __always_inline bool is_flood(void)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 due = syn_due_ns > now ? syn_due_ns : now;

	if (due - now > SYN_BURST_NS) {
		__sync_fetch_and_add(&syns_dropped, 1);
		return true;
	}
	syn_due_ns = due + SYN_NS;
	return false;
}

SEC("tc")
int tun_out(struct __sk_buff *skb)
{
	enum kind kind = kind_of(skb);

	if (kind == OPENING && !is_of_this_host(skb) && is_flood())
		return TC_ACT_SHOT;
	if (kind != CARRIED)
		return TC_ACT_UNSPEC;
	skb->mark = MARK;
	return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

SEC("tc")
int tun_in(struct __sk_buff *skb)
{
	if (skb->mark != MARK)
		return TC_ACT_UNSPEC;
	return bpf_redirect_peer(host_end_ifindex, 0);
}

/* What the inner kernel says of neighbours and groups stays in there. */
SEC("tc")
int host_end_in(struct __sk_buff *skb)
{
	if (tcp_offset(skb) == 0 || tun_ifindex == 0)
		return TC_ACT_SHOT;
	return bpf_redirect(tun_ifindex, BPF_F_INGRESS);
}

/* Nobody of the host gets in this way. */
SEC("tc")
int host_end_out(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_SHOT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
