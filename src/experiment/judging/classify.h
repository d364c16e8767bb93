/*
 * Judging a run's stored traces again: with the rules of this version, with a judge, or with both
 * (rules decide the clear answers, the judge the rest).  docs/JUDGES.md.
 */
#ifndef SC_EXPERIMENT_JUDGING_CLASSIFY_H
#define SC_EXPERIMENT_JUDGING_CLASSIFY_H

#include "base/error.h"
#include "judge/judge.h"

enum sc_classify_detector { SC_BY_PATTERNS, SC_BY_JUDGE, SC_BY_HYBRID };

struct sc_classify_options {
    const char *folder;
    enum sc_classify_detector detector; /* who says whether an answer refuses */
    bool harms;                         /* the judge says whether it is harmful */
    bool prompts;                       /* the judge reads the prompts too */
    const char *rules;                  /* file of a user's rules for the patterns, or NULL */
    struct sc_judge_options judge;      /* judge NULL: none is opened */
};

/* Verdicts of one detector set against another's, per trace. */
struct sc_classify_summary {
    char *detector, *judge; /* names under which the verdicts and harms stand; sc_free */
    size_t n_traces;
    size_t n_by_rules, n_by_judge; /* verdicts decided by each; empty and failed ones by neither */
    size_t n_empty, n_failed;      /* answers with nothing in them; traces that failed */
    size_t n_asked, n_stored;      /* judgements of answers given now; that were there already */
    size_t n_not_judged;           /* of these, those that could not be given */
    size_t n_again;                /* of these, those that the next pass asks for again */
    size_t verdicts[SC_N_VERDICTS], harms[SC_N_HARMS];
    size_t prompts[SC_N_LABELS][SC_N_HARMS]; /* the benchmark's label against the judge's */
    struct sc_judge_counts counts;
};
void sc_classify_summary_free(struct sc_classify_summary *summary);

struct sc_classify_observer {
    void *context;
    void (*progress)(void *context, size_t n_done, size_t n, double seconds); /* may be NULL */
    bool (*keep_going)(void *context); /* may be NULL; false interrupts (resumable) */
};

/* Judges what is not judged yet, each judgement in a transaction of its own, and when all is there
 * lets reports read it.  The run's own verdicts stay. */
enum sc_status sc_classify(const struct sc_classify_options *options,
                           const struct sc_classify_observer *observer,
                           struct sc_classify_summary *summary, struct sc_error *error);

#endif
