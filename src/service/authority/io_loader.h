/* Builds a generation aside, in any thread: zone files are read, what did not change is shared with
 * the old one, what is wrong keeps its old zone. Knows nothing of workers. */
#ifndef AUTHORITY_IO_LOADER_H
#define AUTHORITY_IO_LOADER_H

#include "service/authority/generation.h"

struct authority_conf;
struct zone_load_request;
struct loader;

struct loader_result {
	struct generation *generation; /* one reference; NULL when memory ran out */
	uint32_t loaded, shared, failed;
	uint64_t took_ms;
};

/* Copies what it needs of conf. key: 16 bytes that outlive all zones. journals: the folder for
 * those of zones that take updates; NULL: no zone takes any. old: may be NULL; a reference is
 * taken. */
MUST enum err loader_new(const struct authority_conf *conf, const struct answer_config *answers,
			 const uint8_t *key, const char *journals, struct generation *old,
			 struct loader **ret);
/* The work; logs what it finds. Reads *stop now and then, and ends early when it is set. */
void loader_run(struct loader *l, const atomic_bool *stop, struct loader_result *ret);
void loader_free(struct loader *l);

/* One zone file; what is asked for but its source. path as given to the system. */
MUST enum err loader_zone_read(const struct zone_load_request *req, struct zone **ret);

#endif
