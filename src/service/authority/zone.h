/* The immutable snapshot of one zone: every name and RRset in one region, packed for look-up and
 * ready to be copied into answers. Knows nothing of files, queries or sockets.
 *
 * A zone that DNS UPDATE changes (zone_edit.h) is a row of snapshots over one region that only
 * grows: a changed node is written anew behind the others, with a mark of the snapshot that first
 * has it, and its slot leads to the newest version. Who reads an older snapshot goes back from
 * there. A zone that nothing changes has one snapshot and none of this. */
#ifndef AUTHORITY_ZONE_H
#define AUTHORITY_ZONE_H

#include "base/err.h"
#include "base/span.h"
#include "proto/dns/name.h"

#include <stdatomic.h>

/* Everything in a region refers to everything else by its place: a count of ZONE_UNIT bytes from
 * the region's start, so a zone may hold 16 GiB and a reference costs 4 bytes. 0 is "none". */
typedef uint32_t
	zone_ref; /* the one typedef of the folder: a number with a meaning, not a struct */

#define ZONE_UNIT	 4u
#define ZONE_RRSETS_MAX	 255u /* types at one name */
#define ZONE_RRSET_BYTES 65535u

enum zone_node_flag {
	ZONE_NODE_REAL = 1 << 0,     /* exists in the zone: has data, or is an empty non-terminal */
	ZONE_NODE_OUTSIDE = 1 << 1,  /* not in the zone: above the apex, or the target of an NS */
	ZONE_NODE_WILDCARD = 1 << 2, /* has a child `*` */
	ZONE_NODE_CUT = 1 << 3,	     /* delegation: NS here, and this is not the apex */
	ZONE_NODE_DNAME = 1 << 4,
	ZONE_NODE_CNAME = 1 << 5,
	ZONE_NODE_DS = 1 << 6,
	ZONE_NODE_ADDRESS = 1 << 7, /* has A or AAAA, authoritative or glue */
	ZONE_NODE_COVERED =
		1 << 8, /* denial is the NSEC3 that covers the name, not one that matches it */
};

/* A name of the tree. Its parent is the name with the first label taken off, always there, up to
 * the root (which is its own parent); so the chain of parents names every suffix. The RRsets lie
 * behind it. */
struct zone_node {
	zone_ref parent;
	zone_ref cut;	 /* the topmost cut at or above, none above: zone data */
	uint32_t denial; /* index + 1 into nsec or nsec3 of the proof for this name; 0: none */
	uint16_t flags;	 /* enum zone_node_flag */
	uint8_t rrsets;
	uint8_t labels; /* without the root */
	uint8_t name_len;
	uint8_t name[]; /* wire form, lower case */
};

/* An RRset: the head, then one zone_ref for each name in its rdata that answers look at (see
 * zone_type_links), then `size` bytes of records (rdlength and rdata, case kept), then `sigs_size`
 * bytes of the RRSIG records that cover it, of the same shape. */
struct zone_rrset {
	uint8_t fixed[8]; /* type, class and TTL as they stand in a record */
	uint32_t sigs_ttl;
	uint16_t size, sigs_size;
	uint16_t count, sigs;
};

struct zone_slot {
	uint32_t tag;  /* of the name's hash; which names collide depends on the key */
	zone_ref node; /* 0: free */
};

struct zone_nsec3 {
	uint8_t hash[20];
	zone_ref node, rrset;
};

/* What a file looked like when it was read; the same numbers mean the same content. */
struct zone_stamp {
	uint64_t device, inode, size, mtime_ns;
};

#define ZONE_FILES_MAX 64 /* the file and its $INCLUDEs */

#define ZONE_UNCHANGING UINT32_MAX

/* In front of a node that was written after the zone was built. */
struct zone_version {
	zone_ref older; /* of the same name; 0: there was none */
	uint32_t born;	/* the first snapshot that has it */
};

struct zone_home;

struct zone {
	uint8_t *region;
	size_t region_len;
	size_t nodes_end; /* the nodes lie from the first unit to here; NSEC3 RRsets and copies
			     follow, then versions */
	struct zone_slot *slots;
	uint32_t slots_mask;
	zone_ref built_end; /* nodes from here on have a zone_version; ZONE_UNCHANGING: none has */
	uint32_t epoch;	    /* of this snapshot among those of its region */
	/* What to read instead of this one: see zone_now. */
	_Atomic(const struct zone *) latest;
	uint8_t labels_max; /* of the deepest name in the zone */
	uint8_t apex_labels;
	zone_ref apex, soa,
		soa_negative; /* soa_negative: SOA and RRSIG with min(TTL, MINIMUM), RFC 2308 */
	uint32_t serial;

	/* RFC 4034: the nodes with an NSEC in canonical order. */
	zone_ref *nsec;
	uint32_t nsec_n;
	/* RFC 5155: the chain of the apex's NSEC3PARAM in the order of its hashes. */
	struct zone_nsec3 *nsec3;
	uint32_t nsec3_n;
	uint16_t iterations;
	uint8_t salt_len, salt[255];

	uint32_t nodes, rrsets;
	uint64_t records;
	const uint8_t *key; /* of the hash, 16 bytes; borrowed from the set's keeper */
	struct dns_name origin;
	struct zone_home *home; /* owned by the first snapshot, borrowed by the later ones */
};

/* What all snapshots over one region share. */
struct zone_home {
	_Atomic uint32_t refs;
	struct zone *first;	/* owns the region and the slots */
	struct zone *successor; /* a reference: latest may lead there */
	char *path;		/* as configured */
	bool lenient;		/* judged so */
	struct zone_stamp stamps[ZONE_FILES_MAX];
	char *stamp_paths[ZONE_FILES_MAX];
	uint32_t stamps_n;
	int64_t loaded_s;
};

/* The keyed hash by which names are found. wire: lower case. */
uint64_t zone_hash(const uint8_t *key, const uint8_t *wire, size_t len);

/* Owns one reference more, to z and all snapshots of its region. */
const struct zone *zone_keep(const struct zone *z);
struct zone *zone_ref_take(struct zone *z);
/* The last reference frees the zone. May run in any thread. */
void zone_drop(const struct zone *z);
void zone_unref(struct zone *z);
DEFINE_AUTO(struct zone, zone_unref)

/* Notes the files of another zone as this one's. */
MUST enum err zone_home_copy(struct zone_home *to, const struct zone_home *from);

/* The newest snapshot, which lasts as long as a reference to z. No lock, and no wait. */
static inline const struct zone *zone_now(const struct zone *z)
{
	const struct zone *latest;

	while (z && (latest = atomic_load_explicit(&z->latest, memory_order_acquire)))
		z = latest;
	return z;
}

static inline bool zone_is_changing(const struct zone *z)
{
	return z->built_end != ZONE_UNCHANGING;
}

/* A name taken apart, so that all its suffixes can be looked up. */
struct zone_path {
	uint8_t labels; /* without the root */
	uint8_t len;
	uint8_t at[128];   /* at[n]: where the suffix of n labels begins; at[0]: the root */
	uint8_t wire[256]; /* lower case */
};

/* wire: one valid uncompressed name of len bytes, any case. */
void zone_path_set(struct zone_path *p, const uint8_t *wire, size_t len);

static inline const struct zone_node *zone_node_at(const struct zone *z, zone_ref ref)
{
	return (const struct zone_node *)(const void *)(z->region + (size_t)ref * ZONE_UNIT);
}

static inline zone_ref zone_ref_of(const struct zone *z, const void *thing)
{
	return (zone_ref)((size_t)((const uint8_t *)thing - z->region) / ZONE_UNIT);
}

static inline const struct zone_rrset *zone_rrset_at(const struct zone *z, zone_ref ref)
{
	return (const struct zone_rrset *)(const void *)(z->region + (size_t)ref * ZONE_UNIT);
}

static inline uint16_t zone_rrset_type(const struct zone_rrset *s)
{
	return (uint16_t)(s->fixed[0] << 8 | s->fixed[1]);
}

static inline uint32_t zone_rrset_ttl(const struct zone_rrset *s)
{
	return (uint32_t)s->fixed[4] << 24 | (uint32_t)s->fixed[5] << 16 |
	       (uint32_t)s->fixed[6] << 8 | s->fixed[7];
}

/* How many names in each rdata of the type carry a link: the closest node of the tree at or above
 * that name (the name itself when their lengths are equal). SOA 2; NS CNAME MX SRV SVCB HTTPS 1;
 * others 0. */
unsigned zone_type_links(uint16_t type);

static inline const zone_ref *zone_rrset_links(const struct zone_rrset *s)
{
	return (const zone_ref *)(const void *)(s + 1);
}

/* The records' bytes; the signatures' follow them. */
static inline const uint8_t *zone_rrset_data(const struct zone_rrset *s)
{
	return (const uint8_t *)(zone_rrset_links(s) +
				 (size_t)zone_type_links(zone_rrset_type(s)) * s->count);
}

/* Bytes from the start of a node or RRset to what lies behind it. */
static inline size_t zone_node_size(const struct zone_node *n)
{
	return (offsetof(struct zone_node, name) + n->name_len + ZONE_UNIT - 1) &
	       ~(size_t)(ZONE_UNIT - 1);
}
size_t zone_rrset_size(const struct zone_rrset *s);

static inline const struct zone_rrset *zone_node_rrsets(const struct zone_node *n)
{
	return (const struct zone_rrset *)(const void *)((const uint8_t *)n + zone_node_size(n));
}

static inline const struct zone_rrset *zone_rrset_next(const struct zone_rrset *s)
{
	return (const struct zone_rrset *)(const void *)((const uint8_t *)s + zone_rrset_size(s));
}

/* The RRset of that type at the node, or NULL. */
const struct zone_rrset *zone_node_find(const struct zone_node *n, uint16_t type);

/* The node of the suffix of so many labels, real or outside, or NULL. */
const struct zone_node *zone_lookup(const struct zone *z, const struct zone_path *p,
				    unsigned labels);

/* The node that a reference to one of its versions means in this snapshot: parents, cuts and links
 * may be of an older one. Their names are the same always, and in a zone without changes so is the
 * rest. NULL: the name is not in this snapshot. */
const struct zone_node *zone_current(const struct zone *z, zone_ref ref);
bool zone_same_name_slowly(const struct zone *z, zone_ref a, zone_ref b);
/* Are the two of one name? */
static inline bool zone_same_name(const struct zone *z, zone_ref a, zone_ref b)
{
	return a == b || (zone_is_changing(z) && zone_same_name_slowly(z, a, b));
}
/* The node of a name in rdata, which `link` is of: NULL unless there is one of exactly that name.
 */
const struct zone_node *zone_target(const struct zone *z, zone_ref link, struct span name);

/* For a name at or below the apex: true, and its node, when it exists; else false and the closest
 * encloser (RFC 4592 3.3.1), which the apex always is at worst. */
bool zone_find(const struct zone *z, const struct zone_path *p, const struct zone_node **ret);

/* The child `*` of a node that has ZONE_NODE_WILDCARD. */
const struct zone_node *zone_wildcard(const struct zone *z, const struct zone_node *encloser);

/* The nodes, in the order of the zone, or in none where the zone is_changing: begin with NULL; NULL
 * after the last. Outside nodes come too, and names that are no more, without data. */
const struct zone_node *zone_next(const struct zone *z, const struct zone_node *n);

/* Has it keys, signatures or proofs of DNSSEC? Walks all of it. */
bool zone_is_signed(const struct zone *z);

#endif
