/* An answer while it is written: what the files answer*.c share. Knows nothing beyond answer.h. */
#ifndef AUTHORITY_ANSWER_INNER_H
#define AUTHORITY_ANSWER_INNER_H

#include "base/writer.h"
#include "proto/dns/message.h"
#include "proto/dns/type.h"
#include "service/authority/answer.h"
#include "service/authority/zone.h"
#include "service/authority/zones.h"

#define ANSWER_SUFFIXES 48 /* names that later ones may point to; past them names stay longer */
#define ANSWER_TARGETS	64 /* names of one RRset whose addresses are looked for */
#define ANSWER_PROOFS	32

/* A name of the zone that stands in the message at `at`. */
struct answer_suffix {
	zone_ref node;
	uint16_t at;
};

struct answer_proof {
	const struct zone *zone;
	const struct zone_node *owner;
	const struct zone_rrset *rrset;
};

struct answer {
	const struct zones *zones;
	const struct answer_config *conf;
	const struct answer_input *in;
	struct dns_query query;
	struct dns_tsig_reply *tsig; /* in the facts */
	struct writer w;	     /* cap: without what is reserved for OPT */
	uint16_t type;
	uint16_t rcode;
	uint16_t flags; /* AA, TC */
	uint16_t counts[4];
	bool dnssec, referral;
	bool has_ede;
	uint16_t ede;

	const struct zones_entry *entry; /* whose zone it is */
	const struct zone *zone;	 /* where the search is: one snapshot of it */
	struct zone_path path; /* the name looked for: the question's, then each target's */
	uint16_t owner_at;     /* where that name stands in the message */
	uint16_t target_at;    /* where the target of the last CNAME stands; 0: out of reach */
	bool first;	       /* it is still the question's */
	const struct zone_node *encloser; /* of path in zone */
	bool suffixes_begun;
	unsigned suffixes_n;
	struct answer_suffix suffixes[ANSWER_SUFFIXES];
	/* Sections are written in their order, but a chain finds things in another: what belongs to
	 * a later section waits here. */
	unsigned proofs_n;
	struct answer_proof proofs[ANSWER_PROOFS]; /* NSEC and NSEC3 RRsets, each once */
	const struct zone_rrset *additional; /* whose names' addresses are to be added, or NULL */
	const struct zone_node *additional_owner;
	const struct zone_node *cut; /* that a referral is for, or NULL */
	unsigned chain_n;
	const struct zone_rrset *chain[ANSWER_CHAIN_MAX]; /* CNAMEs and DNAMEs that were followed */
};

/* --- answer_write.c --- */

struct answer_rrset {
	enum dns_section section;
	uint16_t owner_at; /* 0: owner is pointed to or written */
	const struct zone_node *owner;
	const struct zone_rrset *rrset;
};

/* The whole RRset, and its signatures when the client wants them. False: it does not fit, and
 * nothing was written. */
MUST bool answer_put(struct answer *a, const struct answer_rrset *set);
/* The same; TC when it does not fit (RFC 2181 9). */
void answer_must_put(struct answer *a, const struct answer_rrset *set);
/* The signatures alone, for a question about RRSIG. */
MUST bool answer_put_sigs(struct answer *a, const struct answer_rrset *set);
/* A CNAME that a DNAME makes. */
struct answer_synthesis {
	uint8_t name[DNS_NAME_MAX]; /* of the target: prefix_len octets of the question, then the
				       DNAME's */
	size_t len, prefix_len;
	uint16_t suffix_at; /* where the latter stands in the message; 0: nowhere */
	uint32_t ttl_s;
};

/* One CNAME record from the current name to target_at. */
MUST bool answer_put_synthesized(struct answer *a, const struct answer_synthesis *cname);
/* The addresses of the names in an NS, MX, SRV, SVCB or HTTPS RRset of owner, as far as they fit.
 */
void answer_put_addresses(struct answer *a, const struct zone_rrset *set,
			  const struct zone_node *owner);
/* The same for a delegation: what the child's own servers need must fit, or TC (RFC 9471). */
void answer_put_glue(struct answer *a, const struct zone_rrset *ns, const struct zone_node *cut);
/* Forgets names of another zone. */
void answer_enter_zone(struct answer *a, const struct zone *z);

/* --- answer_find.c: the algorithm --- */
void answer_find(struct answer *a);

/* --- answer_proof.c: each does nothing unless the client wants DNSSEC and the zone is signed ---
 */
void answer_prove_nodata(struct answer *a, const struct zone_node *n);
void answer_prove_nxdomain(struct answer *a, const struct zone_node *encloser);
void answer_prove_wildcard(struct answer *a, const struct zone_node *encloser);
void answer_prove_wildcard_nodata(struct answer *a, const struct zone_node *encloser,
				  const struct zone_node *wildcard);
void answer_prove_no_ds(struct answer *a, const struct zone_node *cut);
/* Writes what the above found. */
void answer_put_proofs(struct answer *a);

/* --- answer_meta.c: what is not a look-up in a zone --- */
void answer_chaos(struct answer *a);
/* AXFR and IXFR. *ret: the entry when the caller is to transfer it, else the answer is in. */
void answer_transfer(struct answer *a, const struct zones_entry **ret);

/* UPDATE (RFC 2136). *ret: the entry when the caller is to have it applied, else the answer is in.
 */
void answer_update(struct answer *a, const struct zones_entry **ret);

static inline void answer_fail(struct answer *a, enum dns_rcode rcode, enum dns_ede ede)
{
	a->rcode = (uint16_t)rcode;
	a->has_ede = true;
	a->ede = (uint16_t)ede;
}

#endif
