/* What the files of back1 share. Knows what back1.h knows; nobody else includes it. */
#ifndef PROXY_BACK1_INNER_H
#define PROXY_BACK1_INNER_H

#include "proxy/back1.h"

/* What a look at a handshake with a SOCKS server came to. */
enum back1_socks {
	BACK1_SOCKS_WAIT,
	BACK1_SOCKS_OPEN,   /* what comes and goes from now on is the target's */
	BACK1_SOCKS_FAILED, /* wire.t->error says why */
};

/* Takes down what will be said to hop->socks. False: no room. */
MUST bool back1_socks_prepare(struct proxy_back1 *b);
/* The connection to the server is there, or says something. */
enum back1_socks back1_socks_turn(struct proxy_back1 *b);

#endif
