/* The word of a list that somebody who wrote another most likely meant. Knows no list. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

#define NEAREST_WORD_MAX 64 /* longer words are near to nothing */

struct nearest {
	const char *wanted; /* borrowed: as it was written */
	const char *word;   /* borrowed: the nearest so far; NULL: none is near */
	size_t distance;
};

struct nearest nearest_to(const char *wanted);
/* Keeps word when it is nearer than all before it, and near enough: a third of its letters, at
 * least one. */
void nearest_offer(struct nearest *n, const char *word);

/* Letters to insert, remove, change or swap with their neighbour, case aside (Damerau and
 * Levenshtein, optimal string alignment); SIZE_MAX when a word is longer than NEAREST_WORD_MAX. */
size_t nearest_distance(const char *a, const char *b);

#endif
