// SPDX-License-Identifier: BSD-2-Clause
/*
 * route_compare - holds the kernel of paper (fib_model.h) against the real
 * one.
 *
 * Copies the routing state of the namespace into the model and asks both
 * where packets go: each sender times each target.  Prints what differs, a
 * line each, and "compared N" at the end.
 */
#include "tests/unit/fib_model.h"

#include "common/err.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const targets[] = {
	"203.0.113.2",    "198.51.100.2",  "198.18.0.9",    "192.168.7.1",
	"192.168.7.77",   "224.0.0.251",   "169.254.3.3",   "10.1.2.3",
	"198.18.0.1",     "192.168.7.2",   "2001:db8:3::2", "2001:2::9",
	"2001:db8:7::77", "2001:db8:7::1", "2001:db8:7::2", "fd00::1",
};

enum { SENDERS = 9 };

static void lookup_make(struct nl_lookup *lookup, size_t sender,
			const char *target)
{
	memset(lookup, 0, sizeof(*lookup));
	lookup->dst = addr_of(target);
	lookup->has_uid = true;
	lookup->uid = 7;
	switch (sender) {
	case 1:
		lookup->uid = 12345;
		break;
	case 2:
		lookup->mark = 0x2a;
		break;
	case 3:
		strcpy(lookup->oif, "eth0");
		break;
	case 4:
		lookup->ip_protocol = IPPROTO_UDP;
		lookup->sport = 5555;
		break;
	case 5:
		strcpy(lookup->oif, "ersatz0");
		break;
	case 6:
		lookup->src = addr_of(lookup->dst.family == ADDR_IPV4
					      ? "192.168.7.2"
					      : "2001:db8:7::2");
		break;
	case 7:
		lookup->src =
			addr_of(lookup->dst.family == ADDR_IPV4 ? "198.18.0.1"
								: "2001:2::1");
		break;
	case 8:
		lookup->mark = 1;
		break;
	}
}

/*
 * What the model leaves out: broadcast and multicast of the local table, and
 * that IPv4 takes every error of a bound socket for "on link".
 */
static bool is_left_out(const struct nl_lookup *lookup, int kernel, int model)
{
	return lookup->oif[0] && lookup->dst.family == ADDR_IPV4 && model < 0 &&
	       kernel > 0;
}

static int ask_kernel(struct nl_edit *edit, const struct nl_lookup *lookup)
{
	struct nl_lookup_answer answer;
	int ret = nl_edit_lookup(edit, lookup, &answer);

	return ret < 0 ? ret : answer.type == RTN_LOCAL ? LO : answer.oif;
}

static int fill(struct fib_model *model)
{
	struct nl_reader *reader;
	struct nl_state now;
	int ret = nl_reader_open(&reader);

	if (ret < 0)
		return ret;
	ret = nl_reader_dump(reader, &now);
	nl_reader_close(reader);
	if (ret < 0)
		return ret;
	fib_model_init(model);
	if (now.link_count > FIB_MODEL_LINKS ||
	    now.addr_count > FIB_MODEL_ADDRS ||
	    now.route_count > FIB_MODEL_ROUTES ||
	    now.rule_count > FIB_MODEL_RULES)
		return -E2BIG;
	memcpy(model->links, now.links, now.link_count * sizeof(*now.links));
	memcpy(model->addrs, now.addrs, now.addr_count * sizeof(*now.addrs));
	memcpy(model->routes, now.routes,
	       now.route_count * sizeof(*now.routes));
	memcpy(model->rules, now.rules, now.rule_count * sizeof(*now.rules));
	model->state.link_count = now.link_count;
	model->state.addr_count = now.addr_count;
	model->state.route_count = now.route_count;
	model->state.rule_count = now.rule_count;
	nl_state_free(&now);
	return 0;
}

static void compare(struct nl_edit *edit, const struct fib_model *model,
		    size_t sender, const char *target)
{
	struct nl_lookup lookup;
	int kernel, paper;

	lookup_make(&lookup, sender, target);
	kernel = ask_kernel(edit, &lookup);
	paper = fib_model_lookup(model, &lookup, false);
	if (kernel == paper || is_left_out(&lookup, kernel, paper))
		return;
	printf("sender %zu to %s: kernel %d, model %d\n", sender, target,
	       kernel, paper);
}

int main(void)
{
	static struct fib_model model;
	struct nl_edit *edit = NULL;
	int ret = nl_edit_open(&edit);

	if (ret == 0)
		ret = fill(&model);
	if (ret < 0) {
		printf("%s\n", err_text(ret));
		return EXIT_FAILURE;
	}
	for (size_t s = 0; s < SENDERS; s++) {
		for (size_t t = 0; t < ARRAY_LEN(targets); t++)
			compare(edit, &model, s, targets[t]);
	}
	printf("compared %zu\n", SENDERS * ARRAY_LEN(targets));
	nl_edit_close(edit);
	return EXIT_SUCCESS;
}
