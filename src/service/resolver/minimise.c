#include "service/resolver/minimise.h"

void minimise_start(struct minimise_state *m, enum minimise mode)
{
	*m = (struct minimise_state){.whole = mode == MINIMISE_OFF};
}

void minimise_at_zone(struct minimise_state *m, unsigned zone_labels)
{
	m->labels = zone_labels;
}

unsigned minimise_next(const struct minimise_state *m, unsigned labels)
{
	if (m->whole || m->labels >= labels || m->steps >= MINIMISE_COUNT_MAX)
		return labels;
	unsigned left = labels - m->labels, step = 1;
	if (m->steps >= MINIMISE_ONE_LABEL) {
		unsigned steps_left = MINIMISE_COUNT_MAX - m->steps;
		step = (left + steps_left - 1) / steps_left;
	}
	return m->labels + (step < left ? step : left);
}

void minimise_passed(struct minimise_state *m, unsigned labels)
{
	m->labels = labels;
	m->steps++;
}
