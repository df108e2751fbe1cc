// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * steer.bpf.c - gives every TCP packet without a socket to the listener of
 * its family.
 *
 * Runs in the inner namespace only, where nobody else listens, so it asks for
 * nothing but the family.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define FAMILY_INET 2 /* AF_INET: no libc header for BPF has it */
#define PROTOCOL_TCP 6

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} listeners SEC(".maps");

SEC("sk_lookup")
int steer_flow(struct bpf_sk_lookup *ctx)
{
	const __u32 key = ctx->family == FAMILY_INET ? 0 : 1;
	struct bpf_sock *sk;

	if (ctx->protocol != PROTOCOL_TCP)
		return SK_PASS;
	sk = bpf_map_lookup_elem(&listeners, &key);
	if (!sk)
		return SK_DROP;
	long error = bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return error ? SK_DROP : SK_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
