/* Which country an address is of, by a file in MaxMind's DB format (version 2 of its
 * specification). Knows nothing of who asks. */
#ifndef OS_COUNTRIES_H
#define OS_COUNTRIES_H

#include "base/err.h"
#include "proto/ip/address.h"

/* An open file, as it was when it was opened when others are renamed over it; immutable, any
 * thread. */
struct countries;

/* *ret_why, a constant text, says what ERR_FORMAT is. ENOENT and the like: it cannot be read. */
MUST enum err countries_open(const char *path, struct countries **ret, const char **ret_why);
void countries_close(struct countries *c); /* accepts NULL */

/* The two letters of ISO 3166, the first in the high byte; 0: unknown. That of `country`, or of
 * `registered_country` where the file says only that. Allocates nothing. */
uint16_t countries_find(const struct countries *c, const struct ip_address *address);

#endif
