/* Numbers of records that are free: those given back first, then those never used. Knows nothing of
 * the records but the word by which they hang together.
 */
#ifndef NAT_BPF_POOL_H
#define NAT_BPF_POOL_H

#include "service/nat/bpf/maps6.h"

/* Many processors at once may win against us this often. */
#define POOL_TRIES 8

/* The word of a free record that names the next one. */
static __always_inline __u32 *pool_link(enum nat_pool_of of, __u32 number)
{
	if (of == NAT_POOL_FLOWS4) {
		struct nat_flow4 *flow = flow_get(number);
		return flow != NULL ? &flow->mapping : NULL;
	}
	if (of == NAT_POOL_FLOWS6) {
		struct nat_flow6 *flow = flow6_get(number);
		return flow != NULL ? &flow->mapping : NULL;
	}
	if (of == NAT_POOL_MAPPINGS6) {
		struct nat_mapping6 *mapping = mapping6_get(number);
		return mapping != NULL ? &mapping->address : NULL;
	}
	struct nat_mapping4 *mapping = mapping_get(number);
	return mapping != NULL ? &mapping->address : NULL;
}

static __always_inline struct nat_pool *pool_get(enum nat_pool_of of)
{
	__u32 at = of;
	return bpf_map_lookup_elem(&pools, &at);
}

static __always_inline __u32 pool_fresh(struct nat_pool *pool, __u32 max)
{
	if (pool->fresh >= max) {
		return 0;
	}
	__u32 number = __sync_fetch_and_add(&pool->fresh, 1) + 1;
	if (number > max) {
		__sync_fetch_and_add(&pool->fresh, -1);
		return 0;
	}
	__sync_fetch_and_add(&pool->used, 1);
	return number;
}

/* A number up to max, or 0 when all are used. */
static __always_inline __u32 pool_take(enum nat_pool_of of, __u32 max)
{
	struct nat_pool *pool = pool_get(of);
	if (pool == NULL) {
		return 0;
	}
	for (int i = 0; i < POOL_TRIES; i++) {
		__u64 head = *(volatile __u64 *)&pool->free;
		__u32 number = (__u32)head;
		if (number == 0) {
			return pool_fresh(pool, max);
		}
		const __u32 *next = pool_link(of, number);
		if (next == NULL) {
			return 0;
		}
		/* The count above makes a head that was taken and given back another one. */
		__u64 after = ((head >> 32) + 1) << 32 | *(const volatile __u32 *)next;
		if (__sync_val_compare_and_swap(&pool->free, head, after) == head) {
			__sync_fetch_and_add(&pool->used, 1);
			return number;
		}
	}
	return 0;
}

/* False: others were always faster; try again later. */
static __always_inline bool pool_give(enum nat_pool_of of, __u32 number)
{
	struct nat_pool *pool = pool_get(of);
	__u32 *next = pool_link(of, number);
	if (pool == NULL || next == NULL) {
		return false;
	}
	for (int i = 0; i < POOL_TRIES; i++) {
		__u64 head = *(volatile __u64 *)&pool->free;
		*(volatile __u32 *)next = (__u32)head;
		__u64 after = (head >> 32) << 32 | number;
		if (__sync_val_compare_and_swap(&pool->free, head, after) == head) {
			__sync_fetch_and_add(&pool->used, -1);
			return true;
		}
	}
	return false;
}

#endif
