/* The UPDATE message (RFC 2136): read as a checked view, and written. Knows no zone: whether a
 * prerequisite holds and what an update changes is decided by who has the data. */
#ifndef PROTO_DNS_UPDATE_H
#define PROTO_DNS_UPDATE_H

#include "base/writer.h"
#include "proto/dns/build.h"
#include "proto/dns/message.h"

/* --- reading --- */

struct dns_update {
	struct dns_message message; /* .question is the zone section */
};

enum dns_prerequisite_kind {
	DNS_PREREQUISITE_RRSET,	   /* 2.4.1: the RRset exists, whatever it holds */
	DNS_PREREQUISITE_RECORD,   /* 2.4.2: one record of an RRset that must match whole */
	DNS_PREREQUISITE_NO_RRSET, /* 2.4.3 */
	DNS_PREREQUISITE_NAME,	   /* 2.4.4: some RRset is at the name */
	DNS_PREREQUISITE_NO_NAME,  /* 2.4.5 */
};

enum dns_update_kind {
	DNS_UPDATE_ADD,		 /* 2.5.1 */
	DNS_UPDATE_DELETE_RRSET, /* 2.5.2 */
	DNS_UPDATE_DELETE_NAME,	 /* 2.5.3 */
	DNS_UPDATE_DELETE,	 /* 2.5.4: one record */
};

/* One record of the prerequisite or of the update section. */
struct dns_update_item {
	uint8_t kind; /* enum dns_prerequisite_kind or enum dns_update_kind */
	uint16_t type;
	uint32_t ttl_s;
	struct dns_name owner;
	struct span rdata; /* uncompressed, right for its type; in the caller's buffer */
};

/* The whole message and each record of it, as RFC 2136 3.1, 3.2.5 and 3.4.1.3 want it before
 * anything is looked up. Returns NOERROR, FORMERR, or NOTZONE for an owner outside of the zone;
 * what comes first in the message decides. TSIG is not looked at. message: opcode UPDATE, QR clear.
 */
enum dns_rcode dns_update_read(struct span message, struct dns_update *ret);

static inline const struct dns_name *dns_update_zone(const struct dns_update *u)
{
	return &u->message.question.name;
}

struct dns_update_iter {
	struct dns_record_iter records;
	uint16_t class; /* of the zone */
};

struct dns_update_iter dns_update_prerequisites(const struct dns_update *u);
struct dns_update_iter dns_update_changes(const struct dns_update *u);
/* False at the end. u must come from dns_update_read. rdata: DNS_RDATA_MAX octets. */
bool dns_update_next(const struct dns_update *u, struct dns_update_iter *it, uint8_t *rdata,
		     struct dns_update_item *ret);

/* --- writing --- */

/* An UPDATE of class IN about to be filled: prerequisites first, then changes. What does not fit
 * makes dns_update_finish return an empty span. */
void dns_update_begin(struct dns_build *b, void *buf, size_t limit, uint16_t id,
		      const struct dns_name *zone);

/* type and rdata are looked at by the kinds that have them. */
void dns_update_require(struct dns_build *b, enum dns_prerequisite_kind kind,
			const struct dns_name *owner, uint16_t type, struct span rdata);
/* RFC 2136 2.5. ttl_s: of DNS_UPDATE_ADD. */
void dns_update_change(struct dns_build *b, enum dns_update_kind kind,
		       const struct dns_update_item *item);

/* The message, to be signed; empty when something did not fit. */
struct span dns_update_finish(struct dns_build *b);

#endif
