// SPDX-License-Identifier: BSD-2-Clause
/*
 * answer.h - what a rule, or a part of one, says of the facts.
 *
 * Three values, as Kleene has them (Introduction to Metamathematics, 1952,
 * section 64): yes, no, and not known.  The third one comes in three kinds, by
 * what there is to do about it.
 */
#ifndef ERSATZ_COMMON_RULES_ANSWER_H
#define ERSATZ_COMMON_RULES_ANSWER_H

/*
 * Of two that are not known the later one here stands for both: waiting for
 * something may help, and an address is had without a flow.
 */
enum answer {
	ANSWER_NO,
	ANSWER_YES,
	ANSWER_UNKNOWN, /* and it will not be known */
	ANSWER_NEEDS_FLOW,
	ANSWER_NEEDS_ADDRESS,
};

static inline enum answer answer_later(enum answer a, enum answer b)
{
	return a > b ? a : b;
}

static inline enum answer answer_or(enum answer a, enum answer b)
{
	if (a == ANSWER_YES || b == ANSWER_YES)
		return ANSWER_YES;
	return answer_later(a, b);
}

static inline enum answer answer_and(enum answer a, enum answer b)
{
	if (a == ANSWER_NO || b == ANSWER_NO)
		return ANSWER_NO;
	return answer_later(a, b); /* yes is the least of what is left */
}

static inline enum answer answer_not(enum answer a)
{
	if (a == ANSWER_YES)
		return ANSWER_NO;
	return a == ANSWER_NO ? ANSWER_YES : a;
}

#endif
