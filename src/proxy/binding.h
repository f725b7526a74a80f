/* Words by which a server knows who somebody is for as long as a connection lasts, whatever the
 * requests on it say (NTLM; RFC 4559 for Negotiate): from then on the connection must be used for
 * nobody else (RFC 4559 6). Knows no connection. */
#ifndef PROXY_BINDING_H
#define PROXY_BINDING_H

#include "proxy/head.h"

/* Does a request show such credentials, or an answer ask for them? */
bool binding_is_said(struct proxy_head *head);

#endif
