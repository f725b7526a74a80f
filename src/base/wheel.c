#include "base/wheel.h"

#include "base/err.h"

#include <assert.h>

/* A timer lies on the level of the highest bit in which its time differs from the wheel's, in the
 * slot of its own bits there. So everything on a level is due before everything on the next, the
 * slots of level 0 are exact, and the first slot of a level is its lowest bit in `filled`. */

enum {
	SLOT_LATE = WHEEL_LEVELS * WHEEL_SLOTS + 1,
	SLOT_FIRING,
};

static_assert(WHEEL_BITS * WHEEL_LEVELS >= 64, "every time has a level");
static_assert(WHEEL_SLOTS == 64, "one word has a bit for each slot of a level");

static struct wheel_list *list_of(struct wheel *w, unsigned slot)
{
	if (slot == SLOT_LATE)
		return &w->late;
	if (slot == SLOT_FIRING)
		return &w->firing;
	return &w->slots[(slot - 1) / WHEEL_SLOTS][(slot - 1) % WHEEL_SLOTS];
}

static void append(struct wheel *w, struct wheel_timer *t, unsigned slot)
{
	struct wheel_list *list = list_of(w, slot);
	t->slot = (uint16_t)slot;
	t->next = NULL;
	t->previous = list->last;
	if (list->last)
		list->last->next = t;
	else
		list->first = t;
	list->last = t;
	if (slot < SLOT_LATE)
		w->filled[(slot - 1) / WHEEL_SLOTS] |= (uint64_t)1 << (slot - 1) % WHEEL_SLOTS;
}

static void unlink_timer(struct wheel *w, struct wheel_timer *t)
{
	unsigned slot = t->slot;
	struct wheel_list *list = list_of(w, slot);
	if (t->previous)
		t->previous->next = t->next;
	else
		list->first = t->next;
	if (t->next)
		t->next->previous = t->previous;
	else
		list->last = t->previous;
	t->next = t->previous = NULL;
	t->slot = 0;
	if (slot < SLOT_LATE && !list->first)
		w->filled[(slot - 1) / WHEEL_SLOTS] &= ~((uint64_t)1 << (slot - 1) % WHEEL_SLOTS);
}

/* t->due_ms is after w->now_ms. */
static void append_by_time(struct wheel *w, struct wheel_timer *t)
{
	unsigned highest = 63u - (unsigned)__builtin_clzll(t->due_ms ^ w->now_ms);
	unsigned level = highest / WHEEL_BITS;
	unsigned slot = t->due_ms >> (WHEEL_BITS * level) & (WHEEL_SLOTS - 1);
	append(w, t, 1 + level * WHEEL_SLOTS + slot);
}

void wheel_init(struct wheel *w, uint64_t now_ms)
{
	*w = (struct wheel){.now_ms = now_ms};
}

void wheel_add(struct wheel *w, struct wheel_timer *t, uint64_t due_ms)
{
	wheel_cancel(w, t);
	t->due_ms = due_ms;
	if (due_ms <= w->now_ms) {
		append(w, t, SLOT_LATE);
	} else {
		append_by_time(w, t);
		if (w->next_known && due_ms < w->next_ms)
			w->next_ms = due_ms;
	}
	w->used++;
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
	if (!t->slot)
		return;
	if (t->due_ms == w->next_ms)
		w->next_known = false;
	unlink_timer(w, t);
	w->used--;
}

static void fire(struct wheel *w, wheel_call *call, void *arg)
{
	while (w->firing.first) {
		struct wheel_timer *t = w->firing.first;
		unlink_timer(w, t);
		w->used--;
		call(t, arg);
	}
}

/* The lowest level with timers, and the start of its first slot; false when all are empty. */
static bool first_slot(const struct wheel *w, unsigned *ret_level, unsigned *ret_slot,
		       uint64_t *ret_start_ms)
{
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		if (!w->filled[level])
			continue;
		unsigned shift = WHEEL_BITS * level;
		*ret_level = level;
		*ret_slot = (unsigned)__builtin_ctzll(w->filled[level]);
		/* In two steps: on the last level one shift by the sum would be too far. */
		uint64_t above = w->now_ms >> shift >> WHEEL_BITS << WHEEL_BITS;
		*ret_start_ms = (above | *ret_slot) << shift;
		return true;
	}
	return false;
}

void wheel_advance(struct wheel *w, uint64_t now_ms, wheel_call *call, void *arg)
{
	ASSERT(!w->firing.first);
	while (w->late.first) {
		struct wheel_timer *t = w->late.first;
		unlink_timer(w, t);
		append(w, t, SLOT_FIRING);
	}
	fire(w, call, arg);

	unsigned level, slot;
	uint64_t start_ms;
	while (first_slot(w, &level, &slot, &start_ms) && start_ms <= now_ms) {
		w->now_ms = start_ms;
		w->next_known = false;
		struct wheel_list *list = &w->slots[level][slot];
		while (list->first) {
			struct wheel_timer *t = list->first;
			unlink_timer(w, t);
			if (t->due_ms == start_ms)
				append(w, t, SLOT_FIRING);
			else
				append_by_time(w, t);
		}
		fire(w, call, arg);
	}
	if (now_ms > w->now_ms)
		w->now_ms = now_ms;
}

uint64_t wheel_next_ms(struct wheel *w)
{
	if (w->late.first || w->firing.first)
		return w->now_ms;
	if (w->next_known)
		return w->next_ms;
	unsigned level, slot;
	uint64_t earliest = UINT64_MAX, start_ms;
	if (first_slot(w, &level, &slot, &start_ms)) {
		if (level == 0)
			earliest = start_ms;
		else
			for (struct wheel_timer *t = w->slots[level][slot].first; t; t = t->next)
				if (t->due_ms < earliest)
					earliest = t->due_ms;
	}
	w->next_ms = earliest;
	w->next_known = true;
	return earliest;
}
