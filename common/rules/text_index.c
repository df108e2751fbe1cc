// SPDX-License-Identifier: BSD-2-Clause
/*
 * Of each condition one set of texts is looked for, by the rarest four bytes
 * ("gram") of each text: a table of grams is asked at each place of the name,
 * behind a bitmap that is small enough to stay near the processor.  Nearly all
 * expressions end in ".com", so what is rare is counted over all of them.
 *
 * Texts of less than four bytes have shorter grams.
 */
#include "common/rules/text_index.h"

#include "common/rules/cover.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GRAM_MAX 4U
#define COUNTER_BITS 16U
#define BITMAP_BITS_MIN 12U
#define BITMAP_BITS_MAX 20U
#define BITS_A_GRAM 16U
#define REFUSED_MAX 8U

/* A text of so many bytes less is in so many times more names. */
#define SHORTER 32U

struct entry {
	struct condition condition;
	struct rule_hit hit;
};

struct gram {
	uint32_t key;
	uint32_t entry;
	uint32_t text; /* in `texts`, that it is of */
	uint8_t length, at;
};

struct text_index {
	struct entry *entries; /* owned */
	size_t count, room;
	uint32_t *always; /* owned; entries of which no text is known */
	size_t always_count;
	struct gram *grams; /* owned; by their buckets */
	size_t gram_count, gram_room;
	uint32_t *buckets; /* owned; where each begins, and the end */
	unsigned bucket_bits, bitmap_bits;
	uint64_t *bitmap; /* owned */
	char *texts;      /* owned */
	size_t texts_length, texts_size;
	uint32_t masks[GRAM_MAX]; /* of the lengths that grams have */
	size_t mask_count;
};

/* What a question has found, and what it has asked in vain. */
struct search {
	struct asked *asked;
	struct rule_hit best;
	uint32_t refused[REFUSED_MAX];
	unsigned refused_count;
};

struct text_index *text_index_new(void)
{
	return calloc(1, sizeof(struct text_index));
}

void text_index_free(struct text_index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < index->count; i++)
		condition_fini(&index->entries[i].condition);
	free(index->entries);
	free(index->always);
	free(index->grams);
	free(index->buckets);
	free(index->bitmap);
	free(index->texts);
	free(index);
}

/* Room for so many more of what `items` points to, of `size` bytes each. */
static int make_room(void *items, size_t *room, size_t needed, size_t size)
{
	void **at = items, *more;
	size_t wanted = *room ? *room : 8;

	if (needed <= *room)
		return 0;
	while (wanted < needed)
		wanted *= 2;
	more = reallocarray(*at, wanted, size);
	if (!more)
		return -ENOMEM;
	*at = more;
	*room = wanted;
	return 0;
}

int text_index_add(struct text_index *index, struct condition *condition,
		   struct rule_hit hit)
{
	assert(condition_is_of_name(condition) && !index->bitmap);
	if (make_room(&index->entries, &index->room, index->count + 1,
		      sizeof(*index->entries)) < 0) {
		condition_fini(condition);
		return -ENOMEM;
	}
	index->entries[index->count++] = (struct entry){*condition, hit};
	return 0;
}

static uint32_t hash_of(uint32_t key)
{
	key ^= key >> 15;
	return key * 0x9e3779b1U;
}

static uint32_t mask_of(size_t length)
{
	return 0xffffffffU >> (32U - 8U * length);
}

static size_t gram_length(const struct cover_text *text)
{
	return text->length < GRAM_MAX ? text->length : GRAM_MAX;
}

/* The gram of a text at `at`: its first byte is the lowest. */
static uint32_t key_at(const struct cover_text *text, size_t at)
{
	uint32_t key = 0;

	for (size_t i = gram_length(text); i-- > 0;)
		key = key << 8 | (uint8_t)text->at[at + i];
	return key;
}

static uint32_t *counter_of(uint32_t *counters, uint32_t key)
{
	return &counters[hash_of(key) >> (32U - COUNTER_BITS)];
}

static void count_grams(uint32_t *counters, const struct cover_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct cover_text *text = &set->texts[i];
		size_t last = text->length - gram_length(text);

		for (size_t at = 0; at <= last; at++)
			(*counter_of(counters, key_at(text, at)))++;
	}
}

/* How often the rarest gram of a text is there; `where` is its place. */
static uint32_t rarest(uint32_t *counters, const struct cover_text *text,
		       size_t *where)
{
	size_t length = gram_length(text), last = text->length - length;
	uint32_t least = UINT32_MAX;

	for (size_t at = 0; at <= last; at++) {
		uint32_t count = *counter_of(counters, key_at(text, at));

		if (count < least) {
			least = count;
			*where = at;
		}
	}
	for (; length < GRAM_MAX && least < UINT32_MAX / SHORTER; length++)
		least *= SHORTER;
	return least;
}

static const struct cover_set *choose(uint32_t *counters,
				      const struct cover *cover)
{
	const struct cover_set *best = NULL;
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < cover->count; i++) {
		const struct cover_set *set = &cover->sets[i];
		uint64_t sum = 0;
		size_t where;

		for (size_t k = 0; k < set->count; k++)
			sum += rarest(counters, &set->texts[k], &where);
		if (sum < least) {
			least = sum;
			best = set;
		}
	}
	return best;
}

static int add_text(struct text_index *index, uint32_t *counters,
		    uint32_t entry, const struct cover_text *text)
{
	struct gram *gram;
	size_t where = 0;

	if (make_room(&index->grams, &index->gram_room, index->gram_count + 1,
		      sizeof(*index->grams)) < 0 ||
	    make_room(&index->texts, &index->texts_size,
		      index->texts_length + text->length, 1) < 0)
		return -ENOMEM;
	(void)rarest(counters, text, &where);
	gram = &index->grams[index->gram_count++];
	*gram = (struct gram){
		.key = key_at(text, where),
		.entry = entry,
		.text = (uint32_t)index->texts_length,
		.length = text->length,
		.at = (uint8_t)where,
	};
	memcpy(index->texts + index->texts_length, text->at, text->length);
	index->texts_length += text->length;
	return 0;
}

static int add_entry(struct text_index *index, uint32_t *counters,
		     uint32_t entry)
{
	const struct cover_set *set;
	struct cover cover;
	int ret = 0;

	condition_make_cover(&index->entries[entry].condition, &cover);
	set = choose(counters, &cover);
	if (!set) {
		index->always[index->always_count++] = entry;
		return 0;
	}
	for (size_t i = 0; ret == 0 && i < set->count; i++)
		ret = add_text(index, counters, entry, &set->texts[i]);
	return ret;
}

static int choose_grams(struct text_index *index)
{
	uint32_t *counters = calloc(1U << COUNTER_BITS, sizeof(*counters));
	struct cover cover;
	int ret = 0;

	index->always = calloc(index->count, sizeof(*index->always));
	if (!counters || !index->always)
		ret = -ENOMEM;
	for (size_t i = 0; ret == 0 && i < index->count; i++) {
		condition_make_cover(&index->entries[i].condition, &cover);
		for (size_t k = 0; k < cover.count; k++)
			count_grams(counters, &cover.sets[k]);
	}
	for (uint32_t i = 0; ret == 0 && i < index->count; i++)
		ret = add_entry(index, counters, i);
	free(counters);
	return ret;
}

static void add_mask(struct text_index *index, uint32_t mask)
{
	for (size_t i = 0; i < index->mask_count; i++) {
		if (index->masks[i] == mask)
			return;
	}
	index->masks[index->mask_count++] = mask;
}

static uint32_t bucket_of(const struct text_index *index, uint32_t hash)
{
	return hash >> (32U - index->bucket_bits);
}

/* Grams go to their buckets, and stay in order there. */
static int sort_grams(struct text_index *index)
{
	size_t buckets = (size_t)1 << index->bucket_bits;
	struct gram *sorted = calloc(index->gram_count, sizeof(*sorted));
	uint32_t *next = calloc(buckets + 1, sizeof(*next));

	index->buckets = calloc(buckets + 1, sizeof(*index->buckets));
	if (!sorted || !next || !index->buckets) {
		free(sorted);
		free(next);
		return -ENOMEM;
	}
	for (size_t i = 0; i < index->gram_count; i++)
		index->buckets[bucket_of(index, hash_of(index->grams[i].key)) +
			       1]++;
	for (size_t i = 0; i < buckets; i++)
		index->buckets[i + 1] += index->buckets[i];
	memcpy(next, index->buckets, buckets * sizeof(*next));
	for (size_t i = 0; i < index->gram_count; i++) {
		uint32_t hash = hash_of(index->grams[i].key);

		sorted[next[bucket_of(index, hash)]++] = index->grams[i];
	}
	free(next);
	free(index->grams);
	index->grams = sorted;
	return 0;
}

static int make_tables(struct text_index *index)
{
	size_t count = index->gram_count;

	index->bitmap_bits = BITMAP_BITS_MIN;
	while (index->bitmap_bits < BITMAP_BITS_MAX &&
	       (size_t)1 << index->bitmap_bits < count * BITS_A_GRAM)
		index->bitmap_bits++;
	index->bucket_bits = 4;
	while (index->bucket_bits < 31 &&
	       (size_t)1 << index->bucket_bits < count)
		index->bucket_bits++;
	index->bitmap = calloc((size_t)1 << (index->bitmap_bits - 6),
			       sizeof(*index->bitmap));
	if (!index->bitmap)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct gram *gram = &index->grams[i];
		uint32_t bit = hash_of(gram->key) >> (32 - index->bitmap_bits);

		index->bitmap[bit >> 6] |= UINT64_C(1) << (bit & 63);
		add_mask(index, mask_of(gram->length < GRAM_MAX ? gram->length
								: GRAM_MAX));
	}
	return sort_grams(index);
}

int text_index_seal(struct text_index *index)
{
	int ret;

	if (index->count == 0)
		return 0;
	ret = choose_grams(index);
	if (ret == 0 && index->gram_count > 0)
		ret = make_tables(index);
	return ret;
}

static bool is_before(struct rule_hit a, struct rule_hit b)
{
	return a.rule < b.rule || (a.rule == b.rule && a.line < b.line);
}

static bool was_refused(const struct search *search, uint32_t entry)
{
	unsigned count = search->refused_count < REFUSED_MAX
				 ? search->refused_count
				 : REFUSED_MAX;

	for (unsigned i = 0; i < count; i++) {
		if (search->refused[i] == entry)
			return true;
	}
	return false;
}

/* A name that says the same again and again asks no expression for each. */
static void ask(const struct text_index *index, struct search *search,
		uint32_t at)
{
	const struct entry *entry = &index->entries[at];

	if (!is_before(entry->hit, search->best) || was_refused(search, at))
		return;
	if (condition_has_name(&entry->condition, search->asked))
		search->best = entry->hit;
	else
		search->refused[search->refused_count++ % REFUSED_MAX] = at;
}

static void ask_bucket(const struct text_index *index, struct search *search,
		       uint32_t key, size_t at)
{
	const char *text = search->asked->framed;
	size_t length = search->asked->text_length + 2U;
	uint32_t bucket = bucket_of(index, hash_of(key));

	for (uint32_t i = index->buckets[bucket];
	     i < index->buckets[bucket + 1]; i++) {
		const struct gram *gram = &index->grams[i];
		size_t start = at - gram->at;

		if (gram->key == key && gram->at <= at &&
		    start + gram->length <= length &&
		    memcmp(text + start, index->texts + gram->text,
			   gram->length) == 0)
			ask(index, search, gram->entry);
	}
}

static bool is_marked(const struct text_index *index, uint32_t key)
{
	uint32_t bit = hash_of(key) >> (32U - index->bitmap_bits);

	return index->bitmap[bit >> 6] >> (bit & 63) & 1;
}

static void scan(const struct text_index *index, struct search *search)
{
	const char *text = search->asked->framed;
	size_t length = search->asked->text_length + 2U;
	uint32_t window = 0;

	for (size_t i = 0; i + 1 < GRAM_MAX; i++)
		window = window >> 8 | (uint32_t)(uint8_t)text[i] << 24;
	/* Behind the end there are zeroes. */
	for (size_t at = 0; at < length; at++) {
		uint8_t next = (uint8_t)text[at + GRAM_MAX - 1];

		window = window >> 8 | (uint32_t)next << 24;
		for (size_t k = 0; k < index->mask_count; k++) {
			uint32_t key = window & index->masks[k];

			if (is_marked(index, key))
				ask_bucket(index, search, key, at);
		}
	}
}

bool text_index_find(const struct text_index *index, struct asked *asked,
		     uint32_t end, struct rule_hit *hit)
{
	struct search search;

	if (index->count == 0 || index->entries[0].hit.rule >= end)
		return false;
	search.asked = asked;
	search.best = (struct rule_hit){end, 0};
	search.refused_count = 0;
	asked_make_text(asked);
	if (index->gram_count > 0)
		scan(index, &search);
	for (size_t i = 0; i < index->always_count; i++) {
		uint32_t at = index->always[i];

		if (!is_before(index->entries[at].hit, search.best))
			break;
		ask(index, &search, at);
	}
	*hit = search.best;
	return search.best.rule != end;
}
