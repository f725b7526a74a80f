#include "policy/schedule.h"

enum { DAY_S = 86400, DAYS = 7, THURSDAY = 3 /* 1 January 1970 */ };

int32_t policy_zone_ahead(const struct policy_zone *zone, uint64_t now_s)
{
	int32_t ahead_s = zone->ahead_s;
	for (size_t i = 0; i < zone->changes_n; i++)
		if (zone->changes[i].since_s <= (int64_t)now_s)
			ahead_s = zone->changes[i].ahead_s;
	return ahead_s;
}

static bool window_holds(const struct policy_window *w, unsigned day, unsigned minute)
{
	unsigned before = (day + DAYS - 1) % DAYS;
	if (w->from < w->to)
		return (w->days >> day & 1) && minute >= w->from && minute < w->to;
	return ((w->days >> day & 1) && minute >= w->from) ||
	       ((w->days >> before & 1) && minute < w->to);
}

bool policy_schedule_holds(const struct policy_schedule *s, const struct policy_zone *zone,
			   uint64_t now_s)
{
	int64_t local_s = (int64_t)now_s + policy_zone_ahead(zone, now_s);
	if (local_s < 0)
		local_s = 0;
	unsigned day = (unsigned)((local_s / DAY_S + THURSDAY) % DAYS);
	unsigned minute = (unsigned)(local_s % DAY_S / 60);
	for (size_t i = 0; i < s->windows_n; i++)
		if (window_holds(&s->windows[i], day, minute))
			return true;
	return false;
}
