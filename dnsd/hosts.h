// SPDX-License-Identifier: BSD-2-Clause
/*
 * hosts.h - names whose addresses somebody wrote down: `hosts:` of the
 * configuration, then /etc/hosts.
 *
 * What the configuration says of a name hides what the file says of it.
 * Lines of the file that make no sense are passed over, as by everybody who
 * reads it; a file that is not there is an empty one.  Loading makes
 * everything anew and puts it in place at once; finding allocates nothing.
 *
 * Errors	-errno
 * Ownership	hosts_new() gives to the caller; the config may go afterwards
 * Thread	the thread of the loop
 * Source	hosts(5)
 */
#ifndef ERSATZ_DNSD_HOSTS_H
#define ERSATZ_DNSD_HOSTS_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/config.h"
#include "common/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTS_ADDRS_MAX 32 /* that are told of one name and family */

struct hosts;

/* Empty, until something is loaded. */
NODISCARD int hosts_new(struct hosts **hosts);
void hosts_free(struct hosts *hosts);

/* What was there stays if this fails. */
NODISCARD int hosts_load(struct hosts *hosts, const struct config *config);

/* The number of an entry, or -ENOENT; NULL has none. */
NODISCARD int64_t hosts_find(const struct hosts *hosts,
			     const struct name *name);

/* The addresses of that family, at most `max`. */
size_t hosts_addresses(const struct hosts *hosts, int64_t entry,
		       enum addr_family family, struct addr *addrs, size_t max);

/*
 * Takes those off the list, in place, that another host must not be told: of
 * the file, loopback addresses, which mean this host and not the one that
 * asks.  Those of `localhost` mean whoever asks; what the configuration says is
 * told as it says it.  Returns how many are left.
 */
size_t hosts_for_others(const struct hosts *hosts, int64_t entry,
			struct addr *addrs, size_t count);

/* The first name that was given to the address: its entry, or -ENOENT. */
NODISCARD int64_t hosts_name(const struct hosts *hosts, const struct addr *addr,
			     struct name *name);

/* "/etc/hosts:7": where it is written. */
const char *hosts_where(const struct hosts *hosts, int64_t entry, char *out,
			size_t size);

/* The same as a number: the line of the file, or of the configuration. */
uint32_t hosts_line(const struct hosts *hosts, int64_t entry, bool *is_file);

size_t hosts_count(const struct hosts *hosts);

#endif
