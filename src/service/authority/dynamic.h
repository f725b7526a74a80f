/* A zone that takes updates: what waits to be made durable, and the zone rebuilt when it must be.
 * Knows no file: the caller writes the batch between prepare and commit. One thread at a time. */
#ifndef AUTHORITY_DYNAMIC_H
#define AUTHORITY_DYNAMIC_H

#include "service/authority/update.h"

struct dynamic {
	struct journal_head head;
	struct journal_batch batch; /* to be written before commit */
	struct zone *zone;	    /* a reference: readers have it, or one that leads to it */
	struct zone_edit *edit;	    /* of zone */
	struct zone *next;	    /* NULL, or rebuilt: takes zone's place at commit */
	struct zone_edit *next_edit;
	unsigned pending; /* updates that changed something since the last commit */
	uint64_t rebuilds;
};

/* Takes a zone that was just built over (one reference). ERR_UNSUPPORTED: it is signed; the zone
 * then stays the caller's. */
MUST enum err dynamic_init(struct dynamic *d, struct zone *built, const struct journal_head *head);
void dynamic_done(struct dynamic *d); /* accepts zeroed storage */

/* One message. Never fails: what goes wrong is ret->rcode SERVFAIL, and nothing changed then. */
void dynamic_update(struct dynamic *d, const struct update_request *req,
		    struct update_scratch *scratch, struct update_result *ret);

static inline bool dynamic_waits(const struct dynamic *d)
{
	return d->pending || d->next;
}

/* After it dynamic_commit cannot fail. An error: dynamic_abort. */
MUST enum err dynamic_prepare(struct dynamic *d);
/* The batch is durable: readers see all of it at once. True: another zone took the place of the one
 * that generations hold. */
bool dynamic_commit(struct dynamic *d);
/* The batch is not durable: all as it was at the last commit. */
void dynamic_abort(struct dynamic *d);

/* Another zone instead, with nothing waiting: after the zone file was read anew. Takes built over
 * on success, as dynamic_init does. */
MUST enum err dynamic_replace(struct dynamic *d, struct zone *built,
			      const struct journal_head *head);

#endif
