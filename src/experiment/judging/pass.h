/*
 * A pass over stored traces under way: what the files of this folder share.  derive.c says what
 * follows from a judgement, keep.c keeps it, asking.c asks the judge, classify.c has them all do
 * it.
 */
#ifndef SC_EXPERIMENT_JUDGING_PASS_H
#define SC_EXPERIMENT_JUDGING_PASS_H

#include <safeconf/judging.h>

#include "base/error.h"
#include "benchmark/labelled.h"
#include "detection/detection.h"
#include "detection/user_rules.h"
#include "experiment/store/judgements.h"
#include "experiment/store/labels.h"
#include "judge/judge.h"

/* What is needed of a stored trace, or of a labelled answer. */
struct sc_pass_answer {
    size_t position; /* of the instance; the row of a labelled one */
    uint32_t index;
    char *text; /* the answer, after its prefill */
    bool failed;
    struct sc_detection found; /* by the detector */
    bool asks, answered;       /* the judge is needed; its judgement is there */
};

/* Replies to one text that are there, until they are one judgement. */
struct sc_pass_replies {
    struct sc_pass_reply {
        struct sc_judgement judgement;
        char *texts[3]; /* its own */
        bool there;
    } * given; /* [repeats.asked]; NULL: none yet */
    size_t n;
};

/* A subject is what is judged: an answer, then the prompts, then the labelled answers. */
struct sc_pass {
    const struct sc_classify_options *options;
    const struct sc_classify_observer *observer;
    struct sc_classify_summary *summary;
    struct sc_store *store; /* NULL: labelled answers alone, and nothing is kept */
    struct sc_judge *judge;
    struct sc_judge_repeats repeats; /* of the judge */
    struct sc_open_detector detector;
    struct sc_instance *instances;
    size_t n_instances;
    struct sc_pass_answer *answers;
    size_t n_answers, cap_answers;
    bool *prompt_answered; /* [n_instances] */
    struct sc_labelled labelled;
    struct sc_pass_answer *labelled_answers; /* [labelled.n] their texts are those of labelled */
    struct sc_label_reading *readings;       /* [labelled.n] */
    struct sc_judge_item *items;             /* what the judge is asked */
    size_t *subjects;                        /* [n_items] */
    uint32_t *repeat_of;                     /* [n_items] */
    size_t n_items;
    struct sc_pass_replies *replies; /* [subjects] */
    double reported, settling; /* when, and how long the wait for the disk took (progress.h) */
    struct sc_error unsettled; /* why there was no progress to report */
    char failure[300];         /* of the last judgement that could not be given */
};

size_t sc_pass_n_subjects(const struct sc_pass *pass);

/* ---- derive.c -------------------------------------------------------------------------------- */

bool sc_pass_decided_by_rules(const struct sc_pass *pass, const struct sc_pass_answer *answer);
/* There is nothing to read, whoever reads: the verdict is that of the rules. */
bool sc_pass_is_blank(const struct sc_pass_answer *answer);
/* Whether the judge must speak about this answer. */
bool sc_pass_needs_judge(const struct sc_pass *pass, const struct sc_pass_answer *answer);
enum { SC_PASS_RULE_SIZE = 240 };
/* Verdict and rule; rule [SC_PASS_RULE_SIZE] holds the name of a rule where the judge decided. */
void sc_pass_verdict(const struct sc_pass *pass, const struct sc_pass_answer *answer,
                     const struct sc_judgement *judgement, char *rule,
                     struct sc_store_opinion *out);
enum sc_harm sc_pass_harm(const struct sc_pass *pass, const struct sc_pass_answer *answer,
                          const struct sc_judgement *judgement);

/* ---- keep.c ---------------------------------------------------------------------------------- */

/* Keeps and counts what follows for one answer.  judgement NULL: none was needed; it is new when
 * `is_new`. */
enum sc_status sc_pass_keep(struct sc_pass *pass, const struct sc_pass_answer *answer,
                            const struct sc_judgement *judgement, bool is_new,
                            struct sc_error *error);
/* The same of any subject about which the judge was asked. */
enum sc_status sc_pass_deliver(struct sc_pass *pass, size_t subject,
                               const struct sc_judgement *judgement, bool is_new,
                               struct sc_error *error);
/* What follows for a labelled answer. */
void sc_pass_label(struct sc_pass *pass, size_t row, const struct sc_judgement *judgement);

/* ---- asking.c -------------------------------------------------------------------------------- */

/* Takes up what is there of judgements and replies, and asks for the rest. */
enum sc_status sc_pass_ask(struct sc_pass *pass, struct sc_error *error);
void sc_pass_free_replies(struct sc_pass *pass);

#endif
