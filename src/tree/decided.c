/* Where a prompt's refusals are decided: decided.h. */
#include "tree/decided.h"

#include <assert.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

#define SETTLED 0.95 /* of the answers behind a token */
#define FEWEST 5     /* verdicts behind a first token that is said to settle it */

struct sc_tree_counts sc_tree_counts_of(const struct sc_tree *tree, size_t node)
{
    assert(!tree->exact);
    double n = (double)tree->nodes[0].n_traces;
    const struct sc_tree_node *at = &tree->nodes[node];
    return (struct sc_tree_counts){(size_t)llround(n * (at->refused + at->complied)),
                                   (size_t)llround(n * at->refused)};
}

double sc_entropy_of_share(double q)
{
    return q > 0 && q < 1 ? -q * log(q) - (1 - q) * log1p(-q) : 0;
}

static double log_choose(size_t n, size_t k)
{
    return gsl_sf_lnfact((unsigned)n) - gsl_sf_lnfact((unsigned)k) -
           gsl_sf_lnfact((unsigned)(n - k));
}

double sc_entropy_by_chance(size_t n, size_t refused, size_t m)
{
    assert(m > 0 && m <= n && refused <= n && n <= UINT32_MAX / 2);
    size_t others = n - refused, low = m > others ? m - others : 0,
           high = m < refused ? m : refused;
    size_t mode = (size_t)((double)(m + 1) * (double)(refused + 1) / (double)(n + 2));
    mode = mode < low ? low : mode > high ? high : mode;
    double top = exp(log_choose(refused, mode) + log_choose(others, m - mode) - log_choose(n, m));
    double sum = top * sc_entropy_of_share((double)mode / (double)m), p = top;
    for (size_t k = mode; k < high && p > 1e-18; k++) {
        p *= (double)(refused - k) * (double)(m - k) /
             ((double)(k + 1) * (double)(others + k + 1 - m));
        sum += p * sc_entropy_of_share((double)(k + 1) / (double)m);
    }
    p = top;
    for (size_t k = mode; k > low && p > 1e-18; k--) {
        p *= (double)k * (double)(others + k - m) /
             ((double)(refused - k + 1) * (double)(m - k + 1));
        sum += p * sc_entropy_of_share((double)(k - 1) / (double)m);
    }
    return sum;
}

/* ---- what is left after d tokens ------------------------------------------------------------- */

static bool is_leaf(const struct sc_tree *tree, size_t i)
{
    return i + 1 == tree->n || tree->nodes[i + 1].parent != i;
}

/* A node holds its answers together from the token behind its parent's end to its own, a leaf for
 * ever. */
static void add_entropies(const struct sc_tree *tree, struct sc_decided *out)
{
    const struct sc_tree_node *root = &tree->nodes[0];
    struct sc_tree_counts all = {0};
    if (!tree->exact)
        all = sc_tree_counts_of(tree, 0);
    for (size_t i = 1; i < tree->n; i++) {
        const struct sc_tree_node *node = &tree->nodes[i];
        size_t from = tree->nodes[node->parent].depth;
        size_t to =
            is_leaf(tree, i) || node->depth > SC_DECIDED_DEPTHS ? SC_DECIDED_DEPTHS : node->depth;
        double known = node->refused + node->complied;
        if (known <= 0 || from >= to)
            continue;
        double share = known / (root->refused + root->complied);
        double plain = share * sc_entropy_of_share(node->refused / known), null = 0;
        if (!tree->exact)
            null = share * sc_entropy_by_chance(all.n, all.refused, sc_tree_counts_of(tree, i).n);
        for (size_t d = from; d < to; d++) {
            out->plain[d] += plain;
            out->null[d] += null;
        }
    }
}

static void find_left(const struct sc_tree *tree, struct sc_decided *out)
{
    for (size_t d = 0; d < SC_DECIDED_DEPTHS; d++) {
        double by_chance = tree->exact ? out->entropy : out->null[d];
        if (!(out->entropy > 0) || by_chance < SC_DECIDED_LEAST * out->entropy) {
            out->left[d] = NAN;
            continue;
        }
        out->left[d] = out->plain[d] / by_chance;
        if (out->half == 0 && out->left[d] <= 0.5)
            out->half = d + 1;
        if (out->tenth == 0 && out->left[d] <= 0.1)
            out->tenth = d + 1;
    }
}

/* ---- forks ----------------------------------------------------------------------------------- */

/* What lies behind each node's end, and its heaviest branches that have verdicts. */
struct behind {
    double refused, known;
    uint32_t first, second; /* 0: none */
    size_t n_branches;      /* that have verdicts */
};

static void find_behind(const struct sc_tree *tree, struct behind *behind)
{
    memset(behind, 0, tree->n * sizeof *behind);
    for (size_t i = 1; i < tree->n; i++) { /* the heavier stand first */
        const struct sc_tree_node *node = &tree->nodes[i];
        struct behind *at = &behind[node->parent];
        double known = node->refused + node->complied;
        if (known <= 0)
            continue;
        at->refused += node->refused;
        at->known += known;
        if (at->n_branches++ == 0)
            at->first = (uint32_t)i;
        else if (at->n_branches == 2)
            at->second = (uint32_t)i;
    }
}

static double weight(const struct sc_fork *fork)
{
    return sqrt(fork->mass * fork->rest) * fabs(fork->swing.value);
}

/* One of each fork: the branch that weighs most, by then the one that stands first. */
static void keep(struct sc_decided *out, const struct sc_tree *tree, const struct sc_fork *fork)
{
    uint32_t parent = tree->nodes[fork->node].parent;
    size_t place = out->n_forks;
    for (size_t i = 0; i < out->n_forks; i++)
        if (tree->nodes[out->forks[i].node].parent == parent) {
            if (weight(&out->forks[i]) >= weight(fork))
                return;
            memmove(&out->forks[i], &out->forks[i + 1],
                    (--out->n_forks - i) * sizeof out->forks[0]);
            break;
        }
    place = out->n_forks;
    while (place > 0 && weight(&out->forks[place - 1]) < weight(fork))
        place--;
    if (place == SC_MOST_FORKS)
        return;
    if (out->n_forks == SC_MOST_FORKS)
        out->n_forks--;
    memmove(&out->forks[place + 1], &out->forks[place],
            (out->n_forks - place) * sizeof out->forks[0]);
    out->forks[place] = *fork;
    out->n_forks++;
}

/* Two traces that part are no finding: only a fork that the test finds is kept. */
static void test_fork(const struct sc_tree *tree, size_t n_tested, struct sc_fork *fork)
{
    struct sc_tree_counts branch = sc_tree_counts_of(tree, fork->node);
    double n = (double)tree->nodes[0].n_traces;
    size_t n_others = (size_t)llround(n * fork->rest);
    size_t refused = (size_t)llround(n * fork->rest * fork->otherwise);
    fork->n = branch.n;
    fork->n_others = n_others;
    fork->swing = sc_newcombe(branch.refused, branch.n, refused, n_others);
    fork->p = fmin(1, (double)n_tested * sc_fisher_exact(branch.refused, branch.n - branch.refused,
                                                         refused, n_others - refused));
}

static void find_forks(const struct sc_tree *tree, const struct behind *behind,
                       struct sc_decided *out)
{
    size_t n_tested = 0;
    for (size_t i = 0; i < tree->n; i++) /* a fork of two branches is one question */
        n_tested += behind[i].n_branches > 2    ? behind[i].n_branches
                    : behind[i].n_branches == 2 ? 1
                                                : 0;
    for (size_t i = 1; i < tree->n; i++) {
        const struct sc_tree_node *node = &tree->nodes[i];
        const struct behind *at = &behind[node->parent];
        double known = node->refused + node->complied;
        if (at->n_branches < 2 || known <= 0)
            continue;
        struct sc_fork fork = {.node = (uint32_t)i,
                               .other = at->first == i ? at->second : at->first,
                               .mass = known,
                               .rest = at->known - known,
                               .refusing = node->refused / known,
                               .p = NAN};
        fork.otherwise = fmin(1, fmax(0, (at->refused - node->refused) / fork.rest));
        double swing = fork.refusing - fork.otherwise;
        fork.swing = (struct sc_estimate){swing, swing, swing, 0, NULL};
        if (!tree->exact)
            test_fork(tree, n_tested, &fork);
        if ((tree->exact || fork.p <= 0.05) && fabs(fork.swing.value) > 0)
            keep(out, tree, &fork);
    }
}

/* ---- the first token ------------------------------------------------------------------------- */

/* The first tokens: behind a stretch that all answers begin with there is one alone. */
static void weigh_first_tokens(const struct sc_tree *tree, struct sc_decided *out)
{
    for (size_t i = 1; i < tree->n; i++) {
        const struct sc_tree_node *node = &tree->nodes[i];
        double known = node->refused + node->complied;
        if (node->parent != 0 || node->token < 0 || known <= 0 ||
            (!tree->exact && sc_tree_counts_of(tree, i).n < FEWEST))
            continue;
        if (node->refused >= SETTLED * known)
            out->first_refusing += node->mass;
        if (node->complied >= SETTLED * known)
            out->first_complying += node->mass;
    }
}

enum sc_status sc_tree_decide(const struct sc_tree *tree, struct sc_decided *out,
                              struct sc_error *error)
{
    const struct sc_tree_node *root = &tree->nodes[0];
    *out = (struct sc_decided){.known = root->refused + root->complied, .entropy = NAN};
    struct behind *behind = sc_alloc_array(tree->n, sizeof *behind);
    if (behind == NULL)
        return sc_fail_nomem(error, "forks of a tree");
    if (out->known > 0) {
        out->entropy = sc_entropy_of_share(root->refused / out->known);
        add_entropies(tree, out);
        find_behind(tree, behind);
        find_forks(tree, behind, out);
        weigh_first_tokens(tree, out);
    }
    find_left(tree, out);
    sc_free(behind);
    return SC_OK;
}
