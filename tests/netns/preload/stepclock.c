/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A wall clock that can be stepped, for one process: preloaded, it adds the seconds that stand in
 * the file $STEPCLOCK_FILE, or else in $STEPCLOCK_S, to the time of day. The monotonic clocks stay
 * as they are, as they do when somebody sets a machine's clock. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset_s(void)
{
	const char *path = getenv("STEPCLOCK_FILE");
	const char *fixed = getenv("STEPCLOCK_S");
	FILE *f = path ? fopen(path, "re") : NULL;
	long s = 0;

	if (!f)
		return fixed ? atol(fixed) : 0;
	if (fscanf(f, "%ld", &s) != 1)
		s = 0;
	fclose(f);
	return s;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int ret = (int)syscall(SYS_clock_gettime, clock, t);

	if (!ret && clock == CLOCK_REALTIME)
		t->tv_sec += offset_s();
	return ret;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec t;
	int ret = clock_gettime(CLOCK_REALTIME, &t);

	(void)zone;
	*tv = (struct timeval) { t.tv_sec, t.tv_nsec / 1000 };
	return ret;
}

time_t time(time_t *ret)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (ret)
		*ret = t.tv_sec;
	return t.tv_sec;
}
