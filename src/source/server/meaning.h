/*
 * What a server's log-probabilities are those of, by asking: the same contexts at two temperatures
 * (rule.h concludes), the run's own sampling beside them, and a token that is forced.  Private to
 * this folder.
 */
#ifndef SC_SOURCE_SERVER_MEANING_H
#define SC_SOURCE_SERVER_MEANING_H

#include "source/server/trial.h"

struct sc_meaning {
    const struct sc_trials *trials;
    size_t n_top;            /* log-probabilities to ask for, above 0 */
    struct sc_answer *first; /* context 0 with them at temperature 1 */
    struct sc_server_facts *facts;
};

/* Fills facts->logprobs and its remarks, and facts->top_k where no other answer told it (0). */
enum sc_status sc_meaning_find(const struct sc_meaning *meaning, struct sc_error *error);

#endif
