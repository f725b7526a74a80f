/* The Cookie field of requests (RFC 6265 4.2, 5.4): one cookie of a name. Knows no back end, and
 * nothing of what cookies mean. */
#ifndef PROTO_HTTP_COOKIE_H
#define PROTO_HTTP_COOKIE_H

#include "base/span.h"

/* The value of the first cookie of that name in the value of a Cookie field, a part of it, without
 * quotes around it; names are told apart by case. False: there is none, or its value has bytes that
 * RFC 6265 4.1.1 does not allow. */
bool http_cookie_find(struct span field, struct span name, struct span *ret);

/* One or more cookie-octets (RFC 6265 4.1.1). */
bool http_is_cookie_value(struct span s);

#endif
