/* The Authentication option (RFC 8415 21.11) as the Reconfigure Key Authentication Protocol uses it
 * (RFC 8415 20.4): the key in a Reply, HMAC-MD5 over a Reconfigure. Keeps no key. */
#ifndef PROTO_DHCP6_AUTH_H
#define PROTO_DHCP6_AUTH_H

#include "base/err.h"
#include "base/span.h"

struct writer;

enum {
	DHCP6_AUTH_RKAP = 3,	 /* protocol */
	DHCP6_AUTH_HMAC_MD5 = 1, /* algorithm */
	DHCP6_AUTH_COUNTER = 0,	 /* replay detection: a number that grows */
	DHCP6_RKAP_KEY = 1,	 /* type: the key's value, in a Reply */
	DHCP6_RKAP_HMAC = 2,	 /* type: the digest, in a Reconfigure */
	DHCP6_RECONFIGURE_KEY_LEN = 16,
	DHCP6_RECONFIGURE_MAX = 2048, /* octets of a Reconfigure that is looked at */
};

struct dhcp6_auth {
	uint8_t protocol, algorithm, rdm;
	uint64_t replay;
	struct span information; /* a view */
};

/* ERR_FORMAT: shorter than its fixed fields. */
MUST enum err dhcp6_auth_read(struct span body, struct dhcp6_auth *ret);

/* The key that a Reply carries into ret; ERR_ABSENT: the option is of another protocol or kind. */
MUST enum err dhcp6_auth_key(const struct dhcp6_auth *a, uint8_t ret[DHCP6_RECONFIGURE_KEY_LEN]);

void dhcp6_write_auth_key(struct writer *w, uint64_t replay,
			  const uint8_t key[DHCP6_RECONFIGURE_KEY_LEN]);

/* Writes the option with a digest of zeros; when the message (which begins at `start` of w) is
 * whole, dhcp6_auth_sign fills it. Returns where the digest is. */
size_t dhcp6_write_auth_hmac(struct writer *w, uint64_t replay);
void dhcp6_auth_sign(struct writer *w, size_t start, size_t digest_at,
		     const uint8_t key[DHCP6_RECONFIGURE_KEY_LEN]);

/* message: the whole Reconfigure as it came; auth: the body of its Authentication option, a view of
 * it. replay_last: of the last one that was believed (0: none); ret_replay: of this one.
 * ERR_REFUSED: forged or replayed; ERR_FORMAT: no digest in it; ERR_LIMIT: above
 * DHCP6_RECONFIGURE_MAX octets. */
MUST enum err dhcp6_auth_verify(struct span message, struct span auth,
				const uint8_t key[DHCP6_RECONFIGURE_KEY_LEN], uint64_t replay_last,
				uint64_t *ret_replay);

#endif
