/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_SEED_H
#define CTM_TESTS_SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Randomised tests: a seed that is printed, and taken from SEED when a failure is to be seen
 * again; and a generator (splitmix64) that gives the same numbers everywhere. */
static inline uint64_t seed_random(const char *test)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;

	printf("%s: SEED=%llu\n", test, (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* How many times slower than usual the programs run, from SLOW: under valgrind, say. */
static inline unsigned seed_slow(void)
{
	const char *given = getenv("SLOW");
	unsigned long slow = given ? strtoul(given, NULL, 10) : 1;

	return slow ? (unsigned)slow : 1;
}

#endif
