/* The time, asked of libc at each call, so that a preloaded clock is believed. Knows no time zones
 * and keeps nothing between two calls. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>

/* Since some fixed point of this machine's life; never set back by an administrator. */
uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);

/* The monotonic clock, and on top of it every leap that the wall clock made forward of it: while a
 * machine sleeps, or is restored from a snapshot, or somebody sets its clock, the first stands
 * still and what was remembered grows old all the same. */
uint64_t clock_ageing_us(void);

/* Since 1970-01-01 00:00:00 UTC. */
uint64_t clock_wall_s(void);
uint64_t clock_wall_ms(void);

/* Processor time that this process, all its threads, has used. */
uint64_t clock_cpu_us(void);
/* The same of the calling thread alone. */
uint64_t clock_thread_cpu_us(void);

#endif
