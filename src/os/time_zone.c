#include "os/time_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DAY_S = 86400, YEARS_S = 10 * 366 * DAY_S };

static const char folder[] = "/usr/share/zoneinfo/";

static int32_t ahead(int64_t at_s)
{
	time_t at = (time_t)at_s;
	struct tm tm;
	return localtime_r(&at, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

/* The second at which it becomes what it is at `to`. */
static int64_t moment(int64_t from, int64_t to)
{
	int32_t after = ahead(to);
	while (to - from > 1) {
		int64_t middle = from + (to - from) / 2;
		if (ahead(middle) == after)
			to = middle;
		else
			from = middle;
	}
	return to;
}

static size_t walk(int64_t from_s, struct time_zone_change *changes, size_t changes_max)
{
	size_t n = 0;
	int32_t now = ahead(from_s);
	for (int64_t at = from_s; n < changes_max && at < from_s + YEARS_S; at += DAY_S) {
		int32_t then = ahead(at + DAY_S);
		if (then == now)
			continue;
		changes[n++] = (struct time_zone_change){moment(at, at + DAY_S), then};
		now = then;
	}
	return n;
}

/* libc takes a name that it does not know for UTC, and one that begins with a slash or has dots for
 * a path. */
static enum err is_there(const char *name)
{
	char path[256];
	struct stat st;
	if (name[0] == '/' || name[0] == ':' || strstr(name, "..") ||
	    snprintf(path, sizeof(path), "%s%s", folder, name) >= (int)sizeof(path))
		return ERR_ABSENT;
	/* A folder of zones is none itself. */
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return ERR_ABSENT;
	return access(path, R_OK) == 0 ? OK : ERR_ABSENT;
}

static enum err zone_set(const char *name)
{
	int failed = name ? setenv("TZ", name, 1) : unsetenv("TZ");
	tzset();
	return failed ? err_errno() : OK;
}

enum err time_zone_read(const char *name, int64_t from_s, int32_t *ret_ahead_s,
			struct time_zone_change *changes, size_t changes_max, size_t *ret_n)
{
	const char *was = getenv("TZ");
	char *kept = was ? strdup(was) : NULL;
	if (was && !kept)
		return (enum err)ENOMEM;
	enum err e = name ? is_there(name) : OK;
	if (!e && name)
		e = zone_set(name);
	if (!e) {
		*ret_ahead_s = ahead(from_s);
		*ret_n = walk(from_s, changes, changes_max);
	}
	if (!e && name)
		e = zone_set(kept);
	free(kept);
	return e;
}
