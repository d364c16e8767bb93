/*
 * What must hold for a phase to begin: comparisons of figures of earlier runs, as
 *
 *   baseline.overall.refusal_rate.high < 0.9 and any main.hypothesis_test.difference excludes 0
 *
 * A reference is PHASE.PATH or PHASE[RUN].PATH, where PATH leads through the run's analysis.json.
 * docs/SUITE.md has the language.  Nothing that is not known is taken for true or false: a
 * condition that rests on it is undecided, with the reason.
 */
#ifndef SC_SUITE_CONDITION_H
#define SC_SUITE_CONDITION_H

#include "base/json.h"

enum { SC_CONDITION_LONGEST = 2000, SC_CONDITION_MOST_NODES = 200 };

enum sc_truth { SC_TRUTH_NO, SC_TRUTH_YES, SC_TRUTH_UNDECIDED };
/* How a reference to a phase of several runs is meant. */
enum sc_quantifier { SC_OF_THE_ONE, SC_OF_ANY, SC_OF_ALL };

/* Borrowed from the condition. */
struct sc_condition_reference {
    const char *phase, *run, *path; /* run NULL: those of the phase */
    enum sc_quantifier quantifier;
};

struct sc_condition;

/* Parses; the error says at which letter, expected and found.  sc_condition_free. */
enum sc_status sc_condition_parse(const char *text, struct sc_condition **out,
                                  struct sc_error *error);
void sc_condition_free(struct sc_condition *condition);
/* The reference number i, or NULL past the last. */
const struct sc_condition_reference *sc_condition_reference(const struct sc_condition *condition,
                                                            size_t i);

/* Where the figures of runs come from.  A phase's runs are counted from 0. */
struct sc_condition_figures {
    void *context;
    size_t (*count)(void *context, const char *phase, const char *run);
    /* The analysis of one of them, borrowed until the condition is evaluated; NULL: it has none,
     * for *why.  *name: that of the run. */
    const json_t *(*analysis)(void *context, const char *phase, const char *run, size_t i,
                              const char **name, const char **why);
};

struct sc_condition_result {
    enum sc_truth truth;
    struct sc_text seen; /* "baseline.overall.accuracy = 0.5; ...": what decided, for people */
    bool unknown_path;   /* a path led to no field of an analysis: likely a slip in the file */
    bool awaits;         /* a run that it asks for has no analysis, or not yet */
    bool proxy;          /* a figure rests on labels in place of harm */
    size_t n_compared;   /* comparisons that were made */
};
/* SC_ERR_NOMEM alone.  sc_condition_result_free in any case. */
enum sc_status sc_condition_evaluate(const struct sc_condition *condition,
                                     const struct sc_condition_figures *figures,
                                     struct sc_condition_result *result, struct sc_error *error);
void sc_condition_result_free(struct sc_condition_result *result);

#endif
