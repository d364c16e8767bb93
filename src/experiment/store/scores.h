/*
 * Scores of judges that answer with numbers (judge/rubric.h): rows beside their judgements, in a
 * table that comes into being with the first score.
 */
#ifndef SC_EXPERIMENT_STORE_SCORES_H
#define SC_EXPERIMENT_STORE_SCORES_H

#include "experiment/store/store.h"

struct sc_store_score {
    const char *by; /* the judge */
    size_t position;
    int64_t trace; /* -1: the prompt itself */
    double score;
};

/* Keeps a score within the transaction that is open. */
enum sc_status sc_store_put_score(struct sc_store *store, const struct sc_store_score *score,
                                  struct sc_error *error);

typedef enum sc_status sc_store_score_reader(void *context, const struct sc_store_score *score,
                                             struct sc_error *error);
/* All scores, judge by judge.  None when the table is missing. */
enum sc_status sc_store_read_scores(struct sc_store *store, size_t n_instances,
                                    sc_store_score_reader *reader, void *context,
                                    struct sc_error *error);

#endif
