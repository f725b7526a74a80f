/* Numbers for tests that look random and are the same in every run (SplitMix64, Steele and others
 * 2014). Not for anything that must not be foretold. */
#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct test_random {
	uint64_t state;
};

/* GATEHOUSE_TEST_SEED=N in the environment gives another run; the seed is printed. */
static inline struct test_random test_random_begin(void)
{
	const char *text = getenv("GATEHOUSE_TEST_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 10) : 1;
	printf("seed %llu\n", (unsigned long long)seed);
	return (struct test_random){.state = seed};
}

static inline uint64_t test_random_next(struct test_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* 0 to n - 1; n at least 1. */
static inline size_t test_random_below(struct test_random *r, size_t n)
{
	return (size_t)(test_random_next(r) % n);
}

static inline void test_random_fill(struct test_random *r, void *buf, size_t len)
{
	uint8_t *at = buf;
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)test_random_next(r);
}

#endif
