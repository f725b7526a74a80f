/* Media types of files by the end of their names. Knows no file. */
#ifndef REVERSE_PROXY_ROUTE_MIME_H
#define REVERSE_PROXY_ROUTE_MIME_H

#include "base/span.h"

/* "text/html; charset=utf-8" for "a/index.HTML"; application/octet-stream for what is not known.
 * Never NULL. Texts are taken for UTF-8. */
const char *mime_of(struct span name);

/* Is a body of this Content-Type worth compressing (text, scripts, JSON, XML, SVG, fonts that are
 * not compressed)? Parameters are passed over. */
bool mime_compresses(struct span type);

#endif
