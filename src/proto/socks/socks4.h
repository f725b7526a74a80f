/* SOCKS 4 and 4a, both sides: a request, and the reply to it (Ying-Da Lee's SOCKS4.protocol, and
 * socks4a.txt, its extension by names). Knows no socket, and not who may connect where.
 */
#ifndef PROTO_SOCKS_SOCKS4_H
#define PROTO_SOCKS_SOCKS4_H

#include "base/parse.h"
#include "base/writer.h"
#include "proto/socks/address.h"

enum {
	SOCKS4_VERSION = 4,
	SOCKS4_USER_MAX = 255, /* a longer USERID is refused */
	SOCKS4_REQUEST_MAX = 8 + SOCKS4_USER_MAX + 1 + SOCKS_NAME_MAX + 1,
	SOCKS4_REPLY_LEN = 8,
};

enum socks4_reply {
	SOCKS4_GRANTED = 90,
	SOCKS4_REJECTED = 91,	/* or failed */
	SOCKS4_NO_IDENTD = 92,	/* the server cannot reach identd of the client */
	SOCKS4_WRONG_USER = 93, /* the client's program and identd differ */
};

struct socks4_request {
	uint8_t command; /* enum socks_command, or any other value: for the caller to refuse */
	struct socks_address to; /* a name: 4a */
	struct span user;	 /* as the client says, unproved; may be empty */
	size_t len;		 /* read: bytes of the request; what follows is for the server */
};

/* in: from the connection's first byte. PARSE_MORE is never said for SOCKS4_REQUEST_MAX bytes.
 * PARSE_BAD: another version, a name that is none, over a bound. */
MUST enum parse socks4_request_read(struct span in, struct socks4_request *ret);
/* w is bad when `to` is IPv6, or a text is longer than can be read or has a NUL in it. */
void socks4_request_write(struct writer *w, const struct socks4_request *r);

/* bound: family 0 or IPv6: zeros, which tell nothing. */
void socks4_reply_write(struct writer *w, enum socks4_reply reply, const struct ip_endpoint *bound);
/* PARSE_BAD: VN is not 0, or a code that is none. Passes SOCKS4_REPLY_LEN bytes. */
MUST enum parse socks4_reply_read(struct span in, enum socks4_reply *ret,
				  struct ip_endpoint *ret_bound);

#endif
