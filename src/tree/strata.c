/* Branches and first tokens of many prompts, each prompt a stratum: pool.h, strata.h. */
#include "tree/strata.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "statistics/mantel_haenszel.h"

enum { FEWEST_TRACES = 5, FEWEST_FIRST = 20 };
#define SETTLED 0.95

/* Answers of a prompt that go on with a token at a fork, against the others that reach it. */
struct sc_stratum {
    uint64_t fork; /* key of the tokens before it */
    int32_t token;
    size_t depth, n, refused, n_others, others_refused;
    struct sc_tree_place place;
};

struct sc_opening {
    int32_t token;
    size_t n, refused;
    double share;  /* of the prompt's traces with verdict */
    size_t prompt; /* in the order in which they were added */
    struct sc_tree_place place;
};

void sc_strata_free(struct sc_strata *strata)
{
    sc_free(strata->branches);
    sc_free(strata->openings);
    sc_free(strata->first_refusing);
    sc_free(strata->first_complying);
    *strata = (struct sc_strata){0};
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* What lies behind each node's end. */
static struct sc_tree_counts *count_behind(const struct sc_tree *tree)
{
    struct sc_tree_counts *behind = sc_alloc_zero(tree->n, sizeof *behind);
    for (size_t i = 1; i < tree->n && behind != NULL; i++) {
        struct sc_tree_counts own = sc_tree_counts_of(tree, i);
        behind[tree->nodes[i].parent].n += own.n;
        behind[tree->nodes[i].parent].refused += own.refused;
    }
    return behind;
}

static enum sc_status add_opening(struct sc_strata *strata, const struct sc_opening *opening,
                                  struct sc_error *error)
{
    if (sc_grow((void **)&strata->openings, strata->n_openings, &strata->cap_openings,
                sizeof *strata->openings) != 0)
        return sc_fail_nomem(error, "first tokens");
    strata->openings[strata->n_openings++] = *opening;
    return SC_OK;
}

static enum sc_status add_branch(struct sc_strata *strata, const struct sc_stratum *branch,
                                 struct sc_error *error)
{
    if (sc_grow((void **)&strata->branches, strata->n_branches, &strata->cap_branches,
                sizeof *strata->branches) != 0)
        return sc_fail_nomem(error, "forks of a run");
    strata->branches[strata->n_branches++] = *branch;
    return SC_OK;
}

static enum sc_status add_nodes(struct sc_strata *strata, size_t number, const struct sc_tree *tree,
                                const struct sc_tree_answer *answers,
                                const struct sc_tree_counts *behind, struct sc_error *error)
{
    size_t all = sc_tree_counts_of(tree, 0).n;
    for (size_t i = 1; i < tree->n; i++) {
        const struct sc_tree_node *node = &tree->nodes[i];
        const struct sc_tree_counts own = sc_tree_counts_of(tree, i), *of = &behind[node->parent];
        size_t depth = tree->nodes[node->parent].depth;
        struct sc_tree_place place = {number, node->answer, depth + (node->token >= 0)};
        if (own.n == 0)
            continue;
        if (node->parent == 0)
            SC_TRY(add_opening(strata,
                               &(struct sc_opening){.token = node->token,
                                                    .n = own.n,
                                                    .refused = own.refused,
                                                    .share = (double)own.n / (double)all,
                                                    .prompt = strata->n_prompts,
                                                    .place = place},
                               error));
        if (own.n == of->n)
            continue;
        SC_TRY(add_branch(strata,
                          &(struct sc_stratum){
                              .depth = depth,
                              .fork = sc_hash64(answers[node->answer].ids, depth * sizeof(int32_t)),
                              .token = node->token,
                              .n = own.n,
                              .refused = own.refused,
                              .n_others = of->n - own.n,
                              .others_refused = of->refused - own.refused,
                              .place = place},
                          error));
    }
    strata->n_prompts++;
    strata->n_traces += all;
    return SC_OK;
}

enum sc_status sc_strata_add(struct sc_strata *strata, size_t number, const struct sc_tree *tree,
                             const struct sc_tree_answer *answers, struct sc_error *error)
{
    struct sc_tree_counts *behind = count_behind(tree);
    if (behind == NULL)
        return sc_fail_nomem(error, "forks of a tree");
    enum sc_status status = add_nodes(strata, number, tree, answers, behind, error);
    sc_free(behind);
    return status;
}

/* ---- forks ----------------------------------------------------------------------------------- */

static int by_fork(const void *left, const void *right)
{
    const struct sc_stratum *a = left, *b = right;
    if (a->fork != b->fork)
        return a->fork < b->fork ? -1 : 1;
    if (a->token != b->token)
        return a->token < b->token ? -1 : 1;
    return a->place.prompt < b->place.prompt ? -1 : a->place.prompt > b->place.prompt;
}

/* A branch over the prompts that have it and something else. */
static struct sc_run_fork sum_branch(const struct sc_stratum *rows, size_t n, size_t n_traces)
{
    struct sc_mantel_haenszel sums = {0};
    struct sc_run_fork out = {.fork_depth = rows[0].depth, .branch = rows[0].place, .n_prompts = n};
    for (size_t i = 0; i < n; i++) {
        sc_mantel_haenszel_add(&sums,
                               &(struct sc_two_groups){rows[i].refused, rows[i].n,
                                                       rows[i].others_refused, rows[i].n_others});
        out.n += rows[i].n;
        out.n_others += rows[i].n_others;
    }
    out.mass = (double)out.n / (double)n_traces;
    out.refusing = sums.first / sums.weight;
    out.otherwise = sums.second / sums.weight;
    out.swing = sc_mantel_haenszel_difference(&sums);
    out.p = sc_mantel_haenszel_test(&sums);
    return out;
}

static double weight_of(const struct sc_run_fork *fork)
{
    return sqrt((double)fork->n * (double)fork->n_others) * fabs(fork->swing.value);
}

/* All rows of a fork: the branch that weighs most among those with enough traces on both sides, and
 * the most frequent of the others.  Returns how many questions that are: two branches are one. */
static size_t weigh_fork(const struct sc_stratum *rows, size_t n, size_t n_traces,
                         struct sc_run_fork *out)
{
    size_t n_branches = 0, n_tested = 0, end;
    size_t best_at = n, first_n = 0, first_at = n, second_n = 0, second_at = n;
    for (size_t at = 0; at < n; at = end) {
        for (end = at + 1; end < n && rows[end].token == rows[at].token;)
            end++;
        struct sc_run_fork branch = sum_branch(rows + at, end - at, n_traces);
        n_branches++;
        if (branch.n > first_n) {
            second_n = first_n;
            second_at = first_at;
            first_n = branch.n;
            first_at = at;
        } else if (branch.n > second_n) {
            second_n = branch.n;
            second_at = at;
        }
        if (branch.n < FEWEST_TRACES || branch.n_others < FEWEST_TRACES)
            continue;
        if (n_tested++ > 0 && weight_of(&branch) <= weight_of(out))
            continue;
        *out = branch;
        best_at = at;
    }
    if (n_tested > 0)
        out->other = rows[best_at == first_at ? second_at : first_at].place;
    return n_branches == 2 && n_tested == 2 ? 1 : n_tested;
}

static void keep_fork(struct sc_decided_run *out, const struct sc_run_fork *fork)
{
    size_t place = out->n_forks;
    while (place > 0 && weight_of(&out->forks[place - 1]) < weight_of(fork))
        place--;
    if (place == SC_MOST_RUN_FORKS)
        return;
    if (out->n_forks == SC_MOST_RUN_FORKS)
        out->n_forks--;
    memmove(&out->forks[place + 1], &out->forks[place],
            (out->n_forks - place) * sizeof out->forks[0]);
    out->forks[place] = *fork;
    out->n_forks++;
}

static enum sc_status find_forks(struct sc_strata *strata, struct sc_decided_run *out,
                                 struct sc_error *error)
{
    struct sc_stratum *rows = strata->branches;
    size_t n = strata->n_branches, end, n_found = 0;
    if (n == 0)
        return SC_OK;
    struct sc_run_fork *found = sc_alloc_array(n, sizeof *found);
    if (found == NULL)
        return sc_fail_nomem(error, "forks of a run");
    qsort(rows, n, sizeof *rows, by_fork);
    for (size_t at = 0; at < n; at = end) {
        for (end = at + 1; end < n && rows[end].fork == rows[at].fork;)
            end++;
        size_t n_tested = weigh_fork(rows + at, end - at, strata->n_traces, &found[n_found]);
        out->n_tested += n_tested;
        n_found += n_tested > 0;
    }
    for (size_t i = 0; i < n_found; i++) {
        found[i].p = fmin(1, found[i].p * (double)out->n_tested);
        if (found[i].p <= 0.05)
            keep_fork(out, &found[i]);
    }
    sc_free(found);
    return SC_OK;
}

/* ---- first tokens ---------------------------------------------------------------------------- */

static int by_token(const void *left, const void *right)
{
    const struct sc_opening *a = left, *b = right;
    if (a->token != b->token)
        return a->token < b->token ? -1 : 1;
    return a->prompt < b->prompt ? -1 : a->prompt > b->prompt;
}

static void keep_first(struct sc_decided_run *out, const struct sc_first_token *token)
{
    size_t place = out->n_first;
    while (place > 0 && out->first[place - 1].mass < token->mass)
        place--;
    if (place == SC_MOST_FIRST_TOKENS)
        return;
    if (out->n_first == SC_MOST_FIRST_TOKENS)
        out->n_first--;
    memmove(&out->first[place + 1], &out->first[place],
            (out->n_first - place) * sizeof out->first[0]);
    out->first[place] = *token;
    out->n_first++;
}

static void find_first_tokens(struct sc_strata *strata, struct sc_decided_run *out)
{
    const struct sc_opening *rows = strata->openings;
    size_t n = strata->n_openings, end;
    if (n > 0)
        qsort(strata->openings, n, sizeof *strata->openings, by_token);
    for (size_t at = 0; at < n; at = end) {
        struct sc_first_token token = {.place = rows[at].place};
        for (end = at; end < n && rows[end].token == rows[at].token; end++) {
            token.n += rows[end].n;
            token.refused += rows[end].refused;
            token.mass += rows[end].share / (double)strata->n_prompts;
            token.n_prompts++;
        }
        keep_first(out, &token);
        double refusing = (double)token.refused / (double)token.n;
        double *settled = token.n < FEWEST_FIRST    ? NULL
                          : refusing >= SETTLED     ? strata->first_refusing
                          : refusing <= 1 - SETTLED ? strata->first_complying
                                                    : NULL;
        for (size_t i = at; i < end && settled != NULL; i++)
            settled[rows[i].prompt] += rows[i].share;
    }
    out->first_refusing = strata->first_refusing;
    out->first_complying = strata->first_complying;
}

enum sc_status sc_strata_finish(struct sc_strata *strata, struct sc_decided_run *out,
                                struct sc_error *error)
{
    strata->first_refusing = sc_alloc_zero(strata->n_prompts + 1, sizeof(double));
    strata->first_complying = sc_alloc_zero(strata->n_prompts + 1, sizeof(double));
    if (strata->first_refusing == NULL || strata->first_complying == NULL)
        return sc_fail_nomem(error, "first tokens");
    find_first_tokens(strata, out);
    return find_forks(strata, out, error);
}
