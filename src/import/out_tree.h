/* Maps, lists and scalars of a configuration that an import puts together, and their text in YAML.
 * Knows neither what they mean nor who reads them. */
#ifndef IMPORT_OUT_TREE_H
#define IMPORT_OUT_TREE_H

#include "base/span.h"

struct import_site;
struct writer;

enum out_kind {
	OUT_SCALAR,
	OUT_LIST,
	OUT_MAP,
	OUT_NOTHING /* a map without members, written so */
};

struct out_node {
	struct out_node *next;
	enum out_kind kind;
	struct span key; /* empty: an item of a list */
	struct span text;
	struct out_node *first, *last; /* of lists and maps */
};

/* All are of the site's arena, never NULL; texts are copied. A list that stays empty is written as
 * `[]`, a map that stays empty not at all. */
struct out_node *out_map(struct import_site *s, struct out_node *parent, const char *key);
struct out_node *out_list(struct import_site *s, struct out_node *parent, const char *key);
void out_text(struct import_site *s, struct out_node *parent, const char *key, struct span text);
__attribute__((format(printf, 4, 5))) void out_format(struct import_site *s,
						      struct out_node *parent, const char *key,
						      const char *format, ...);
/* A map or list whose key is not a constant. */
struct out_node *out_named(struct import_site *s, struct out_node *parent, enum out_kind kind,
			   struct span key);
/* Takes the member out; NULL: there is none. */
struct out_node *out_take(struct out_node *map, const char *key);
/* The member of that key; NULL: none. */
struct out_node *out_find(const struct out_node *map, const char *key);
/* It has a scalar of that key and text. */
bool out_is(const struct out_node *map, const char *key, struct span text);
/* A list's item of that text, unless it is there. */
void out_item(struct import_site *s, struct out_node *list, struct span text);
bool out_has(const struct out_node *list, struct span text);
/* Appends from's members to `to`; nodes below are shared, and are not to be changed from then on.
 */
void out_share(struct import_site *s, struct out_node *to, const struct out_node *from);
bool out_equal(const struct out_node *a, const struct out_node *b); /* NULL is an empty one */

/* The members of a map, as a whole file; w is bad when it does not fit. */
void out_write(const struct out_node *map, struct writer *w);

#endif
