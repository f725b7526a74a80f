/* The trace context of the W3C (Recommendation "Trace Context" Level 1, 23 November 2021):
 * traceparent, read and written. Knows neither whom to believe nor where spans are gathered;
 * tracestate goes along as it is.
 */
#ifndef PROTO_HTTP_TRACEPARENT_H
#define PROTO_HTTP_TRACEPARENT_H

#include "base/err.h"
#include "base/span.h"

enum { TRACEPARENT_TEXT = 55, TRACEPARENT_SAMPLED = 1 };

struct traceparent {
	uint8_t trace_id[16]; /* never all zeros */
	uint8_t parent_id[8]; /* never all zeros: who sent it */
	uint8_t flags;
};

/* 3.2.2: version 00 exactly; a later one by what it has in common with 00. ERR_FORMAT. */
MUST enum err traceparent_read(struct span value, struct traceparent *ret);

/* In version 00; no NUL. */
void traceparent_write(const struct traceparent *t, uint8_t ret[TRACEPARENT_TEXT]);

/* 2 * len lower-case digits; no NUL. */
void traceparent_hex(const uint8_t *bytes, size_t len, uint8_t *ret);

#endif
