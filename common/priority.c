// SPDX-License-Identifier: BSD-2-Clause
#include "common/priority.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE 10

void priority_lower(void)
{
	/* One that is above others by its class would not care for the rest. */
	(void)sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
}
