/* How a compiled policy lies in its bytes, and the hash by which names are found in it. For this
 * folder alone.
 *
 * All numbers in network order. A header of POLICY_HEADER_LEN octets:
 *	 0 magic		 8 u32 version		12 u32 length of the header
 *	16 u64 length of all	24 u64 SipHash-2-4 of all that follows, key POLICY_CHECK_KEY
 *	32 u64 configuration	40 u64 generation	48 u64 made at, seconds
 *	56 2 u64 seed of the names' hash
 *	72 u32 length of the setup (setup.c), which follows the header
 *	76 u32 buckets		80 u32 names		84 u32 lines	88 u32 length of the records
 *	92 u32 most buckets that a search looks at
 *	96 128 bits: bit n (from the first octet's low bit) says that a name has n labels
 *	112 128 bits: the same of names at which there are lines with paths (version 2)
 * Then the setup, the tags (POLICY_BUCKET octets for each bucket), the slots (u32 for each tag) and
 * the records, one right behind the other.
 *
 * A name is in the first bucket from hash * buckets / 2^64 on that had room, and no bucket between
 * has an empty tag (0). Its tag is made of the low bits of the hash; its slot is the offset of its
 * record: u8 length, the name's wire form without the root label, u8 how many lines (1 to
 * POLICY_LINES_MAX), and for each: u8 flags, u8 list, the line's number in groups of seven bits,
 *the low ones first, and for patterns u8 length and text.
 *
 * Lines with a path have records of their own, so that names are looked up as if there were none:
 * a name's lines with the same anchor (path.h) lie under that name with one label more, made of the
 * anchor, which no name of a list has. For each, u8 length and path stand in the pattern's place.
 */
#ifndef POLICY_FORM_H
#define POLICY_FORM_H

#include "base/span.h"
#include "policy/path.h"
#include "policy/policy.h"

#define POLICY_MAGIC "GHpolicy"
enum {
	POLICY_VERSION = 2, /* 1, which has no paths, is read as well */
	POLICY_HEADER_LEN = 128,
	POLICY_CHECK_AT = 24, /* the checksum is of what is behind it */
	POLICY_BUCKET = 8,
	POLICY_PROBES_MAX = 64,
	POLICY_LINES_MAX = 255,	  /* of one name */
	POLICY_PATTERNS_MAX = 32, /* of them patterns, or paths with stars: each costs a search */
	POLICY_LINE_NUMBER_MAX = (1 << 28) - 1, /* four groups of seven bits */
	POLICY_RECORD_MAX = 2 + DNS_NAME_MAX + POLICY_LINES_MAX * (6 + 1 + POLICY_PATH_MAX),
};
#define POLICY_CHECK_KEY ((const uint8_t *)"gatehouse policy")

enum {
	POLICY_FLAG_SCOPE = 3, /* enum policy_scope */
	POLICY_FLAG_EXCEPTION = 1 << 2,
	POLICY_FLAG_IMPORTANT = 1 << 3,
	POLICY_FLAG_FORM = 4, /* shift of enum policy_form, two bits */
	POLICY_FLAG_PATH = 1 << 6,
	POLICY_FLAG_BAD = 1 << 7, /* $badfilter: in the builder only */
};

struct policy_seed {
	uint64_t k0, k1;
};

/* The name table of an opened policy. */
struct policy_names {
	const uint8_t *tags, *slots, *records; /* borrowed */
	size_t records_len;
	uint32_t buckets, probes;
	struct policy_seed seed;
	uint64_t depths[2]; /* bit n: a name has n labels */
	unsigned deepest;   /* the highest of those bits */
	uint64_t path_depths[2];
};

static inline uint64_t policy_load_u64(const uint8_t *at)
{
	return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
	       (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
	       (uint64_t)at[6] << 8 | at[7];
}

static inline uint32_t policy_load_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t policy_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;
	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* The hash of a name is that of its parent with one label more, so that a walk from the root makes
 * those of all ends of a name. Seeded: who writes a list does not know which names collide. */
static inline uint64_t policy_hash_root(struct policy_seed seed)
{
	return seed.k0;
}

static inline uint64_t policy_hash_label(struct policy_seed seed, uint64_t parent,
					 const uint8_t *label, size_t len)
{
	uint64_t h = parent ^ len * UINT64_C(0x9e3779b97f4a7c15);
	size_t at = 0;
	for (; at + 8 <= len; at += 8)
		h = policy_fold(h ^ policy_load_u64(label + at), seed.k1);
	uint64_t last = 0;
	for (; at < len; at++)
		last = last << 8 | label[at];
	return policy_fold(h ^ last, seed.k1) ^ seed.k0;
}

/* Spreads it over all bits. */
static inline uint64_t policy_hash_end(struct policy_seed seed, uint64_t h)
{
	return policy_fold(h ^ seed.k1, UINT64_C(0xd6e8feb86659fd93));
}

static inline uint32_t policy_bucket_of(uint64_t hash, uint32_t buckets)
{
	return (uint32_t)(((unsigned __int128)hash * buckets) >> 64);
}

static inline uint8_t policy_tag_of(uint64_t hash)
{
	return (uint8_t)(hash % 255 + 1);
}

/* The top bit of each octet of x that is 0. */
static inline uint64_t policy_zero_octets(uint64_t x)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
	return ~(((x & low) + low) | x | low);
}

/* Of a name in wire form without the root label. */
uint64_t policy_hash_name(struct policy_seed seed, struct span name);

/* The record of the name (wire form without the root label) whose policy_hash_end is hash; NULL:
 * there is none. The table must have been judged by policy_names_check. */
const uint8_t *policy_names_find(const struct policy_names *n, uint64_t hash, struct span name);

/* Are all slots within, all records whole, and is each found by its own name? */
MUST enum err policy_names_check(const struct policy_names *n, uint32_t names, uint32_t lines,
				 unsigned lists);

#endif
