// SPDX-License-Identifier: BSD-2-Clause
#include "common/libraries.h"

#include "common/err.h"

#include <dlfcn.h>

#ifdef HAVE_LIBSYSTEMD
#define HAS_SYSTEMD true
#else
#define HAS_SYSTEMD false
#endif

static bool can_load(const char *library)
{
	void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);

	if (handle)
		dlclose(handle);
	return handle != NULL;
}

static int check_resolved(const struct config *config, struct diag *diag)
{
	if (config->routed.resolver != ROUTED_RESOLVER_RESOLVED)
		return 0;
	if (!HAS_SYSTEMD)
		diag_error(diag, config->file, 0, 0,
			   "'routed.resolver: resolved' needs libsystemd, and "
			   "this program was built without it, expected "
			   "resolv.conf or off");
	else if (!can_load(LIBRARY_SYSTEMD))
		diag_error(diag, config->file, 0, 0,
			   "'routed.resolver: resolved' needs libsystemd: %s, "
			   "expected the package libsystemd0 to be installed",
			   dlerror());
	else
		return 0;
	return ERR_CONFIG;
}

int libraries_check(const struct config *config, struct diag *diag)
{
	int ret = 0;

	for (size_t i = 0; i < config->upstream_count; i++) {
		const struct upstream_conf *upstream = &config->upstreams[i];

		if (!config_needs_libcurl(upstream) || can_load(LIBRARY_CURL))
			continue;
		diag_error(diag, config->file, upstream->line, 0,
			   "'upstreams.%s' is asked by TLS, by HTTPS or "
			   "through a proxy, which needs libcurl: %s, expected "
			   "the package libcurl4 to be installed",
			   upstream->name, dlerror());
		ret = ERR_CONFIG;
	}
	if (config->dnsd.metrics.addr.family != ADDR_NONE &&
	    !can_load(LIBRARY_MICROHTTPD)) {
		diag_error(diag, config->file, 0, 0,
			   "'dnsd.metrics' needs libmicrohttpd: %s, expected "
			   "the package libmicrohttpd12 to be installed",
			   dlerror());
		ret = ERR_CONFIG;
	}
	if (check_resolved(config, diag) < 0)
		ret = ERR_CONFIG;
	return ret;
}
