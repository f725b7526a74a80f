/* The authoritative name server as the rest of the program sees it: a service, and the check of a
 * zone file. Says nothing of how it works. */
#ifndef AUTHORITY_SERVICE_H
#define AUTHORITY_SERVICE_H

#include "control/service.h"

#include <stdbool.h>
#include <stdint.h>

extern const struct service authority_service;
extern const struct config_map authority_conf_map; /* its section of the configuration */

/* One finding about a zone file, or the verdict at the end. Lasts for the call only. */
struct authority_finding {
	bool error;	  /* else a warning */
	const char *file; /* NULL: of the zone as a whole */
	uint32_t line, column;
	const char *text; /* one line, no full stop */
};

struct authority_zone_summary {
	char origin[1024];
	uint32_t serial;
	uint64_t records;
	uint32_t rrsets, names;
	const char *denial; /* "NSEC", "NSEC3" or "none" */
	const char *digest; /* ZONEMD (RFC 8976): "verified", "none", "unsupported" */
	uint32_t errors, warnings;
	uint64_t bytes; /* that the zone takes in memory */
};

/* Reads the zone file as the server would. origin NULL: as the file says itself. OK; ERR_CONFIG
 * when it has errors (all were told); or why it could not be read. ret is filled as far as known.
 */
MUST enum err authority_zone_check(const char *path, const char *origin, bool lenient,
				   void (*tell)(void *arg, const struct authority_finding *f),
				   void *arg, struct authority_zone_summary *ret);

#endif
