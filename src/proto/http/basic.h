/* Credentials of the Basic scheme (RFC 7617). Knows neither users nor messages. */
#ifndef PROTO_HTTP_BASIC_H
#define PROTO_HTTP_BASIC_H

#include "base/err.h"
#include "base/span.h"

struct writer;

enum { BASIC_MAX = 512 }; /* bytes of name, colon and password */

/* The base64 of an Authorization field's value. ERR_ABSENT: another scheme; ERR_FORMAT; ERR_LIMIT:
 * more than BASIC_MAX bytes. */
MUST enum err basic_read(struct span value, struct span *ret_base64);

/* Decodes it into buf; both point there. Wipe buf when done. ERR_FORMAT: not base64 in its one
 * form (RFC 4648 3.5, 4), no colon, a control byte. */
MUST enum err basic_decode(struct span base64, uint8_t buf[BASIC_MAX], struct span *ret_name,
			   struct span *ret_password);

/* The field's value. w is bad when the name has a colon in it (RFC 7617 2), or both are longer than
 * basic_read takes. */
void basic_write(struct writer *w, struct span name, struct span password);

#endif
