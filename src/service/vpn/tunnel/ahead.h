/* What is known of handshake messages that came together before the first of them has an effect:
 * all that is computed, so that the curve is asked about several at once. Changes nothing in the
 * engine and sends nothing. */
#ifndef VPN_TUNNEL_AHEAD_H
#define VPN_TUNNEL_AHEAD_H

#include "service/vpn/tunnel/inner.h"

/* Of one message. What is not said of its kind is zeros. */
struct vpn_foreseen {
	struct vpn_peer *peer; /* an initiation: whose it is, proved; NULL: nobody's */
	struct noise_handshake handshake;
	uint8_t timestamp[WG_TAI64N_LEN];
	bool replied; /* the guard will admit it */
};

/* By the places of the messages. */
struct vpn_ahead {
	struct vpn_foreseen of[VPN_RECEIVE_MAX];
	struct noise_curve reads[VPN_RECEIVE_MAX];   /* a response: for the reader */
	struct noise_curve replies[VPN_RECEIVE_MAX]; /* to an initiation that is replied */
};

/* ahead: zeroed storage. n: at most VPN_RECEIVE_MAX. */
void vpn_ahead_look(struct vpn_engine *e, uint64_t now_ms, const struct vpn_handshake_message *m,
		    size_t n, struct vpn_ahead *ret);
/* Wipes. */
void vpn_ahead_done(struct vpn_ahead *ahead);

#endif
