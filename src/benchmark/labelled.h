/*
 * Answers that people labelled, from a file as detect and import read them: what they are measured
 * by who judge a run.  docs/JUDGES.md says which columns are found and which labels are understood.
 */
#ifndef SC_BENCHMARK_LABELLED_H
#define SC_BENCHMARK_LABELLED_H

#include <safeconf/judging.h>

#include "benchmark/table.h"

struct sc_labelled_row {
    char *prompt, *answer;
    size_t first;            /* the first row with this prompt */
    enum sc_verdict refusal; /* refusal, partial or compliance; SC_N_VERDICTS: not labelled */
    enum sc_harm harm;       /* harmful or harmless; SC_N_HARMS: not labelled */
};

/* Owned; sc_labelled_free. */
struct sc_labelled {
    struct sc_labelled_row *rows; /* [n] */
    size_t n;
    size_t n_refusals, n_harms; /* rows with a label of each */
    char *title;                /* the file's name without folder and endings */
    char texts[17];             /* key of prompts and answers, hex */
    char content[17];           /* and of the labels too */
    struct sc_text remarks;     /* lines for people, made visible; empty: none */
};

/* Refused: columns that the file lacks, none with labels, no row that can be used.  Rows that
 * cannot be read or have no answer are left out, and the remarks say so. */
enum sc_status sc_labelled_read(struct sc_labelled *out, const struct sc_labels_options *options,
                                struct sc_error *error);
/* The same of a table that was read from options->file. */
enum sc_status sc_labelled_take(struct sc_labelled *out, const struct sc_labels_options *options,
                                const struct sc_table *table, struct sc_error *error);
void sc_labelled_free(struct sc_labelled *labelled);

#endif
