/* exploration.c - options and names, and what follows from a share. */
#include "exploration/exploration.h"

#include <math.h>

#include "base/memory.h"
#include "statistics/stratified.h"

/* Beyond these the numbers of branches and traces would no longer fit. */
#define MOST_ROWS 100000000u
#define MOST_AT_ONCE 4096u
#define MOST_LISTED (1u << 20)
#define MOST_LENGTH (1u << 20)

struct sc_exploration_options sc_exploration_defaults(void)
{
    return (struct sc_exploration_options){.max_new_tokens = 256,
                                           .width = 0.001,
                                           .max_rows = 20000,
                                           .mass = 1,
                                           .max_branches = 64,
                                           .step = 32};
}

enum sc_status sc_exploration_options_check(const struct sc_exploration_options *o,
                                            struct sc_error *error)
{
    if (o->max_new_tokens < 1 || o->max_new_tokens > MOST_LENGTH)
        return sc_fail(error, SC_ERR_ARGUMENT, "tokens of an answer: %zu, expected 1 to %u",
                       o->max_new_tokens, MOST_LENGTH);
    if (!(o->width >= 0 && o->width <= 1))
        return sc_fail(error, SC_ERR_ARGUMENT, "width of the interval: %g, expected 0 to 1",
                       o->width);
    if (o->max_rows < 1 || o->max_rows > MOST_ROWS)
        return sc_fail(error, SC_ERR_ARGUMENT, "rows: %llu, expected 1 to %u",
                       (unsigned long long)o->max_rows, MOST_ROWS);
    if (!(o->mass > 0 && o->mass <= 1))
        return sc_fail(error, SC_ERR_ARGUMENT, "finished mass: %g, expected above 0 and at most 1",
                       o->mass);
    if (o->max_branches < 1 || o->max_branches > MOST_AT_ONCE || o->step < 1 ||
        o->step > MOST_AT_ONCE || o->step * o->max_branches > MOST_LISTED)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "%zu branches of %zu nodes at once: expected 1 to %u of each, together at "
                       "most %u",
                       o->max_branches, o->step, MOST_AT_ONCE, MOST_LISTED);
    return SC_OK;
}

const char *sc_exploration_end_name(enum sc_exploration_end end)
{
    static const char *const names[] = {"width", "rows", "mass", "exhausted"};
    return (unsigned)end < SC_N_EXPLORED ? names[end] : "unknown";
}

const char *sc_carried_name(enum sc_carried carried)
{
    static const char *const names[] = {"exact", "estimate", "bound", "open"};
    return (unsigned)carried < SC_N_CARRIED ? names[carried] : "unknown";
}

void sc_exploration_free(struct sc_exploration *e)
{
    sc_free(e->answers);
    sc_free(e->ids);
    *e = (struct sc_exploration){0};
}

static double at_least_once(double p, double k)
{
    return p >= 1 ? 1 : -expm1(k * log1p(-p));
}

struct sc_at_k sc_share_at_k(const struct sc_share *share, double k)
{
    struct sc_at_k out = {.k = k,
                          .value = at_least_once(share->value, k),
                          .low = at_least_once(share->low, k),
                          .high = at_least_once(share->high, k)};
    double exact = at_least_once(share->high_exact, k) - at_least_once(share->low_exact, k);
    out.carried = exact <= 0.01              ? SC_CARRIED_EXACT
                  : out.high - out.low > 0.9 ? SC_CARRIED_NOT
                  : share->seen              ? SC_CARRIED_ESTIMATE
                                             : SC_CARRIED_BOUND;
    return out;
}

struct sc_estimate sc_share_until_first(const struct sc_share *share)
{
    if (isnan(share->value))
        return (struct sc_estimate){NAN, NAN, NAN, 0, "nobody judged the answers"};
    struct sc_estimate out = {.low = 1 / share->high,
                              .value = 1 / share->value,
                              .high = 1 / share->low,
                              .n = (size_t)share->n_events};
    if (!share->seen)
        out.reason = "no such answer was found: a lower bound alone";
    return out;
}

double sc_plain_traces_for(double p, double width)
{
    return sc_wilson_trials_for_width(p, width);
}
