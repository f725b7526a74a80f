/* What the engine's own files share: an engine, its planes, what a peer hides, keypairs. Nobody
 * outside of this folder includes it.
 *
 * Locks as in peer.h: what is not atomic is changed by the main thread; what workers read of that
 * only between vpn_engine_begin and vpn_engine_end. */
#ifndef VPN_TUNNEL_INNER_H
#define VPN_TUNNEL_INNER_H

#include "base/slab.h"
#include "base/table.h"
#include "base/wheel.h"
#include "crypto/aead.h"
#include "proto/wireguard/cookie.h"
#include "proto/wireguard/noise.h"
#include "proto/wireguard/replay.h"
#include "service/vpn/tunnel/allowed.h"
#include "service/vpn/tunnel/engine.h"
#include "service/vpn/tunnel/flag.h"
#include "service/vpn/tunnel/indices.h"
#include "service/vpn/tunnel/limiter.h"

#include <assert.h>
#include <stdalign.h>

static_assert((int)VPN_KEY_LEN == (int)WG_KEY_LEN, "one kind of key");
static_assert((int)VPN_DATA_OVERHEAD == (int)WG_OVERHEAD &&
		      (int)VPN_PADDING_MAX == (int)WG_PADDING - 1,
	      "the paper 5.4.6");
static_assert((int)VPN_HANDSHAKE_MAX == (int)WG_INITIATION_LEN, "the longest");

enum {
	CACHE_LINE = 64,
	/* Type of service of handshakes, as other implementations have it: AF41, so that tunnels
	 * stay up where there is congestion. */
	HANDSHAKE_TOS = 0x88,
};

/* What workers ask the main thread to do for a peer; bits. */
enum {
	WANT_HANDSHAKE = 1 << 0,
	WANT_CONFIRMED = 1 << 1, /* the next keypair was used by the other side */
	WANT_TIMER = 1 << 2,	 /* something is to be done earlier than the timer is set for */
	WANT_MOVED = 1 << 3,
};

/* Two ciphers for each worker, and the main thread's at the end: one thread uses each. */
struct vpn_ciphers {
	struct crypto_aead seal, open;
};

struct vpn_keypair {
	struct vpn_peer *peer; /* borrowed */
	uint32_t local_index, remote_index;
	bool initiator;
	uint64_t made_ms;
	alignas(CACHE_LINE) _Atomic uint64_t sent; /* the counter of the next datagram */
	/* The other side has used it, or is known to have it: it may be sent with. */
	alignas(CACHE_LINE) _Atomic bool confirmed;
	struct vpn_flag replay_flag;
	struct wg_replay replay;
	size_t ciphers_n;
	struct vpn_ciphers ciphers[];
};

enum { ENDPOINT_WORDS = (sizeof(struct vpn_endpoint) + 7) / 8 };

/* A packet that waits for a handshake. */
struct vpn_staged {
	struct vpn_staged *next; /* owned by the engine's slab */
	size_t len;
	uint8_t room[]; /* the datagram is made here: VPN_DATA_HEAD, the packet, padding, tag */
};

struct vpn_peer_inner {
	/* --- main's */
	struct vpn_peer *self;		 /* borrowed */
	struct vpn_peer *before, *after; /* in the order they were added */
	struct noise_peer noise;
	struct noise_handshake sent; /* our initiation, waiting for its response */
	struct noise_guard guard;
	struct wg_cookie cookie;
	struct wg_mac_keys mac_keys; /* of the peer: for what is sent to it */
	uint64_t stamped_ns;	     /* of our last initiation: the next one's is later */
	uint64_t initiated_ms;	     /* our last initiation; 0: none */
	uint64_t trying_ms;	     /* since when a handshake is tried; 0: it is not */
	uint64_t retry_ms;	     /* when the next initiation leaves, while trying */
	uint64_t keys_ms;	     /* last new keypair: zeroed 3 * REJECT_AFTER_TIME later */
	struct wheel_timer timer;

	/* --- changed by main between begin and end */
	struct vpn_keypair *previous, *current, *next; /* owned; the paper 6.3 */
	/* Opens only: when both sides began at once, each may send with the one that the other
	 * began, and so with what is previous here until it has heard of a new one. Owned. */
	struct vpn_keypair *older;

	/* --- atomic */
	struct vpn_peer *noticed_next; /* in the list of those that workers noticed */
	_Atomic uint32_t wants;
	_Atomic(struct vpn_keypair *) sending; /* current, or next as soon as it is confirmed */
	_Atomic bool busy;		       /* a handshake is tried: no need to ask for one */
	_Atomic uint64_t asked_ms;	       /* when a packet last had to wait for a handshake */
	_Atomic uint64_t timer_ms;	       /* for when timer is set; UINT64_MAX: it is not */
	/* The timers of the paper 6 as the dates from which they run; 0: not running. */
	_Atomic uint64_t unanswered_ms; /* data was sent, and nothing came since */
	_Atomic uint64_t owed_ms;	/* data came, and nothing was sent since */
	_Atomic uint64_t traffic_ms;	/* the last authenticated datagram either way */
	_Atomic uint64_t received_data_ms;

	/* Written under the flag; endpoint is read without it, see endpoint.c. */
	struct vpn_flag endpoint_flag;
	_Atomic uint32_t endpoint_turn; /* odd: being written */
	_Atomic uint64_t endpoint[ENDPOINT_WORDS];
	bool moved; /* main has not been told yet */
	struct vpn_endpoint moved_before, moved_after;

	_Atomic uint32_t staged_n;
	struct vpn_staged *staged_first, *staged_last; /* under the engine's staged_flag */
};

/* One for each worker, and one for the main thread: written by that thread alone. */
struct vpn_plane {
	struct vpn_engine *engine; /* borrowed */
	size_t index;		   /* of its ciphers */
	bool wake;
	_Atomic uint64_t dropped[VPN_DROPS];
	_Atomic uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
	_Atomic uint64_t keepalives_sent, keepalives_received, cookies_sent;
};

struct vpn_engine {
	struct vpn_setting setting;
	struct vpn_effects effects;
	unsigned depth; /* of begin */
	struct vpn_plane *planes[VPN_WORKERS_MAX + 1];

	struct noise_identity own;
	bool has_key; /* else own is a random one that nobody knows */
	struct wg_mac_keys mac_keys;
	struct table peers; /* by public key */
	struct vpn_peer *first, *last;
	uint32_t *free_numbers; /* owned: those of removed peers, as a stack */
	size_t free_numbers_n, free_numbers_cap;
	uint32_t numbers; /* ever given out */
	struct vpn_allowed_table allowed;
	struct vpn_indices keypairs;   /* by local index; workers read it */
	struct vpn_indices handshakes; /* struct vpn_peer by the index of its initiation; main's */
	struct wheel wheel;
	uint64_t now_ms;

	_Atomic(struct vpn_peer *) noticed; /* by workers; main takes all at once */

	struct wg_cookie_secret secret;
	_Atomic bool secret_wanted;
	_Atomic uint64_t load_until_ms, load_turns;
	_Atomic uint32_t handshakes_max; /* a second; 0: no such bound */
	_Atomic uint64_t arrived;	 /* 32 bits of a second, how many messages came in it */
	struct vpn_limiter limiter;

	struct vpn_flag staged_flag;
	struct slab staged; /* under staged_flag */
	size_t staged_room;
	_Atomic uint64_t staged_ever;

	/* main's */
	uint64_t initiations_sent, initiations_received, responses_sent, responses_received;
	uint64_t cookies_received, handshakes_complete, moved;
};

/* --- plane.c */

static inline void vpn_count(_Atomic uint64_t *cell, uint64_t n)
{
	/* One writer: no locked instruction. */
	atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline struct vpn_plane *main_plane(struct vpn_engine *e)
{
	return e->planes[e->setting.workers_n];
}

/* Leaves a peer for the main thread. */
void vpn_plane_notice(struct vpn_plane *p, struct vpn_peer *peer, uint32_t wants);

/* An authenticated datagram came from, or went to the peer; data: with something inside. The
 * paper's timers run from here. */
void vpn_peer_received(struct vpn_plane *p, uint64_t now_ms, struct vpn_peer *peer, bool data);
void vpn_peer_sent(struct vpn_plane *p, uint64_t now_ms, struct vpn_peer *peer, bool data);

/* Is it young and little used enough to be used? The paper 6.2, REJECT_AFTER_TIME. */
static inline bool vpn_keypair_is_good(const struct vpn_keypair *k, uint64_t now_ms)
{
	return now_ms < k->made_ms + VPN_REJECT_AFTER_TIME_MS;
}

/* --- endpoint.c */

/* The source of an authenticated datagram: true when it is a new one. Lowers the gate then, before
 * it returns. */
bool vpn_peer_learn(struct vpn_peer *peer, const struct vpn_endpoint *from);
void vpn_peer_put_endpoint(struct vpn_peer *peer, const struct vpn_endpoint *to);
/* Takes what is to be told of a move; false: nothing. */
bool vpn_peer_take_move(struct vpn_peer *peer, struct vpn_endpoint *ret_before,
			struct vpn_endpoint *ret_after);

/* --- staged.c */

/* Copies the packet to the end of the peer's; the oldest gives way. VPN_DROP_NONE: it waits. */
enum vpn_drop vpn_staged_put(struct vpn_plane *p, struct vpn_peer *peer, struct span packet);
/* Main: sends them, or drops them for that cause; the latter may be inside begin and end. */
void vpn_staged_send(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer);
void vpn_staged_drop(struct vpn_engine *e, struct vpn_peer *peer, enum vpn_drop cause);

/* --- plane_seal.c: main's own way to send; a packet of length 0 is a keepalive. room: with space
 * before and behind as in vpn_seal. False: there is no key that may be used. */
bool vpn_engine_send_data(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer,
			  uint8_t *room, size_t len);

/* --- keypair.c */

/* From a handshake that is agreed. ENOMEM. */
MUST enum err vpn_keypair_new(struct vpn_engine *e, struct vpn_peer *peer,
			      const struct noise_keys *keys, uint64_t now_ms,
			      struct vpn_keypair **ret);
/* The paper 6.3: the initiator may send at once; the responder when it was sent to. Takes k. */
void vpn_peer_install(struct vpn_engine *e, struct vpn_peer *peer, struct vpn_keypair *k);
/* The next one becomes the current one when it is confirmed; true: it did. */
bool vpn_peer_rotate(struct vpn_engine *e, struct vpn_peer *peer);
void vpn_peer_drop_keypairs(struct vpn_engine *e, struct vpn_peer *peer);
/* Not in use by any keypair or handshake. */
uint32_t vpn_engine_new_index(struct vpn_engine *e);

/* --- handshake.c */

/* Sends an initiation now, or when REKEY_TIMEOUT has passed since the last one. */
void vpn_peer_want_handshake(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer);
void vpn_peer_initiate(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer);
/* Nothing is tried any more; a response that still comes is refused. */
void vpn_peer_stop_trying(struct vpn_engine *e, struct vpn_peer *peer);
/* Both sides have the keys. */
void vpn_peer_handshake_complete(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer);

/* --- timers.c */

void vpn_peer_set_timer(struct vpn_engine *e, struct vpn_peer *peer);
void vpn_peer_forget(struct vpn_engine *e, struct vpn_peer *peer);
void vpn_engine_tell(struct vpn_engine *e, struct vpn_peer *peer, enum vpn_event_kind kind);

#endif
