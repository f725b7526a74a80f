/* Times of the week in a site's own time zone. Has no clock and knows no names of zones: offsets
 * from UTC are a table that the caller fills. */
#ifndef POLICY_SCHEDULE_H
#define POLICY_SCHEDULE_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	POLICY_WINDOWS_MAX = 32, /* of a schedule */
	POLICY_CHANGES_MAX = 64, /* of a zone */
	POLICY_DAY_MINUTES = 1440,
	POLICY_EVERY_DAY = 0x7f,
};

/* A stretch of some days, from and to in minutes after midnight of the wall clock; `to` itself does
 * not belong to it. Where to <= from it goes past midnight, and belongs to the day on which it
 * begins; from 0 to 1440 is the whole day. */
struct policy_window {
	uint8_t days; /* bit 0: Monday */
	uint16_t from, to;
};

struct policy_schedule {
	struct policy_window windows[POLICY_WINDOWS_MAX];
	size_t windows_n;
};

/* From that moment on the wall clock is ahead of UTC by so much. */
struct policy_change {
	int64_t since_s;
	int32_t ahead_s;
};

/* ahead_s: before the first change. In order of time. */
struct policy_zone {
	int32_t ahead_s;
	struct policy_change changes[POLICY_CHANGES_MAX];
	size_t changes_n;
};

/* How far the wall clock is ahead of UTC. */
int32_t policy_zone_ahead(const struct policy_zone *zone, uint64_t now_s);

/* Does it hold at that moment? */
bool policy_schedule_holds(const struct policy_schedule *s, const struct policy_zone *zone,
			   uint64_t now_s);

#endif
