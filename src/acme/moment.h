/* Moments as ACME's answers write them, as Unix seconds. Knows no clock and no time zone but those
 * in the text. */
#ifndef ACME_MOMENT_H
#define ACME_MOMENT_H

#include "base/err.h"
#include "base/span.h"

/* RFC 3339: 2026-01-03T00:00:00Z, with a fraction, which is dropped, or an offset. ERR_FORMAT. */
MUST enum err acme_moment_read(struct span text, uint64_t *ret_s);
/* The form of RFC 9110 5.6.7 that may be sent: Sun, 06 Nov 1994 08:49:37 GMT. ERR_FORMAT. */
MUST enum err acme_moment_read_http(struct span text, uint64_t *ret_s);

#endif
