/* A zone file and what updates made of it since, put together again: what a start or a reload
 * serves. Knows no file and no journal, only the zone that was read and the ledger of its changes.
 */
#ifndef AUTHORITY_ZONE_MERGE_H
#define AUTHORITY_ZONE_MERGE_H

#include "service/authority/ledger.h"
#include "service/authority/zone.h"

/* What the file's SOA says against the journal's head, RFC 1982:
 * the same serial: the file is as it was, the ledger holds whole;
 * a higher one: somebody edited the file, and what it says stands: records that updates took away
 * and that it has are there, its SOA is taken, and records that updates added are kept as long as
 * they do not contradict it; a lower one: the same as a higher one, and the caller may warn. */
struct zone_merge {
	bool edited;		/* out: the file's serial differs from the head's */
	uint32_t serial;	/* out: of the merged zone, never below what was served */
	uint64_t kept, dropped; /* out: added records that are served, or that the file overrules */
};

/* base: the changes of the merged zone against the file, as entry of a new journal; may be NULL.
 * *ret: one reference; its files are noted as file's. ERR_CONFIG: together they make no zone. */
MUST enum err zone_merge(const struct zone *file, const struct ledger *l, uint32_t head_serial,
			 struct journal_batch *base, struct zone_merge *ret_how, struct zone **ret);

#endif
