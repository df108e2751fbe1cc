// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules_watch.h"

#include "common/err.h"
#include "common/log.h"

void rules_watch_set(struct file_watch *watch, const struct rules *rules)
{
	file_watch_clear(watch);
	for (size_t i = 0; i < rules_file_count(rules); i++) {
		struct rules_file file = rules_file_at(rules, i);
		int ret = file_watch_add(watch, file.file, file.path_length);

		if (ret < 0)
			log_warning("cannot watch '%.*s': %s; when it changes, "
				    "SIGHUP makes us read it again",
				    (int)file.path_length, file.file,
				    err_text(ret));
	}
}

int rules_watch_check(const struct rules *before, const struct rules *after)
{
	const char *file = rules_find_emptied(before, after);

	if (!file)
		return 0;
	log_error("'%s' has no entry any more, expected those of before or "
		  "new ones; without it: take its rule away, or restart",
		  file);
	return ERR_CONFIG;
}
