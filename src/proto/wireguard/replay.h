/* The window of counters already seen, by which a packet is taken once (RFC 6479). Knows no packet;
 * holds no lock. */
#ifndef PROTO_WIREGUARD_REPLAY_H
#define PROTO_WIREGUARD_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum {
	WG_REPLAY_BITS = 8192, /* a power of two */
	/* A counter this far behind the greatest is too old: one word is always being cleared. */
	WG_REPLAY_WINDOW = WG_REPLAY_BITS - 64,
};

/* Counters from here on are never sent nor taken (paper 6.1, Reject-After-Messages). */
#define WG_REJECT_AFTER_MESSAGES (UINT64_MAX - (1u << 13))
/* A handshake is due after so many (paper 6.1, Rekey-After-Messages). */
#define WG_REKEY_AFTER_MESSAGES (UINT64_C(1) << 60)

/* Zeroed storage is a fresh window. */
struct wg_replay {
	uint64_t next; /* greatest counter seen + 1 */
	uint64_t seen[WG_REPLAY_BITS / 64];
};

/* True, and the counter is seen from now on, when it is new and inside the window or ahead of it.
 * Call it only with counters of packets whose tag was right. */
__attribute__((warn_unused_result)) bool wg_replay_take(struct wg_replay *w, uint64_t counter);

#endif
