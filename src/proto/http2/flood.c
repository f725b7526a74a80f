#include "proto/http2/flood.h"

#include <stddef.h>

enum { UNIT = 1000 }; /* a bucket counts thousandths, so that a millisecond fills a little */

/* What a browser, a gRPC client or a proxy sends stays far below these: HTTP/2 stacks that behave
 * answer each DATA frame with two WINDOW_UPDATE at most and measure the way by a ping for each
 * round trip with data. */
static const struct {
	const char *name;
	uint32_t burst, per_s;
	uint32_t earned[HTTP2_WORKS]; /* answered, received, sent */
} kinds[HTTP2_FLOODS] = {
	[HTTP2_FLOOD_RESET] = {"reset", 200, 33, {1, 0, 0}},
	/* The bucket of CONTINUATION is nghttp2's own: 8 of a head; the counter is ours. */
	[HTTP2_FLOOD_CONTINUATION] = {"continuation", 0, 0, {0, 0, 0}},
	[HTTP2_FLOOD_SETTINGS] = {"settings", 16, 1, {0, 0, 0}},
	[HTTP2_FLOOD_PING] = {"ping", 100, 10, {1, 1, 1}},
	[HTTP2_FLOOD_EMPTY] = {"empty-data", 100, 10, {0, 1, 0}},
	[HTTP2_FLOOD_PRIORITY] = {"priority", 300, 33, {3, 0, 0}},
	[HTTP2_FLOOD_WINDOW] = {"window", 1000, 100, {4, 0, 4}},
	[HTTP2_FLOOD_REFUSED] = {"refused", 200, 33, {1, 0, 0}},
	[HTTP2_FLOOD_HEAD] = {"head", 0, 0, {0, 0, 0}},
	[HTTP2_FLOOD_QUEUE] = {"queue", 0, 0, {0, 0, 0}},
	[HTTP2_FLOOD_MEMORY] = {"memory", 0, 0, {0, 0, 0}},
};

const char *http2_flood_name(enum http2_flood kind)
{
	return kind < HTTP2_FLOODS ? kinds[kind].name : "none";
}

static void fill(struct http2_flood_guard *g, size_t kind, uint64_t more)
{
	uint64_t full = (uint64_t)kinds[kind].burst * UNIT;
	uint64_t left = g->left[kind] + more;
	g->left[kind] = (uint32_t)(left < full ? left : full);
}

void http2_flood_init(struct http2_flood_guard *g)
{
	*g = (struct http2_flood_guard){0};
	for (size_t i = 0; i < HTTP2_FLOOD_HEAD; i++)
		g->left[i] = kinds[i].burst * UNIT;
}

void http2_flood_tick(struct http2_flood_guard *g, uint64_t now_ms)
{
	if (now_ms <= g->last_ms)
		return;
	uint64_t passed = now_ms - g->last_ms;
	g->last_ms = now_ms;
	/* More than an hour fills every bucket; the bound keeps the product small. */
	passed = passed < 3600000 ? passed : 3600000;
	for (size_t i = 0; i < HTTP2_FLOOD_HEAD; i++)
		fill(g, i, passed * kinds[i].per_s);
}

bool http2_flood_take(struct http2_flood_guard *g, enum http2_flood kind)
{
	ASSERT(kind < HTTP2_FLOOD_HEAD);
	if (g->left[kind] < UNIT)
		return false;
	g->left[kind] -= UNIT;
	return true;
}

void http2_flood_earn(struct http2_flood_guard *g, enum http2_work work)
{
	ASSERT(work < HTTP2_WORKS);
	for (size_t i = 0; i < HTTP2_FLOOD_HEAD; i++)
		fill(g, i, (uint64_t)kinds[i].earned[work] * UNIT);
}
