#include "service/forward-proxy/upstream.h"

#include "service/forward-proxy/upstream_health.h"

static bool is_of(const struct access_place *places, size_t n, const struct destination *to)
{
	for (size_t i = 0; i < n; i++)
		if (access_place_fits(&places[i], to))
			return true;
	return false;
}

static bool fits(const struct upstream *u, const struct destination *to, bool inside)
{
	if (is_of(u->except, u->except_n, to))
		return false;
	if (u->to_n)
		return is_of(u->to, u->to_n, to);
	return !inside;
}

const struct upstream *upstream_find(const struct upstream *all, size_t n,
				     const struct destination *to, bool inside)
{
	for (size_t i = 0; i < n; i++)
		if (fits(&all[i], to, inside))
			return all[i].kind == UPSTREAM_DIRECT ? NULL : &all[i];
	return NULL;
}

bool upstream_is_up(const struct upstream *u, uint64_t now_ms)
{
	for (size_t i = 0; i < u->servers_n; i++)
		if (upstream_health_is_up(u->servers[i].health, now_ms))
			return true;
	return false;
}

struct upstream_server *upstream_choose(const struct upstream *u, unsigned tried, bool down,
					uint64_t now_ms)
{
	size_t n = u->servers_n, first = 0;
	if (u->order == UPSTREAM_ROTATE)
		first = upstream_health_turn(u->servers[0].health) % n;
	for (size_t i = 0; i < n; i++) {
		size_t at = (first + i) % n;
		if (!(tried >> at & 1) &&
		    upstream_health_claim(u->servers[at].health, now_ms, u->pause_ms))
			return &u->servers[at];
	}
	for (size_t i = 0; down && i < n; i++) {
		size_t at = (first + i) % n;
		if (!(tried >> at & 1))
			return &u->servers[at];
	}
	return NULL;
}
