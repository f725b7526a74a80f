#include "os/counters.h"

#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64, CELLS_PER_LINE = CACHE_LINE / sizeof(atomic_uint_fast64_t) };

enum err counters_init(struct counter_set *set, const struct counter_name *names, size_t names_len,
		       size_t rows)
{
	ASSERT(names_len > 0 && rows > 0);
	size_t stride = (names_len + CELLS_PER_LINE - 1) / CELLS_PER_LINE * CELLS_PER_LINE;
	size_t bytes;
	void *cells = NULL;
	if (__builtin_mul_overflow(stride * sizeof(atomic_uint_fast64_t), rows, &bytes))
		return (enum err)ENOMEM;
	if (posix_memalign(&cells, CACHE_LINE, bytes) != 0)
		return (enum err)ENOMEM;
	memset(cells, 0, bytes);
	*set = (struct counter_set){.names = names,
				    .names_len = names_len,
				    .rows = rows,
				    .stride = stride,
				    .cells = cells};
	return OK;
}

void counters_done(struct counter_set *set)
{
	if (!set)
		return;
	free(set->cells);
	*set = (struct counter_set){0};
}

struct counter_row counters_row(const struct counter_set *set, size_t row)
{
	ASSERT(row < set->rows);
	return (struct counter_row){.cells = set->cells + row * set->stride};
}

uint64_t counters_sum(const struct counter_set *set, size_t index)
{
	ASSERT(index < set->names_len);
	uint64_t sum = 0;
	for (size_t row = 0; row < set->rows; row++)
		sum += atomic_load_explicit(&set->cells[row * set->stride + index],
					    memory_order_relaxed);
	return sum;
}
