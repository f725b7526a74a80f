/* What a server said to a question: its records as RRsets, only those it may speak of, and what
 * they amount to. Knows neither the cache nor the walk that asked. */
#ifndef RESOLVER_SAID_H
#define RESOLVER_SAID_H

#include "service/resolver/rrset.h"

#define SAID_SETS_MAX	 512u
#define SAID_RECORDS_MAX 4096u
#define SAID_RDATA_MAX	 (256u * 1024) /* names grow when they are decompressed */
#define SAID_PACKED_MAX	 (320u * 1024)
#define SAID_BUCKETS	 256u
#define SAID_LINKS_MAX	 12u /* CNAMEs followed in one message, and in one walk */

struct said_set {
	struct rrset set;
	uint8_t section; /* enum dns_section */
	/* While it is read: records in order, signatures in order; indices + 1, 0: none. */
	uint16_t first, last, sig_first, sig_last, next_in_bucket;
};

struct said_record {
	uint32_t at, len; /* in rdata */
	uint16_t next;
};

/* Scratch for one message; large, so one for each engine. Sets of a class other than IN, and those
 * whose owner is not in the zone that was asked, are not here (bailiwick). */
struct said {
	uint16_t flags; /* of the header */
	uint16_t rcode;
	struct dns_message message;
	uint16_t sets_n, records_n;
	bool upward; /* as authority it names servers of a zone above the one that was asked */
	struct said_set sets[SAID_SETS_MAX];
	struct said_record records[SAID_RECORDS_MAX];
	uint16_t buckets[SAID_BUCKETS];
	struct writer rdata, packed;
	uint8_t rdata_room[SAID_RDATA_MAX], packed_room[SAID_PACKED_MAX];
};

/* Reads a message that is known to answer our question (id, question). zone: what its sender was
 * asked about. ERR_FORMAT, ERR_LIMIT: nothing of it may be used. */
MUST enum err said_read(struct said *s, struct span message, const struct dns_name *zone,
			uint16_t qtype);

/* The set, or NULL. */
const struct said_set *said_find(const struct said *s, enum dns_section section,
				 const struct dns_name *owner, uint16_t type);

enum said_kind {
	SAID_ANSWER,   /* final is what was asked for, after the links */
	SAID_CNAME,    /* the links lead to target, which is to be resolved */
	SAID_NODATA,   /* target has no such type */
	SAID_NXDOMAIN, /* target does not exist */
	SAID_REFERRAL, /* ns is the delegation of a zone further down */
	SAID_LAME,     /* not a server of the zone, or says nothing of use */
	SAID_FAILED,   /* an error of the server: SERVFAIL, REFUSED, FORMERR … */
};

struct verdict {
	enum said_kind kind;
	struct dns_name target;	      /* of the question, or where the links lead */
	const struct said_set *final; /* ANSWER */
	const struct said_set *soa;   /* NODATA, NXDOMAIN, CNAME with negative; may be NULL */
	const struct said_set *ns;    /* REFERRAL */
	bool negative;	  /* CNAME: the message denies the target as well; kind as in denies */
	bool denies_name; /* with negative: the target does not exist */
	size_t links_n;
	struct {
		const struct said_set *set; /* CNAME or DNAME */
		struct dns_name from, to;   /* where it led */
	} links[SAID_LINKS_MAX];
};

/* What it amounts to. forward: the sender resolves for us, so there are no referrals. */
void said_judge(const struct said *s, const struct dns_name *zone, const struct dns_name *qname,
		uint16_t qtype, bool forward, struct verdict *ret);

/* Is it a proof of what a zone does not hold: NSEC or NSEC3? */
bool said_is_proof(const struct said_set *set);

#endif
