/* Paths of routes as the configuration writes them: `=/a` the whole path, `/a` its beginning on a
 * segment's border, `/a/{id}/{rest...}` a pattern, `~^/a` a regular expression. Knows no request
 * but its path. */
#ifndef REVERSE_PROXY_ROUTE_PATTERN_H
#define REVERSE_PROXY_ROUTE_PATTERN_H

#include "base/span.h"

enum pattern_kind { PATTERN_EXACT, PATTERN_NAMES, PATTERN_PREFIX, PATTERN_REGEX };

struct pattern {
	enum pattern_kind kind;
	struct span head;  /* what the path must begin with, literally; of a prefix without a slash
			    * at its end; of a pattern all before the segment with its first name;
			    * of a regular expression its `~`, with which no path begins */
	unsigned segments; /* of a pattern, behind its head */
};

/* text: one that route_path_wrong has nothing against. */
struct pattern pattern_of(const char *text);

/* text is of PATTERN_NAMES and the path begins with its head: does all of the path fit? One name in
 * each segment, which is never empty; {name...} as the last takes what is left, maybe nothing. */
bool pattern_fits(const char *text, struct span path, struct span *captures, size_t captures_max,
		  size_t *ret_n);

/* The next name of the pattern's, from *rest on; false: no more. */
bool pattern_next_name(struct span *rest, struct span *ret);

#endif
