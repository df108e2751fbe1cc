// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/policy.h"

#include "common/clock.h"
#include "routed/relay/sniff/sniff.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static void free_outbounds(struct policy *policy)
{
	for (size_t i = 0; i < policy->config->outbound_count; i++)
		free(policy->outbounds[i].group);
	free(policy->outbounds);
}

static int outbound_init(struct policy_outbound *outbound,
			 const struct config *config, size_t i)
{
	const struct outbound_conf *conf = &config->outbounds[i];

	outbound->conf = conf;
	outbound->is_doubted = true;
	outbound->has_login = conf->username != NULL;
	outbound->login.username = conf->username;
	outbound->login.password = conf->password ? conf->password : "";
	if (!config_is_group(conf->type))
		return 0;
	outbound->group = group_new(config, conf, clock_monotonic_ms());
	return outbound->group ? 0 : -ENOMEM;
}

/*
 * Looking for a process or a card takes a while, so it is done only if a rule
 * may ask for it; lists may have such rules, too.
 */
static bool may_ask(const struct rules *rules, const char *const words[])
{
	for (size_t i = 0; i < rules_count(rules); i++) {
		for (size_t w = 0; words[w]; w++) {
			if (strcasestr(rules_at(rules, i)->text, words[w]))
				return true;
		}
	}
	return false;
}

static const char *const process_words[] = {"PROCESS-", "CGROUP", "RULE-SET",
					    NULL};
static const char *const mac_words[] = {"SRC-MAC", "RULE-SET", NULL};

static unsigned sniffs_of(const struct routed_conf *conf)
{
	static const unsigned protocols[] = {
		[ROUTED_SNIFF_TLS] = SNIFF_TLS,
		[ROUTED_SNIFF_HTTP] = SNIFF_HTTP,
		[ROUTED_SNIFF_QUIC] = SNIFF_QUIC,
	};
	unsigned sniffs = 0;

	for (size_t i = 0; i < conf->sniff_count; i++)
		sniffs |= protocols[conf->sniff[i]];
	return sniffs;
}

int policy_new(struct policy **policy, const char *text, size_t length,
	       const char *file, struct diag *diag)
{
	struct policy *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	ret = config_load(&new->config, text, length, file, diag);
	if (ret < 0)
		goto free_policy;
	new->outbounds =
		calloc(new->config->outbound_count, sizeof(new->outbounds[0]));
	if (!new->outbounds) {
		ret = -ENOMEM;
		goto free_config;
	}
	for (size_t i = 0; ret == 0 && i < new->config->outbound_count; i++)
		ret = outbound_init(&new->outbounds[i], new->config, i);
	if (ret < 0)
		goto free_outbounds;
	new->asks_process = may_ask(new->config->rules, process_words);
	new->asks_mac = may_ask(new->config->rules, mac_words);
	new->sniffs = sniffs_of(&new->config->routed);
	new->references = 1;
	*policy = new;
	return 0;

free_outbounds:
	free_outbounds(new);
free_config:
	config_free(new->config);
free_policy:
	free(new);
	return ret;
}

struct policy *policy_ref(struct policy *policy)
{
	policy->references++;
	return policy;
}

void policy_unref(struct policy *policy)
{
	if (!policy || --policy->references > 0)
		return;
	free_outbounds(policy);
	config_free(policy->config);
	free(policy);
}

void policy_look_around(struct policy *policy, const struct nl_state *state)
{
	struct uplink uplink;

	policy->has_local_server = false;
	for (size_t i = 0; i < policy->config->outbound_count; i++) {
		struct policy_outbound *outbound = &policy->outbounds[i];

		outbound->is_local =
			config_is_proxy(outbound->conf->type) &&
			(outbound->conf->server_path ||
			 uplink_toward(state, &outbound->conf->server.addr,
				       NULL, &uplink) == 1);
		policy->has_local_server |= outbound->is_local;
	}
}

const char *policy_outbound_name(const struct policy *policy, int outbound)
{
	assert(outbound >= 0 &&
	       (size_t)outbound < policy->config->outbound_count);
	return policy->config->outbounds[outbound].name;
}

struct endpoint policy_dnsd(const struct policy *policy)
{
	struct endpoint server = policy->config->dnsd.listen[0];

	if (!addr_is_unspecified(&server.addr))
		return server;
	if (server.addr.family == ADDR_IPV4)
		server.addr = addr_ipv4(INADDR_LOOPBACK);
	else
		server.addr.bytes[15] = 1;
	return server;
}
