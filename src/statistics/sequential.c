/*
 * sequential.c - intervals that hold at every look.
 *
 * The test martingale of a rate m against the beta mixture with density of Beta(1, 1) is, after s
 * successes and f failures in whatever order,
 *     B(1 + s, 1 + f) / (m^s (1 - m)^f),
 * and at the true rate it ever reaches 1 / alpha with probability alpha at most (Ville, 1939).  The
 * rates at which it has not are the interval.  In logarithms they are those with
 *     -s ln m - f ln (1 - m) < ln (1 / alpha) - ln B(1 + s, 1 + f) = D.
 */
#include <math.h>

#include "statistics/internal.h"

#define MOST_TRIALS 1e15 /* beyond, sums of counts are not exact in a double */

/* D of the file's head. */
static double log_room(double s, double f)
{
    int sign;
    return log(1 / SC_ALPHA) - (lgamma_r(1 + s, &sign) + lgamma_r(1 + f, &sign)) +
           lgamma_r(2 + s + f, &sign);
}

/* The lower end by Newton's method in t = ln m: the left side is convex in t and falls below the
 * maximum likelihood, and the start, where the first term alone is D, is not above the end, so that
 * every step stays there.  With f = 0 the start is the end. */
static double find_lower_end(double s, double f)
{
    double room = log_room(s, f), t = -room / s;
    for (int i = 0; f > 0 && i < 100; i++) {
        double m = exp(t), rest = -expm1(t);
        double step = (-s * t - f * log(rest) - room) / (s - f * m / rest);
        t += step;
        if (!(step > 1e-15 * -t))
            break;
    }
    return exp(t);
}

/* A replay asks for the same few counts millions of times: the last ends found stay at hand, a
 * table for each thread.  One that was found before is the same to the bit. */
static double lower_end(size_t s, size_t f)
{
    enum { SLOTS = 256, SPREAD = 67 };
    static _Thread_local struct {
        size_t s, f; /* s 0: empty */
        double end;
    } found[SLOTS];
    size_t at = (s * SPREAD + f) % SLOTS;
    if (s == 0)
        return 0;
    if (found[at].s != s || found[at].f != f) {
        found[at].s = s;
        found[at].f = f;
        found[at].end = find_lower_end((double)s, (double)f);
    }
    return found[at].end;
}

struct sc_estimate sc_always_valid(size_t successes, size_t n)
{
    if (successes > n || (double)n > MOST_TRIALS)
        return sc_estimate_none(n,
                                successes > n ? "more successes than trials" : "too many trials");
    return (struct sc_estimate){.value = n > 0 ? (double)successes / (double)n : NAN,
                                .low = lower_end(successes, n - successes),
                                .high = 1 - lower_end(n - successes, successes),
                                .n = n};
}
