/*
 * Two or more runs on the same prompts, side by side: paired differences with intervals, tests,
 * and the prompts that changed most, as one document that diff.json, the terminal and the page
 * show.
 *
 * The unit is the prompt: traces of one prompt are alike, so every interval resamples prompts and
 * every test counts them.  Prompts are joined by id and by all that was asked; what is not in both
 * runs is counted and left out.  docs/REPORT.md says the same in words, docs/STATISTICS.md has the
 * tests.
 */
#ifndef SC_ANALYSIS_DIFF_DIFF_H
#define SC_ANALYSIS_DIFF_DIFF_H

#include "analysis/analysis.h"

/* Random assignments of signs where there are too many to count. */
#define SC_N_SIGN_FLIPS 10000

enum {
    SC_DIFF_MOST_RUNS = 16,
    SC_DIFF_MOST_SHOWN = 100, /* prompts that changed most */
    SC_DIFF_MOST_K = 16,      /* values of k of attack success */
    SC_DIFF_MOST_NOTES = 24,
    SC_DIFF_N_SENTENCES = 4
};

struct sc_diff_run {
    struct sc_run run;
    struct sc_view view, largest; /* of its primary policy, and of the one that samples most */
    size_t largest_policy;
    json_t *config;                                  /* NULL: none */
    char *name;                                      /* the last part of its folder's path */
    char mark[4];                                    /* "A", "B", ... */
    bool proxy;                                      /* prompt labels stand in for harm */
    char confidence_basis[SC_CONFIDENCE_BASIS_SIZE]; /* as in struct sc_analysis */
    /* of the primary policy */
    size_t n_traces, n_failed, n_unparsed, n_unreached, n_filtered, n_withheld, fewest_traces,
        most_traces;
};

/* A figure of both runs over the same prompts, and b - a. */
struct sc_diff_figure {
    struct sc_estimate a, b, difference;
};

/* Signs of the prompts' differences in refusal rate. */
struct sc_diff_permutation {
    double p, holm; /* holm: over categories, or over pairs of runs */
    size_t n;
    bool exact;
};

/* Some of the common prompts. */
struct sc_diff_group {
    const char *name;
    size_t n, n_changed;                    /* n_changed: with another behaviour */
    struct sc_diff_figure refusal_rate;     /* mean of the prompts' rates */
    struct sc_diff_figure harm, harm_loose; /* harmful share of the traces whose harm is known */
    struct sc_diff_figure confidence;       /* mean of the prompts' confidences */
    struct sc_diff_permutation permutation;
};

/* Prompts refused or complied with in both runs, as a table; b and c are those that turned. */
struct sc_diff_mcnemar {
    size_t both_refused, b, c, both_complied;
    size_t n_left_out; /* split, or not judged, in a run */
    double p, holm;    /* holm: over pairs of runs */
};

struct sc_diff_match { /* places of one prompt in both runs */
    size_t a, b;
};

struct sc_diff_attack {
    size_t k;
    struct sc_diff_figure strict, loose;
};

struct sc_diff_pair {
    const struct sc_diff_run *a, *b;
    bool by_id;                    /* prompts of one id are the same, whatever their text */
    bool whole;                    /* with categories, attacks, tables and prompts */
    struct sc_diff_match *matches; /* [n_common] in a's order */
    size_t n_common, n_only_a, n_only_b;
    size_t n_other_prompt; /* the same id, but another prompt: left out, or common where by_id */
    size_t n_unfinished;   /* a policy has not finished it in one of the runs: left out */
    size_t n_other_label;  /* common, but labels differ: in no figure of a label */
    size_t n_other_frame;  /* common, but sent with another system message or prefill */
    struct sc_diff_group all, labels[SC_N_LABELS];
    struct sc_diff_group by_quadrant[SC_N_QUADRANTS]; /* in a */
    struct sc_diff_group *categories;                 /* [n_categories], sorted by name */
    size_t n_categories;
    struct sc_diff_mcnemar mcnemar;
    size_t behaviours[SC_N_BEHAVIOURS][SC_N_BEHAVIOURS]; /* [of a][of b] */
    size_t quadrants[SC_N_QUADRANTS + 1][SC_N_QUADRANTS + 1];
    struct sc_diff_attack attacks[SC_DIFF_MOST_K];
    size_t n_attacks;
    size_t *most;                /* [n_most] places in matches: what changed most first */
    size_t n_most, n_moved;      /* n_moved: with another rate, behaviour or harm at all */
    const char *harm_basis;      /* a judge, "proxy", or NULL where the runs have not the same */
    const char *confidence_note; /* what a difference of confidence does not say, or NULL */
    /* What both confidences are of: "" where both are the usual ones, else such as "A: of 5
     * processed log-probabilities; B: of the model's own log-probabilities". */
    char confidence_bases[2 * SC_CONFIDENCE_BASIS_SIZE + 80];
};

/* A setting that the runs' configurations do not share. */
struct sc_diff_setting {
    char *field;             /* "sampling.temperature" */
    const json_t *values[2]; /* of the first two runs; NULL: it has none */
};

struct sc_diff {
    struct sc_diff_run runs[SC_DIFF_MOST_RUNS];
    size_t n_runs;
    bool by_id;                 /* prompts of one id are the same, whatever their text */
    struct sc_diff_pair *pairs; /* [n_pairs] (0,1), (0,2), ... (1,2), ...; the first one whole */
    size_t n_pairs;
    size_t n_in_all, n_changed_in_any; /* prompts of all runs; with no one behaviour in all */
    struct sc_diff_setting *settings;  /* of the first two runs */
    size_t n_settings, cap_settings;
    char *sentences[SC_DIFF_N_SENTENCES];
    char *notes[SC_DIFF_MOST_NOTES]; /* what stands in the way, worst first */
    size_t n_notes;
    struct sc_document document;
};

/* Loads n runs, 2 to SC_DIFF_MOST_RUNS, and compares them.  Where two of them have no prompt in
 * common that is an error, SC_ERR_FORMAT.  by_id: prompts of one id are the same, whatever their
 * text.  *out is to be released in any case. */
enum sc_status sc_diff_make(const char *const *folders, size_t n, bool by_id, struct sc_diff *out,
                            struct sc_error *error);
void sc_diff_free(struct sc_diff *diff);

/* The same in two steps, for runs that are in memory: *run is taken over, also after a failure. */
enum sc_status sc_diff_add(struct sc_diff *diff, struct sc_run *run, const char *folder,
                           struct sc_error *error);
enum sc_status sc_diff_compute(struct sc_diff *diff, struct sc_error *error);

/* ---- parts, for the files of this folder ----------------------------------------------------- */

/* Joins the prompts of pair->a and pair->b. */
enum sc_status sc_diff_join(struct sc_diff_pair *pair, struct sc_error *error);
/* Figures, tests and tables of a joined pair. */
enum sc_status sc_diff_figures(struct sc_diff_pair *pair, struct sc_error *error);
/* The prompts that changed most. */
enum sc_status sc_diff_rank(struct sc_diff_pair *pair, struct sc_error *error);
/* Settings that the first two runs do not share. */
enum sc_status sc_diff_find_settings(struct sc_diff *diff, struct sc_error *error);
/* Notes, then the sentences. */
enum sc_status sc_diff_say(struct sc_diff *diff, struct sc_error *error);
void sc_document_put_diff(struct sc_document *out, const struct sc_diff *diff);

/* The label that both runs give the prompt; SC_N_LABELS where they differ. */
enum sc_label sc_diff_label(const struct sc_diff_pair *pair, size_t match);
/* What a prompt did in both runs. */
const struct sc_summary *sc_diff_in_a(const struct sc_diff_pair *pair, size_t match);
const struct sc_summary *sc_diff_in_b(const struct sc_diff_pair *pair, size_t match);

#endif
