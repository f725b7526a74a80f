/* One WireGuard interface: its peers, their handshakes, keys and timers, as in the paper
 *("WireGuard: Next Generation Kernel Network Tunnel", revision of 2020), by section. Does no I/O
 *and has no clock; several interfaces are several engines.
 *
 * The main thread owns it: every function here is called by that thread alone. What workers call is
 * plane.h. Tables and keys change only between begin and end, an effect that takes all workers'
 * mutexes; the engine computes outside of it. Functions here do that themselves; who makes many
 * changes wraps them into vpn_engine_begin and vpn_engine_end, which nest.
 *
 * What happens:
 *	datagram	worker: vpn_plane_open says HANDSHAKE -> bounded queue -> vpn_engine_receive
 *	data to send	worker: vpn_plane_seal finds no key: stages, notes the peer -> wake ->
 *vpn_engine_turn timers		vpn_engine_next_ms -> vpn_engine_turn Effects are made
 *before the function that was called returns, and must not call the engine. */
#ifndef VPN_TUNNEL_ENGINE_H
#define VPN_TUNNEL_ENGINE_H

#include "service/vpn/tunnel/plane.h"

enum {
	/* The paper 6.1, in milliseconds. */
	VPN_REKEY_AFTER_TIME_MS = 120 * 1000,
	VPN_REJECT_AFTER_TIME_MS = 180 * 1000,
	VPN_REKEY_ATTEMPT_TIME_MS = 90 * 1000,
	VPN_REKEY_TIMEOUT_MS = 5 * 1000,
	VPN_REKEY_JITTER_MS = 333, /* 6.4: at most, at random, on top of REKEY_TIMEOUT */
	VPN_KEEPALIVE_TIMEOUT_MS = 10 * 1000,
	VPN_COOKIE_TIME_MS = 120 * 1000, /* 5.4.7: a secret's life, and a cookie's */
	VPN_STAGED_MAX = 32,		 /* packets that wait for one peer's handshake */
	VPN_STAGED_PACKET_MAX = 9216,	 /* bytes of one at most: the MTU is not larger */
	VPN_WORKERS_MAX = 256,
	VPN_PEERS_MAX = 1 << 20,
	VPN_ALLOWED_MAX = 1 << 22, /* of all peers together */
};
#define VPN_REKEY_AFTER_MESSAGES  (UINT64_C(1) << 60)
#define VPN_REJECT_AFTER_MESSAGES (UINT64_MAX - (UINT64_C(1) << 13))

enum vpn_event_kind {
	VPN_EVENT_HANDSHAKE, /* complete: there are new keys */
	VPN_EVENT_MOVED,     /* an authenticated datagram came from a new endpoint: before, after */
	VPN_EVENT_GAVE_UP,   /* no answer for REKEY_ATTEMPT_TIME; staged packets are dropped */
	VPN_EVENT_KEYS_GONE, /* no traffic for 3 * REJECT_AFTER_TIME: all keys were zeroed */
	VPN_EVENT_REMOVED,   /* about to be freed, inside begin and end: let go of it */
};

struct vpn_event {
	enum vpn_event_kind kind;
	struct vpn_peer *peer;
	struct vpn_endpoint before, after; /* of MOVED; before may have no family: the first one */
	bool address_changed;		   /* of MOVED; false: only the port */
};

struct vpn_effects {
	void *arg;
	/* tos: of the outer IP header. The datagram is borrowed. */
	void (*send)(void *arg, const struct vpn_endpoint *to, uint8_t tos, struct span datagram);
	/* Fresh bytes that nobody can foretell; workers call it too. */
	void (*random)(void *arg, void *ret, size_t len);
	/* Unix time, for TAI64N: may be set by an administrator. */
	uint64_t (*wall_ns)(void *arg);
	/* All workers' mutexes taken and given back; never nested by the engine. */
	void (*begin)(void *arg);
	void (*end)(void *arg);
	void (*event)(void *arg, const struct vpn_event *event); /* may be NULL */
};

struct vpn_setting {
	size_t workers_n;  /* 1 to VPN_WORKERS_MAX */
	size_t peers_max;  /* 1 to VPN_PEERS_MAX */
	size_t staged_max; /* packets that wait for handshakes, of all peers: memory comes in blocks
			    * when needed and stays */
	uint16_t mtu;	   /* inner, 1280 (576 without IPv6) to VPN_STAGED_PACKET_MAX */
};

/* effects are copied. Without a private key nothing is answered or sent. ENOMEM. */
MUST enum err vpn_engine_new(const struct vpn_setting *setting, const struct vpn_effects *effects,
			     uint64_t now_ms, struct vpn_engine **ret);
/* Wipes all keys. Workers must have ended. Accepts NULL. */
void vpn_engine_free(struct vpn_engine *e);
DEFINE_AUTO(struct vpn_engine, vpn_engine_free)

/* The worker's own; worker < workers_n. Lives as long as the engine. */
struct vpn_plane *vpn_engine_plane(struct vpn_engine *e, size_t worker);

/* For own changes to what workers read, and around many calls. */
void vpn_engine_begin(struct vpn_engine *e);
void vpn_engine_end(struct vpn_engine *e);

/* --- the interface */

/* Forgets all sessions, unless it is the key that is there; removes the peer that has this very
 * key, as `wg set` does. NULL: no key from now on. ERR_FORMAT: not a usable key (all zeros). */
MUST enum err vpn_engine_set_private_key(struct vpn_engine *e, uint64_t now_ms,
					 const uint8_t key[VPN_KEY_LEN]);
/* False: there is none, and ret is zeros. */
bool vpn_engine_private_key(const struct vpn_engine *e, uint8_t ret[VPN_KEY_LEN]);
bool vpn_engine_public_key(const struct vpn_engine *e, uint8_t ret[VPN_KEY_LEN]);
void vpn_engine_set_mtu(struct vpn_engine *e, uint16_t mtu);
/* handshakes: so many messages a second with a right mac1, of all sources together; when there are
 * more there is load, as when the queue to the main thread fills. 0: only the queue tells, as it is
 * at first. source: of one source while there is load, 1 to VPN_LIMITER_RATE_MAX. */
void vpn_engine_set_limits(struct vpn_engine *e, uint32_t handshakes, uint32_t source);

/* --- peers */

/* A peer without allowed IPs, with the gate OPEN. ERR_EXISTS, ERR_LIMIT at peers_max; ERR_REFUSED:
 * our own public key, or one that yields no secret (low order). */
MUST enum err vpn_engine_add_peer(struct vpn_engine *e, uint64_t now_ms,
				  const uint8_t public_key[VPN_KEY_LEN], struct vpn_peer **ret);
/* Tells VPN_EVENT_REMOVED, wipes its keys and frees it. */
void vpn_engine_remove_peer(struct vpn_engine *e, struct vpn_peer *peer);
struct vpn_peer *vpn_engine_find_peer(const struct vpn_engine *e,
				      const uint8_t public_key[VPN_KEY_LEN]);
/* The peer with the longest allowed IP that holds the address, NULL: none. Who is at this inner
 * address? */
struct vpn_peer *vpn_engine_peer_at(const struct vpn_engine *e, const struct ip_address *inner);
size_t vpn_engine_peers(const struct vpn_engine *e);
/* for (struct vpn_peer *p = NULL; (p = vpn_engine_next_peer(e, p));) in the order they were added;
 * p must not be removed meanwhile. */
struct vpn_peer *vpn_engine_next_peer(const struct vpn_engine *e, const struct vpn_peer *after);

void vpn_engine_set_preshared_key(struct vpn_engine *e, struct vpn_peer *peer,
				  const uint8_t key[VPN_KEY_LEN]);
/* Set by hand: no event, and the gate stays as it is. */
void vpn_engine_set_endpoint(struct vpn_engine *e, struct vpn_peer *peer,
			     const struct ip_endpoint *endpoint);
/* From 0 to something: a keepalive leaves at once, as `wg set` does. */
void vpn_engine_set_keepalive(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer,
			      uint16_t seconds);

/* The prefix now belongs to this peer: taken from another that had it. ERR_LIMIT, ENOMEM. */
MUST enum err vpn_engine_allow(struct vpn_engine *e, struct vpn_peer *peer,
			       const struct ip_prefix *prefix);
/* ERR_ABSENT: not this peer's. */
MUST enum err vpn_engine_disallow(struct vpn_engine *e, struct vpn_peer *peer,
				  const struct ip_prefix *prefix);
void vpn_engine_disallow_all(struct vpn_engine *e, struct vpn_peer *peer);

/* Forgets the peer's keys and handshake at once (an administrator's end); a new handshake is free
 * to begin. */
void vpn_engine_forget_keys(struct vpn_engine *e, struct vpn_peer *peer);

/* --- what comes */

/* A datagram for which vpn_plane_open said HANDSHAKE, as a queue's item. */
struct vpn_handshake_message {
	struct vpn_endpoint from;
	uint16_t len;
	uint8_t bytes[VPN_HANDSHAKE_MAX];
};
/* n of them, at most VPN_RECEIVE_MAX, in this order. What happens is what happened if they were
 * received one by one, but several cost less for each: see ahead.h. */
enum { VPN_RECEIVE_MAX = 8 };
void vpn_engine_receive(struct vpn_engine *e, uint64_t now_ms,
			const struct vpn_handshake_message *m, size_t n);

/* Does what is due and what workers left to do. */
void vpn_engine_turn(struct vpn_engine *e, uint64_t now_ms);
/* When to call it; UINT64_MAX: no need before a wake. */
uint64_t vpn_engine_next_ms(struct vpn_engine *e);

/* --- what is told; sums over workers */

struct vpn_counts {
	uint64_t dropped[VPN_DROPS];
	uint64_t rx_packets, tx_packets, rx_bytes,
		tx_bytes; /* data, of all peers there ever were */
	uint64_t keepalives_sent, keepalives_received;
	uint64_t initiations_sent, initiations_received, responses_sent, responses_received;
	uint64_t cookies_sent, cookies_received;
	uint64_t handshakes; /* complete */
	uint64_t moved;
	uint64_t staged;     /* packets that ever waited */
	uint64_t load_turns; /* how often the state "under load" began */
};
void vpn_engine_counts(const struct vpn_engine *e, struct vpn_counts *ret);
bool vpn_engine_under_load(const struct vpn_engine *e, uint64_t now_ms);

#endif
