/* The one form in which paths and hosts of requests are compared (RFC 3986 6.2.2), and what is
 * refused because two readers could take it for two things. Knows no message and no file. */
#ifndef PROTO_HTTP_URI_H
#define PROTO_HTTP_URI_H

#include "base/err.h"
#include "base/span.h"

struct writer;

enum uri_flags {
	URI_ENCODED_SLASHES = 1 << 0, /* %2F and %5C may be in it, and stay as they are */
	URI_EMPTY_SEGMENTS = 1 << 1,  /* "//" stays; else it becomes "/" */
};

/* A path of a request ("/a/b", no query). Unreserved bytes are decoded, the others' escapes are in
 * upper case; "." and ".." are resolved. *ret is path itself when it is in that form already, else
 * it is written at w. ERR_FORMAT: not a path of RFC 3986 (a torn escape, a byte that must be
 * escaped); ERR_REFUSED: NUL, an encoded slash or backslash, ".." above the root, "..;" (which some
 * servers read as ".."); ERR_LIMIT: no room at w. */
MUST enum err uri_path_normal(struct span path, unsigned flags, struct writer *w, struct span *ret);

/* "Example.com.:8080" to "example.com" and 8080 (0: none). A bracketed IPv6 address keeps its
 * brackets. *ret_host as above. ERR_FORMAT: no host at all, or not one (RFC 9110 7.2). */
MUST enum err uri_host_normal(struct span authority, struct writer *w, struct span *ret_host,
			      uint16_t *ret_port);

/* The next argument of a query ("a=1&b"), from *rest on; false: no more. Nothing is decoded. */
bool uri_query_next(struct span *rest, struct span *ret_name, struct span *ret_value);

/* Is the escaped text the plain one once it is decoded? form: "+" is a blank. */
bool uri_is_text(struct span escaped, bool form, const char *plain);

#endif
