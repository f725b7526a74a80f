/* HTTP dates (RFC 9110 5.6.7). Knows no clock. */
#ifndef PROTO_HTTP_DATE_H
#define PROTO_HTTP_DATE_H

#include "base/err.h"
#include "base/span.h"

struct writer;

enum { HTTP_DATE_LEN = 29 };

/* Any of the three forms to seconds since 1970, in any case, which RFC 9111 4.2 asks of caches.
 * now_s: for the years of two digits of RFC 850's,
 * which are never more than 50 years ahead. ERR_FORMAT. */
MUST enum err http_date_read(struct span text, uint64_t now_s, uint64_t *ret);

/* IMF-fixdate; HTTP_DATE_LEN bytes. at_s: up to the year 9999. */
void http_date_write(struct writer *w, uint64_t at_s);

#endif
