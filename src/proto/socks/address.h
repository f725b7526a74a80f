/* Where a SOCKS message points: an address or a name, and a port. Knows neither what it is for nor
 * how a name is resolved.
 */
#ifndef PROTO_SOCKS_ADDRESS_H
#define PROTO_SOCKS_ADDRESS_H

#include "base/span.h"
#include "proto/ip/address.h"

enum { SOCKS_NAME_MAX = 255 };

struct socks_address {
	/* Empty: `address` says it. Borrowed from what was read, or from who writes; may be the
	 * text of an address, which is for the caller to find. */
	struct span name;
	struct ip_address address; /* family 0: a name */
	uint16_t port;
};

/* The values of CD (SOCKS 4) and CMD (RFC 1928 4). */
enum socks_command {
	SOCKS_CONNECT = 1,
	SOCKS_BIND = 2,
	SOCKS_ASSOCIATE = 3, /* UDP; not in SOCKS 4 */
};

/* 1 to 255 letters, digits, hyphens, underscores, dots, colons: what can stand in a name or in the
 * text of an address. Everything else is refused before anybody looks it up or logs it. */
bool socks_name_is_good(struct span name);

#endif
