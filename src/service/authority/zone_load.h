/* Zone file text to a snapshot: parser, $INCLUDE and judgement together. Does no I/O: files come
 * from the caller. */
#ifndef AUTHORITY_ZONE_LOAD_H
#define AUTHORITY_ZONE_LOAD_H

#include "service/authority/zone_build.h"

#define ZONE_INCLUDE_DEPTH_MAX 8

/* A file that is open. */
struct zone_text {
	struct span text;
	char *path; /* as it was opened */
	struct zone_stamp stamp;
};

/* How text is fetched. `from`: the path of the file that includes, NULL for the first. */
struct zone_source {
	enum err (*open)(void *arg, struct span path, const char *from, struct zone_text **ret);
	void (*close)(void *arg, struct zone_text *text);
	void *arg;
};

struct zone_load_request {
	const struct dns_name *origin; /* case kept */
	const char *path;
	const uint8_t *key;
	const struct zone_source *source;
	struct zone_judge *judge;
	const atomic_bool *stop; /* set by another thread: ERR_CLOSED soon; NULL: never */
};

/* ERR_CONFIG: the zone is wrong, and the judge was told all of it (up to ZONE_PROBLEMS_MAX). */
MUST enum err zone_load(const struct zone_load_request *req, struct zone **ret);

/* The origin that a file says about itself: the owner of its SOA record when that is written in
 * full or under an $ORIGIN. ERR_ABSENT when it does not say. */
MUST enum err zone_load_origin(struct span text, struct dns_name *ret);

#endif
