/* The character classes of RFC 9110 5 and the forms of RFC 9112 3.2. Knows no message. */
#ifndef PROTO_HTTP_TOKEN_H
#define PROTO_HTTP_TOKEN_H

#include "base/span.h"

/* One or more tchar (RFC 9110 5.6.2). */
bool http_is_token(struct span s);
/* Where the first byte that is no tchar stands, from pos (at most in.len) on; in.len when there is
 * none. */
size_t http_token_end(struct span in, size_t pos);
/* Where the first control byte but a tab stands, from pos (at most in.len) on; in.len when there is
 * none. */
size_t http_control_find(struct span in, size_t pos);
/* Visible bytes, blanks, tabs and obs-text (RFC 9110 5.5); may be empty. */
bool http_is_field_value(struct span s);
/* uri-host [":" port] (RFC 9110 7.2); may be empty, as RFC 9112 3.2 allows. */
bool http_is_host(struct span s);
/* The request target forms of RFC 9112 3.2, each only where the method allows it: origin and
 * absolute form, authority form for CONNECT, "*" for OPTIONS. No fragment, no byte outside of RFC
 * 3986. */
bool http_is_target(struct span method, struct span target);

#endif
