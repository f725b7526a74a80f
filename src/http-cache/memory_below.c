/* What the memory tier has not, and the disk may have. */
#include "http-cache/disk/disk.h"
#include "http-cache/memory.h"

static uint64_t hash_of(const struct cache_disk *d, struct span key)
{
	return siphash13_of(cache_disk_key(d), key.data, key.len);
}

struct cache_flight *cache_memory_load(struct cache_memory *m, const struct cache_look *look,
				       uint64_t since, unsigned thread, bool *ret_leads)
{
	struct cache_disk *disk = cache_memory_disk(m);
	struct cache_flight *f;
	*ret_leads = false;
	if (cache_memory_fly(m, look, thread, &f) != CACHE_LEADS)
		return f;
	/* It is the disk that leads. */
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	atomic_fetch_or_explicit(&f->threads, UINT64_C(1) << thread, memory_order_relaxed);
	if (cache_disk_load(disk, hash_of(disk, look->key), look, since, f)) {
		*ret_leads = true;
		return f;
	}
	cache_flight_land(m, f);
	cache_flight_unref(f);
	return NULL;
}

size_t cache_memory_below(struct cache_memory *m, struct span key)
{
	struct cache_disk *disk = cache_memory_disk(m);
	return disk ? cache_disk_count(disk, hash_of(disk, key)) : 0;
}
