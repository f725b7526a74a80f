#include "service/forward-proxy/upstream.h"

#include "service/forward-proxy/access/destination.h"

static bool fits(const struct upstream *u, const struct destination *to)
{
	for (size_t i = 0; i < u->to_n; i++)
		if (access_place_fits(&u->to[i], to))
			return true;
	return u->to_n == 0;
}

const struct upstream *upstream_find(const struct upstream *all, size_t n,
				     const struct destination *to)
{
	for (size_t i = 0; i < n; i++)
		if (fits(&all[i], to))
			return all[i].direct ? NULL : &all[i];
	return NULL;
}
