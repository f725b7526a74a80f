/* A zone that takes updates and its journal file: what is committed is on the disk first. Knows no
 * socket and no queue; the loader and the updater come from two threads, and one waits. */
#ifndef AUTHORITY_IO_DYNAMIC_H
#define AUTHORITY_IO_DYNAMIC_H

#include "os/append.h"
#include "service/authority/dynamic.h"
#include "service/authority/zones.h"

#include <pthread.h>

enum dynamic_state {
	DYNAMIC_CLOSED, /* not loaded yet */
	DYNAMIC_OPEN,
	DYNAMIC_SIGNED, /* the zone is signed, which we could not go on doing */
	DYNAMIC_BROKEN, /* the journal cannot be read or written; the log said why */
};

struct dynamic_zone {
	struct zones_updater shared; /* first: the sets of zones hold it by this */
	pthread_mutex_t lock;	     /* of all below */
	struct dynamic dynamic;
	struct append_file file;
	char *path;
	uint64_t base_len; /* octets of the journal when it was written whole */
	/* Read without the lock, for status. */
	_Atomic int state; /* enum dynamic_state */
	_Atomic uint64_t journal_len, updates, failures;
};

/* folder: of the journals. ENOMEM. */
MUST enum err dynamic_zone_new(const char *folder, const struct dns_name *origin,
			       struct dynamic_zone **ret);
static inline struct dynamic_zone *dynamic_zone_of(struct zones_updater *u)
{
	return (struct dynamic_zone *)(void *)u;
}

/* The zone file was read (anew): file (one reference, taken over) and the journal become what is
 * served, at once for all readers of what was served before. *ret: that, one reference. When the
 * journal does not let it, file alone is served, the state says why, and updates are SERVFAIL. */
MUST enum err dynamic_zone_load(struct dynamic_zone *dz, struct zone *file, struct zone **ret);

/* --- for the updater --- */

/* Between lock and unlock: any updates, then one commit. */
void dynamic_zone_lock(struct dynamic_zone *dz);
void dynamic_zone_unlock(struct dynamic_zone *dz);
void dynamic_zone_update(struct dynamic_zone *dz, const struct update_request *req,
			 struct update_scratch *scratch, struct update_result *ret);
/* All updates since the last commit are durable and visible; *ret_replaced: generations should be
 * renewed. An error: none is, and nothing changed. */
MUST enum err dynamic_zone_commit(struct dynamic_zone *dz, bool *ret_replaced);
/* Writes the journal anew when it has grown out of proportion. */
void dynamic_zone_tidy(struct dynamic_zone *dz);

const char *dynamic_state_text(enum dynamic_state s);

#endif
