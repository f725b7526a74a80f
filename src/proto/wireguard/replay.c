#include "proto/wireguard/replay.h"

enum { WORDS = WG_REPLAY_BITS / 64 };

bool wg_replay_take(struct wg_replay *w, uint64_t counter)
{
	if (counter >= WG_REJECT_AFTER_MESSAGES)
		return false;
	if (counter < w->next && w->next - counter > WG_REPLAY_WINDOW)
		return false;
	uint64_t word = counter / 64, bit = UINT64_C(1) << counter % 64;
	if (counter >= w->next) {
		/* The words between the greatest so far and this one come round again. */
		uint64_t last = w->next ? (w->next - 1) / 64 : 0;
		uint64_t steps = word - last < WORDS ? word - last : WORDS;
		for (uint64_t i = 1; i <= steps; i++)
			w->seen[(last + i) % WORDS] = 0;
		w->next = counter + 1;
	}
	if (w->seen[word % WORDS] & bit)
		return false;
	w->seen[word % WORDS] |= bit;
	return true;
}
