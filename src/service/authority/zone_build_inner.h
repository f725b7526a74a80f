/* What the files zone_build.c, zone_judge.c and zone_pack.c share: the growing form of a zone.
 * Knows nothing of snapshots in use. */
#ifndef AUTHORITY_ZONE_BUILD_INNER_H
#define AUTHORITY_ZONE_BUILD_INNER_H

#include "proto/dns/type.h"
#include "service/authority/zone_build.h"

/* More flags of a node while it is built; the lower ones are those of enum zone_node_flag. */
enum {
	BUILD_NODE_NS = 1 << 12,
	BUILD_NODE_DATA = 1 << 13,  /* has records that are not NSEC3 or its RRSIG */
	BUILD_NODE_NSEC3 = 1 << 14, /* owner of an NSEC3 */
	BUILD_NODE_PACK_MASK = (1 << 12) - 1,
};

/* Indices into nodes, and places in raw counted in units, with 0 for none. */
struct build_node {
	uint32_t parent, cut;
	uint32_t name;	      /* in raw */
	uint32_t first, last; /* records in raw */
	zone_ref packed;
	uint16_t flags;
	uint8_t labels, name_len;
};

struct build_record {
	uint32_t next;
	uint32_t ttl_s;
	struct zone_place at;
	uint16_t type, rdata_len;
	uint8_t rdata[];
};

struct zone_build {
	struct dns_name origin;
	const uint8_t *key;
	struct zone_judge *judge;
	struct build_node *nodes; /* [0] is none, [1] the root */
	uint32_t nodes_n, nodes_cap;
	uint32_t apex;
	struct zone_slot *slots; /* node: index */
	uint32_t slots_mask, slots_used;
	uint8_t *raw; /* names and records, each at a unit */
	size_t raw_len, raw_cap;
	uint32_t last_owner; /* records of one owner follow one another */
	struct zone *zone;   /* files are noted here at once */
	/* Packing. */
	size_t region_cap;
	uint64_t *group; /* records of one node: order << 32 | place in raw */
	size_t group_cap;
};

static inline const uint8_t *build_name(const struct zone_build *b, const struct build_node *n)
{
	return b->raw + (size_t)n->name * ZONE_UNIT;
}

static inline struct build_record *build_record(const struct zone_build *b, uint32_t ref)
{
	return (struct build_record *)(void *)(b->raw + (size_t)ref * ZONE_UNIT);
}

static inline uint16_t build_covered(const struct build_record *r)
{
	return r->rdata_len < 2 ? 0 : (uint16_t)(r->rdata[0] << 8 | r->rdata[1]);
}

/* The node of the suffix of so many labels: its index, or 0. */
uint32_t build_lookup(const struct zone_build *b, const struct zone_path *p, unsigned labels);
/* The same, made with all its parents when absent. */
MUST enum err build_intern(struct zone_build *b, const struct zone_path *p, uint32_t *ret);

/* at NULL: of the zone as a whole. */
__attribute__((format(printf, 4, 5))) void build_tell(struct zone_build *b,
						      enum zone_severity severity,
						      const struct zone_place *at,
						      const char *format, ...);
/* What lenient mode forgives. */
static inline enum zone_severity build_forgivable(const struct zone_build *b)
{
	return b->judge->lenient ? ZONE_WARNING : ZONE_ERROR;
}

/* zone_judge.c: of one record on its own, before it is stored. False: it must be left out. */
bool judge_record(struct zone_build *b, const struct zone_build_record *r);
/* The whole tree: apex, CNAME and DNAME rules; sets the cuts. */
void judge_tree(struct zone_build *b);
/* The target of an NS, MX or CNAME, once the tree is complete. target: its node, 0 when it has
 * none. */
void judge_target(struct zone_build *b, const struct build_node *owner,
		  const struct build_record *r, struct span name, uint32_t target);

/* zone_pack.c: everything into b->zone. */
MUST enum err pack_zone(struct zone_build *b);

#endif
