/* Which server and protocols a TLS client asks for, out of the first bytes of its connection (RFC
 * 8446 4.1.2, RFC 6066 3, RFC 7301 3.1). Decrypts nothing, and judges only the form of what it
 * reads. */
#ifndef PROTO_TLS_CLIENT_HELLO_H
#define PROTO_TLS_CLIENT_HELLO_H

#include "base/err.h"
#include "base/parse.h"
#include "base/span.h"

enum {
	CLIENT_HELLO_NAME_MAX = 254,	     /* with the NUL */
	CLIENT_HELLO_ALPN_MAX = 256,	     /* bytes of the list of protocols that are kept */
	CLIENT_HELLO_MESSAGE_MAX = 16 << 10, /* of the handshake message, without record headers */
	CLIENT_HELLO_MAX = 18 << 10,	     /* bytes of the wire that may be needed */
	CLIENT_HELLO_EXTENSIONS_MAX = 128,
};

struct client_hello {
	char name[CLIENT_HELLO_NAME_MAX]; /* lower case, without a dot at the end; "": none asked */
	uint8_t alpn[CLIENT_HELLO_ALPN_MAX]; /* as on the wire: each with its length before it */
	size_t alpn_len;		     /* 0: none, or a longer list */
	bool has_ech; /* the name may be a cover for another (draft-ietf-tls-esni) */
	bool offers_tls13;
};

/* wire: what a client has sent since its connection began. PARSE_BAD: no TLS, or what a server must
 * refuse: a torn or repeated extension, a name that is none (RFC 6066 3), over a bound. PARSE_MORE
 * is never said for CLIENT_HELLO_MAX bytes. The message may lie in many records. */
MUST enum parse client_hello_read(struct span wire, struct client_hello *ret);

/* Is that protocol among those that the client offers? */
bool client_hello_offers(const struct client_hello *h, const char *protocol);

#endif
