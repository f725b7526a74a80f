/* From a tuple to a number: buckets of one cache line, two for each tuple, changed by
 * compare-and-swap only. Knows nothing of what the numbers stand for but the tuple in their record.
 *
 * A tuple goes into its first bucket, and into the second when the first is full; then the first
 * one's count `beyond` says that it is worth while to look there. Who is in neither is thus found
 * to be so at the price of one cache line.
 */
#ifndef NAT_BPF_INDEX_H
#define NAT_BPF_INDEX_H

#include "service/nat/bpf/maps.h"

/* A tuple as it is compared and hashed. */
union tuple_words {
	struct nat_tuple4 tuple;
	__u64 word[2];
};

static __always_inline bool tuple_is(const struct nat_tuple4 *tuple, const __u64 word[2])
{
	const __u64 *have = (const __u64 *)tuple;
	return have[0] == word[0] && have[1] == word[1];
}

/* NH of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway 1999): whoever does not know the seed finds
 * no two tuples that collide more often than once in 2^32. Its low bits see only low bits; the
 * multiplication and the shift give them the rest. */
static __always_inline __u64 tuple_hash(const __u64 word[2], const __u64 seed[2])
{
	__u64 hash = (__u64)((__u32)word[0] + (__u32)seed[0]) *
		     ((__u32)(word[0] >> 32) + (__u32)(seed[0] >> 32));
	hash += (__u64)((__u32)word[1] + (__u32)seed[1]) *
		((__u32)(word[1] >> 32) + (__u32)(seed[1] >> 32));
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

/* What lies in a place. */
#define INDEX_TAG(hash)		  ((__u32)((hash) >> 56))
#define INDEX_ENTRY(hash, number) (INDEX_TAG(hash) << NAT_NUMBER_BITS | (number))
#define ENTRY_TAG(entry)	  ((entry) >> NAT_NUMBER_BITS)
#define ENTRY_NUMBER(entry)	  ((entry) & (NAT_NUMBERS - 1))

static __always_inline __u32 bucket_first(__u64 hash, __u32 mask)
{
	return (__u32)hash & mask;
}

static __always_inline __u32 bucket_second(__u64 hash, __u32 mask)
{
	/* Odd, so never the same bucket. */
	return ((__u32)hash ^ ((__u32)(hash >> 32) * 0x85ebca6bu | 1)) & mask;
}

static __always_inline bool bucket_put(struct nat_bucket *bucket, __u32 entry)
{
	for (int i = 0; i < NAT_BUCKET_PLACES; i++) {
		if (bucket->place[i] == 0 &&
		    __sync_val_compare_and_swap(&bucket->place[i], 0, entry) == 0) {
			return true;
		}
	}
	return false;
}

static __always_inline bool bucket_take(struct nat_bucket *bucket, __u32 entry)
{
	for (int i = 0; i < NAT_BUCKET_PLACES; i++) {
		if (bucket->place[i] == entry &&
		    __sync_val_compare_and_swap(&bucket->place[i], entry, 0) == entry) {
			return true;
		}
	}
	return false;
}

static __always_inline bool index_put_in(void *index, __u32 mask, __u64 hash, __u32 number)
{
	__u32 entry = INDEX_ENTRY(hash, number);
	__u32 at = bucket_first(hash, mask);
	struct nat_bucket *first = bpf_map_lookup_elem(index, &at);
	if (first == NULL) {
		return false;
	}
	if (bucket_put(first, entry)) {
		return true;
	}
	at = bucket_second(hash, mask);
	struct nat_bucket *second = bpf_map_lookup_elem(index, &at);
	if (second == NULL) {
		return false;
	}
	__sync_fetch_and_add(&first->beyond, 1);
	if (bucket_put(second, entry)) {
		return true;
	}
	__sync_fetch_and_add(&first->beyond, -1);
	return false;
}

static __always_inline void index_take_from(void *index, __u32 mask, __u64 hash, __u32 number)
{
	__u32 entry = INDEX_ENTRY(hash, number);
	__u32 at = bucket_first(hash, mask);
	struct nat_bucket *first = bpf_map_lookup_elem(index, &at);
	if (first == NULL || bucket_take(first, entry)) {
		return;
	}
	at = bucket_second(hash, mask);
	struct nat_bucket *second = bpf_map_lookup_elem(index, &at);
	if (second != NULL && bucket_take(second, entry)) {
		__sync_fetch_and_add(&first->beyond, -1);
	}
}

/* Global functions, as flows begin on several ways: the verifier would read them anew on each. */
__noinline bool mapping_is(__u32 number, const union tuple_words *in)
{
	const struct nat_mapping4 *mapping = mapping_get(number);
	return mapping != NULL && in != NULL && tuple_is(&mapping->in, in->word);
}

static __always_inline __u32 bucket_mapping(const struct nat_bucket *bucket, __u32 tag,
					    const union tuple_words *in, __u32 but)
{
	for (int i = 0; i < NAT_BUCKET_PLACES; i++) {
		__u32 entry = bucket->place[i], number = ENTRY_NUMBER(entry);
		if (ENTRY_TAG(entry) == tag && number != 0 && number != but &&
		    mapping_is(number, in)) {
			return number;
		}
	}
	return 0;
}

/* The mapping of who sends as `in`, other than `but`; 0: none. */
__noinline __u32 index_mapping(const union tuple_words *in, __u32 but)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL || in == NULL) {
		return 0;
	}
	__u64 hash = tuple_hash(in->word, s->seed);
	__u32 at = bucket_first(hash, s->mapping_mask);
	const struct nat_bucket *bucket = bpf_map_lookup_elem(&mapping_index, &at);
	if (bucket == NULL) {
		return 0;
	}
	__u32 number = bucket_mapping(bucket, INDEX_TAG(hash), in, but);
	if (number != 0 || bucket->beyond == 0) {
		return number;
	}
	at = bucket_second(hash, s->mapping_mask);
	bucket = bpf_map_lookup_elem(&mapping_index, &at);
	return bucket != NULL ? bucket_mapping(bucket, INDEX_TAG(hash), in, but) : 0;
}

__noinline bool index_put_mapping(const union tuple_words *in, __u32 number)
{
	const struct nat_settings *s = settings_get();
	return s != NULL && in != NULL &&
	       index_put_in(&mapping_index, s->mapping_mask, tuple_hash(in->word, s->seed), number);
}

#endif
