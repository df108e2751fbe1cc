// SPDX-License-Identifier: BSD-2-Clause
#include "routed/forwarding.h"

#include "common/err.h"
#include "common/uplink.h"
#include "routed/throws.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCEPT_RA_ALWAYS 2 /* though this host forwards */
#define RP_FILTER_LOOSE 2

struct draft {
	struct forwarding *forwarding;
	const struct config *config;
	const struct nl_state *found;
	const struct plan_facts *facts;
};

/* A setting of one interface, or of "all". */
struct wish {
	int family;
	const char *name, *what;
	int value;
	enum forwarding_how how;
};

static void append(const struct draft *draft, struct wish wish)
{
	struct forwarding *forwarding = draft->forwarding;
	struct forwarding_setting *grown;

	if (forwarding->error)
		return;
	/* Full at every power of two. */
	if ((forwarding->count & (forwarding->count - 1)) == 0) {
		size_t room = forwarding->count ? forwarding->count * 2 : 1;

		grown = realloc(forwarding->list, room * sizeof(*grown));
		if (!grown) {
			forwarding->error = -ENOMEM;
			return;
		}
		forwarding->list = grown;
	}
	struct forwarding_setting *one = &forwarding->list[forwarding->count++];
	snprintf(one->path, sizeof(one->path), "net/ipv%d/conf/%s/%s",
		 wish.family, wish.name, wish.what);
	one->value = wish.value;
	one->how = wish.how;
}

static bool is_served(const struct draft *draft, const char *name)
{
	for (size_t i = 0; i < draft->facts->gateway_count; i++) {
		if (strcmp(draft->facts->gateways[i], name) == 0)
			return true;
	}
	return false;
}

static bool find_uplink(const struct draft *draft, uint8_t family,
			struct uplink *uplink)
{
	return uplink_find(draft->found, family, draft->config->routed.uplink,
			   uplink) == 0;
}

static void plan_ipv4(const struct draft *draft)
{
	const char *tun = draft->config->routed.tun;
	struct uplink uplink;

	for (size_t i = 0; i < draft->facts->gateway_count; i++)
		append(draft,
		       (struct wish){ADDR_IPV4, draft->facts->gateways[i],
				     "forwarding", 1, FORWARDING_SET});
	if (find_uplink(draft, ADDR_IPV4, &uplink) &&
	    !is_served(draft, uplink.name))
		append(draft, (struct wish){ADDR_IPV4, uplink.name,
					    "forwarding", 1, FORWARDING_SET});
	append(draft,
	       (struct wish){ADDR_IPV4, tun, "forwarding", 1, FORWARDING_OWN});
	append(draft, (struct wish){ADDR_IPV4, tun, "rp_filter",
				    RP_FILTER_LOOSE, FORWARDING_OWN});
}

static void plan_strict(const struct draft *draft)
{
	for (size_t i = 0; i < draft->found->link_count; i++) {
		const struct nl_link *link = &draft->found->links[i];

		if (!link->is_loopback && !link->master &&
		    link->group != NL_PROTOCOL &&
		    link->ifindex != draft->facts->tun_ifindex)
			append(draft, (struct wish){ADDR_IPV4, link->name,
						    "src_valid_mark", 1,
						    FORWARDING_STRICT});
	}
}

/* Where router advertisements may come from. */
static bool may_have_router(const struct draft *draft,
			    const struct nl_link *link)
{
	struct uplink uplink;

	if (link->is_loopback || link->master || link->group == NL_PROTOCOL ||
	    uplink_is_tunnel(link))
		return false;
	if (find_uplink(draft, ADDR_IPV6, &uplink) &&
	    uplink.ifindex == link->ifindex)
		return true;
	return !is_served(draft, link->name);
}

static void plan_ipv6_host(const struct draft *draft)
{
	for (size_t i = 0; i < draft->found->link_count; i++) {
		const struct nl_link *link = &draft->found->links[i];

		if (may_have_router(draft, link))
			append(draft,
			       (struct wish){ADDR_IPV6, link->name, "accept_ra",
					     ACCEPT_RA_ALWAYS,
					     FORWARDING_RAISE});
	}
	/* Those of one interface follow the one for all, both ways. */
	for (size_t i = 0; i < draft->found->link_count; i++) {
		const struct nl_link *link = &draft->found->links[i];

		if (link->ifindex != draft->facts->tun_ifindex)
			append(draft, (struct wish){ADDR_IPV6, link->name,
						    "forwarding", 0,
						    FORWARDING_TAKEN});
	}
	append(draft, (struct wish){ADDR_IPV6, "all", "forwarding", 1,
				    FORWARDING_SET});
}

static bool has_ipv6(const struct draft *draft)
{
	for (size_t i = 0; i < draft->found->addr_count; i++) {
		const struct nl_ifaddr *own = &draft->found->addrs[i];
		const struct nl_link *link =
			nl_link_by_index(draft->found, own->ifindex);

		if (own->addr.family == ADDR_IPV6 && link &&
		    is_served(draft, link->name) &&
		    !throws_is_always(&own->prefix))
			return true;
	}
	return false;
}

int forwarding_plan(struct forwarding *forwarding, const struct config *config,
		    const struct nl_state *found,
		    const struct plan_facts *facts)
{
	const struct draft draft = {forwarding, config, found, facts};

	memset(forwarding, 0, sizeof(*forwarding));
	if (!facts->gateway_count)
		return 0;
	plan_ipv4(&draft);
	plan_strict(&draft);
	if (has_ipv6(&draft) &&
	    plan_ipv6(config, found, facts) == PLAN_IPV6_CARRIED)
		plan_ipv6_host(&draft);
	return forwarding->error;
}

void forwarding_fini(struct forwarding *forwarding)
{
	free(forwarding->list);
	memset(forwarding, 0, sizeof(*forwarding));
}

/* Of the interface whose setting that is, or of all. */
static bool is_strict(const struct forwarding_setting *one)
{
	const char *name = strrchr(one->path, '/');
	char path[SYSCTLS_PATH_SIZE];
	int own, all = sysctls_get("net/ipv4/conf/all/rp_filter");

	snprintf(path, sizeof(path), "%.*s/rp_filter", (int)(name - one->path),
		 one->path);
	own = sysctls_get(path);
	return (own > all ? own : all) == 1;
}

static int apply(const struct forwarding_setting *one, struct sysctls *sysctls)
{
	switch (one->how) {
	case FORWARDING_OWN:
		return sysctls_put(one->path, one->value);
	case FORWARDING_TAKEN:
		return sysctls_note(sysctls, one->path, one->value);
	case FORWARDING_RAISE:
		if (sysctls_get(one->path) != 1)
			return 0;
		break;
	case FORWARDING_STRICT:
		if (!is_strict(one))
			return 0;
		break;
	case FORWARDING_SET:
		break;
	}
	return sysctls_set(sysctls, one->path, one->value);
}

static bool is_wanted(const void *ctx, const char *path)
{
	const struct forwarding *forwarding = ctx;

	for (size_t i = 0; i < forwarding->count; i++) {
		if (strcmp(forwarding->list[i].path, path) == 0)
			return true;
	}
	return false;
}

void forwarding_apply(const struct forwarding *forwarding,
		      struct sysctls *sysctls, struct log_limit *limit)
{
	bool is_on = false;

	sysctls_prune(sysctls, is_wanted, forwarding);
	for (size_t i = 0; i < forwarding->count; i++) {
		const struct forwarding_setting *one = &forwarding->list[i];
		int ret;

		/* Only what is off can be taken along. */
		if (one->how == FORWARDING_TAKEN && i > 0 &&
		    forwarding->list[i - 1].how != FORWARDING_TAKEN)
			is_on = sysctls_get("net/ipv6/conf/all/forwarding") > 0;
		if (one->how == FORWARDING_TAKEN && is_on)
			continue;
		ret = apply(one, sysctls);
		/* The interface may be yet to come, or gone again. */
		if (ret >= 0 || ret == -ENOENT || !log_limit_pass(limit))
			continue;
		log_warning("devices behind this host are not served: cannot "
			    "set '/proc/sys/%s' to %d: %s; do it with: echo %d "
			    "> '/proc/sys/%s'",
			    one->path, one->value, err_text(ret), one->value,
			    one->path);
	}
}

/* What is so already needs no command. */
static bool has_command(const struct forwarding_setting *one)
{
	int now = sysctls_get(one->path);

	switch (one->how) {
	case FORWARDING_TAKEN:
		return false;
	case FORWARDING_RAISE:
		return now == 1;
	case FORWARDING_STRICT:
		return now >= 0 && now != one->value && is_strict(one);
	case FORWARDING_SET:
		return now >= 0 && now != one->value;
	case FORWARDING_OWN:
		break;
	}
	return true;
}

bool forwarding_commands(const struct forwarding_setting *one, char *apply,
			 char *undo)
{
	if (!has_command(one))
		return false;
	snprintf(apply, FORWARDING_COMMAND_SIZE, "echo %d > '/proc/sys/%s'",
		 one->value, one->path);
	if (one->how == FORWARDING_OWN)
		undo[0] = '\0';
	else
		snprintf(undo, FORWARDING_COMMAND_SIZE,
			 "echo %d > '/proc/sys/%s'", sysctls_get(one->path),
			 one->path);
	return true;
}
