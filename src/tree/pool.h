/*
 * Where refusals are decided, over the prompts of a run: the sampled trees of many prompts, pooled.
 *
 * What is left after d tokens is the sum over prompts of H(Y | first d tokens) over that of E0
 * (decided.h).  The same of verdicts that are shuffled within each prompt says what beginnings that
 * tell nothing would have given.
 *
 * A fork counts in all prompts whose answers part there: a branch is a beginning, token by token,
 * and is set against the other answers of the same prompt that reach the fork.  The difference of
 * their shares of refusals is that of Mantel and Haenszel, a prompt a stratum, with Sato's variance
 * (1989), which holds for many small strata; p is from the test of Mantel and Haenszel (1959) with
 * its correction for continuity.  So a beginning is no finding because prompts that are refused
 * happen to have it.
 */
#ifndef SC_TREE_POOL_H
#define SC_TREE_POOL_H

#include "tree/decided.h"

enum { SC_N_SHUFFLES = 199, SC_MOST_RUN_FORKS = 10, SC_MOST_FIRST_TOKENS = 8 };

/* The first `depth` tokens of an answer of a prompt, by the numbers they were added with. */
struct sc_tree_place {
    size_t prompt, answer, depth;
};

struct sc_run_fork {
    size_t fork_depth;           /* tokens before the fork */
    struct sc_tree_place branch; /* up to and with the branch's token, if it is not an end */
    struct sc_tree_place other;  /* the same of the most frequent other branch */
    size_t n, n_others;          /* traces with verdict, in the prompts that have both */
    size_t n_prompts;
    double mass; /* n over all traces with verdict */
    double refusing, otherwise;
    struct sc_estimate swing; /* refusing - otherwise */
    double p;                 /* times the branches tested, at most 1 */
};

struct sc_first_token {
    struct sc_tree_place place;
    size_t n, refused, n_prompts; /* traces with verdict that begin with it */
    double mass;                  /* mean over prompts of its share of those */
};

struct sc_decided_run {
    size_t n_prompts, n_wavering; /* with verdicts; of these both refusing and complying */
    size_t n_traces;              /* with verdicts */
    double entropy;               /* mean over prompts, nats */
    /* [n_wavering][SC_DECIDED_DEPTHS], nats: H(Y | first d + 1) and E0. */
    const double *plain, *null;
    /* What is left after d + 1 tokens by each shuffle, [SC_DECIDED_DEPTHS][SC_N_SHUFFLES]. */
    const double *shuffled;
    size_t n_depths; /* of these something is said: E0 is at least SC_DECIDED_LEAST of H */
    struct sc_run_fork forks[SC_MOST_RUN_FORKS];
    size_t n_forks, n_tested; /* those that the test finds; of how many questions */
    struct sc_first_token first[SC_MOST_FIRST_TOKENS];
    size_t n_first;
    /* [n_prompts]: share of its answers whose first token all but settles it, as the run has it:
     * at least 20 verdicts behind the token, at least 95 % of them refusing, or at most 5 %. */
    const double *first_refusing, *first_complying;
};

struct sc_decided_pool;

enum sc_status sc_decided_pool_open(struct sc_decided_pool **out, uint64_t seed,
                                    struct sc_error *error);
void sc_decided_pool_close(struct sc_decided_pool *pool); /* NULL is fine */

/* A prompt's sampled tree, the answers that it was built from, and what was said of it; `number`
 * names the prompt in places. */
enum sc_status sc_decided_pool_add(struct sc_decided_pool *pool, size_t number,
                                   const struct sc_tree *tree, const struct sc_tree_answer *answers,
                                   const struct sc_decided *decided, struct sc_error *error);
/* Once, after all were added; what out points to is the pool's. */
enum sc_status sc_decided_pool_finish(struct sc_decided_pool *pool, struct sc_decided_run *out,
                                      struct sc_error *error);

#endif
