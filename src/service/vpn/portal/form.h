/* What browsers send back: the fields of forms (application/x-www-form-urlencoded, WHATWG URL 5)
 * and cookies (RFC 6265). Knows no field and no cookie by name. */
#ifndef VPN_PORTAL_FORM_H
#define VPN_PORTAL_FORM_H

#include "base/err.h"
#include "base/span.h"

struct http_head;

enum { FORM_FIELDS_MAX = 16, FORM_COOKIES_MAX = 64 };

/* The value of the one field of that name, decoded into buf with a NUL; a field that is not there
 * is an empty text. ERR_FORMAT: torn, there twice, with a NUL, too many fields; ERR_LIMIT: no room.
 * buf is then empty. */
MUST enum err form_field(struct span form, const char *name, char *buf, size_t size);

/* The value of the first cookie of that name in any Cookie field; empty: none. Points into head. */
struct span form_cookie(const struct http_head *head, const char *name);

#endif
