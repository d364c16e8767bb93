/* The trees of a run's prompts, pooled: pool.h.  Next: strata.c. */
#include "tree/pool.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "tree/strata.h"

struct sc_decided_pool {
    uint64_t seed;
    double *plain, *null; /* [cap_wavering][SC_DECIDED_DEPTHS] */
    size_t cap_plain, cap_null;
    double *shuffled; /* [SC_DECIDED_DEPTHS][SC_N_SHUFFLES] */
    struct sc_strata strata;
    double entropy;
    size_t n_prompts, n_wavering, n_traces;
};

enum sc_status sc_decided_pool_open(struct sc_decided_pool **out, uint64_t seed,
                                    struct sc_error *error)
{
    *out = NULL;
    struct sc_decided_pool *pool = sc_alloc_zero(1, sizeof *pool);
    if (pool == NULL)
        return sc_fail_nomem(error, "trees of a run");
    pool->seed = seed;
    pool->shuffled =
        sc_alloc_zero((size_t)SC_DECIDED_DEPTHS * SC_N_SHUFFLES, sizeof *pool->shuffled);
    if (pool->shuffled == NULL) {
        sc_decided_pool_close(pool);
        return sc_fail_nomem(error, "trees of a run");
    }
    *out = pool;
    return SC_OK;
}

void sc_decided_pool_close(struct sc_decided_pool *pool)
{
    if (pool == NULL)
        return;
    sc_free(pool->plain);
    sc_free(pool->null);
    sc_free(pool->shuffled);
    sc_strata_free(&pool->strata);
    sc_free(pool);
}

/* ---- shuffled verdicts ----------------------------------------------------------------------- */

/* Traces [first, first + n) of a tree's leaves in their order stand together from the token behind
 * `from` to that at `to`. */
struct group {
    size_t first, n, from, to;
};

struct shuffling {
    size_t n, refused;    /* traces with verdict */
    struct group *groups; /* of two or more */
    size_t n_groups;
    unsigned char *refuses; /* [n] */
    size_t *before;         /* [n + 1] refusals before */
    double *n_log_n;        /* [n + 1] */
};

static void find_groups(const struct sc_tree *tree, struct shuffling *s)
{
    size_t at = 0;
    for (size_t i = 1; i < tree->n; i++) {
        const struct sc_tree_node *node = &tree->nodes[i];
        bool leaf = i + 1 == tree->n || tree->nodes[i + 1].parent != i;
        struct group group = {.first = at,
                              .n = sc_tree_counts_of(tree, i).n,
                              .from = tree->nodes[node->parent].depth,
                              .to = leaf || node->depth > SC_DECIDED_DEPTHS ? SC_DECIDED_DEPTHS
                                                                            : node->depth};
        if (leaf)
            at += group.n;
        if (group.n > 1 && group.from < group.to)
            s->groups[s->n_groups++] = group;
    }
    assert(at == s->n);
}

static void shuffle(struct shuffling *s, struct sc_random *random)
{
    for (size_t i = s->n; i-- > 1;) {
        size_t j = sc_random_below(random, i + 1);
        unsigned char kept = s->refuses[i];
        s->refuses[i] = s->refuses[j];
        s->refuses[j] = kept;
    }
    for (size_t i = 0; i < s->n; i++)
        s->before[i + 1] = s->before[i] + s->refuses[i];
}

static void add_shuffles(struct sc_decided_pool *pool, size_t number, struct shuffling *s)
{
    struct sc_random random = {.stream = SC_STREAM_STATISTICS,
                               .seed = pool->seed,
                               .key = sc_hash64(&number, sizeof number)};
    for (size_t r = 0; r < SC_N_SHUFFLES; r++) {
        shuffle(s, &random);
        for (size_t g = 0; g < s->n_groups; g++) {
            const struct group *group = &s->groups[g];
            size_t k = s->before[group->first + group->n] - s->before[group->first];
            double h =
                (s->n_log_n[group->n] - s->n_log_n[k] - s->n_log_n[group->n - k]) / (double)s->n;
            for (size_t d = group->from; d < group->to; d++)
                pool->shuffled[d * SC_N_SHUFFLES + r] += h;
        }
    }
}

static enum sc_status shuffle_verdicts(struct sc_decided_pool *pool, size_t number,
                                       const struct sc_tree *tree, struct sc_error *error)
{
    struct sc_tree_counts all = sc_tree_counts_of(tree, 0);
    struct shuffling s = {.n = all.n, .refused = all.refused};
    s.groups = sc_alloc_array(tree->n, sizeof *s.groups);
    s.refuses = sc_alloc_zero(s.n, 1);
    s.before = sc_alloc_zero(s.n + 1, sizeof *s.before);
    s.n_log_n = sc_alloc_zero(s.n + 1, sizeof *s.n_log_n);
    bool made = s.groups != NULL && s.refuses != NULL && s.before != NULL && s.n_log_n != NULL;
    if (made) {
        memset(s.refuses, 1, s.refused);
        for (size_t i = 1; i <= s.n; i++)
            s.n_log_n[i] = (double)i * log((double)i);
        find_groups(tree, &s);
        add_shuffles(pool, number, &s);
    }
    sc_free(s.groups);
    sc_free(s.refuses);
    sc_free(s.before);
    sc_free(s.n_log_n);
    return made ? SC_OK : sc_fail_nomem(error, "shuffled verdicts");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum sc_status add_wavering(struct sc_decided_pool *pool, size_t number,
                                   const struct sc_tree *tree, const struct sc_decided *decided,
                                   struct sc_error *error)
{
    const size_t row = SC_DECIDED_DEPTHS * sizeof(double);
    if (sc_grow((void **)&pool->plain, pool->n_wavering, &pool->cap_plain, row) != 0 ||
        sc_grow((void **)&pool->null, pool->n_wavering, &pool->cap_null, row) != 0)
        return sc_fail_nomem(error, "trees of a run");
    memcpy(pool->plain + pool->n_wavering * SC_DECIDED_DEPTHS, decided->plain, row);
    memcpy(pool->null + pool->n_wavering * SC_DECIDED_DEPTHS, decided->null, row);
    pool->n_wavering++;
    return shuffle_verdicts(pool, number, tree, error);
}

enum sc_status sc_decided_pool_add(struct sc_decided_pool *pool, size_t number,
                                   const struct sc_tree *tree, const struct sc_tree_answer *answers,
                                   const struct sc_decided *decided, struct sc_error *error)
{
    assert(!tree->exact);
    if (!(decided->known > 0))
        return SC_OK;
    pool->n_prompts++;
    pool->n_traces += sc_tree_counts_of(tree, 0).n;
    pool->entropy += decided->entropy;
    SC_TRY(sc_strata_add(&pool->strata, number, tree, answers, error));
    return decided->entropy > 0 ? add_wavering(pool, number, tree, decided, error) : SC_OK;
}

/* Sums over prompts make shares of what is left by chance. */
static void scale_shuffles(struct sc_decided_pool *pool, struct sc_decided_run *out)
{
    for (size_t d = 0; d < SC_DECIDED_DEPTHS; d++) {
        double null = 0;
        for (size_t i = 0; i < pool->n_wavering; i++)
            null += pool->null[i * SC_DECIDED_DEPTHS + d];
        if (out->n_depths == d && null > 0 && null >= SC_DECIDED_LEAST * pool->entropy)
            out->n_depths++;
        for (size_t r = 0; r < SC_N_SHUFFLES; r++)
            pool->shuffled[d * SC_N_SHUFFLES + r] /= null;
    }
}

enum sc_status sc_decided_pool_finish(struct sc_decided_pool *pool, struct sc_decided_run *out,
                                      struct sc_error *error)
{
    *out = (struct sc_decided_run){
        .n_prompts = pool->n_prompts,
        .n_wavering = pool->n_wavering,
        .n_traces = pool->n_traces,
        .entropy = pool->n_prompts ? pool->entropy / (double)pool->n_prompts : NAN,
        .plain = pool->plain,
        .null = pool->null,
        .shuffled = pool->shuffled};
    scale_shuffles(pool, out);
    return sc_strata_finish(&pool->strata, out, error);
}
