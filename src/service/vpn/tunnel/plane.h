/* What a worker does with packets of one interface: a datagram opened into an inner packet, an
 * inner packet sealed into a datagram. Does no I/O, allocates nothing, knows no sockets and no
 *gate.
 *
 *	outside to inside:	vpn_plane_open(batch) -> gate_in -> coalesce -> TUN
 *	inside to outside:	TUN -> vpn_plane_route -> gate_out -> segment ->
 *vpn_plane_seal(batch)
 *
 * Threads: each worker has a plane of its own for each interface (vpn_engine_plane) and calls with
 * its own mutex held, which vpn_engine_begin takes; so tables and keys stand still during a call.
 * What workers share is atomic or, for the replay window, under the keypair's own flag. Time,
 *now_ms, is read once for a batch; see peer.h. */
#ifndef VPN_TUNNEL_PLANE_H
#define VPN_TUNNEL_PLANE_H

#include "base/span.h"
#include "service/vpn/tunnel/peer.h"

struct vpn_plane;

enum {
	VPN_DATA_HEAD = 16,   /* before the sealed packet: type, receiver index, counter */
	VPN_DATA_TAG = 16,    /* behind it */
	VPN_PADDING_MAX = 15, /* the paper 5.4.6: to a multiple of 16, but not beyond the MTU */
	VPN_DATA_OVERHEAD = VPN_DATA_HEAD + VPN_DATA_TAG,
	VPN_HANDSHAKE_MAX = 148, /* the longest message that is no data: an initiation */
	VPN_PLANE_BATCH_MAX = 128,
};

/* Why something was dropped; each has a counter. Nothing of it is answered but UNDER_LOAD (by a
 * cookie, to whom proved by mac1 that he knows our key). */
enum vpn_drop {
	VPN_DROP_NONE,
	/* outside to inside */
	VPN_DROP_TORN,	       /* no WireGuard message: wrong type or length */
	VPN_DROP_MAC1,	       /* not meant for us: a stranger */
	VPN_DROP_FLOOD,	       /* by far too many from this source, not even looked at: io_worker */
	VPN_DROP_UNDER_LOAD,   /* no valid mac2 under load: a cookie was sent instead */
	VPN_DROP_RATE,	       /* valid mac2 under load, but too many from this source */
	VPN_DROP_QUEUE,	       /* the handshake queue was full: io_worker counts */
	VPN_DROP_HANDSHAKE,    /* did not decrypt, or not a peer's key */
	VPN_DROP_TIMESTAMP,    /* an initiation that was seen before (replay) */
	VPN_DROP_TOO_SOON,     /* initiations of one peer in less than 20 ms */
	VPN_DROP_NO_HANDSHAKE, /* a response or cookie to nothing that we asked */
	VPN_DROP_COOKIE,       /* a cookie reply that does not decrypt */
	VPN_DROP_INDEX,	       /* data for a receiver index that is not ours */
	VPN_DROP_OLD_KEY, /* older than REJECT_AFTER_TIME, or used REJECT_AFTER_MESSAGES times */
	VPN_DROP_TAG,	  /* data that does not authenticate */
	VPN_DROP_REPLAY,  /* data that was accepted before, or is older than the window */
	VPN_DROP_INNER,	  /* no IP packet inside, or a shorter one than it says */
	VPN_DROP_SOURCE,  /* the inner source is no allowed IP of the peer */
	VPN_DROP_ECN, /* congestion was marked outside, and inside does not know of it (RFC 6040) */
	/* inside to outside */
	VPN_DROP_NO_ROUTE,    /* no peer has that destination */
	VPN_DROP_NO_ENDPOINT, /* the peer was never heard from, and has no endpoint set */
	VPN_DROP_STAGED_FULL, /* waited for a handshake: the oldest gives way */
	VPN_DROP_STAGED_OLD,  /* waited for a handshake that was given up */
	VPN_DROP_SIZE,	      /* longer than can be sealed or staged */
	VPN_DROP_CRYPTO,      /* the cipher library failed */
	VPN_DROPS,
};

/* "torn", "mac1": a label of metrics. */
const char *vpn_drop_name(enum vpn_drop drop);

enum vpn_open_result {
	VPN_OPEN_DROP,	    /* dropped for `drop`, and counted */
	VPN_OPEN_PACKET,    /* an inner packet of `len` bytes at out, of `peer` */
	VPN_OPEN_KEEPALIVE, /* accepted; there is nothing inside */
	VPN_OPEN_HANDSHAKE, /* the datagram is for vpn_engine_receive, in the main thread */
	VPN_OPEN_REPLY, /* `len` bytes at out are to be sent back to where the datagram came from */
};

/* One datagram. GRO's segments are one each. */
struct vpn_open {
	struct span datagram;		 /* in */
	const struct vpn_endpoint *from; /* in, borrowed: several may share one */
	uint8_t *out;			 /* in: may be datagram.data + VPN_DATA_HEAD, in place */
	size_t out_cap;			 /* in: at least datagram.len - VPN_DATA_HEAD, and 64 */
	uint8_t ecn;			 /* in: the outer header's two bits */
	enum vpn_open_result result;
	enum vpn_drop drop;
	struct vpn_peer *peer; /* of PACKET and KEEPALIVE */
	size_t len;	       /* the inner packet's own length; the padding is cut off */
};

/* Opens them in their order; n at most VPN_PLANE_BATCH_MAX. What a peer sent with an inner source
 * that is not allowed to it is dropped here; what it may reach is the gate's affair. */
void vpn_plane_open(struct vpn_plane *p, uint64_t now_ms, struct vpn_open *items, size_t n);

/* The peer to which packets for this inner packet's destination go (the longest allowed IP), NULL:
 * none, or no IP packet; counted. Once for a super-packet. */
struct vpn_peer *vpn_plane_route(struct vpn_plane *p, struct span packet);

enum vpn_seal_result {
	VPN_SEAL_DROP,	   /* dropped for `drop`, and counted */
	VPN_SEAL_DATAGRAM, /* `len` bytes at out are to be sent to vpn_peer_endpoint */
	VPN_SEAL_STAGED,   /* copied by the engine, which sends it, in order, after a handshake */
};

/* One inner packet, not longer than the MTU (segment super-packets before). */
struct vpn_seal {
	struct vpn_peer *peer; /* in */
	struct span packet;    /* in */
	uint8_t *out;	       /* in: may be packet.data - VPN_DATA_HEAD, in place */
	size_t out_cap;	       /* in: at least packet.len + VPN_DATA_OVERHEAD + VPN_PADDING_MAX */
	enum vpn_seal_result result;
	enum vpn_drop drop;
	size_t len;
	uint8_t tos; /* of the outer header: DSCP 0, ECN of the inner one (RFC 6040 4.1) */
};

/* Seals them in their order; n at most VPN_PLANE_BATCH_MAX. */
void vpn_plane_seal(struct vpn_plane *p, uint64_t now_ms, struct vpn_seal *items, size_t n);

/* True once after calls that left something for the main thread to do (a handshake to begin, a
 * timer to set, a peer that moved): wake it, it calls vpn_engine_turn. Ask after each batch. */
bool vpn_plane_take_wake(struct vpn_plane *p);

/* The handshake queue to the main thread is an eighth full or more: for the next second initiations
 * need a valid mac2 (the paper 5.3). */
void vpn_plane_note_load(struct vpn_plane *p, uint64_t now_ms);

/* For causes that the caller meets, as VPN_DROP_QUEUE. */
void vpn_plane_count_drop(struct vpn_plane *p, enum vpn_drop drop);

#endif
