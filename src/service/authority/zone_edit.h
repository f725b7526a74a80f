/* The writer of a zone that changes while it is read: RRsets are set or taken away, a row of such
 * changes becomes the next snapshot at once, or is undone. Knows nothing of messages, prerequisites
 * or files; readers see only zone.h. */
#ifndef AUTHORITY_ZONE_EDIT_H
#define AUTHORITY_ZONE_EDIT_H

#include "service/authority/zone.h"

struct zone_edit;

/* Makes a zone that was just built, and that nobody reads yet, one that can change. The caller
 * keeps its reference, at least as long as the edit. spare: octets for changes, 0 for what is
 * usual. ERR_UNSUPPORTED: the zone is signed (RFC 2136 section 3.7 would have us sign, which we do
 * not). */
MUST enum err zone_edit_new(struct zone *built, size_t spare, struct zone_edit **ret);
void zone_edit_free(struct zone_edit *e); /* the zone stays */
DEFINE_AUTO(struct zone_edit, zone_edit_free)

/* What all changes so far make, published or not. Good until the next call that changes. */
const struct zone *zone_edit_view(const struct zone_edit *e);

/* An RRset about to be written: records are rdlength and rdata one behind the other, uncompressed.
 */
struct zone_edit_rrset {
	uint16_t type, count; /* count 0: the RRset goes away */
	uint32_t ttl_s;
	struct span records;
};

/* name: at or below the apex, lower case. Names above it begin to exist, or cease to, with it.
 * ERR_LIMIT: more than ZONE_RRSET_BYTES or ZONE_RRSETS_MAX. ENOSPC: the region is full; undo, and
 * go on in the zone that zone_edit_rebuild makes. */
MUST enum err zone_edit_set(struct zone_edit *e, const struct dns_name *name,
			    const struct zone_edit_rrset *set);

/* A delegation or a DNAME came or went above names that exist: the view answers wrongly about them.
 * It must not be published; zone_edit_rebuild makes the zone that may. */
bool zone_edit_is_out_of_shape(const struct zone_edit *e);
/* Little is left of the region or the table: rebuild before the next changes. */
bool zone_edit_is_full(const struct zone_edit *e);

/* Back to how the view was when zone_edit_mark was called last, or to what is published. */
void zone_edit_mark(struct zone_edit *e);
void zone_edit_undo_to_mark(struct zone_edit *e);
void zone_edit_undo_all(struct zone_edit *e);

/* The view becomes what zone_now answers. ENOSPC. */
MUST enum err zone_edit_publish(struct zone_edit *e);

/* A zone of its own with the records of the view, its files noted as the old one's; one reference.
 * ERR_CONFIG: they make no zone (a CNAME beside other data, and the like). */
MUST enum err zone_edit_rebuild(const struct zone_edit *e, struct zone **ret);

/* From now on who reads `old` reads `successor`, of which old takes a reference. */
void zone_succeed(struct zone *old, struct zone *successor);

#endif
