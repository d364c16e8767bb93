/*
 * A made-up model for explorations: the distribution behind a beginning is a function of its
 * tokens, so that every answer can be enumerated.  Token 0 ends an answer.
 */
#ifndef SUPPORT_TABLE_ANSWERS_H
#define SUPPORT_TABLE_ANSWERS_H

#include "exploration/exploration.h"

enum { TABLE_MOST_LENGTH = 16, TABLE_MOST_TOKENS = 16 };

enum table_rule {
    TABLE_BY_OPENING,    /* refuses where the first token is 1, but for a few by hash */
    TABLE_RARE_TAIL,     /* refuses unless the answer holds 4 twice */
    TABLE_SCATTERED,     /* by hash, half */
    TABLE_RARE_HASH,     /* complies by hash, 1 in 200 */
    TABLE_ALL_REFUSE,    /* always */
    TABLE_MANY_VERDICTS, /* by hash, of all verdicts */
    TABLE_N_RULES
};

struct table_answers {
    uint64_t seed;
    int32_t n_tokens; /* of the vocabulary, at most TABLE_MOST_TOKENS */
    size_t max_length;
    double sharpness; /* of the distributions: 0 even */
    double end;       /* weight of the end token beside the others' */
    enum table_rule rule;
    size_t most_kept; /* handles; 0: any number */
    /* what happened */
    size_t n_kept, n_computed, n_read, n_judged;
    struct {
        int32_t ids[TABLE_MOST_LENGTH];
        size_t n;
        bool kept;
    } * nodes;
    size_t n_nodes, cap_nodes;
};

struct sc_expanding table_expanding(struct table_answers *table);
struct sc_reading table_reading(struct table_answers *table, bool judge);
struct sc_exploration_options table_options(const struct table_answers *table);
void table_close(struct table_answers *table);

/* All answers: probability of refusal, of compliance, of harm and of neither, and their number. */
struct table_truth {
    double refused, complied, harmful, neither, all, length;
    size_t n;
};
struct table_truth table_enumerate(struct table_answers *table);

#endif
