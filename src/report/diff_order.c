/* The order in which categories of a comparison are shown: diff.h. */
#include <math.h>

#include "report/diff.h"

static double p_of(const struct sc_node *category)
{
    double p = sc_number_at(category, "permutation.p");
    return isnan(p) ? 2 : p; /* those without one come last */
}

const struct sc_node *sc_diff_next_category(const struct sc_node *categories,
                                            const struct sc_node *after)
{
    const struct sc_node *best = NULL;
    bool passed = false;
    for (const struct sc_node *c = categories->first; c != NULL; c = c->next) {
        bool later = after == NULL || p_of(c) > p_of(after) || (passed && p_of(c) >= p_of(after));
        if (c == after)
            passed = true;
        else if (later && (best == NULL || p_of(c) < p_of(best)))
            best = c;
    }
    return best;
}
