// SPDX-License-Identifier: BSD-2-Clause
#include "routed/gateway.h"

#include "common/uplink.h"
#include "routed/throws.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_uplink(const struct config *config, const struct nl_state *found,
		      const struct nl_link *link)
{
	struct uplink uplink;

	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		if (uplink_find(found, f, config->routed.uplink, &uplink) ==
			    0 &&
		    uplink.ifindex == link->ifindex)
			return true;
	}
	return false;
}

static bool is_exempt(const struct config *config, const char *name)
{
	const struct routed_conf *conf = &config->routed;

	for (size_t i = 0; i < conf->exempt.interface_count; i++) {
		if (strcmp(conf->exempt.interfaces[i], name) == 0)
			return true;
	}
	return false;
}

static bool has_address(const struct nl_state *found, int ifindex)
{
	for (size_t i = 0; i < found->addr_count; i++) {
		const struct nl_ifaddr *own = &found->addrs[i];

		if (own->ifindex == ifindex && !throws_is_always(&own->prefix))
			return true;
	}
	return false;
}

/* A container's or a guest's end of a wire. */
static bool is_virtual(const struct nl_link *link)
{
	static const char *const kinds[] = {"veth", "tun", "netkit", "dummy"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(link->kind, kinds[i]) == 0)
			return true;
	}
	return false;
}

static bool has_only_virtual_ports(const struct nl_state *found, int bridge)
{
	for (size_t i = 0; i < found->link_count; i++) {
		const struct nl_link *link = &found->links[i];

		if (link->master == bridge && !is_virtual(link))
			return false;
	}
	return true;
}

static bool is_of_guests(const struct config *config,
			 const struct nl_state *found,
			 const struct nl_link *link)
{
	return strcmp(link->kind, "bridge") == 0 && link->is_up &&
	       has_address(found, link->ifindex) &&
	       has_only_virtual_ports(found, link->ifindex) &&
	       !is_uplink(config, found, link) &&
	       !is_exempt(config, link->name);
}

static void add_guests(struct gateways *gateways, const struct config *config,
		       const struct nl_state *found)
{
	for (size_t i = 0; i < found->link_count; i++) {
		const struct nl_link *link = &found->links[i];

		if (is_of_guests(config, found, link) &&
		    !gateways_have(gateways, link->name))
			gateways->names[gateways->count++] = link->name;
	}
}

int gateways_find(struct gateways *gateways, const struct config *config,
		  const struct nl_state *found)
{
	const struct routed_conf *conf = &config->routed;
	bool has_guests = false;

	memset(gateways, 0, sizeof(*gateways));
	gateways->names = calloc(conf->gateway_count + found->link_count + 1,
				 sizeof(*gateways->names));
	if (!gateways->names)
		return -ENOMEM;
	for (size_t i = 0; i < conf->gateway_count; i++) {
		const char *name = conf->gateways[i];

		if (strcmp(name, CONFIG_GATEWAY_AUTO) == 0)
			has_guests = true;
		else if (strcmp(name, CONFIG_GATEWAY_OFF) != 0)
			gateways->names[gateways->count++] = name;
	}
	if (has_guests)
		add_guests(gateways, config, found);
	return 0;
}

void gateways_fini(struct gateways *gateways)
{
	free(gateways->names);
	memset(gateways, 0, sizeof(*gateways));
}

bool gateways_have(const struct gateways *gateways, const char *name)
{
	for (size_t i = 0; i < gateways->count; i++) {
		if (strcmp(gateways->names[i], name) == 0)
			return true;
	}
	return false;
}
