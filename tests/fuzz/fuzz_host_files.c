// SPDX-License-Identifier: BSD-2-Clause
/* /etc/hosts, /etc/resolv.conf, and what is kept of the latter. */
#include "common/config.h"
#include "dnsd/hosts.h"
#include "dnsd/upstream/resolvconf.h"
#include "tests/fuzz/fuzz.h"

static void read_hosts(const uint8_t *data, size_t size)
{
	const struct config config = {
		.file = "f", .dnsd = {.hosts_file = fuzz_file(data, size)}};
	struct addr addrs[HOSTS_ADDRS_MAX];
	struct hosts *hosts;
	struct name name;
	int64_t entry;
	char where[64];

	fuzz_require(hosts_new(&hosts) == 0);
	if (hosts_load(hosts, &config) == 0 &&
	    name_parse(&name, "a.example") == 0 &&
	    (entry = hosts_find(hosts, &name)) >= 0) {
		size_t count = hosts_addresses(hosts, entry, ADDR_IPV4, addrs,
					       HOSTS_ADDRS_MAX);

		fuzz_require(count <= HOSTS_ADDRS_MAX);
		fuzz_require(hosts_for_others(hosts, entry, addrs, count) <=
			     count);
		(void)hosts_where(hosts, entry, where, sizeof(where));
	}
	hosts_free(hosts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resolvconf conf = {.path = "", .before = ""};
	int ret = resolvconf_parse(&conf, (const char *)data, size);

	fuzz_require(ret == 0 || ret == 1);
	fuzz_require(conf.count <= RESOLVCONF_SERVERS);
	read_hosts(data, size);
	return 0;
}
