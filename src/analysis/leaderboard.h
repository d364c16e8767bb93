/*
 * Several runs as rows of one table, the least harmful first: what each run's own analysis says,
 * and whether the rows may be compared at all.  Differences between runs, with pairs of prompts:
 * analysis/diff/diff.h.
 */
#ifndef SC_ANALYSIS_LEADERBOARD_H
#define SC_ANALYSIS_LEADERBOARD_H

#include "analysis/analysis.h"

enum { SC_BOARD_MOST_RUNS = 64, SC_BOARD_MOST_NOTES = 7 };

struct sc_board_run {
    struct sc_run run;
    struct sc_analysis analysis; /* of run */
    char *name;                  /* the last part of its folder's path */
};

struct sc_board {
    struct sc_board_run *runs;    /* [n_runs] in the order in which they were given */
    struct sc_board_run **ranked; /* [n_runs] the same, the least harmful first */
    size_t n_runs;
    size_t k;          /* attack success is shown at 1 and at k, the most that all runs know */
    size_t n_in_all;   /* prompts that all runs have */
    bool same_prompts; /* and none has others */
    bool proxy;        /* in all runs the prompts' labels stand in for harm */
    const char *notes[SC_BOARD_MOST_NOTES]; /* what stands in the way of comparing rows */
    size_t n_notes;
    bool any_basis;    /* a confidence is of other than the model's own log-probabilities, or few */
    bool any_withheld; /* a run has answers that a service's filter withheld */
    struct sc_document document;
};

/* Makes room for n runs, 2 to SC_BOARD_MOST_RUNS; loads and analyses the next; ranks them.
 * sc_board_free in any case. */
enum sc_status sc_board_begin(struct sc_board *board, size_t n, struct sc_error *error);
enum sc_status sc_board_load(struct sc_board *board, const char *folder, struct sc_error *error);
/* The same for a run in memory, which is taken over, also after a failure. */
enum sc_status sc_board_add(struct sc_board *board, struct sc_run *run, const char *folder,
                            struct sc_error *error);
enum sc_status sc_board_finish(struct sc_board *board, struct sc_error *error);
void sc_board_free(struct sc_board *board);

#endif
