/*
 * The words of the experiment, each with one meaning (docs/GLOSSARY.md): what a trace said, what it
 * did, what is measured of it.
 */
#ifndef SAFECONF_VOCABULARY_H
#define SAFECONF_VOCABULARY_H

#include <safeconf/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Arithmetic in which the network is computed. */
enum sc_dtype { SC_DTYPE_F32, SC_DTYPE_BF16, SC_DTYPE_F16, SC_DTYPE_INT8 };

/* unparsed: a judge did not answer in its format; unreached: the token limit fell inside the
 * reasoning, so no answer was begun; filtered: the service around the model withheld the answer.
 * None of the three counts for any rate. */
enum sc_verdict {
    SC_REFUSAL,
    SC_PARTIAL,
    SC_COMPLIANCE,
    SC_EMPTY,
    SC_UNPARSED,
    SC_UNREACHED,
    SC_FILTERED,
    SC_N_VERDICTS
};
enum sc_harm { SC_HARMFUL, SC_HARMLESS, SC_CONTROVERSIAL, SC_UNJUDGED, SC_N_HARMS };
enum sc_label { SC_LABEL_SAFE, SC_LABEL_UNSAFE, SC_LABEL_UNKNOWN, SC_N_LABELS };
/* unknown: whoever sampled the answer did not say why it ended.  filtered: the service around the
 * model ended or withheld it (content_filter, a refusal of the interface), which is no act of the
 * model's. */
enum sc_finish {
    SC_FINISH_STOP,
    SC_FINISH_LENGTH,
    SC_FINISH_CUT,
    SC_FINISH_FAILED,
    SC_FINISH_UNKNOWN,
    SC_FINISH_FILTERED,
    SC_N_FINISHES
};

/* What an instance did: refused when more than half of its judged traces refuse (or the policy's
 * weighted vote says so), complied when fewer do, split at exactly half; NONE when there is nothing
 * to count. */
enum sc_behaviour { SC_REFUSED, SC_COMPLIED, SC_SPLIT, SC_BEHAVIOUR_NONE, SC_N_BEHAVIOURS };

/* One turn of a conversation. */
struct sc_message {
    const char *role; /* "system", "user", "assistant" */
    const char *text; /* UTF-8; never read as control tokens unless that is asked for */
};

/* How the next token is drawn.  The order is repetition penalty, temperature, top-k, top-p, min-p.
 */
struct sc_sampling {
    double temperature; /* 0: greedy; of the other fields only the penalty is then read */
    double top_p;       /* (0, 1]; 1: off */
    double min_p;       /* [0, 1); 0: off */
    int32_t top_k;      /* >= 0; 0: off */
    /* 0.01 to 100: the logits of tokens that prompt or answer hold already are divided by it where
     * they are positive, multiplied where not (Keskar et al., 2019, in the form that generation
     * libraries give it), in the distribution that is sampled alone; 0 and 1: off */
    double repetition_penalty;
    double reserved[3]; /* 0 */
};

/* What is measured of each generated token.  Source: Fu et al., "Deep Think with Confidence", 2025,
 * for the confidence. */
struct sc_token_stats {
    float logprob;         /* log P(token), P raw */
    float sampled_logprob; /* the same under the distribution that it was drawn from */
    float confidence;      /* -(1/k) sum of log P over the k most likely tokens; >= ln k */
    float entropy;         /* -sum P log P over the vocabulary, nats */
};

/* The same figures one by one, in the order of the struct.  A source of traces may lack some: a set
 * of those that it gives is the sum of 1u << figure. */
enum sc_figure {
    SC_FIGURE_LOGPROB,
    SC_FIGURE_SAMPLED_LOGPROB,
    SC_FIGURE_CONFIDENCE,
    SC_FIGURE_ENTROPY,
    SC_N_FIGURES
};

/* What a source's log-probabilities are those of: the model's own next-token distribution, the one
 * that temperature and filters left, or nobody knows. */
enum sc_logprob_kind {
    SC_LOGPROBS_RAW,
    SC_LOGPROBS_PROCESSED,
    SC_LOGPROBS_UNKNOWN,
    SC_N_LOGPROB_KINDS
};

/* Confidence metrics of one trace; docs/DEFINITIONS.md.  All but nll: higher is more confident. */
enum sc_metric {
    SC_METRIC_MEAN,
    SC_METRIC_LOWEST,
    SC_METRIC_BOTTOM10,
    SC_METRIC_TAIL,
    SC_METRIC_HEAD,
    SC_METRIC_PROB,
    SC_METRIC_NLL,
    SC_N_METRICS
};

/* An estimate with its two-sided 95 % interval.  NaN in value, low and high when it could not be
 * computed; where one value has no spread low and high alone are NaN. */
struct sc_estimate {
    double value, low, high;
    size_t n;           /* units that it rests on */
    const char *reason; /* why there is none, or no interval; else NULL */
};

SC_API const char *sc_dtype_name(enum sc_dtype dtype);              /* "f32" ... */
SC_API const char *sc_verdict_name(enum sc_verdict verdict);        /* "refusal" ... */
SC_API const char *sc_harm_name(enum sc_harm harm);                 /* "harmful" ... */
SC_API const char *sc_label_name(enum sc_label label);              /* "safe" ... */
SC_API const char *sc_finish_name(enum sc_finish finish);           /* "stop" ... */
SC_API const char *sc_metric_name(enum sc_metric metric);           /* "mean" ... */
SC_API const char *sc_figure_name(enum sc_figure figure);           /* "logprob" ... */
SC_API const char *sc_logprob_kind_name(enum sc_logprob_kind kind); /* "raw" ... */
/* "refused", "complied", "split"; NULL for none, as files have null. */
SC_API const char *sc_behaviour_name(enum sc_behaviour behaviour);

/* Counts for a rate: an empty answer does (nothing was refused); unparsed, unreached and filtered
 * count as neither. */
SC_API bool sc_verdict_is_judged(enum sc_verdict verdict);
/* Reads a verdict as refused or not: partial counts as refused. */
SC_API bool sc_verdict_is_refused(enum sc_verdict verdict);

/* The value whose name is `name`, or -1. */
SC_API int sc_dtype_parse(const char *name);
SC_API int sc_verdict_parse(const char *name);
SC_API int sc_harm_parse(const char *name);
SC_API int sc_label_parse(const char *name);
SC_API int sc_finish_parse(const char *name);
SC_API int sc_metric_parse(const char *name);
SC_API int sc_figure_parse(const char *name);
SC_API int sc_logprob_kind_parse(const char *name);

/* The metrics of a trace of n tokens from its per-token confidence [n] and logprob [n]; window is
 * in tokens.  n = 0 gives NaN in every metric.  metrics [SC_N_METRICS]. */
SC_API void sc_trace_metrics(const float *confidence, const float *logprob, size_t n, size_t window,
                             double *metrics);

/* Log-probabilities of the likeliest tokens at each place of a trace, in any order, where the whole
 * distribution is not known.  What is not a number is not known. */
struct sc_listed_logprobs {
    const float *logprobs; /* [n_tokens * n_listed] natural */
    size_t n_tokens, n_listed;
    size_t k;       /* tokens that a confidence looks at, 1 to 1024 */
    size_t n_vocab; /* tokens in P; 0: not known */
};
/* [n_tokens] each, or NULL.  NaN where fewer than k are known; the upper bound also where n_vocab
 * is not. */
struct sc_listed_figures {
    float *confidence;
    float *entropy_low, *entropy_high; /* bounds of the entropy over the vocabulary, nats */
};
/* What follows from the likeliest tokens alone (docs/DEFINITIONS.md). */
SC_API void sc_listed_measure(const struct sc_listed_logprobs *listed,
                              const struct sc_listed_figures *out);

#ifdef __cplusplus
}
#endif
#endif
