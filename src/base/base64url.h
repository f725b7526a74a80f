/* base64url without padding (RFC 4648 5), as JOSE and ACME write octets. Knows nothing of what they
 * are. */
#ifndef BASE_BASE64URL_H
#define BASE_BASE64URL_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"

/* Characters of n octets. */
#define BASE64URL_LEN(n) (((n)*4 + 2) / 3)

void base64url_write(struct writer *w, struct span octets);
/* In the one form there is: no padding, no other alphabet, no stray bits. ERR_FORMAT; ERR_LIMIT: no
 * room. */
MUST enum err base64url_read(struct span text, struct writer *w);
/* Nothing but its digits, of any number. */
bool base64url_is(struct span text);

#endif
