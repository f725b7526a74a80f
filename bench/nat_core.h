/* One core for bench/nat's programs: taken before all others, and how much of it was spent. Knows
 * nothing of packets. */
#ifndef BENCH_NAT_CORE_H
#define BENCH_NAT_CORE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

struct core {
	FILE *softirqd; /* schedstat of the core's ksoftirqd */
};

struct core_spent {
	uint64_t cpu_ns, softirqd_ns, wall_ns;
};

/* The core that this process is pinned to: it runs before all others there (SCHED_FIFO). */
bool core_take(struct core *ret);
/* What this process has run, and its core's ksoftirqd: what the kernel does for a frame on its way
 * is done in one or the other. */
struct core_spent core_spent(const struct core *core);
/* Prints cpu_ns, softirqd_ns and wall_ns since then; others_ns: what children have run. */
void core_show(const struct core *core, struct core_spent since, uint64_t others_ns);

uint64_t core_ns(clockid_t clock);
/* This process goes into the network namespace of that name. */
bool core_enter(const char *netns);

#endif
