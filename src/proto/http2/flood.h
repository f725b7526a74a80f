/* How much of what costs the peer little and us something a connection may send: one bucket for
 * each kind, filled by time and by useful work. Knows no frames' insides and no clock. */
#ifndef PROTO_HTTP2_FLOOD_H
#define PROTO_HTTP2_FLOOD_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum http2_flood {
	HTTP2_FLOOD_RESET,	  /* streams that the peer resets, or makes us reset, before they
				   * are done: CVE-2023-44487, CVE-2025-8671 */
	HTTP2_FLOOD_CONTINUATION, /* CONTINUATION frames of one head: CVE-2024-27316 */
	HTTP2_FLOOD_SETTINGS,	  /* CVE-2019-9515 */
	HTTP2_FLOOD_PING,	  /* CVE-2019-9512 */
	HTTP2_FLOOD_EMPTY,	  /* DATA without a byte that ends nothing: CVE-2019-9518 */
	HTTP2_FLOOD_PRIORITY,	  /* PRIORITY and PRIORITY_UPDATE: CVE-2019-9513 */
	HTTP2_FLOOD_WINDOW,	  /* WINDOW_UPDATE that nothing we sent explains */
	HTTP2_FLOOD_REFUSED,	  /* streams beyond the limit that was announced */
	HTTP2_FLOOD_HEAD,	  /* a head many times larger than the limit (HPACK bomb) */
	HTTP2_FLOOD_QUEUE,	  /* answers to control frames that the peer does not read */
	HTTP2_FLOOD_MEMORY,	  /* the session's account is full */
	HTTP2_FLOODS,
};

/* Lower case, one word or two with a hyphen: for counters and the log. Never NULL. */
const char *http2_flood_name(enum http2_flood kind);

struct http2_flood_guard {
	uint64_t last_ms;
	uint32_t left[HTTP2_FLOOD_HEAD]; /* thousandths */
};

void http2_flood_init(struct http2_flood_guard *g); /* every bucket full */
/* Time fills the buckets; once for each turn in which bytes came. */
void http2_flood_tick(struct http2_flood_guard *g, uint64_t now_ms);
/* One more of that kind; false: the bucket is empty, end the connection with ENHANCE_YOUR_CALM. */
bool http2_flood_take(struct http2_flood_guard *g, enum http2_flood kind);
/* Useful work was done: a request answered, a DATA frame with content received or sent. */
enum http2_work { HTTP2_WORK_ANSWERED, HTTP2_WORK_RECEIVED, HTTP2_WORK_SENT, HTTP2_WORKS };
void http2_flood_earn(struct http2_flood_guard *g, enum http2_work work);

#endif
