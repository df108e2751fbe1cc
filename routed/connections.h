// SPDX-License-Identifier: BSD-2-Clause
/*
 * connections.h - the connections of this host that go through the TUN.
 *
 * When the TUN goes they would hang until they time out; ended, their
 * applications see it at once and may connect anew, directly.
 *
 * Privilege	CAP_NET_ADMIN
 * Errors	-errno; -EOPNOTSUPP: not with this kernel
 */
#ifndef ERSATZ_ROUTED_CONNECTIONS_H
#define ERSATZ_ROUTED_CONNECTIONS_H

#include "common/compiler.h"
#include "common/fake.h"

/* All that have the TUN's own address; how many, or an error. */
NODISCARD int connections_end(const struct fake_pool *pool);

#endif
