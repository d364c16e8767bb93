/*
 * A run in memory, as loaded from run.db: what analysis and reports read.
 */
#ifndef SC_EXPERIMENT_STORE_RUN_DATA_H
#define SC_EXPERIMENT_STORE_RUN_DATA_H

#include <safeconf/analysis.h>
#include <safeconf/source.h>

#include "base/error.h"
#include "decision/decision.h"
#include "detection/detection.h"
#include "vocabulary/conversation.h"

/* What the reader found in an answer (struct sc_detection). */
struct sc_weighed {
    bool there; /* it was asked */
    double p_refusal;
    struct sc_piece pieces[SC_MOST_PIECES]; /* bytes of the answer */
    size_t n_pieces;
};

struct sc_run_trace {
    uint32_t index;
    char *text;          /* whole decoded text without special tokens, valid UTF-8 */
    char *answer;        /* the part after the reasoning segment (the text when there is none) */
    bool n_tokens_known; /* false: the source gave text alone; the two are 0 */
    size_t n_tokens, n_reasoning; /* tokens; the reasoning segment's */
    unsigned figures;             /* set of 1u << enum sc_figure: what of stats is known */
    /* [n_tokens] or NULL: not given by the source, or not loaded. */
    int32_t *ids;
    struct sc_token_stats *stats; /* NaN where a figure is not known */
    uint32_t *text_ends;          /* bytes of `text` that the tokens up to this one complete */
    enum sc_finish finish;
    char *failure;                                                        /* NULL unless failed */
    double metrics[SC_N_METRICS];                                         /* over all tokens */
    double reasoning_metrics[SC_N_METRICS], answer_metrics[SC_N_METRICS]; /* NaN: no such segment */
    enum sc_verdict verdict;
    char *detector, *rule; /* who decided and by what */
    size_t begin, end;     /* bytes of `answer` that decided */
    enum sc_harm harm;
    struct sc_weighed weighed; /* what the reader found, where it was asked for the verdict */
    /* Tokens [forced_begin, forced_begin + n_forced) were put in, not sampled; n_forced 0: none. */
    size_t forced_begin, n_forced;
    /* [n_turns]: the answers before this one, where the user's turns were asked one after another;
     * without verdict and harm. */
    struct sc_run_trace *turns;
    size_t n_turns, cap_turns;
    /* What the source says besides, as in struct sc_source_trace; NULL and 0: it did not. */
    char *finish_given, *reasoning;
    size_t n_prompt_tokens, n_generated;
    float *entropy_low, *entropy_high; /* [n_tokens] NaN: not known */
    size_t n_earlier; /* tokens that were sampled in the turns before; of a loaded run */
};

/* Of the first n tokens of a trace, those that were sampled and not put in; and the same of one of
 * which these two figures are known. */
size_t sc_run_trace_sampled_of(const struct sc_run_trace *trace, size_t n);
size_t sc_sampled_of(size_t n, size_t forced_begin, size_t n_forced);
/* Tokens that the trace cost: sampled ones, those of earlier turns included. */
size_t sc_run_trace_cost(const struct sc_run_trace *trace);

/* Of a trace whose answer is empty: whether its token limit, or a cut, fell before the answer could
 * begin, within the reasoning or right after it.  Its verdict is then unreached, not empty. */
bool sc_run_trace_is_unreached(const struct sc_run_trace *trace);

/* Of a trace whose finish is filtered and whose answer is empty: the service around the model
 * withheld it.  Its verdict is then filtered, not empty; it counts in no rate and has no vote. */
#define SC_FILTERED_RULE "filtered"

/* Releases what a trace owns (not the struct). */
void sc_run_trace_free(struct sc_run_trace *trace);

/* What one policy made of one instance. */
struct sc_run_decision {
    size_t n_traces; /* the first n_traces traces are the policy's */
    char *stop_reason;
    double bar;
    /* [n_cuts], by index: the beginnings of traces that the policy cut and that are stored whole
     * for other policies of the run; without ids and stats, which are the first of the whole
     * trace's.  Empty where the policy ran alone: its cut traces are stored as they were cut. */
    struct sc_run_trace *cuts;
    size_t n_cuts;
};

struct sc_run_instance {
    char *id, *prompt, *category, *extra;
    struct sc_conversation conversation; /* all that was sent; n 0: the prompt alone */
    char *prefill;                       /* what the answers begin with, or NULL */
    size_t line;                         /* of the benchmark's file; 0: not known */
    enum sc_label label;
    struct sc_run_trace *traces; /* in order of index, without gaps from 0 */
    size_t n_traces;
    struct sc_run_decision *decisions; /* [run.n_policies]; n_traces 0 when not decided yet */
};

/* Everything that one detector or judge said of the run, under its name and version. */
struct sc_run_opinion {
    char *name;
    size_t n_verdicts, n_harms, n_prompts, n_scores; /* how many there are of each */
    /* [run.n_opinion_traces], for trace t of instance i at run.first_trace[i] + t; the N value of
     * the enum and NaN where it has said nothing. */
    unsigned char *verdicts;                       /* enum sc_verdict */
    unsigned char *harms;                          /* enum sc_harm */
    float *p_unsafe, *p_controversial, *p_refused; /* a guard's shares of its labels' mass */
    float *scores;                                 /* of a judge that answers with numbers */
    size_t n_rubric_scores;                        /* how many of these there are */
    unsigned char *prompt_harms; /* [run.n_instances] enum sc_harm: of the prompt itself */
    /* Of a judge that was asked repeatedly; n 0: it was not. */
    struct sc_run_repeats {
        size_t n;
        double temperature;
        bool deterministic; /* all would be the same, so it was asked once */
        bool same_words;    /* no two answers to the same text differ in a word */
        bool remote;        /* behind a server */
        /* [run.n_opinion_traces * n] the N value of the enum: none. */
        unsigned char *harms, *verdicts; /* enum sc_harm, enum sc_verdict */
    } repeats;
};

/* Answers that people labelled, and what one reader of the run says of them. */
struct sc_run_label {
    size_t first;              /* rows with the same prompt have the same number */
    unsigned char label, said; /* enum sc_verdict, or enum sc_harm; a label is no unjudged one */
    double score;              /* the reader's probability of yes; NaN: none */
};
struct sc_run_labels {
    char *title, *content; /* the file's name and the key of what is in it; NULL: not measured */
    struct sc_run_label *rows; /* [n] */
    size_t n;
};
enum { SC_LABELS_OF_REFUSAL, SC_LABELS_OF_HARM, SC_N_LABELS_OF };

/* Where the run's traces came from. */
struct sc_run_source {
    char *kind, *name; /* NULL: the model in this process */
    char *software;    /* what sampled, as it says of itself; NULL: not known */
    char *revision;    /* of the model, as a hub names it; NULL: not known */
    enum sc_logprob_kind logprobs;
    size_t top_k; /* log-probabilities at each token; 0: none */
    enum sc_reproducible reproducible;
};

/* Which part of a run a folder holds (--shard); zeros: all of it. */
struct sc_run_shard {
    size_t of;          /* parts of the whole run */
    size_t *parts;      /* [n_parts] ascending, from 1 */
    size_t n_parts;     /* more than one after some shards were merged without the others */
    size_t n_instances; /* of these parts */
    char instances[17]; /* their key (sc_instances_hash) */
    size_t n_all;       /* instances of the whole run; of a loaded run */
};

struct sc_run {
    char *config_json; /* the whole configuration, canonical text */
    struct sc_run_shard shard;
    char *model_name;
    bool demo; /* the bundled demonstration model */
    char *benchmark_name;
    bool multi_turn;   /* the user's turns of a conversation were asked one after another */
    size_t n_bad_rows; /* of the benchmark's file, which could not be read */
    bool judged_again; /* detector and judge are those of a later pass, not of the configuration */
    /* All detectors and judges, by name, when there was a later pass; else none. */
    struct sc_run_opinion *opinions; /* [n_opinions] */
    size_t n_opinions, n_opinion_traces;
    size_t *first_trace;                         /* [n_instances] */
    struct sc_run_labels labels[SC_N_LABELS_OF]; /* of the detector, of the judge */
    char *detector;  /* with its version, "patterns/1": whose verdicts the traces carry */
    char *judge;     /* "none" or a name; with "none" prompt labels stand in and tables say proxy */
    bool demo_judge; /* one of the two is, or rests on, the bundled demonstration guard */
    enum sc_metric metric;      /* default metric of the run */
    double confident_quantile;  /* NaN when an absolute threshold is used */
    double confident_threshold; /* NaN when the quantile is used */
    size_t confidence_top_k, window;
    struct sc_run_source source;
    uint64_t seed;
    struct sc_policy *policies;
    char **policy_names;
    size_t n_policies;
    size_t primary;                    /* index of the policy that predictions.jsonl shows */
    struct sc_run_instance *instances; /* benchmark order */
    size_t n_instances;
};

/* Loads run.db of a run folder (read-only).  With tokens false, ids, stats and
 * text_ends are left NULL. */
enum sc_status sc_run_load(const char *folder, bool tokens, struct sc_run *out,
                           struct sc_error *error);
void sc_run_free(struct sc_run *run);

/* The two halves of sc_run_load and sc_run_free that concern later passes. */
struct sc_store;
enum sc_status sc_run_load_opinions(struct sc_store *store, struct sc_run *run,
                                    struct sc_error *error);
void sc_run_free_opinions(struct sc_run *run);

/* Trace t of the instance as the policy saw it: cut where it cut it (finish SC_FINISH_CUT), else as
 * stored.  t is below the decision's n_traces. */
const struct sc_run_trace *sc_run_trace_seen(const struct sc_run_instance *instance, size_t policy,
                                             size_t t);
/* What the policy says of the instance (decision.h): the majority of the traces that it used, under
 * deepconf its weighted vote; SC_BEHAVIOUR_NONE where it has not decided. */
enum sc_status sc_run_vote(const struct sc_run *run, const struct sc_run_instance *instance,
                           size_t policy, enum sc_behaviour *out, struct sc_error *error);

#endif
