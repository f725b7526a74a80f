/* The digest that a zone carries of itself (RFC 8976): the SIMPLE scheme with SHA-384 and SHA-512.
 * Knows nothing of signatures: a digest without DNSSEC shows accidents, not attacks. */
#ifndef AUTHORITY_ZONEMD_H
#define AUTHORITY_ZONEMD_H

#include "service/authority/zone.h"

enum zonemd_verdict {
	ZONEMD_NONE,	    /* the zone carries none */
	ZONEMD_UNSUPPORTED, /* none with a scheme and hash that we have */
	ZONEMD_GOOD,
	ZONEMD_BAD_SERIAL, /* of another version of the zone: RFC 8976 4 step 4.b */
	ZONEMD_BAD_DIGEST,
};

MUST enum err zonemd_check(const struct zone *z, enum zonemd_verdict *ret);

#endif
