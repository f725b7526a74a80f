/* How far the clocks of a time zone are ahead of UTC, and when that changes, by the system's table
 * of zones. For a program's main thread before others read local times. Keeps nothing.
 */
#ifndef OS_TIME_ZONE_H
#define OS_TIME_ZONE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct time_zone_change {
	int64_t since_s; /* of 1970, UTC */
	int32_t ahead_s; /* from then on */
};

/* Of the zone with that name below /usr/share/zoneinfo ("Europe/Berlin"), or of this machine
 * (NULL), from from_s on: *ret_ahead_s there, and the first changes_max changes, those of ten years
 * at most. ERR_ABSENT: there is no such zone; ENOMEM. */
MUST enum err time_zone_read(const char *name, int64_t from_s, int32_t *ret_ahead_s,
			     struct time_zone_change *changes, size_t changes_max, size_t *ret_n);

#endif
