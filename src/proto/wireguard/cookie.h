/* mac1, mac2 and the cookies between them (paper, 5.3, 5.4.4, 5.4.7): who is not known to hear what
 * is sent to him gets work from us only at our leisure. Knows no socket and no clock; the source of
 * a datagram is bytes (address and port) to it. */
#ifndef PROTO_WIREGUARD_COOKIE_H
#define PROTO_WIREGUARD_COOKIE_H

#include "proto/wireguard/message.h"

enum {
	WG_COOKIE_SECRET_MS = 120 * 1000, /* a secret, and a cookie made of it, live so long */
	WG_COOKIE_USE_MS = 115 * 1000,	  /* so long is one received used: the way takes time */
	WG_COOKIE_SECRET_LEN = 32,
	WG_COOKIE_NONCE_LEN = 24,
};

/* Both keys that a public key gives for the messages sent to its owner. Public, like it. */
struct wg_mac_keys {
	uint8_t mac1[WG_KEY_LEN], cookie[WG_KEY_LEN];
};

void wg_mac_keys_init(struct wg_mac_keys *k, const uint8_t public[WG_KEY_LEN]);

/* -- Who sends a handshake message -- */

/* One for each peer. Zeroed storage holds no cookie. */
struct wg_cookie {
	uint8_t cookie[WG_COOKIE_LEN];
	uint64_t until_ms;
	uint8_t last_mac1[WG_MAC_LEN]; /* of the last message sent, which a reply is bound to */
	bool held, sent;
};

/* Fills both macs of a message whose other fields are final. message: all of it, an initiation or
 * a response, writable; remote: the keys of the peer it is for. */
void wg_cookie_sign(struct wg_cookie *c, const struct wg_mac_keys *remote, uint64_t now_ms,
		    uint8_t *message, size_t len);

/* Takes the cookie of a reply to the last message signed, once. ERR_REFUSED when it is not one. The
 * caller has found c by m->receiver. */
MUST enum err wg_cookie_reply_read(struct wg_cookie *c, const struct wg_mac_keys *remote,
				   uint64_t now_ms, const struct wg_cookie_reply *m);
void wg_cookie_done(struct wg_cookie *c);

/* -- Who receives one -- */

/* Is mac1 made for the owner of these keys? message: an initiation or a response, by
 * wg_message_kind. In constant time. */
MUST bool wg_mac1_ok(const struct wg_mac_keys *own, struct span message);

/* What cookies are made of; changes every two minutes. */
struct wg_cookie_secret {
	uint8_t bytes[WG_COOKIE_SECRET_LEN];
	uint64_t until_ms; /* 0: none yet */
};

/* True when secret is to be given new bytes by wg_cookie_secret_set before the next two calls. */
static inline bool wg_cookie_secret_is_due(const struct wg_cookie_secret *s, uint64_t now_ms)
{
	return now_ms >= s->until_ms;
}

void wg_cookie_secret_set(struct wg_cookie_secret *s, const uint8_t entropy[WG_COOKIE_SECRET_LEN],
			  uint64_t now_ms);
void wg_cookie_secret_done(struct wg_cookie_secret *s);

/* Does mac2 show that the sender has a cookie of this secret for this source? source: address and
 * port. In constant time; false for a message without mac2. */
MUST bool wg_mac2_ok(const struct wg_cookie_secret *s, struct span source, struct span message);

/* The answer to a message whose mac1 is right and whose mac2 is not. nonce: random. */
void wg_cookie_reply_write(const struct wg_mac_keys *own, const struct wg_cookie_secret *s,
			   struct span source, struct span message,
			   const uint8_t nonce[WG_COOKIE_NONCE_LEN], struct wg_cookie_reply *ret);

#endif
