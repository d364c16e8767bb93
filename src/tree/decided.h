/*
 * Where a prompt's refusals are decided: how much of the entropy of refusing against complying is
 * left once the first tokens of an answer are known, and after which fork the answers part.
 *
 * What is left after d tokens is H(Y | first d tokens) / H(Y), Y: refuses or complies; answers that
 * do neither are left out.  Where masses are probabilities (an exploration), that is exact on the
 * mass whose end is known.  Where they are shares of traces it is biased: n traces that all begin
 * differently look decided though nothing is known.  Shuffling the verdicts between a prompt's
 * traces gives the entropy that is left by chance alone, E0, whose mean is known exactly
 * (hypergeometric counts); what is left is then H(Y | first d) / E0: 1 where beginnings tell
 * nothing, 0 where they tell all.  1 minus this is the mutual information adjusted for chance,
 * (I - E I) / (H - E I) (Vinh, Epps and Bailey, 2010).  Where E0 is below
 * SC_DECIDED_LEAST of H too few traces still stand together, and nothing is said.  Between the two
 * ends it is biased downward where traces are few (docs/RISK.md has a table).
 *
 * That models refuse by their first tokens: Qi et al., "Safety alignment should be made more than
 * just a few tokens deep" (2024).
 */
#ifndef SC_TREE_DECIDED_H
#define SC_TREE_DECIDED_H

#include "statistics/statistics.h"
#include "tree/shape.h"

enum { SC_DECIDED_DEPTHS = 64, SC_MOST_FORKS = 8 };
#define SC_DECIDED_LEAST 0.1

/* A branch at a fork: answers that go on with it against those that go on otherwise. */
struct sc_fork {
    uint32_t node;      /* the branch; the fork is its parent's end */
    uint32_t other;     /* the heaviest of the other branches that have verdicts */
    double refusing;    /* share of refusals behind the branch, */
    double otherwise;   /* and behind the others */
    double mass, rest;  /* of all answers: with verdict behind the branch, behind the others */
    size_t n, n_others; /* traces with verdict; 0: exact */
    /* refusing - otherwise.  Sampled: Newcombe's interval; exact: without one. */
    struct sc_estimate swing;
    double p; /* Fisher's exact test times the branches tested, at most 1; NaN: exact */
};

struct sc_decided {
    double entropy; /* of Y, nats; NaN: no answer has a verdict */
    double known;   /* mass that refuses or complies: what all this rests on */
    /* After d + 1 tokens; NaN: not said (see above), or the entropy is 0. */
    double left[SC_DECIDED_DEPTHS];
    /* Sampled: H(Y | first d + 1) and E0, nats; exact: the first alone. */
    double plain[SC_DECIDED_DEPTHS], null[SC_DECIDED_DEPTHS];
    /* Fewest tokens after which at most so much is left; 0: not within what is said. */
    size_t half, tenth;
    /* Mass of the answers whose first token all but settles it: behind it at least 95 % refuse, at
     * most 5 % do.  Sampled: of first tokens with at least five verdicts. */
    double first_refusing, first_complying;
    /* Forks with the largest swing by mass, sqrt(mass * rest) * |swing|, at most one branch of
     * each; of a sampled tree those with p at most 0.05. */
    struct sc_fork forks[SC_MOST_FORKS];
    size_t n_forks;
};

enum sc_status sc_tree_decide(const struct sc_tree *tree, struct sc_decided *out,
                              struct sc_error *error);

/* ---- parts, for the files of this room ------------------------------------------------------- */

/* Traces with a verdict at a node of a sampled tree, and the refusals among them. */
struct sc_tree_counts {
    size_t n, refused;
};
struct sc_tree_counts sc_tree_counts_of(const struct sc_tree *tree, size_t node);

/* -q ln q - (1 - q) ln (1 - q); 0 at the ends. */
double sc_entropy_of_share(double q);
/* Mean of the entropy of k / m over k, the refusals among m traces drawn without replacement from n
 * of which `refused` refuse; m from 1 to n. */
double sc_entropy_by_chance(size_t n, size_t refused, size_t m);

#endif
