/* Options 90 and 145: authentication of FORCERENEW by a nonce that the server gave with the ACK
 * (RFC 3118 2, RFC 6704). Knows nothing of when to force a renewal, nor where nonces come from. */
#ifndef PROTO_DHCP_AUTH_H
#define PROTO_DHCP_AUTH_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"

struct dhcp_build;
struct dhcp_message;

enum {
	DHCP_AUTH_PROTOCOL_RECONFIGURE = 3, /* RFC 6704 3.1.2 */
	DHCP_AUTH_ALGORITHM_HMAC_MD5 = 1,
	DHCP_AUTH_RDM_MONOTONIC = 0,
	DHCP_AUTH_TYPE_NONCE = 1,  /* server to client, in the ACK */
	DHCP_AUTH_TYPE_DIGEST = 2, /* in FORCERENEW */
	DHCP_NONCE_LEN = 16,
	DHCP_AUTH_VALUE_LEN = 11 + 1 + DHCP_NONCE_LEN,
};

struct dhcp_auth {
	uint8_t protocol, algorithm, rdm;
	uint64_t replay;
	struct span info; /* view */
};

/* ERR_FORMAT below the 11 octets of its fixed part. */
MUST enum err dhcp_auth_read(struct span option, struct dhcp_auth *ret);

/* Does the client take a nonce of HMAC-MD5 (option 145)? */
bool dhcp_auth_capable(const struct dhcp_message *m);

/* Adds option 90 with a nonce for the client to keep. */
void dhcp_auth_add_nonce(struct dhcp_build *b, uint64_t replay,
			 const uint8_t nonce[DHCP_NONCE_LEN]);
/* The nonce of an ACK. ERR_ABSENT, ERR_FORMAT, ERR_UNSUPPORTED for another protocol. */
MUST enum err dhcp_auth_nonce(const struct dhcp_message *m, uint64_t *ret_replay,
			      uint8_t ret[DHCP_NONCE_LEN]);

/* Adds option 90 with room for the digest, which dhcp_auth_sign fills after dhcp_build_finish. */
void dhcp_auth_add_digest(struct dhcp_build *b, uint64_t replay);
/* message: finished. ERR_FORMAT: no option 90 of dhcp_auth_add_digest in it. The digest counts
 * hops, giaddr (RFC 3118 5.2: relays change them) and itself as zero. */
MUST enum err dhcp_auth_sign(uint8_t *message, size_t len, const uint8_t nonce[DHCP_NONCE_LEN]);
/* Is the digest of m right? ERR_ABSENT, ERR_FORMAT, ERR_UNSUPPORTED, ERR_REFUSED (wrong digest).
 * The caller compares the replay value with the last it accepted. Constant time in the digest. */
MUST enum err dhcp_auth_verify(const struct dhcp_message *m, const uint8_t nonce[DHCP_NONCE_LEN],
			       uint64_t *ret_replay);

#endif
