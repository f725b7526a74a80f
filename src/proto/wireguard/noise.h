/* The handshake Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s (paper, 5.4.1 to 5.4.5): two messages, then
 * both have two keys. Knows no peer table, no clock and no macs (cookie.h signs what is made here,
 * and has judged what is read here).
 *
 *   initiator                                    responder
 *   noise_initiation_write   -- initiation -->   noise_initiation_read    whose it says it is
 *                                                noise_initiation_accept  that it is, and when
 *   noise_response_read      <-- response ---    noise_response_write
 *   noise_keys               == transport ==     noise_keys
 *
 * A call that fails leaves the handshake as it was. They take, in order, 2, 1, 0, 3, 2 and 0
 * multiplications on the curve of about 45 us, or at once what crypto/x25519.h says; any thread,
 * one at a time for each handshake. Who has several messages asks the curve for all of them first:
 * noise_…_ask, noise_curve_answer, noise_…_asked. */
#ifndef PROTO_WIREGUARD_NOISE_H
#define PROTO_WIREGUARD_NOISE_H

#include "crypto/x25519.h"
#include "proto/wireguard/message.h"

/* Ourselves. */
struct noise_identity {
	uint8_t private[WG_KEY_LEN], public[WG_KEY_LEN];
};

void noise_identity_init(struct noise_identity *i, const uint8_t private[WG_KEY_LEN]);
/* Wipes; accepts NULL. So do the others. */
void noise_identity_done(struct noise_identity *i);

/* What both hold before they meet. */
struct noise_peer {
	uint8_t public[WG_KEY_LEN];
	uint8_t static_static[WG_KEY_LEN]; /* what both static keys agree on, computed once */
	uint8_t preshared[WG_KEY_LEN];	   /* zeros: none */
};

/* ERR_REFUSED when public is a key of small order, which nobody can own. preshared may be NULL. To
 * change the preshared key later write it. */
MUST enum err noise_peer_init(struct noise_peer *p, const struct noise_identity *own,
			      const uint8_t public[WG_KEY_LEN],
			      const uint8_t preshared[WG_KEY_LEN]);
void noise_peer_done(struct noise_peer *p);

enum noise_stage {
	NOISE_EMPTY,
	NOISE_INITIATION_SENT,
	NOISE_INITIATION_READ,	   /* the sender's name is read, not yet proved */
	NOISE_INITIATION_ACCEPTED, /* proved */
	NOISE_AGREED,		   /* noise_keys may be called */
};

/* One handshake. Zeroed storage is an empty one. An initiator keeps it until the response; a
 * responder needs it on its stack only, from noise_initiation_read to noise_keys. */
struct noise_handshake {
	enum noise_stage stage;
	bool initiator;
	uint32_t local_index, remote_index;
	uint8_t hash[WG_KEY_LEN], chain[WG_KEY_LEN]; /* H and C of the paper */
	uint8_t ephemeral[WG_KEY_LEN];		     /* ours, private */
	uint8_t remote_ephemeral[WG_KEY_LEN];	     /* public */
};

void noise_handshake_done(struct noise_handshake *h);

/* Whatever h was, it is a new handshake then. entropy: 32 random bytes, the caller wipes them.
 * ERR_REFUSED does not happen with random entropy. */
MUST enum err noise_initiation_write(struct noise_handshake *h, const struct noise_identity *own,
				     const struct noise_peer *peer,
				     const uint8_t entropy[WG_KEY_LEN],
				     const uint8_t timestamp[WG_TAI64N_LEN], uint32_t local_index,
				     struct wg_initiation *ret);

/* Reads whose the message says it is: find the peer by ret_public. ERR_REFUSED when it was not made
 * for us. h: empty storage. */
MUST enum err noise_initiation_read(struct noise_handshake *h, const struct noise_identity *own,
				    const struct wg_initiation *m, uint8_t ret_public[WG_KEY_LEN]);

/* ERR_REFUSED unless the message is that peer's. Whether it may still be answered is then a matter
 * of ret_timestamp (noise_guard_admits). peer: the one of ret_public above. */
MUST enum err noise_initiation_accept(struct noise_handshake *h, const struct noise_peer *peer,
				      const struct wg_initiation *m,
				      uint8_t ret_timestamp[WG_TAI64N_LEN]);

MUST enum err noise_response_write(struct noise_handshake *h, const struct noise_peer *peer,
				   const uint8_t entropy[WG_KEY_LEN], uint32_t local_index,
				   struct wg_response *ret);

/* The caller has found h by m->receiver. ERR_REFUSED unless it answers h and is the peer's. */
MUST enum err noise_response_read(struct noise_handshake *h, const struct noise_identity *own,
				  const struct noise_peer *peer, const struct wg_response *m);

/* What a message asks of the curve, and what that answers. Zeroed storage asks nothing. It points
 * into itself and to what it was asked with, so all of these stay where they are. */
struct noise_curve {
	size_t n;
	struct crypto_x25519_task tasks[3];
	uint8_t ephemeral[WG_KEY_LEN]; /* of a response to be written: private */
	uint8_t answers[3][WG_KEY_LEN];
};
void noise_curve_done(struct noise_curve *c);

/* Each replaces what c asked before. */
void noise_initiation_ask(struct noise_curve *c, const struct noise_identity *own,
			  const struct wg_initiation *m);
void noise_reply_ask(struct noise_curve *c, const struct noise_handshake *h,
		     const struct noise_peer *peer, const uint8_t entropy[WG_KEY_LEN]);
void noise_response_ask(struct noise_curve *c, const struct noise_handshake *h,
			const struct noise_identity *own, const struct wg_response *m);

/* Answers them all, up to NOISE_CURVES_MAX. */
enum { NOISE_CURVES_MAX = 8 };
void noise_curve_answer(struct noise_curve *curves, size_t n);

/* As the functions above, by what was answered to a question about the same things. */
MUST enum err noise_initiation_read_asked(struct noise_handshake *h,
					  const struct noise_identity *own,
					  const struct wg_initiation *m,
					  const struct noise_curve *answered,
					  uint8_t ret_public[WG_KEY_LEN]);
MUST enum err noise_response_write_asked(struct noise_handshake *h, const struct noise_peer *peer,
					 const struct noise_curve *answered, uint32_t local_index,
					 struct wg_response *ret);
MUST enum err noise_response_read_asked(struct noise_handshake *h, const struct noise_peer *peer,
					const struct noise_curve *answered,
					const struct wg_response *m);

/* What transport messages are sealed with. */
struct noise_keys {
	uint8_t send[WG_KEY_LEN], receive[WG_KEY_LEN];
	uint32_t local_index, remote_index;
	bool initiator;
};

/* Once for a handshake that is NOISE_AGREED; wipes it. */
void noise_keys(struct noise_handshake *h, struct noise_keys *ret);
void noise_keys_done(struct noise_keys *k);

/* TAI64N of a time since 1970 in UTC; the lower bits of the nanoseconds are left out, so that the
 * time of a handshake tells little of what a processor did (about 17 ms remain). */
void noise_timestamp(uint64_t unix_s, uint32_t nanoseconds, uint8_t ret[WG_TAI64N_LEN]);

enum { NOISE_GUARD_GAP_MS = 20 }; /* 50 initiations a second of one peer at most */

/* The greatest timestamp of a peer's initiations (paper 5.1) and when one was accepted. Zeroed
 * storage has seen none. Outlives handshakes and should outlive neither peer nor process: a peer
 * whose clock is behind after a restart of ours is welcome. */
struct noise_guard {
	uint8_t timestamp[WG_TAI64N_LEN];
	uint64_t next_ms; /* none is admitted before */
};

/* ERR_REFUSED for a timestamp that is not later than all before, ERR_LIMIT for one too soon after
 * the last; else it is the last one now. */
MUST enum err noise_guard_admit(struct noise_guard *g, const uint8_t timestamp[WG_TAI64N_LEN],
				uint64_t now_ms);
/* What that would say. */
MUST enum err noise_guard_would_admit(const struct noise_guard *g,
				      const uint8_t timestamp[WG_TAI64N_LEN], uint64_t now_ms);

#endif
