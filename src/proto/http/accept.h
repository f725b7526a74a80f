/* What a client takes, by quality (RFC 9110 12.4.2, 12.5.1, 12.5.3, 12.5.4): Accept,
 * Accept-Encoding and Accept-Language. Knows no message and chooses nothing. */
#ifndef PROTO_HTTP_ACCEPT_H
#define PROTO_HTTP_ACCEPT_H

#include "base/span.h"

enum { ACCEPT_FULL = 1000, ACCEPT_ITEMS_MAX = 64 };

/* All: 0 to 1000 thousandths; 0 when it must not be sent. A malformed item is passed over; items
 * beyond the first ACCEPT_ITEMS_MAX are not looked at. */

/* coding in the value of Accept-Encoding. "*" stands for those not named; identity is taken unless
 * it is named, or "*" is, with 0. */
unsigned accept_coding(struct span value, const char *coding);

/* A media type ("text/html") in the value of Accept, by the most specific range that names it.
 * An empty value takes everything. */
unsigned accept_media(struct span value, const char *type);

/* A language ("ko") in the value of Accept-Language, by the range that names it most closely; one
 * that names a part of it ("ko-KR") names it (RFC 4647 3.4). */
unsigned accept_language(struct span value, const char *tag);

#endif
