/*
 * Where a run's refusals are decided: the trees of its prompts (tree/pool.h), with intervals over
 * prompts, names of what was said, and words.  From the policy that samples most.
 */
#ifndef SC_ANALYSIS_DECIDED_H
#define SC_ANALYSIS_DECIDED_H

#include "base/text.h"
#include "experiment/store/run_data.h"
#include "tree/pool.h"

struct sc_decided_section {
    const char *absent; /* why there is none; NULL: there is */
    size_t n_prompts, n_wavering, n_traces;
    size_t n_without; /* prompts left out: tokens not given, or fewer than two answers */
    bool reasoning;   /* tokens of reasoning are among those counted */
    double entropy;
    size_t n_depths; /* 0: see few */
    const char *few; /* why nothing can be said of depths; or NULL */
    /* After d + 1 tokens: share of the entropy that is left, corrected for chance; the same of
     * shuffled verdicts (mean and middle 95 %), p against these; both not corrected. */
    struct sc_estimate left[SC_DECIDED_DEPTHS], null[SC_DECIDED_DEPTHS];
    double p[SC_DECIDED_DEPTHS];
    double plain[SC_DECIDED_DEPTHS], plain_null[SC_DECIDED_DEPTHS];
    /* Fewest tokens after which at most a half, a tenth of it is left; ends: the same of the
     * interval's ends, NaN where that is not within what is said. */
    struct sc_estimate half, tenth;
    struct sc_estimate first_refusing, first_complying; /* mass of first tokens that settle it */
    struct sc_run_fork forks[SC_MOST_RUN_FORKS];
    size_t n_forks, n_tested;
    struct sc_first_token first[SC_MOST_FIRST_TOKENS];
    size_t n_first;
    /* What forks and first tokens say, UTF-8: up to the fork, the branch's token, the other's. */
    char *before[SC_MOST_RUN_FORKS], *branch[SC_MOST_RUN_FORKS], *other[SC_MOST_RUN_FORKS];
    char *first_text[SC_MOST_FIRST_TOKENS];
    struct sc_text text; /* in words */
};

struct sc_analysis;
void sc_analyse_decided(struct sc_analysis *analysis, struct sc_error *error);
void sc_decided_section_free(struct sc_decided_section *section);

#endif
