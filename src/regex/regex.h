/* Regular expressions (PCRE2's language) of a configuration, matched against what strangers send:
 * compiled once, without allocation afterwards, in bounded time. Knows neither paths nor hosts. */
#ifndef REGEX_REGEX_H
#define REGEX_REGEX_H

#include "base/err.h"
#include "base/span.h"

struct regex;

enum {
	REGEX_GROUPS_MAX = 9,
	REGEX_WRONG_MAX = 160, /* bytes of what regex_new says */
	/* Steps of one match: a few milliseconds. An expression such as (a+)+b takes more for a
	 * text that somebody made for it. */
	REGEX_STEPS_MAX = 50000,
};

/* Bytes, not characters; a dot is any but a line's end. ERR_FORMAT: it is none, and *wrong (may be
 * NULL) says why and where. ENOMEM. */
MUST enum err regex_new(struct span text, struct regex **ret, char wrong[REGEX_WRONG_MAX]);
void regex_free(struct regex *r); /* accepts NULL */
DEFINE_AUTO(struct regex, regex_free)

/* groups[0] is what the first group matched, empty when it took no part; NULL with groups_max 0.
 * Any thread. ERR_ABSENT: no match. ERR_LIMIT: not found out in REGEX_STEPS_MAX steps, or with the
 * memory that there is on the stack; whoever asks decides what is the safe answer. */
MUST enum err regex_match(const struct regex *r, struct span subject, struct span *groups,
			  size_t groups_max, size_t *ret_groups);

/* How many groups it has, at most REGEX_GROUPS_MAX are told of. */
size_t regex_groups(const struct regex *r);
/* The number of the group (?<name>…), from 1; 0: none. */
size_t regex_group(const struct regex *r, struct span name);

#endif
