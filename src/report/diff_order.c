/* The order in which categories of a comparison are shown: diff.h. */
#include <math.h>

#include "report/diff.h"

/* Where a category stands: lower first, by p and then by how large the change is. */
struct rank {
    double p, size;
};

static struct rank rank_of(const struct sc_node *category)
{
    double p = sc_number_at(category, "permutation.p");
    double size = fabs(sc_estimate_at(category, "refusal_rate.difference")->value);
    return (struct rank){isnan(p) ? 2 : p, isnan(size) ? 0 : -size}; /* unknown ones come last */
}

static int compare(struct rank a, struct rank b)
{
    if (a.p < b.p || a.p > b.p)
        return a.p < b.p ? -1 : 1;
    return a.size < b.size ? -1 : a.size > b.size;
}

const struct sc_node *sc_diff_next_category(const struct sc_node *categories,
                                            const struct sc_node *after)
{
    const struct sc_node *best = NULL;
    bool passed = false;
    for (const struct sc_node *c = categories->first; c != NULL; c = c->next) {
        int order = after == NULL ? 1 : compare(rank_of(c), rank_of(after));
        bool later = order > 0 || (order == 0 && passed);
        if (c == after)
            passed = true;
        else if (later && (best == NULL || compare(rank_of(c), rank_of(best)) < 0))
            best = c;
    }
    return best;
}
