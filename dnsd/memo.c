// SPDX-License-Identifier: BSD-2-Clause
/*
 * There are few decisions and many names: an entry holds the number of its
 * decision in a second table, and the line of a list, which is all that names
 * of one list differ in.
 */
#include "dnsd/memo.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SETS 4096U /* 256 KiB, touched as they are used */
#define WAYS 4U
#define DECISIONS_MAX 1024U

struct entry {
	uint64_t hash; /* of the name */
	uint32_t list_line;
	uint16_t type;
	uint16_t number; /* of the decision, plus 1; 0: empty */
};

struct set {
	_Alignas(64) struct entry entries[WAYS];
};

struct memo {
	struct set *sets; /* owned, mapped */
	struct decision decisions[DECISIONS_MAX];
	uint16_t count;
	uint16_t last; /* the one that was added last, most likely again */
	unsigned turn; /* who makes room next in a full set */
};

int memo_new(struct memo **memo)
{
	struct memo *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->sets =
		mmap(NULL, SETS * sizeof(*new->sets), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (new->sets == MAP_FAILED) {
		free(new);
		return -ENOMEM;
	}
	*memo = new;
	return 0;
}

void memo_free(struct memo *memo)
{
	if (!memo)
		return;
	munmap(memo->sets, SETS * sizeof(*memo->sets));
	free(memo);
}

void memo_clear(struct memo *memo)
{
	if (memo->count > 0)
		memset(memo->sets, 0, SETS * sizeof(*memo->sets));
	memo->count = memo->last = 0;
}

static struct set *set_of(const struct memo *memo,
			  const struct question *question)
{
	return &memo->sets[question_hash(question) % SETS];
}

void memo_expect(const struct memo *memo, const struct question *question)
{
	__builtin_prefetch(set_of(memo, question));
}

bool memo_find(const struct memo *memo, const struct question *question,
	       struct decision *decision)
{
	const struct set *set = set_of(memo, question);
	uint64_t hash = question_hash(question);

	for (unsigned i = 0; i < WAYS; i++) {
		const struct entry *entry = &set->entries[i];

		if (entry->hash != hash || entry->type != question->type ||
		    entry->number == 0)
			continue;
		*decision = memo->decisions[entry->number - 1];
		decision->verdict.list_line = entry->list_line;
		return true;
	}
	return false;
}

static bool is_same(const struct decision *a, const struct decision *b)
{
	return a->kind == b->kind && a->is_carried == b->is_carried &&
	       a->upstream == b->upstream && a->special == b->special &&
	       a->verdict.kind == b->verdict.kind &&
	       a->verdict.outbound == b->verdict.outbound &&
	       a->verdict.upstream == b->verdict.upstream &&
	       a->verdict.rule == b->verdict.rule &&
	       a->verdict.is_any == b->verdict.is_any &&
	       a->verdict.list_file == b->verdict.list_file;
}

/* The number of that decision, plus 1. */
static uint16_t number_of(struct memo *memo, const struct decision *decision)
{
	if (memo->last && is_same(&memo->decisions[memo->last - 1], decision))
		return memo->last;
	for (uint16_t i = 0; i < memo->count; i++) {
		if (is_same(&memo->decisions[i], decision))
			return memo->last = (uint16_t)(i + 1);
	}
	/* More rules than that are in use: those of now come back. */
	if (memo->count == DECISIONS_MAX)
		memo_clear(memo);
	memo->decisions[memo->count++] = *decision;
	return memo->last = memo->count;
}

static bool may_keep(const struct decision *decision)
{
	return decision->kind != DECISION_REVERSE && decision->host < 0 &&
	       !decision->verdict.is_personal;
}

static struct entry *room_in(struct memo *memo, struct set *set)
{
	for (unsigned i = 0; i < WAYS; i++) {
		if (set->entries[i].number == 0)
			return &set->entries[i];
	}
	return &set->entries[memo->turn++ % WAYS];
}

void memo_add(struct memo *memo, const struct question *question,
	      const struct decision *decision)
{
	uint16_t number;

	if (!may_keep(decision))
		return;
	number = number_of(memo, decision);
	*room_in(memo, set_of(memo, question)) = (struct entry){
		.hash = question_hash(question),
		.list_line = decision->verdict.list_line,
		.type = question->type,
		.number = number,
	};
}
