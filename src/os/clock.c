#include "os/clock.h"

#include <time.h>

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
