/*
 * In front of libc (LD_PRELOAD): clocks that jump while a program runs.
 *
 *   POWER_JUMPS   "real 0.05 3600, real 0.1 -90000, steady 0.2 18000": so many seconds after the
 * start the clock of the day ("real"), or the steady one, is set forward or back by so many
 *
 * A steady clock never goes back, so only jumps forward make sense of it.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

enum { MOST = 32 };
static struct jump {
    char clock; /* r, s */
    double after, by;
} jumps[MOST];
static size_t n_jumps;
static double started;

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        abort();
    return found;
}
#define REAL(name) ((__typeof__(&name))real(#name))

static double steady_now(void)
{
    struct timespec now;
    REAL(clock_gettime)(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

__attribute__((constructor)) static void begin(void)
{
    const char *words = getenv("POWER_JUMPS");
    started = steady_now();
    while (words != NULL && n_jumps < MOST) {
        struct jump *jump = &jumps[n_jumps];
        char clock[8];
        if (sscanf(words, " %7s %lf %lf", clock, &jump->after, &jump->by) != 3)
            abort();
        jump->clock = clock[0];
        n_jumps++;
        words = strchr(words, ',');
        words = words != NULL ? words + 1 : NULL;
    }
}

/* By how many seconds the clock is off by now. */
static long off(char clock)
{
    double sum = 0, since = steady_now() - started;
    for (size_t i = 0; i < n_jumps; i++)
        if (jumps[i].clock == clock && since >= jumps[i].after)
            sum += jumps[i].by;
    return (long)sum;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int failed = REAL(clock_gettime)(id, now);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += off('r');
    if (!failed && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_BOOTTIME))
        now->tv_sec += off('s');
    return failed;
}

int gettimeofday(struct timeval *now, void *zone)
{
    int failed = REAL(gettimeofday)(now, zone);
    if (!failed)
        now->tv_sec += off('r');
    return failed;
}

time_t time(time_t *out)
{
    time_t now = REAL(time)(NULL) + off('r');
    if (out != NULL)
        *out = now;
    return now;
}
