// SPDX-License-Identifier: BSD-2-Clause
#include "common/err.h"

#include <string.h>

const char *err_text(int err)
{
	switch ((enum err)err) {
	case ERR_CONFIG:
		return "the input is wrong";
	case ERR_MALFORMED:
		return "malformed";
	case ERR_NOT_MAP:
		return "not a map of ersatz";
	case ERR_NEWER:
		return "made by a newer version";
	case ERR_CORRUPT:
		return "damaged";
	case ERR_FULL:
		return "no free slot";
	case ERR_FOREIGN:
		return "not ours";
	case ERR_RUNNING:
		return "already running";
	case ERR_NOT_RUNNING:
		return "not running";
	case ERR_REFUSED:
		return "refused";
	case ERR_TIMEOUT:
		return "timed out";
	case ERR_POOL:
		return "made for another pool";
	}
	return strerror(-err);
}
