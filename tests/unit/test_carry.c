// SPDX-License-Identifier: BSD-2-Clause
/*
 * The programs of carry.bpf.c, run by the kernel on packets that this test
 * makes.  (That they carry is seen in test_inner.c.)
 */
#include "routed/relay/packet.h"

#include "routed/carry.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PACKET_MAX 128
#define TCP_AT4 20
#define TCP_AT6 40

struct fixture {
	struct carry_bpf *skeleton;
};

struct frame {
	uint8_t bytes[ETH_HLEN + PACKET_MAX];
	size_t length; /* of the packet */
};

static int setup(void **state)
{
	static struct fixture f;

	f.skeleton = carry_bpf__open_and_load();
	*state = f.skeleton ? &f : NULL; /* without privilege: nothing to see */
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f)
		carry_bpf__destroy(f->skeleton);
	return 0;
}

static int verdict(const struct bpf_program *program, const struct frame *frame,
		   uint32_t mark)
{
	struct __sk_buff skb = {.mark = mark};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)(ETH_HLEN + frame->length),
		    .ctx_in = &skb, .ctx_size_in = sizeof(skb), .repeat = 1);

	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(program), &opts), 0);
	return (int)opts.retval;
}

static uint8_t *packet_of(struct frame *frame)
{
	return frame->bytes + ETH_HLEN;
}

static void make(struct frame *frame, int version, uint8_t protocol,
		 uint8_t flags)
{
	uint8_t *packet = packet_of(frame);
	const size_t tcp = version == 4 ? TCP_AT4 : TCP_AT6;

	memset(frame, 0, sizeof(*frame));
	frame->length = tcp + 20;
	frame->bytes[12] = version == 4 ? 0x08 : 0x86;
	frame->bytes[13] = version == 4 ? 0x00 : 0xdd;
	packet[0] = version == 4 ? 0x45 : 0x60;
	packet[version == 4 ? 9 : 6] = protocol;
	packet[tcp + 12] = 0x50;
	packet[tcp + 13] = flags;
}

static void tcp_turns_round_and_an_opening_syn_does_not(void **state)
{
	static const struct {
		uint8_t flags;
		int verdict;
	} cases[] = {
		{PACKET_TCP_SYN, TC_ACT_UNSPEC},
		{PACKET_TCP_SYN | 0xc0, TC_ACT_UNSPEC}, /* asks for ECN */
		{PACKET_TCP_ACK, TC_ACT_REDIRECT},
		{PACKET_TCP_SYN | PACKET_TCP_ACK, TC_ACT_REDIRECT},
		{PACKET_TCP_RST, TC_ACT_REDIRECT},
		{PACKET_TCP_FIN | PACKET_TCP_ACK, TC_ACT_REDIRECT},
	};
	struct fixture *f = *state;
	struct frame frame;

	if (!f)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int version = 4; version <= 6; version += 2) {
			make(&frame, version, PACKET_TCP, cases[i].flags);
			assert_int_equal(
				verdict(f->skeleton->progs.tun_out, &frame, 0),
				cases[i].verdict);
		}
	}
}

static void what_is_no_plain_tcp_goes_to_the_relay(void **state)
{
	const struct fixture *f = *state;
	struct frame frame;

	if (!f)
		skip();
	make(&frame, 4, PACKET_UDP, PACKET_TCP_ACK);
	assert_int_equal(verdict(f->skeleton->progs.tun_out, &frame, 0),
			 TC_ACT_UNSPEC);
	make(&frame, 4, PACKET_TCP, PACKET_TCP_ACK);
	packet_of(&frame)[6] = 0x20; /* more fragments */
	assert_int_equal(verdict(f->skeleton->progs.tun_out, &frame, 0),
			 TC_ACT_UNSPEC);
	make(&frame, 4, PACKET_TCP, PACKET_TCP_ACK);
	packet_of(&frame)[7] = 1; /* a later fragment */
	assert_int_equal(verdict(f->skeleton->progs.tun_out, &frame, 0),
			 TC_ACT_UNSPEC);
	make(&frame, 6, 0, PACKET_TCP_ACK); /* hop-by-hop options */
	assert_int_equal(verdict(f->skeleton->progs.tun_out, &frame, 0),
			 TC_ACT_UNSPEC);
	/* Do not fragment: as most are. */
	make(&frame, 4, PACKET_TCP, PACKET_TCP_ACK);
	packet_of(&frame)[6] = 0x40;
	assert_int_equal(verdict(f->skeleton->progs.tun_out, &frame, 0),
			 TC_ACT_REDIRECT);
}

static void syns_of_a_flood_are_dropped_and_nothing_else_is(void **state)
{
	const struct fixture *f = *state;
	struct frame frame;

	if (!f)
		skip();
	for (int version = 4; version <= 6; version += 2) {
		/* As after many: the next one is due in a thousand years. */
		f->skeleton->bss->syn_due_ns = UINT64_MAX / 2;
		f->skeleton->bss->syns_dropped = 0;
		make(&frame, version, PACKET_TCP, PACKET_TCP_ACK);
		assert_int_equal(verdict(f->skeleton->progs.tun_out, &frame, 0),
				 TC_ACT_REDIRECT);
		make(&frame, version, PACKET_UDP, PACKET_TCP_SYN);
		assert_int_equal(verdict(f->skeleton->progs.tun_out, &frame, 0),
				 TC_ACT_UNSPEC);
		assert_int_equal(f->skeleton->bss->syns_dropped, 0);
		make(&frame, version, PACKET_TCP, PACKET_TCP_SYN);
		assert_int_equal(verdict(f->skeleton->progs.tun_out, &frame, 0),
				 TC_ACT_SHOT);
		assert_int_equal(f->skeleton->bss->syns_dropped, 1);
		/* The flood is over. */
		f->skeleton->bss->syn_due_ns = 0;
		assert_int_equal(verdict(f->skeleton->progs.tun_out, &frame, 0),
				 TC_ACT_UNSPEC);
		assert_int_equal(f->skeleton->bss->syns_dropped, 1);
		assert_true(f->skeleton->bss->syn_due_ns > 0);
	}
}

static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* The IP header is there: the kernel makes no packet without. */
static void make_random(struct frame *frame, uint32_t *seed)
{
	uint8_t *packet = packet_of(frame);
	const int version = draw(seed) % 2 ? 4 : 6;

	make(frame, version, PACKET_TCP, 0);
	frame->length = (version == 4 ? TCP_AT4 : TCP_AT6) + draw(seed) % 60;
	for (size_t i = 0; i < frame->length; i++) {
		if (draw(seed) % 4 == 0)
			packet[i] = (uint8_t)draw(seed);
	}
	packet[0] = (uint8_t)(version << 4 | (packet[0] & 0x0f));
	if (draw(seed) % 8)
		packet[version == 4 ? 9 : 6] = PACKET_TCP;
	if (version == 4 && draw(seed) % 4)
		packet[6] = packet[7] = 0;
}

/* Or a flow would have two carriers. */
static void it_agrees_with_the_carrier_in_user_space(void **state)
{
	const struct fixture *f = *state;
	struct frame frame;
	uint32_t seed = 4711;
	int carried = 0;

	if (!f)
		skip();
	for (int i = 0; i < 20000; i++) {
		make_random(&frame, &seed);
		bool is_plain =
			packet_is_plain_tcp(packet_of(&frame), frame.length);
		f->skeleton->bss->syn_due_ns = 0; /* no flood of SYNs */
		assert_int_equal(verdict(f->skeleton->progs.tun_out, &frame, 0),
				 is_plain ? TC_ACT_REDIRECT : TC_ACT_UNSPEC);
		carried += is_plain;
	}
	assert_true(carried > 1000 && carried < 19000); /* the control */
}

static void only_what_turned_round_enters_the_namespace(void **state)
{
	const struct fixture *f = *state;
	struct frame frame;

	if (!f)
		skip();
	make(&frame, 4, PACKET_TCP, PACKET_TCP_ACK);
	assert_int_equal(verdict(f->skeleton->progs.tun_in, &frame, 0),
			 TC_ACT_UNSPEC);
	assert_int_equal(verdict(f->skeleton->progs.tun_in, &frame, 0x77),
			 TC_ACT_UNSPEC);
	assert_int_equal(verdict(f->skeleton->progs.tun_in, &frame, 0x0e25a72),
			 TC_ACT_REDIRECT);
}

static void
only_tcp_leaves_the_namespace_and_nothing_enters_by_the_veth(void **state)
{
	const struct fixture *f = *state;
	struct frame frame;

	if (!f)
		skip();
	make(&frame, 4, PACKET_TCP, PACKET_TCP_ACK);
	/* Without a TUN nothing leaves. */
	assert_int_equal(verdict(f->skeleton->progs.host_end_in, &frame, 0),
			 TC_ACT_SHOT);
	f->skeleton->bss->tun_ifindex = 1;
	assert_int_equal(verdict(f->skeleton->progs.host_end_in, &frame, 0),
			 TC_ACT_REDIRECT);
	make(&frame, 6, PACKET_ICMPV6, 0);
	assert_int_equal(verdict(f->skeleton->progs.host_end_in, &frame, 0),
			 TC_ACT_SHOT);
	make(&frame, 4, PACKET_TCP, PACKET_TCP_ACK);
	assert_int_equal(verdict(f->skeleton->progs.host_end_out, &frame, 0),
			 TC_ACT_SHOT);
	f->skeleton->bss->tun_ifindex = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_turns_round_and_an_opening_syn_does_not),
		cmocka_unit_test(what_is_no_plain_tcp_goes_to_the_relay),
		cmocka_unit_test(
			syns_of_a_flood_are_dropped_and_nothing_else_is),
		cmocka_unit_test(it_agrees_with_the_carrier_in_user_space),
		cmocka_unit_test(only_what_turned_round_enters_the_namespace),
		cmocka_unit_test(
			only_tcp_leaves_the_namespace_and_nothing_enters_by_the_veth),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
