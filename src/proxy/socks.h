/* How a SOCKS client's connection begins, message by message: version, how it says who it is, where
 * it wants to go. Does no I/O and decides nothing but what the protocol does; knows no exchange.
 */
#ifndef PROXY_SOCKS_H
#define PROXY_SOCKS_H

#include "base/writer.h"
#include "proto/socks/socks4.h"
#include "proto/socks/socks5.h"

/* Versions that are spoken; 4a with 4. */
enum { PROXY_SOCKS_4 = 1 << 0, PROXY_SOCKS_5 = 1 << 1 };

enum proxy_socks_step {
	PROXY_SOCKS_OPENING,  /* the first byte is the version */
	PROXY_SOCKS_PASSWORD, /* of version 5, when that is the method */
	PROXY_SOCKS_SIGN_IN,  /* until proxy_socks_signed_in */
	PROXY_SOCKS_REQUEST,  /* of version 5 */
	PROXY_SOCKS_OVER,
};

/* Zeroed but for `versions`, `passwords` and `datagrams`: at its beginning. versions 0: no SOCKS at
 * all. */
struct proxy_socks {
	uint8_t versions; /* PROXY_SOCKS_4… */
	uint8_t version;  /* 4 or 5, when the client has said so */
	uint8_t step;	  /* enum proxy_socks_step */
	bool passwords;	  /* who offers a password is asked for it */
	bool datagrams;	  /* UDP ASSOCIATE is a command */
	bool associates;  /* and it was asked for */
};

enum proxy_socks_took {
	PROXY_SOCKS_MORE,  /* more bytes are needed */
	PROXY_SOCKS_ON,	   /* a message was taken and answered: look again */
	PROXY_SOCKS_SAID,  /* who it is: user and password, to be judged */
	PROXY_SOCKS_ASKED, /* to, by CONNECT or (`associates`) UDP ASSOCIATE */
	PROXY_SOCKS_END,   /* answered, or nothing that could be: close */
};

enum { PROXY_SOCKS_ANSWER_MAX = 32, PROXY_SOCKS_MESSAGE_MAX = SOCKS4_REQUEST_MAX };

struct proxy_socks_message {
	size_t used;		    /* bytes that were taken */
	struct span user, password; /* in what was received, as the rest */
	struct socks_address to;
};

/* in: what was received and not taken. out: gets the answer, at most PROXY_SOCKS_ANSWER_MAX. */
enum proxy_socks_took proxy_socks_take(struct proxy_socks *s, struct span in, struct writer *out,
				       struct proxy_socks_message *ret);

/* What was judged of PROXY_SOCKS_SAID. */
void proxy_socks_signed_in(struct proxy_socks *s, bool right, struct writer *out);

/* What becomes of the request, in its version. bound: family 0: not told. */
void proxy_socks_answer(const struct proxy_socks *s, enum socks5_reply reply,
			const struct ip_endpoint *bound, struct writer *out);

/* HOST:PORT, as CONNECT has it (RFC 9110 9.3.6). */
void proxy_socks_authority(const struct socks_address *to, struct writer *out);

#endif
