/* The checksum of Castagnoli's polynomial (RFC 3385, RFC 7143 12.1), which PROXY headers carry.
 * Knows nothing of what it protects; slow, a byte at a time. */
#ifndef PROTO_PROXY_HEADER_CRC32C_H
#define PROTO_PROXY_HEADER_CRC32C_H

#include "base/span.h"

enum { CRC32C_BEGIN = 0 };

/* Goes on from what was returned for the bytes before; CRC32C_BEGIN at first. */
uint32_t proxy_header_crc32c(uint32_t before, struct span bytes);

#endif
