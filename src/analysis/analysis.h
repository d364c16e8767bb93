/*
 * What a run amounts to: every figure of analysis.json, the terminal and the page, computed once.
 * Read analysis.c for who counts as what, then hypothesis.c, policies.c and
 * groups.c.  docs/REPORT.md says the same in words.
 */
#ifndef SC_ANALYSIS_ANALYSIS_H
#define SC_ANALYSIS_ANALYSIS_H

#include "analysis/decided.h"
#include "analysis/detectors.h"
#include "analysis/document/document.h"
#include "analysis/measured.h"
#include "analysis/replay/replay.h"
#include "analysis/sentences.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/text.h"
#include "detection/detection.h"
#include "detection/language.h"
#include "experiment/store/failures.h"
#include "experiment/store/run_data.h"
#include "statistics/forecast.h"
#include "statistics/models.h"

enum sc_quadrant {
    SC_CONFIDENT_REFUSAL,
    SC_CONFIDENT_COMPLIANCE,
    SC_UNCERTAIN_REFUSAL,
    SC_UNCERTAIN_COMPLIANCE,
    SC_QUADRANT_NONE
};
#define SC_N_QUADRANTS 4
enum sc_prediction { SC_PREDICT_SAFE, SC_PREDICT_UNSAFE, SC_PREDICT_NONE };

const char *sc_quadrant_name(enum sc_quadrant quadrant);       /* NULL for NONE */
const char *sc_prediction_name(enum sc_prediction prediction); /* NULL for NONE */

/* One instance as one policy saw it.  Rates are NaN when nothing was there to count. */
struct sc_summary {
    bool decided; /* false: the policy has not finished it; everything else is then empty */
    size_t n_traces, n_failed, n_unparsed, n_unreached, n_empty, n_length, n_cut;
    size_t n_filtered, n_withheld; /* ended by the service's filter; of these without an answer */
    size_t n_judged, n_refused;    /* partial counts as refused, empty as not refused */
    size_t n_answers;              /* traces with verdict compliance */
    size_t n_known, n_harmful, n_harmful_loose; /* traces whose harm is known; strict and loose */
    size_t n_answers_known, n_answers_harmful, n_answers_harmful_loose; /* among the answers */
    uint64_t n_tokens;
    size_t n_uncounted; /* traces whose number of tokens is not known; n_tokens is then too small */
    double refusal_rate, confidence, agreement;
    double refusal_unbiased; /* of the policy budget alone, else NaN: sc_budget_rates */
    double entropy;          /* of the verdicts, nats */
    enum sc_behaviour behaviour;
    enum sc_quadrant quadrant;
    enum sc_prediction prediction;
};

/* All instances as one policy saw them. */
struct sc_view {
    struct sc_summary *instances; /* [run->n_instances] */
    double threshold;             /* confident at or above it; NaN: no confidence at all */
};

/* Figures of a set of instances.  Rates are over the sets named in docs/REPORT.md. */
struct sc_group {
    size_t n_instances, n_labels[SC_N_LABELS], n_behaviours[SC_N_BEHAVIOURS];
    size_t n_quadrants[SC_N_QUADRANTS];
    size_t n_traces, n_failed, n_unparsed, n_unreached, n_empty, n_length, n_cut;
    size_t n_filtered, n_withheld; /* ended by the service's filter; of these without an answer */
    size_t n_judged, n_refused, n_answers, n_known, n_harmful, n_harmful_loose;
    uint64_t n_tokens;
    size_t n_uncounted;                       /* traces whose number of tokens is not known */
    struct sc_estimate refusal_rate;          /* mean of the instances' refusal rates */
    struct sc_estimate refusal_rate_withheld; /* the same if what was withheld were refusals */
    struct sc_estimate harm_rate;             /* harmful share of the traces whose harm is known */
    struct sc_estimate harm_rate_loose;       /* the same, controversial counted as harmless */
    struct sc_estimate confidence, agreement, entropy, traces, tokens_per_trace;
    struct sc_estimate accuracy; /* right behaviour among labelled, refused or complied instances */
};

struct sc_confusion {
    size_t tp, fn, fp, tn, unknown, split, none;
    struct sc_estimate sensitivity, specificity, precision, npv, f1, accuracy, balanced_accuracy;
    struct sc_estimate over_refusal;   /* false positive rate */
    struct sc_estimate discrimination; /* refusal on unsafe minus refusal on safe prompts */
};

/* Low against high confidence at one threshold. */
struct sc_split {
    double quantile, threshold; /* quantile NaN: an absolute threshold */
    size_t n_low, n_high, harmful_low, harmful_high, prompts_low, prompts_high;
    struct sc_estimate rate_low, rate_high, difference, ratio;
    double fisher_p; /* NaN: not computed */
};

enum sc_finding { SC_SUPPORTED, SC_CONTRADICTED, SC_NOT_DECIDED };
const char *sc_finding_name(enum sc_finding finding);

/* A difference in harm that would matter, and the power with which it should be found. */
#define SC_RELEVANT_DIFFERENCE 0.1
#define SC_WANTED_POWER 0.8
struct sc_needed {
    double standard_error;             /* of the difference of the answers */
    double detectable;                 /* least difference with the wanted power; NaN: not known */
    size_t n_for_relevant, n_for_seen; /* prompts with answers; SIZE_MAX: no number */
};

#define SC_N_DECILES 9
/* Are low-confidence non-refusals riskier than high-confidence ones? */
struct sc_hypothesis {
    size_t n_answers, n_harmful, n_prompts;
    struct sc_split traces, traces_loose; /* split among the answers themselves */
    struct sc_split instances;            /* uncertain_compliance against confident_compliance */
    size_t permutation_n;
    double permutation_difference, permutation_p;
    struct sc_estimate auroc[SC_N_METRICS]; /* of low confidence for harm, by metric */
    double auroc_p[SC_N_METRICS], auroc_holm[SC_N_METRICS]; /* of 1/2; adjusted over metrics */
    struct sc_needed needed;
    struct sc_split deciles[SC_N_DECILES];
    enum sc_finding finding;
    char text[1600]; /* the finding in plain words */
};

struct sc_policy_result {
    const char *name;
    size_t policy; /* index in the run */
    bool primary, largest;
    struct sc_group group;
    size_t n_common; /* instances that this and the largest policy have both decided */
    size_t verdict_changes;
    struct sc_estimate verdict_change_share, refusal_difference;
    struct sc_estimate refusal_unbiased; /* of the policy budget: sc_budget_mean */
    /* against sc_policy_most of the largest for every prompt; and against what the largest used */
    struct sc_estimate token_savings_percent, trace_savings_percent;
    struct sc_estimate token_difference_percent;
    size_t harmful_unseen;          /* harmful traces of the largest policy that this did not see */
    size_t harmful_prompts_unseen;  /* prompts all of whose harmful traces it did not see */
    struct sc_estimate null_traces; /* traces per prompt with shuffled confidences; adaptive only */
};

struct sc_category {
    const char *name;
    struct sc_group group;
    struct sc_estimate over_refusal;  /* refusal rate on its safe prompts */
    struct sc_estimate under_refusal; /* 1 - refusal rate on its unsafe prompts */
};

/* Harm and confidence beyond one split: risk.c. */
struct sc_odds {
    struct sc_estimate ratio;
    double p;
};
struct sc_segment_risk { /* of the reasoning, or of the answer after it */
    struct sc_estimate confidence_refusals, confidence_answers; /* means over traces */
    struct sc_estimate auroc; /* of low confidence of this segment for a harmful answer */
};
enum { SC_CURVE_POINTS = 41 }; /* of a curve: at 0, 1/40, ..., 1 of its axis */
struct sc_risk {
    size_t n, n_prompts;
    double harmful_share;                   /* auprc and aurc of a metric that knows nothing */
    struct sc_estimate auprc[SC_N_METRICS]; /* of low confidence for harm */
    struct sc_estimate aurc[SC_N_METRICS];  /* harm when the most confident are kept first */
    /* by the run's metric: harmful answers found, at harmless ones suspected, when the least
     * confident are suspected first; harm of the answers kept when the most confident are */
    struct sc_estimate roc[SC_CURVE_POINTS], risk_coverage[SC_CURVE_POINTS];
    /* odds of harm per standard deviation less confidence, alone and at equal length; and per
     * doubling of the length */
    struct sc_odds alone, at_length, of_length;
    bool has_reasoning;
    struct sc_segment_risk reasoning, answer;
};

/* Refusal with the detector's own errors carried in: corrected.c. */
struct sc_detector_error {
    const char *detector, *source, *models; /* models on whose answers it was measured */
    const char *language;                   /* ISO 639-1; NULL: of several together */
    size_t tp, fn, fp, tn;                  /* positive: people say refusal or partial refusal */
};
struct sc_corrected {
    const struct sc_detector_error *error; /* NULL: not measured for this detector */
    struct sc_estimate sensitivity, specificity, precision;
    struct sc_estimate all, labels[SC_N_LABELS];
    /* Where the user had the detector measured on answers that people labelled. */
    struct sc_measured measured;
    struct sc_detector_error own; /* what error points to */
    char source[SC_MEASURED_SOURCE], models[160];
};
/* Harm with the judge's own errors carried in, where the user had it measured. */
struct sc_corrected_harm {
    struct sc_corrected_reading {
        struct sc_measured measured;
        struct sc_estimate all, labels[SC_N_LABELS];
    } strict, loose;
    char source[SC_MEASURED_SOURCE];
};

/* What more samples would show: sampling.c. */
#define SC_MOST_EXTRAPOLATED 12
#define SC_N_PRECISIONS 3
struct sc_evolution { /* after the first n traces, over the same prompts */
    size_t n_traces, n_instances, n_behaviours[SC_N_BEHAVIOURS];
    struct sc_estimate same; /* share whose behaviour is that of all traces */
    struct sc_estimate refusal_rate;
};
struct sc_repeats {
    struct sc_beta_binomial harm, refusal;
    double harm_check, refusal_check; /* p that so bad a fit is chance; NaN: not known */
    size_t n_k, k[SC_MOST_EXTRAPOLATED];
    struct sc_estimate at_k[SC_MOST_EXTRAPOLATED];
    double half_width[SC_N_PRECISIONS], typical_rate; /* NaN: no prompt has two judged traces */
    size_t worst_needed[SC_N_PRECISIONS], typical_needed[SC_N_PRECISIONS];
    double mean_traces, within_share; /* share of the refusal rate's variance that is sampling */
    struct sc_evolution *evolution;   /* [n_evolution] */
    size_t n_evolution;
};

/* What more attempts and more prompts would show, by several methods: forecast.c. */
struct sc_held_out {         /* fitted to the first traces of prompts, compared with the others */
    size_t n_fitted, n_rest; /* traces of a prompt; n_rest 0: too few to hold any out */
    size_t n_k, k[SC_MOST_FORECAST];
    struct sc_estimate seen[SC_MOST_FORECAST]; /* in the traces held out */
    /* by method and k, [method * n_k + i]; error: forecast - seen */
    struct sc_estimate forecast[SC_N_FORECASTERS * SC_MOST_FORECAST];
    struct sc_estimate error[SC_N_FORECASTERS * SC_MOST_FORECAST];
};
struct sc_forecast {
    size_t n_k, k[SC_MOST_FORECAST];
    struct sc_attempts fit;
    double check[SC_N_FORECASTERS]; /* p that so bad a fit is chance; NaN: there is no check */
    bool bends; /* the power law: surely, and by more than a quarter of its exponent */
    struct sc_estimate at[SC_N_FORECASTERS * SC_MOST_FORECAST];
    struct sc_held_out same_prompts, other_prompts; /* other: fitted to every second prompt */
    struct sc_units_forecast prompts;
    double beta_largest[SC_N_FURTHER], scaled_largest[SC_N_FURTHER]; /* by the fits to counts */
};

/* Prompts whose judged traces do not agree on refusing, and which of them are to be read first:
 * wavering.c. */
#define SC_MOST_WAVERING 10
struct sc_wavering {
    size_t n_repeated, n_wavering; /* prompts with two judged traces or more; those that waver */
    size_t n_alike;                /* of n_repeated: all answers are the same, word for word */
    struct sc_estimate share;
    size_t first[SC_MOST_WAVERING], n_first; /* instances, in the order in which to read them */
};
/* Who decided on an answer. */
enum sc_decider {
    SC_DECIDER_RULES,
    SC_DECIDER_READER,
    SC_DECIDER_OWN_RULES,
    SC_DECIDER_JUDGE,
    SC_N_DECIDERS
};
enum { SC_MOST_UNREAD = 40 };
/* What the primary policy's answers are, and who read them: readers.c. */
struct sc_answers_read {
    size_t n_answers;                  /* with letters */
    size_t languages[SC_N_LANGUAGES];  /* of these, by the language that is guessed */
    size_t n_not_read, n_not_measured; /* in languages that no rule reads; whose errors are not
                                          known in it */
    char not_read[200];                /* "Greek 30, Thai 11"; "" for none */
    size_t by[SC_N_DECIDERS];          /* verdicts on answers with something in them */
    size_t partial[SC_N_PARTIALS];     /* partial refusals among them */
};

/* What was asked beside the prompts: asked.c. */
struct sc_asked {
    size_t n_system, n_conversations; /* instances with a system message; with earlier turns */
    size_t n_prefilled;               /* whose answers begin with a given text */
    bool special;                     /* control tokens written in prompts were control tokens */
    char note[600];                   /* all of this in words; "" where there is nothing to say */
};

/* What a report opens with, in four sentences that can be read aloud: opening.c.  Names in them are
 * visible and short. */
struct sc_opening {
    struct sc_text refusal, wavering, confidence, trust;
};

#define SC_N_BINS 10
struct sc_calibration {
    size_t n;
    struct sc_estimate ece, auroc; /* auroc: of the prediction for being right */
    struct sc_calibration_bin bins[SC_N_BINS];
};

struct sc_analysis {
    const struct sc_run *run;
    struct sc_view *views;                           /* [run->n_policies] */
    bool proxy;                                      /* prompt labels stand in for harm */
    json_t *config;                                  /* the run's configuration, or NULL */
    const char *dtype;                               /* from it, or NULL */
    char confidence_note[SC_CONFIDENCE_NOTE_SIZE];   /* "", or how its source changes confidences */
    char confidence_basis[SC_CONFIDENCE_BASIS_SIZE]; /* of the run's metric; "": nothing to say */
    char prob_basis[SC_CONFIDENCE_BASIS_SIZE];       /* of prob */
    struct sc_failures failures;                     /* of the primary policy's traces */
    struct sc_text failure_note;                     /* empty, or their reasons in words */
    char unreached_note[SC_NOTE_SIZE], length_note[SC_NOTE_SIZE]; /* "", or what the limit cost */
    char shard_note[SC_NOTE_SIZE];    /* "", or which part of a run this is */
    char filtered_note[SC_NOTE_SIZE]; /* "", or what the service's filter took */
    char rows_note[SC_NOTE_SIZE];     /* "", or how many rows of the benchmark could not be read */
    struct sc_asked asked;
    size_t n_undecided;
    struct sc_group overall, labels[SC_N_LABELS], quadrants[SC_N_QUADRANTS];
    struct sc_confusion confusion;
    struct sc_hypothesis hypothesis;
    struct sc_policy_result *policies; /* [run->n_policies] */
    size_t largest;                    /* policy that asks for the most traces */
    struct sc_category *categories;    /* sorted by name */
    size_t n_categories;
    struct sc_calibration by_probability, by_agreement;
    struct sc_estimate *asr, *asr_loose; /* [n_asr]: at k = 1 .. n_asr */
    size_t n_asr;
    struct sc_estimate confidence_refusals, confidence_answers; /* means over traces */
    struct sc_estimate auroc_refusal; /* of confidence for refusing, over traces */
    struct sc_risk risk;
    struct sc_corrected corrected;
    struct sc_corrected_harm corrected_harm;
    struct sc_repeats repeats;
    struct sc_forecast forecast;
    struct sc_wavering wavering;
    struct sc_answers_read read;
    struct sc_decided_section decided;
    struct sc_detector_comparison comparison; /* of those that have read the answers */
    struct sc_opening opening;
    struct sc_document document; /* all of this under the names that files have */
    /* what other policies would have made of it, so in the page alone; the caller's */
    const struct sc_replay *replay; /* NULL: none */
    const char *replay_failure;     /* why replay.json could not be read, or NULL */
};

/* The same; asks between its parts. */
enum sc_status sc_analysis_make_while(const struct sc_run *run,
                                      const struct sc_interrupt *interrupt, struct sc_analysis *out,
                                      struct sc_error *error);
enum sc_status sc_analysis_make(const struct sc_run *run, struct sc_analysis *out,
                                struct sc_error *error);
void sc_analysis_free(struct sc_analysis *analysis);

/* The instances of one policy; release instances with sc_free. */
enum sc_status sc_view_make(const struct sc_run *run, size_t policy, struct sc_view *out,
                            struct sc_error *error);

/* The refusal rate of one instance with its interval: where the policy looks at the verdicts while
 * it samples, one that holds at every look (sc_always_valid), else Wilson's. */
struct sc_estimate sc_summary_refusal(const struct sc_policy *policy,
                                      const struct sc_summary *summary);
bool sc_policy_is_always_valid(const struct sc_policy *policy);
#define SC_ALWAYS_VALID "always-valid" /* what files call such an interval */

/* Of a run of the policy budget, each prompt's refusal rate [n_instances] without the bias of
 * having been given its traces by its own verdicts (decision/budget.h).  *known false, and all NaN:
 * it is another policy, or not finished, or its verdicts are not those by which the traces were
 * given (another detector has read them since). */
enum sc_status sc_budget_rates(const struct sc_run *run, double *rates, bool *known,
                               struct sc_error *error);

/* The mean of these over the prompts that have one, which are the independent units. */
struct sc_estimate sc_budget_mean(const struct sc_analysis *a, size_t policy,
                                  struct sc_error *error);

/* The policy that asks for the most traces. */
size_t sc_largest_policy(const struct sc_run *run);

/* ---- parts, for the files of this room ------------------------------------------------------ */

/* Why a figure made of tokens could not be computed. */
#define SC_NO_TOKEN_COUNT "the source did not say how many tokens its traces have"

/* Resamples of a bootstrap. */
#define SC_N_RESAMPLES 2000

/* The confidence of a trace by a metric, higher is more confident; NaN for a failed trace. */
double sc_trace_confidence(const struct sc_run_trace *trace, enum sc_metric metric);
/* A trace that has a verdict: neither failed nor unparsed nor unreached nor withheld.  An empty
 * answer is one, not a refusal.
 */
bool sc_trace_is_judged(const struct sc_run_trace *trace);
/* The judge's word, or without a judge what the prompt's label says of the verdict. */
enum sc_harm sc_trace_harm(const struct sc_run *run, const struct sc_run_instance *instance,
                           const struct sc_run_trace *trace);
/* +1 right, 0 wrong, -1 not to be said (no label, split, not judged). */
int sc_summary_is_right(const struct sc_summary *summary, enum sc_label label);

/* Some of a run's instances. */
struct sc_members {
    const size_t *indices; /* [n] */
    size_t n;
};
/* Figures of these instances. */
void sc_group_make(const struct sc_run *run, const struct sc_view *view, struct sc_members members,
                   struct sc_group *out, struct sc_error *error);

void sc_analyse_hypothesis(struct sc_analysis *analysis, struct sc_error *error);
void sc_analyse_policies(struct sc_analysis *analysis, struct sc_error *error);
void sc_analyse_categories(struct sc_analysis *analysis, struct sc_error *error);
void sc_analyse_calibration(struct sc_analysis *analysis, struct sc_error *error);
void sc_analyse_attacks(struct sc_analysis *analysis, struct sc_error *error);
void sc_analyse_outcomes(struct sc_analysis *analysis, struct sc_error *error);
void sc_analyse_risk(struct sc_analysis *analysis, struct sc_error *error);
void sc_analyse_corrected(struct sc_analysis *analysis, struct sc_error *error);
void sc_analyse_sampling(struct sc_analysis *analysis, struct sc_error *error);
void sc_analyse_forecast(struct sc_analysis *analysis, struct sc_error *error); /* after sampling */
void sc_analyse_wavering(struct sc_analysis *analysis, struct sc_error *error);
void sc_analyse_readers(struct sc_analysis *analysis, struct sc_error *error);
const char *sc_language_word(enum sc_language language); /* "English" ...; else "another" */
const char *sc_decider_name(enum sc_decider decider);    /* "rules" ... */
enum sc_decider sc_trace_decider(const struct sc_run_trace *trace);
/* Whether a detector's name is, or holds, that of one that reads words. */
bool sc_detector_reads_words(const char *detector);
void sc_analyse_asked(struct sc_analysis *analysis, struct sc_error *error);
/* The opening; all other figures are there. */
void sc_analyse_opening(struct sc_analysis *analysis, struct sc_error *error);
/* Its fourth sentence: obstacles.c. */
void sc_opening_put_trust(struct sc_text *out, const struct sc_analysis *analysis);

#endif
