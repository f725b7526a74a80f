/* Counters that one thread each writes without a lock and anybody reads as a sum. Knows neither
 * what is counted nor the text form of metrics. */
#ifndef OS_COUNTERS_H
#define OS_COUNTERS_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of a service's static table. */
struct counter_name {
	const char *name;  /* Prometheus form: "dns_queries_total" */
	const char *label; /* "transport=\"udp\"" or NULL; rows of equal name stand together */
	const char *help;
	bool gauge; /* goes up and down; the sum over threads is what it means */
};

/* names × rows cells; each row begins a cache line of its own. */
struct counter_set {
	const struct counter_name *names; /* borrowed, static */
	size_t names_len, rows, stride;
	atomic_uint_fast64_t *cells;
};

/* A thread's own row: only that thread writes it. */
struct counter_row {
	atomic_uint_fast64_t *cells; /* borrowed from the set */
};

MUST enum err counters_init(struct counter_set *set, const struct counter_name *names,
			    size_t names_len, size_t rows);
void counters_done(struct counter_set *set);

/* row < rows. */
struct counter_row counters_row(const struct counter_set *set, size_t row);

static inline void counter_add(struct counter_row row, size_t index, uint64_t n)
{
	/* One writer: a plain load and store, no locked instruction. */
	atomic_uint_fast64_t *cell = &row.cells[index];
	atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline void counter_set_value(struct counter_row row, size_t index, uint64_t value)
{
	atomic_store_explicit(&row.cells[index], value, memory_order_relaxed);
}

/* From any thread: each cell is whole, the sum is of a moment that may never have been. */
uint64_t counters_sum(const struct counter_set *set, size_t index);

#endif
