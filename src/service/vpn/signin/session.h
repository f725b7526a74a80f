/* What a person's sign-in opened: one peer, which is one key, until it expires, rests for too long,
 * or moves; and the row that keeps it. Knows neither the store nor packets. */
#ifndef VPN_SIGNIN_SESSION_H
#define VPN_SIGNIN_SESSION_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"
#include "proto/ip/address.h"
#include "service/vpn/signin/user.h"

enum {
	SESSION_PEER_LEN = 32,	 /* the peer's public key */
	SESSION_COOKIE_LEN = 43, /* of 32 random bytes: base64url without padding */
	SESSION_COOKIE_HASH_LEN = 32,
	SESSION_ROW_MAX = 256,
};

/* What an endpoint that moves may still do. */
enum session_roaming {
	SESSION_STRICT,	       /* nothing: the session ends */
	SESSION_SAME_ADDRESS,  /* another port is the same host behind its NAT; else it ends */
	SESSION_BROWSER_PROOF, /* nothing until the page has seen the session's cookie from there */
};

struct session {
	uint8_t peer[SESSION_PEER_LEN];
	char user[USER_NAME_MAX + 1];
	uint8_t cookie[SESSION_COOKIE_HASH_LEN]; /* SHA-256 */
	struct ip_endpoint endpoint;		 /* at the sign-in, or the last that was proved */
	enum session_roaming roaming;
	bool unproved; /* it moved, and the cookie was not seen since */
	uint64_t started_ms, expires_ms, active_ms; /* Unix time; active: data, not keepalives */
	uint64_t idle_ms;			    /* 0: it may rest for as long as it lasts */
};

/* Is it over at now_ms? */
bool session_is_over(const struct session *s, uint64_t now_ms);

enum session_move { SESSION_MOVE_STAYS, SESSION_MOVE_PROOF, SESSION_MOVE_ENDS };
/* What becomes of it when its peer's endpoint is `to`. Who moved and came back must prove it all
 * the same: where a datagram says it is from proves nothing. */
enum session_move session_move(const struct session *s, const struct ip_endpoint *to);

void session_cookie_hash(struct span cookie, uint8_t ret[SESSION_COOKIE_HASH_LEN]);
/* In constant time. */
bool session_cookie_fits(const struct session *s, struct span cookie);

/* The row without its key, the peer's public key. Fails only in the writer: SESSION_ROW_MAX is
 * enough. */
void session_row_write(const struct session *s, struct writer *w);
/* ERR_FORMAT: torn; ERR_UNSUPPORTED: a newer program wrote it. */
MUST enum err session_row_read(struct span peer, struct span row, struct session *ret);

#endif
