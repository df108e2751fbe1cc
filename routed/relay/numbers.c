// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/numbers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int numbers_init(struct numbers *numbers, uint32_t capacity)
{
	*numbers = (struct numbers){.capacity = capacity};
	numbers->next = calloc(capacity, sizeof(numbers->next[0]));
	return numbers->next ? 0 : -ENOMEM;
}

void numbers_fini(struct numbers *numbers)
{
	free(numbers->next);
	numbers->next = NULL;
}

int64_t numbers_take(struct numbers *numbers)
{
	uint32_t number;

	if (numbers->free > 0) {
		number = numbers->free - 1;
		numbers->free = numbers->next[number];
	} else if (numbers->fresh < numbers->capacity) {
		number = numbers->fresh++;
	} else {
		return -1;
	}
	numbers->count++;
	return number;
}

void numbers_give(struct numbers *numbers, uint32_t number)
{
	assert(number < numbers->fresh && numbers->count > 0);
	numbers->next[number] = numbers->free;
	numbers->free = number + 1;
	numbers->count--;
}
