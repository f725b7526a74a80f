#include "service/forward-proxy/opening.h"

/* RFC 8446 5.1, RFC 6520 3: kinds of records. A server may pass over an alert ahead of the
 * ClientHello. */
enum { RECORD_FIRST = 20, RECORD_LAST = 24 };

enum opening opening_read(struct span bytes, struct client_hello *ret)
{
	ASSERT(bytes.len);
	bool record = bytes.data[0] >= RECORD_FIRST && bytes.data[0] <= RECORD_LAST;
	switch (client_hello_read(bytes, ret)) {
	case PARSE_DONE: return OPENING_TLS;
	case PARSE_MORE: return OPENING_MORE;
	case PARSE_BAD: break;
	}
	return record ? OPENING_TORN : OPENING_OTHER;
}
