#include "service/reverse-proxy/balance/tier.h"

#include <stdlib.h>

enum {
	POINTS_EACH = 160, /* of a member of weight 1: shares differ by some 8 % then */
	POINTS_MAX = 1 << 18,
};

uint64_t tier_mix(uint64_t v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
	v = (v ^ v >> 27) * 0x94d049bb133111eb;
	return v ^ v >> 31;
}

static unsigned common_divisor(unsigned a, unsigned b)
{
	while (b) {
		unsigned rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static int by_place(const void *a, const void *b)
{
	const struct pool_point *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->member > y->member) - (x->member < y->member);
}

/* A member of weight w has its kth turn at (2k + 1) / 2w of the round, so that those of each are
 * evenly spread and those of equal weights alternate. */
static enum err make_turns(struct pool_tier *t, struct pool *p)
{
	unsigned divisor = 0;
	size_t n = 0, at = 0;
	for (size_t i = 0; i < t->members_n; i++)
		divisor = common_divisor(p->members[t->members[i]].weight, divisor);
	for (size_t i = 0; i < t->members_n; i++)
		n += p->members[t->members[i]].weight / divisor;
	struct pool_point *places = calloc(n, sizeof(*places));
	t->turns = ARENA_ARRAY(&p->memory, uint16_t, n);
	if (!places || !t->turns) {
		free(places);
		return ENOMEM;
	}
	for (size_t i = 0; i < t->members_n; i++) {
		uint64_t weight = p->members[t->members[i]].weight / divisor;
		for (uint64_t k = 0; k < weight; k++)
			places[at++] = (struct pool_point){.at = ((2 * k + 1) << 32) / (2 * weight),
							   .member = t->members[i]};
	}
	qsort(places, n, sizeof(*places), by_place);
	for (size_t i = 0; i < n; i++)
		t->turns[i] = places[i].member;
	t->turns_n = n;
	free(places);
	return OK;
}

/* How many points a weight of 1 has depends on the whole only by halving, so that a member that
 * comes or goes hardly ever moves the points of the others. */
static enum err make_points(struct pool_tier *t, struct pool *p)
{
	size_t weights = 0, each = POINTS_EACH, at = 0;
	for (size_t i = 0; i < t->members_n; i++)
		weights += p->members[t->members[i]].weight;
	while (each > 1 && weights * each > POINTS_MAX)
		each /= 2;
	t->points_n = weights * each;
	t->points = ARENA_ARRAY(&p->memory, struct pool_point, t->points_n);
	if (!t->points)
		return ENOMEM;
	for (size_t i = 0; i < t->members_n; i++) {
		const struct pool_member *m = &p->members[t->members[i]];
		for (uint64_t k = 0; k < m->weight * each; k++)
			t->points[at++] = (struct pool_point){
				.at = tier_mix(m->backend->place + k * 0x9e3779b97f4a7c15),
				.member = t->members[i]};
	}
	qsort(t->points, t->points_n, sizeof(*t->points), by_place);
	return OK;
}

enum err tier_init(struct pool_tier *t, struct pool *p)
{
	t->members = ARENA_ARRAY(&p->memory, uint16_t, p->members_n);
	if (!t->members)
		return ENOMEM;
	for (size_t i = 0; i < p->members_n; i++)
		if (p->members[i].level == t->level && (p->members[i].own_zone || !t->zone))
			t->members[t->members_n++] = (uint16_t)i;
	ASSERT(t->members_n);
	TRY(make_turns(t, p));
	return p->policy.balance == POOL_HASH ? make_points(t, p) : OK;
}

size_t tier_point(const struct pool_tier *t, uint64_t hash)
{
	size_t low = 0, high = t->points_n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->points[middle].at < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->points_n ? low : 0;
}
