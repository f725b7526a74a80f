/* Collects the records of one zone, judges them, and packs them into a snapshot. Knows nothing of
 * text or files: it gets records with the place they came from. */
#ifndef AUTHORITY_ZONE_BUILD_H
#define AUTHORITY_ZONE_BUILD_H

#include "service/authority/zone.h"

struct zone_build;

#define ZONE_PROBLEMS_MAX 200 /* told of one zone; the rest is counted */

enum zone_severity { ZONE_WARNING, ZONE_ERROR };

/* One finding. Lasts for the call only. */
struct zone_problem {
	enum zone_severity severity;
	const char *file;      /* NULL: of the zone as a whole */
	uint32_t line, column; /* 0 when file is NULL */
	const char *text;      /* one line, no full stop */
};

struct zone_judge {
	bool lenient; /* host names, out-of-zone data and missing glue only warn, and such data is
			 left out */
	void (*tell)(void *arg, const struct zone_problem *p); /* may be NULL */
	void *arg;
	uint32_t errors, warnings; /* counted here, all of them */
};

/* Where a record stands; file: index into the files of the build. */
struct zone_place {
	uint32_t line;
	uint16_t column, file;
};

/* key: 16 bytes, of the zone's hash table. judge: borrowed, must outlive the build. */
MUST enum err zone_build_new(const struct dns_name *origin, const uint8_t *key,
			     struct zone_judge *judge, struct zone_build **ret);
void zone_build_free(struct zone_build *b);
DEFINE_AUTO(struct zone_build, zone_build_free)

/* A file whose places will be told; path is copied. *ret: its number. ERR_LIMIT past
 * ZONE_FILES_MAX. */
MUST enum err zone_build_file(struct zone_build *b, const char *path,
			      const struct zone_stamp *stamp, uint16_t *ret);

struct zone_build_record {
	const struct dns_name *owner; /* lower case */
	uint16_t type, class;
	uint32_t ttl_s;
	struct span rdata; /* checked by the parser; case kept */
	struct zone_place at;
};

/* Findings go to the judge; the record is left out then. An error is only one of memory. */
MUST enum err zone_build_add(struct zone_build *b, const struct zone_build_record *r);

/* Tells a finding of the caller's (a syntax error). */
void zone_build_tell(struct zone_build *b, enum zone_severity severity, const struct zone_place *at,
		     const char *text);

/* The snapshot with one reference. ERR_CONFIG when the judge counted an error. The build is spent.
 */
MUST enum err zone_build_finish(struct zone_build *b, struct zone **ret);

#endif
