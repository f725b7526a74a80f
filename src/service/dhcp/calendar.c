#include "service/dhcp/calendar.h"

enum { SLOT_MASK = DHCP_CALENDAR_SLOTS - 1 };

enum err dhcp_calendar_init(struct dhcp_calendar *c, struct dhcp_table *t, uint32_t now_s,
			    dhcp_calendar_due *due)
{
	*c = (struct dhcp_calendar){.table = t, .due = due, .now_s = now_s};
	c->late = dhcp_table_list(t);
	c->spreading = dhcp_table_list(t);
	bool made = c->late && c->spreading;
	for (unsigned level = 0; level < DHCP_CALENDAR_LEVELS; level++)
		for (unsigned i = 0; i < DHCP_CALENDAR_SLOTS; i++) {
			c->slots[level][i] = dhcp_table_list(t);
			made = made && c->slots[level][i];
		}
	return made ? OK : (enum err)ENOMEM;
}

static uint64_t slot_of(uint32_t s, unsigned level)
{
	return (uint64_t)s >> (level * DHCP_CALENDAR_BITS) & SLOT_MASK;
}

void dhcp_calendar_add(struct dhcp_calendar *c, struct dhcp_record *r, uint32_t due_s)
{
	if (due_s == UINT32_MAX) {
		dhcp_list_leave(c->table, r);
		return;
	}
	if (due_s <= c->now_s) {
		dhcp_list_append(c->table, c->late, r);
		return;
	}
	/* The level of the highest digit in which the two times differ. */
	unsigned top_bit = 31 - (unsigned)__builtin_clz(due_s ^ c->now_s);
	unsigned level = top_bit / DHCP_CALENDAR_BITS;
	uint64_t slot = slot_of(due_s, level);
	c->filled[level] |= 1ull << slot;
	dhcp_list_append(c->table, c->slots[level][slot], r);
}

/* When the first slot of a level begins that lies behind now and is marked; UINT64_MAX: none. */
static uint64_t level_next(const struct dhcp_calendar *c, unsigned level)
{
	uint64_t here = slot_of(c->now_s, level);
	uint64_t behind = here == SLOT_MASK ? 0 : c->filled[level] >> (here + 1) << (here + 1);
	if (!behind)
		return UINT64_MAX;
	uint64_t slot = (uint64_t)__builtin_ctzll(behind);
	unsigned shift = level * DHCP_CALENDAR_BITS;
	uint64_t above = (uint64_t)c->now_s >> shift >> DHCP_CALENDAR_BITS << DHCP_CALENDAR_BITS;
	return (above | slot) << shift;
}

/* Lower levels come first: what they hold is nearer. */
static uint64_t next_slot(const struct dhcp_calendar *c, unsigned *ret_level)
{
	for (unsigned level = 0; level < DHCP_CALENDAR_LEVELS; level++) {
		uint64_t at = level_next(c, level);
		if (at != UINT64_MAX) {
			*ret_level = level;
			return at;
		}
	}
	return UINT64_MAX;
}

/* Forward to the next marked slot, or to now_s; false: nothing is left until then. */
static bool step(struct dhcp_calendar *c, uint32_t now_s)
{
	unsigned level = 0;
	uint64_t at = next_slot(c, &level);
	if (at > now_s) {
		c->now_s = now_s;
		return false;
	}
	c->now_s = (uint32_t)at;
	uint64_t slot = slot_of(c->now_s, level);
	c->filled[level] &= ~(1ull << slot);
	dhcp_list_move(c->table, c->slots[level][slot], level ? c->spreading : c->late);
	return true;
}

struct dhcp_record *dhcp_calendar_take(struct dhcp_calendar *c, uint32_t now_s, unsigned *steps)
{
	for (; *steps; (*steps)--) {
		struct dhcp_record *r = dhcp_list_first(c->table, c->late);
		if (r) {
			(*steps)--;
			dhcp_list_leave(c->table, r);
			return r;
		}
		r = dhcp_list_first(c->table, c->spreading);
		if (r)
			dhcp_calendar_add(c, r, c->due(r));
		else if (now_s <= c->now_s || !step(c, now_s))
			return NULL;
	}
	return NULL;
}

uint32_t dhcp_calendar_next_s(const struct dhcp_calendar *c)
{
	if (dhcp_list_first(c->table, c->late) || dhcp_list_first(c->table, c->spreading))
		return c->now_s;
	unsigned level;
	uint64_t at = next_slot(c, &level);
	return at > UINT32_MAX ? UINT32_MAX : (uint32_t)at;
}
