/* From a tuple of IPv6 to a number, by buckets as index.h has them. Knows nothing of what becomes
 * of a flow.
 */
#ifndef NAT_BPF_INDEX6_H
#define NAT_BPF_INDEX6_H

#include "service/nat/bpf/index.h"
#include "service/nat/bpf/maps6.h"

#define TUPLE6_WORDS 5

static __always_inline bool tuple6_is(const struct nat_tuple6 *a, const struct nat_tuple6 *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;
	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4])) == 0;
}

/* As tuple_hash. */
static __always_inline __u64 tuple6_hash(const struct nat_tuple6 *tuple, const __u64 seed[5])
{
	const __u64 *word = (const __u64 *)tuple;
	__u64 hash = 0;
#pragma unroll
	for (int i = 0; i < TUPLE6_WORDS; i++) {
		hash += (__u64)((__u32)word[i] + (__u32)seed[i]) *
			((__u32)(word[i] >> 32) + (__u32)(seed[i] >> 32));
	}
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

/* Global, as the verifier would read it anew for each place of a bucket. */
__noinline bool flow6_is(__u32 number, const struct nat_tuple6 *tuple)
{
	const struct nat_flow6 *flow = flow6_get(number);
	return flow != NULL && tuple != NULL &&
	       (tuple6_is(&flow->tuple[0], tuple) || tuple6_is(&flow->tuple[1], tuple));
}

__noinline bool mapping6_is(__u32 number, const struct nat_tuple6 *tuple)
{
	const struct nat_mapping6 *mapping = mapping6_get(number);
	return mapping != NULL && tuple != NULL && tuple6_is(&mapping->in, tuple);
}

static __always_inline __u32 bucket6_find(const struct nat_bucket *bucket, void *table,
					  const struct nat_tuple6 *tuple, __u32 tag, __u32 but)
{
	for (int i = 0; i < NAT_BUCKET_PLACES; i++) {
		__u32 entry = bucket->place[i], number = ENTRY_NUMBER(entry);
		if (ENTRY_TAG(entry) == tag && number != 0 && number != but &&
		    (table == &flows6 ? flow6_is(number, tuple) : mapping6_is(number, tuple))) {
			return number;
		}
	}
	return 0;
}

static __always_inline __u32 index6_find(void *index, void *table, __u32 mask,
					 const struct nat_tuple6 *tuple, __u64 hash, __u32 but)
{
	__u32 at = bucket_first(hash, mask);
	const struct nat_bucket *bucket = bpf_map_lookup_elem(index, &at);
	if (bucket == NULL) {
		return 0;
	}
	__u32 number = bucket6_find(bucket, table, tuple, INDEX_TAG(hash), but);
	if (number != 0 || bucket->beyond == 0) {
		return number;
	}
	at = bucket_second(hash, mask);
	bucket = bpf_map_lookup_elem(index, &at);
	return bucket != NULL ? bucket6_find(bucket, table, tuple, INDEX_TAG(hash), but) : 0;
}

/* The number of the flow that has this tuple, other than `but`; 0: none. */
__noinline __u32 index6_flow(const struct nat_tuple6 *tuple, __u32 but)
{
	const struct nat_settings6 *s = settings6_get();
	if (s == NULL || tuple == NULL) {
		return 0;
	}
	return index6_find(&flow6_index, &flows6, s->flow_mask, tuple, tuple6_hash(tuple, s->seed),
			   but);
}

__noinline __u32 index6_mapping(const struct nat_tuple6 *tuple, __u32 but)
{
	const struct nat_settings6 *s = settings6_get();
	if (s == NULL || tuple == NULL) {
		return 0;
	}
	return index6_find(&mapping6_index, &mappings6, s->mapping_mask, tuple,
			   tuple6_hash(tuple, s->seed), but);
}

__noinline bool index6_put(const struct nat_tuple6 *tuple, __u32 number, bool mapping)
{
	const struct nat_settings6 *s = settings6_get();
	if (s == NULL || tuple == NULL) {
		return false;
	}
	__u64 hash = tuple6_hash(tuple, s->seed);
	return mapping ? index_put_in(&mapping6_index, s->mapping_mask, hash, number)
		       : index_put_in(&flow6_index, s->flow_mask, hash, number);
}

__noinline int index6_take(const struct nat_tuple6 *tuple, __u32 number, bool mapping)
{
	const struct nat_settings6 *s = settings6_get();
	if (s == NULL || tuple == NULL) {
		return 0;
	}
	__u64 hash = tuple6_hash(tuple, s->seed);
	if (mapping) {
		index_take_from(&mapping6_index, s->mapping_mask, hash, number);
	} else {
		index_take_from(&flow6_index, s->flow_mask, hash, number);
	}
	return 0;
}

#endif
