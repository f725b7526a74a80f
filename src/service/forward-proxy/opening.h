/* What a client begins a tunnel with: TLS, whose ClientHello names a server, or something else.
 * Knows no connection and no rule. */
#ifndef FORWARD_PROXY_OPENING_H
#define FORWARD_PROXY_OPENING_H

#include "proto/tls/client_hello.h"

enum opening {
	OPENING_MORE,  /* it cannot be told yet */
	OPENING_TLS,   /* *ret */
	OPENING_OTHER, /* surely no TLS */
	/* It begins as TLS does, and is no ClientHello that can be read: a server might read it
	 * otherwise. */
	OPENING_TORN,
};

/* bytes: what the client has sent so far; some at least. MORE never for CLIENT_HELLO_MAX bytes, and
 * only of what begins as TLS. */
enum opening opening_read(struct span bytes, struct client_hello *ret);

#endif
