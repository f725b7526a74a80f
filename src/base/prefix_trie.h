/* Values under bit prefixes, found by the longest one that an address begins with: a
 * path-compressed binary trie. Knows no address family: all keys of one trie are `width` bytes, 4
 * for IPv4 and 16 for IPv6. */
#ifndef BASE_PREFIX_TRIE_H
#define BASE_PREFIX_TRIE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prefix_node;

enum { PREFIX_TRIE_WIDTH_MAX = 16 };

/* One thread at a time; reading by several is allowed while nobody writes. */
struct prefix_trie {
	struct prefix_node *root; /* owned; the values are borrowed */
	size_t width;		  /* bytes of a key, 1 to 16 */
	size_t used;		  /* prefixes in it */
	size_t prefixes_max;
	size_t refused; /* inserts that met a limit or a lack of memory */
};

/* Allocates nothing. */
void prefix_trie_init(struct prefix_trie *t, size_t width, size_t prefixes_max);

/* Frees the nodes, not the values; accepts zeroed storage. */
void prefix_trie_done(struct prefix_trie *t);

/* prefix: width bytes, of which the first `bits` (0 to 8 * width) count and the others are ignored.
 * value: not NULL. ERR_EXISTS when that prefix is there (its value stays), ERR_LIMIT, ENOMEM. */
MUST enum err prefix_trie_insert(struct prefix_trie *t, const uint8_t *prefix, unsigned bits,
				 void *value);

/* The value of the longest prefix that address (width bytes) begins with, or NULL. */
void *prefix_trie_find(const struct prefix_trie *t, const uint8_t *address);

/* The same, with the length of that prefix in ret_bits when there is one. */
void *prefix_trie_find_bits(const struct prefix_trie *t, const uint8_t *address,
			    unsigned *ret_bits);

/* The value of exactly that prefix, or NULL. */
void *prefix_trie_find_exact(const struct prefix_trie *t, const uint8_t *prefix, unsigned bits);

/* Takes exactly that prefix out and returns its value; NULL when it is not there. */
void *prefix_trie_remove(struct prefix_trie *t, const uint8_t *prefix, unsigned bits);

/* Calls for each prefix in order: by bytes, the shorter first; ends early when it answers false.
 * The trie must not change meanwhile. prefix: width bytes, those beyond `bits` zero. */
void prefix_trie_each(const struct prefix_trie *t,
		      bool (*call)(const uint8_t *prefix, unsigned bits, void *value, void *arg),
		      void *arg);

#endif
