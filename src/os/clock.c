#include "os/clock.h"

#include <stdatomic.h>
#include <time.h>

#define LEAP_US 1000000 /* less is the clock being steered */

static struct timespec now(clockid_t id)
{
	struct timespec t = {0};
	(void)clock_gettime(id, &t); /* cannot fail for these clocks */
	return t;
}

static uint64_t in_us(struct timespec t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_monotonic_us(void)
{
	return in_us(now(CLOCK_MONOTONIC));
}

uint64_t clock_ageing_us(void)
{
	static _Atomic int64_t known_us; /* the wall clock's lead when last looked at; 0: never */
	static _Atomic uint64_t leapt_us;
	uint64_t mono_us = clock_monotonic_us();
	int64_t lead_us = (int64_t)(in_us(now(CLOCK_REALTIME)) - mono_us);
	int64_t known = atomic_load_explicit(&known_us, memory_order_relaxed);
	int64_t more_us = lead_us - known;
	/* One thread sees each leap first. */
	if ((more_us > LEAP_US || more_us < -LEAP_US) &&
	    atomic_compare_exchange_strong(&known_us, &known, lead_us) && known != 0 && more_us > 0)
		atomic_fetch_add(&leapt_us, (uint64_t)more_us);
	return mono_us + atomic_load_explicit(&leapt_us, memory_order_relaxed);
}

uint64_t clock_monotonic_ms(void)
{
	return clock_monotonic_us() / 1000;
}

uint64_t clock_wall_ms(void)
{
	return in_us(now(CLOCK_REALTIME)) / 1000;
}

uint64_t clock_wall_s(void)
{
	return (uint64_t)now(CLOCK_REALTIME).tv_sec;
}

uint64_t clock_cpu_us(void)
{
	return in_us(now(CLOCK_PROCESS_CPUTIME_ID));
}

uint64_t clock_thread_cpu_us(void)
{
	return in_us(now(CLOCK_THREAD_CPUTIME_ID));
}
