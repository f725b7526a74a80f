/* The fields of a message as the cache looks at them: a borrowed array and how lists in it are
 * walked. Knows neither who received the message nor what a field means.
 */
#ifndef HTTP_CACHE_FIELDS_H
#define HTTP_CACHE_FIELDS_H

#include "base/err.h"
#include "proto/http/field.h"

struct cache_fields {
	const struct http_field *at; /* borrowed */
	size_t n;
};

/* The first field of that number, or of that name in any case; NULL: none. */
const struct http_field *cache_field_find(struct cache_fields f, uint16_t id);
const struct http_field *cache_field_named(struct cache_fields f, struct span name);

/* Where a walk through the members of all fields of one name stands (RFC 9110 5.6.1). */
struct cache_list {
	struct cache_fields in;
	uint16_t id;
	struct span name; /* any case; of HTTP_FIELD_OTHER */
	size_t next;	  /* field to look at */
	struct span rest; /* of the one before */
};

static inline struct cache_list cache_list_of(struct cache_fields in, uint16_t id)
{
	return (struct cache_list){.in = in, .id = id};
}

static inline struct cache_list cache_list_named(struct cache_fields in, struct span name)
{
	return (struct cache_list){.in = in, .id = http_field_id(name), .name = name};
}

/* The next member that is not empty, without the white space around it; commas inside of quotes
 * part nothing. False: no more. */
bool cache_list_next(struct cache_list *l, struct span *ret);

/* The members of one value alone. */
bool cache_members_next(struct span *rest, struct span *ret);

#endif
