// SPDX-License-Identifier: BSD-2-Clause
/*
 * rules_watch.h - the files that rules were read from, watched for changes.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_COMMON_RULES_WATCH_H
#define ERSATZ_COMMON_RULES_WATCH_H

#include "common/compiler.h"
#include "common/file_watch.h"
#include "common/rules.h"

/*
 * Watches the files of these rules and no others.  One that cannot be watched
 * is told in the log: it is read again at SIGHUP only.
 */
void rules_watch_set(struct file_watch *watch, const struct rules *rules);

/*
 * May these rules take the place of those?  ERR_CONFIG, and an error in the
 * log, if a list has lost all of its entries.
 */
NODISCARD int rules_watch_check(const struct rules *before,
				const struct rules *after);

#endif
