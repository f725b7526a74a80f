/* What the authority does with an UPDATE (RFC 2136 section 3): prerequisites, permission, changes,
 * serial. Knows no journal file, no clock and no socket; the zone is changed, not yet published. */
#ifndef AUTHORITY_UPDATE_H
#define AUTHORITY_UPDATE_H

#include "proto/dns/update.h"
#include "service/authority/journal.h"
#include "service/authority/update_policy.h"
#include "service/authority/zone_edit.h"

/* Why an update changed nothing, or that it did: for counters, events and the log. */
enum update_outcome {
	UPDATE_CHANGED,
	UPDATE_UNCHANGED,    /* all was so already, or had to be ignored: NOERROR */
	UPDATE_MALFORMED,    /* FORMERR, NOTZONE */
	UPDATE_PREREQUISITE, /* NXDOMAIN, YXDOMAIN, NXRRSET, YXRRSET */
	UPDATE_FORBIDDEN,    /* by the policy: REFUSED */
	UPDATE_TOO_LARGE,    /* an RRset that no message holds: REFUSED */
	UPDATE_CONTRARY,     /* what would result is no zone: REFUSED */
	UPDATE_FAILED,	     /* SERVFAIL: memory, disk */
	UPDATE_OUTCOMES
};

/* One word, lower case, for metrics and the log. */
const char *update_outcome_text(enum update_outcome o);

struct update_request {
	struct span message;
	const struct dns_name *key; /* who signed it */
	const struct update_policy *policy;
};

struct update_result {
	enum update_outcome outcome;
	enum dns_rcode rcode;
	uint32_t serial; /* of the zone afterwards */
	unsigned added, removed;
};

/* Working storage of update_apply; any content. */
struct update_scratch {
	uint8_t item[DNS_MESSAGE_MAX];
	uint8_t records[ZONE_RRSET_BYTES + DNS_MESSAGE_MAX + 2];
	struct update_match {
		zone_ref rrset;
		uint16_t index;
	} matches[DNS_MESSAGE_RECORDS_MAX];
};

/* Applies one message to the edit, whose zone is the message's; all of it or nothing (the edit's
 * mark is moved). An entry is added to the batch, not ended, when the outcome is UPDATE_CHANGED:
 * the caller ends it with result->serial, or cancels it and undoes the edit. ENOSPC: nothing was
 * done, rebuild and ask again; ENOMEM the same, in vain. */
MUST enum err update_apply(struct zone_edit *e, const struct update_request *req,
			   struct update_scratch *scratch, struct journal_batch *batch,
			   struct update_result *ret);

#endif
