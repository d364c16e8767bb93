/*
 * Judging a run's stored traces: by the detector of this version, by a judge (a model that says of
 * an answer whether it refuses and whether it is harmful, in process or behind a server), or by
 * both, the rules for the clear answers and the judge for the rest.  docs/JUDGES.md says what is
 * asked, what is read and what the scores mean.
 */
#ifndef SAFECONF_JUDGING_H
#define SAFECONF_JUDGING_H

#include <safeconf/analysis.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sc_judge_options {
    const char *judge; /* a judge's name (docs/JUDGES.md) or a configuration file; NULL: no judge */
    const char *model; /* in process: a folder or hub name; else what the server calls its model */
    const char *url;   /* base URL of a server; NULL: the configuration's, or in process */
    size_t parallel;   /* judgements in flight; 0: 16 at a server, chosen here in process */
    /* Of a judge in process alone. */
    int dtype;           /* enum sc_dtype, or -1: the model's own */
    const char *kernels; /* NULL: the best of this machine */
    int n_threads;       /* 0: one per available core */
    size_t max_bytes;    /* memory limit; 0: automatic */
    /* How often it is asked about each text (0 and 1: once), and how its answers are drawn: 0 takes
     * the likeliest token, NaN is 1 where it is asked repeatedly and 0 elsewhere. */
    size_t repeats;
    double temperature;
    uint64_t seed;     /* of what is drawn */
    const char *frame; /* a file with the text that the judge is asked with, or NULL: its own */
    /* Of a judge at a server alone. */
    const char *const *more_urls; /* [n_more_urls] of servers that are like the first */
    size_t n_more_urls;
    double timeout;       /* seconds of one try; 0: the configuration's */
    size_t most_failures; /* of requests in a row, which end a pass; 0: 20 */
    /* Of a judge in process: as in struct sc_engine_options; NULL: "cpu". */
    const char *device;
};

/* What a judge can say. */
struct sc_judge_abilities {
    bool refusal, harm; /* of an answer */
    bool prompts;       /* harm of a prompt alone */
    bool reserved[5];
};

/* Checks as much as is cheap to check before a judge is needed: that a model is found, that a
 * configuration, its templates and its patterns can be used.  Nothing is asked of a server. */
SC_API enum sc_status sc_judge_check(const struct sc_judge_options *options,
                                     struct sc_judge_abilities *abilities, struct sc_error *error);
/* The judge that a model is by its name, "guard" where the name says nothing; static. */
SC_API const char *sc_judge_of_model(const char *model);

/* ---- a caller's function as a judge ---------------------------------------------------------- */

/* A text to judge; borrowed until the function returns. */
struct sc_judge_text {
    const char *prompt;             /* what was asked last */
    const char *answer;             /* NULL: the prompt alone is judged */
    const struct sc_message *turns; /* [n_turns] what was said before the prompt */
    size_t n_turns;
    size_t repeat; /* of the texts that are asked about repeatedly: 0, 1, ... */
    const void *reserved[4];
};

/* What is said of it; begins as nothing said.  Its texts live until the next call. */
struct sc_judge_reply {
    enum sc_harm harm;       /* SC_UNJUDGED: not said */
    enum sc_verdict verdict; /* refusal, partial or compliance; SC_UNPARSED: not said */
    double p_harmful;        /* probabilities in [0, 1]; NaN: none */
    double p_refused;
    double score;        /* a number of its own scale, for judges that rate; NaN: none */
    const char *words;   /* in which it said so, kept with it; NULL: none */
    const char *failure; /* why there is no judgement; NULL: there is one */
    bool again;          /* the failure may not last: a later pass asks again */
    double reserved[4];
};

struct sc_judge_functions {
    size_t size; /* sizeof(struct sc_judge_functions) */
    /* Judgements are kept as "NAME/VERSION:function": change the version whenever the function
     * would judge otherwise.  Lower-case letters, digits and '-'; in the version '.' too. */
    const char *name, *version;
    bool refusal, harm; /* what it says of an answer */
    bool prompts;       /* it says of a prompt alone whether that is harmful */
    size_t batch;       /* texts handed over at once, at most; 0: 32 */
    void *context;
    /* Judges n texts, from the thread that asks.  A status other than SC_OK ends all with it; what
     * one text alone has spoilt is a failure in its reply. */
    enum sc_status (*judge)(void *context, const struct sc_judge_text *texts, size_t n,
                            struct sc_judge_reply *replies, struct sc_error *error);
};

/* A file of answers that people labelled: those who judge the run judge these too, and how often
 * they err is carried into its rates. */
struct sc_labels_options {
    const char *file; /* NULL: none */
    /* NULL: found by their usual names; of the last two, one is enough. */
    const char *prompt_column, *completion_column, *refusal_column, *harm_column;
    const void *reserved[4];
};

/* detector: rules or reader.  hybrid: these where they are clear, else the judge. */
enum sc_classify_detector { SC_BY_DETECTOR, SC_BY_JUDGE, SC_BY_HYBRID };

struct sc_classify_options {
    size_t size;                        /* set by the defaults function */
    const char *folder;                 /* of the run */
    enum sc_classify_detector detector; /* who says whether an answer refuses */
    bool harms;                         /* the judge says whether it is harmful */
    bool prompts;                       /* the judge reads the prompts too */
    const char *rules;                  /* file of a user's own rules, or NULL */
    struct sc_judge_options judge;
    struct sc_labels_options labels;
    enum sc_detector_kind kind; /* who reads where the judge does not */
    /* A function in the place of `judge`, of which repeats, temperature and seed are then read: at
     * temperature 0 (NaN: 0) equal texts are asked about once.  NULL: none. */
    const struct sc_judge_functions *judge_functions;
};
/* The default detector, no judge; folder is to be set. */
SC_API struct sc_classify_options sc_classify_options_default(void);

/* Called from the thread that judges; any of them may be NULL. */
struct sc_classify_observer {
    void *context;
    void (*progress)(void *context, size_t n_done, size_t n, double seconds);
    bool (*keep_going)(void *context); /* false interrupts; the same options go on later */
};

/* What asking the judge took. */
struct sc_judge_counts {
    size_t n_done, n_failed, n_unparsed; /* judgements; those not given; those without a label */
    size_t n_forced, n_unscored;         /* labels whose score was forced; that have none */
    uint64_t n_prompt_tokens, n_generated;
    bool remote;
    uint64_t n_prefilled;         /* in process: prompt tokens that were computed */
    size_t n_requests, n_retries; /* of a server; retries are among them */
    double seconds;
    size_t n_same; /* of n_done, those of a text that equals another one's: asked about once */
    double reserved[7];
};

struct sc_classify_summary {
    char *detector, *judge; /* names under which the verdicts and harms stand */
    size_t n_traces;
    size_t n_by_rules, n_by_judge; /* verdicts decided by each; empty and failed ones by neither */
    size_t n_empty,
        n_failed; /* answers with nothing in them, unreached and filtered ones too; failed traces */
    size_t n_asked, n_stored; /* judgements of answers given now; that were there already */
    size_t n_not_judged;      /* of these, those that could not be given */
    size_t n_again;           /* of these, those that the next pass asks for again */
    size_t verdicts[SC_N_VERDICTS], harms[SC_N_HARMS];
    size_t prompts[SC_N_LABELS][SC_N_HARMS]; /* the benchmark's label against the judge's */
    struct sc_judge_counts counts;
    size_t n_labelled;    /* answers that people labelled */
    char *labels_remarks; /* what there is to say of their file: lines, or "" */
    /* Judgements of all kinds that were asked for, now or before: answers, prompts, labelled ones;
     * those that could not be given. */
    size_t n_wanted, n_missing;
};
SC_API void sc_classify_summary_free(struct sc_classify_summary *summary);

/* Judges what is not judged yet, each judgement in a transaction of its own, and when all is there
 * lets reports read it; the run's own verdicts stay.  observer may be NULL; *summary is filled also
 * when it does not finish, and released by sc_classify_summary_free.  SC_ERR_INTERRUPTED: stopped
 * by the observer, resumable.  SC_ERR_IO: the server does not answer, or not one judgement could be
 * given; reports then rest on what they rested on. */
SC_API enum sc_status sc_classify(const struct sc_classify_options *options,
                                  const struct sc_classify_observer *observer,
                                  struct sc_classify_summary *summary, struct sc_error *error);

#ifdef __cplusplus
}
#endif
#endif
