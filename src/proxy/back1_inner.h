/* What the files of back1 share. Knows what back1.h knows; nobody else includes it. */
#ifndef PROXY_BACK1_INNER_H
#define PROXY_BACK1_INNER_H

#include "proxy/back1.h"

/* What a look at a handshake with a proxy that leads on came to. */
enum back1_lead {
	BACK1_LEAD_WAIT,
	BACK1_LEAD_OPEN,   /* what comes and goes from now on is the target's */
	BACK1_LEAD_FAILED, /* lead_cause and wire.t->error say why */
};

/* Takes down what will be said to hop->socks or hop->connect. False: no room. */
MUST bool back1_socks_prepare(struct proxy_back1 *b);
MUST bool back1_connect_prepare(struct proxy_back1 *b);
/* The connection to it is there, or it says something. */
enum back1_lead back1_socks_turn(struct proxy_back1 *b);
enum back1_lead back1_connect_turn(struct proxy_back1 *b);

#endif
