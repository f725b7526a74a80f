/* Patterns of Adblock lists that are about names: ads*.example.org, a star for any octets, dots
 * too. Knows no lists. */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include "base/span.h"

enum { POLICY_STARS_MAX = 4 };

/* text: lower case, letters, digits, hyphens, underscores, dots, and 1 to POLICY_STARS_MAX stars;
 * no empty label; at most POLICY_PATTERN_MAX octets. A `|` before it binds it to the name's start
 * (|ads*.example.org); else it may begin at any label. */
bool policy_pattern_is_valid(struct span text);

/* The labels at its end that have no star, as text: example.org. Empty: it has none. */
struct span policy_pattern_end(struct span text);

/* name: as text, lower case, without the last dot. The whole name, or from one of its labels on. */
bool policy_pattern_matches(struct span text, struct span name);

/* The whole of a text, stars for any octets; both in lower case. Of any octets. */
bool policy_glob_matches(struct span glob, struct span text);

#endif
