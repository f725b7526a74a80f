/* What the files update*.c share. Knows nothing beyond update.h. */
#ifndef AUTHORITY_UPDATE_INNER_H
#define AUTHORITY_UPDATE_INNER_H

#include "service/authority/update.h"

/* The node of a name that has records, or NULL. */
const struct zone_node *update_node(const struct zone *z, const struct dns_name *owner);
/* The place of the record in the RRset, names compared without case; s->count: it is not there. */
unsigned update_record_find(const struct zone_rrset *s, struct span rdata);

/* update_prerequisite.c */
enum dns_rcode update_prerequisites_hold(const struct zone *z, const struct dns_update *u,
					 struct update_scratch *scratch);

#endif
