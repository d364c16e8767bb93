/* Between the files of this room: rows of the sweep, and what each made of each instance. */
#ifndef SC_ANALYSIS_REPLAY_SWEEP_H
#define SC_ANALYSIS_REPLAY_SWEEP_H

#include "analysis/replay/replay.h"
#include "base/pool.h"

/* Sums over the random orders of one instance under one row.  Narrow, as there is one for each row
 * and instance: no more than SC_REPLAY_MOST_SUMMED traces are met. */
struct sc_replay_cell {
    uint64_t tokens, null_tokens;
    uint32_t traces, changes, unseen, missed;
    uint32_t null_traces, null_changes, null_unseen;
    uint16_t stored_traces, stored_cut, stored_unseen; /* in the stored order; unseen: harmful */
    bool stored_changed;
    uint64_t stored_tokens;
};
_Static_assert(sizeof(struct sc_replay_cell) == 64, "docs/RELIABILITY.md says what replay holds");
#define SC_REPLAY_MOST_SUMMED UINT32_MAX /* orders times traces of a prompt */

struct sc_replay_totals { /* of one instance */
    double tokens, harmful;
};

/* The rows of *out, their policies checked; without those that read a confidence which no trace
 * has, which are counted. */
enum sc_status sc_replay_rows(const struct sc_replay_options *options,
                              const struct sc_replay_data *data, struct sc_replay *out,
                              struct sc_error *error);
/* Fills noise_traces of the rows [n]. */
enum sc_status sc_replay_noise(struct sc_replay_row *rows, size_t n, size_t n_traces, uint64_t seed,
                               struct sc_error *error);
/* Fills a row's estimates from its cells [n] over so many orders; scratch [3 * n]. */
void sc_replay_estimate(struct sc_replay_row *row, const struct sc_replay_cell *cells,
                        size_t n_orders, const struct sc_replay_totals *totals, size_t n,
                        double *scratch);
/* A mean over prompts; fewer than 5 have no interval. */
struct sc_estimate sc_replay_mean(const double *x, size_t n);
/* The same of a share: the interval stays within [0, 1], and is Wilson's where no prompt differs.
 */
struct sc_estimate sc_replay_share(struct sc_estimate mean);
/* Fills the totals of *out. */
enum sc_status sc_replay_totals(const struct sc_replay_data *data,
                                const struct sc_replay_options *options, struct sc_pool *pool,
                                struct sc_replay *out, struct sc_error *error);
/* Takes from a row what rests on numbers of tokens. */
void sc_replay_forget_tokens(struct sc_replay_row *row);
/* Adjusts the p-values, says who beats its null, and recommends. */
enum sc_status sc_replay_judge(struct sc_replay *replay, struct sc_error *error);

#endif
