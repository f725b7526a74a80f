/* Parts of days of the week, as every section writes them that has hours: a map of three keys, and
 * what it means in minutes. Knows no clock and no time zone.
 */
#ifndef CONFIG_TIMES_H
#define CONFIG_TIMES_H

#include "config/schema.h"

enum { CONFIG_DAY_MINUTES = 1440 };

/* {days: [mon, tue], from: "21:00", to: "06:30"} */
struct config_times {
	struct config_list days; /* int: 0 is Monday */
	const char *from, *to;
};

/* Of struct config_times: for a key that is a list of such. */
extern const struct config_map config_times_map;

struct config_window {
	uint8_t days;	   /* bit 0: Monday */
	uint16_t from, to; /* minutes after midnight; one that is not after `from` is of the next
			    * day; 1440: the end of the day */
};

/* c was judged by the map. */
struct config_window config_times_read(const struct config_times *c);
/* "7:30", "21:00", "24:00": minutes after midnight; false: no time of the day. */
bool config_minutes_read(const char *text, uint16_t *ret);

#endif
