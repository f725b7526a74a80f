/* Entity tags and the lists of them in conditional requests (RFC 9110 8.8.3, 13.1). Knows no
 * message. */
#ifndef PROTO_HTTP_ETAG_H
#define PROTO_HTTP_ETAG_H

#include "base/span.h"

/* "x" or W/"x", and nothing else. */
bool etag_is_one(struct span text);
bool etag_is_weak(struct span tag);

/* RFC 9110 8.8.3.2. Both are tags. */
bool etag_equal_strong(struct span a, struct span b);
bool etag_equal_weak(struct span a, struct span b);

/* One of the tags in the value of If-Match (strong) or If-None-Match is this one, or it is "*".
 * tag: empty when the thing has none. Reading ends at the first item that is no tag. */
bool etag_in_list(struct span list, struct span tag, bool strong);

#endif
