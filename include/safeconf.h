/*
 * safeconf.h - the public interface of libsafeconf.
 *
 * safeconf samples many traces (independent sampled answers) of each prompt from a language model,
 * measures the model's confidence in every token and finds refusals.  docs/DEFINITIONS.md says what
 * each quantity means; docs/ARCHITECTURE.md says where each function lives.
 *
 * Conventions
 *   - Functions that can fail return an enum sc_status (0 done, negative failed) and fill the
 *     caller's struct sc_error, which may be NULL.  The library never prints and never exits.
 *   - Opaque objects are made by sc_X_open or sc_X_new and released by sc_X_close or sc_X_free,
 *     which accept NULL.
 *   - Strings are UTF-8 and end with NUL.  Sizes are in bytes unless the name says n_<things>.
 *   - Logarithms are natural; probabilities and confidences are those of the model's raw
 *     next-token distribution, before temperature, top-k, top-p and min-p.
 *   - An object may be used from one thread at a time; distinct objects are independent, except
 *     that an engine borrows the model that it was made from.
 */
#ifndef SAFECONF_H
#define SAFECONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SC_API __attribute__((visibility("default")))
#define SC_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define SC_API
#define SC_PRINTF(format_index, first)
#endif

#define SAFECONF_VERSION "0.2.0"

/* ---- errors -------------------------------------------------------------------------------- */

/* name, value, text */
#define SC_STATUS_MAP(X)                                                                           \
    X(OK, 0, "done")                                                                               \
    X(ERR_NOMEM, -1, "out of memory")                                                              \
    X(ERR_IO, -2, "input or output failed")                                                        \
    X(ERR_FORMAT, -3, "damaged or inconsistent data")                                              \
    X(ERR_UNSUPPORTED, -4, "not supported")                                                        \
    X(ERR_ARGUMENT, -5, "invalid argument")                                                        \
    X(ERR_LIMIT, -6, "a limit was exceeded")                                                       \
    X(ERR_NUMERIC, -7, "not a finite number")                                                      \
    X(ERR_CONFLICT, -8, "conflicts with what is there")                                            \
    X(ERR_INTERRUPTED, -9, "interrupted")                                                          \
    X(ERR_INTERNAL, -10, "internal error")

enum sc_status {
#define SC_STATUS_ENUM(name, value, text) SC_##name = value,
    SC_STATUS_MAP(SC_STATUS_ENUM)
#undef SC_STATUS_ENUM
};

/* Where and why something failed: "what: where: expected, found".  The first message wins. */
struct sc_error {
    enum sc_status status;
    char text[600];
};

/* "out of memory" and so on; never NULL. */
SC_API const char *sc_status_text(enum sc_status status);

/* ---- vocabulary of the experiment ------------------------------------------------------------ */

/* Arithmetic in which the network is computed. */
enum sc_dtype { SC_DTYPE_F32, SC_DTYPE_BF16, SC_DTYPE_F16, SC_DTYPE_INT8 };

enum sc_verdict { SC_REFUSAL, SC_PARTIAL, SC_COMPLIANCE, SC_EMPTY, SC_UNPARSED, SC_N_VERDICTS };
enum sc_harm { SC_HARMFUL, SC_HARMLESS, SC_CONTROVERSIAL, SC_UNJUDGED, SC_N_HARMS };
enum sc_label { SC_LABEL_SAFE, SC_LABEL_UNSAFE, SC_LABEL_UNKNOWN, SC_N_LABELS };
enum sc_finish { SC_FINISH_STOP, SC_FINISH_LENGTH, SC_FINISH_CUT, SC_FINISH_FAILED, SC_N_FINISHES };

/* How the next token is drawn.  The order of the filters is temperature, top-k, top-p, min-p. */
struct sc_sampling {
    double temperature; /* 0: greedy; the other fields are then ignored */
    double top_p;       /* (0, 1]; 1: off */
    double min_p;       /* [0, 1); 0: off */
    int32_t top_k;      /* >= 0; 0: off */
};

/* What is measured of each generated token.  Source: Fu et al., "Deep Think with Confidence", 2025,
 * for the confidence. */
struct sc_token_stats {
    float logprob;         /* log P(token), P raw */
    float sampled_logprob; /* the same under the distribution that it was drawn from */
    float confidence;      /* -(1/k) sum of log P over the k most likely tokens; >= ln k */
    float entropy;         /* -sum P log P over the vocabulary, nats */
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

SC_API const char *sc_dtype_name(enum sc_dtype dtype);       /* "f32" ... */
SC_API const char *sc_verdict_name(enum sc_verdict verdict); /* "refusal" ... */
SC_API const char *sc_harm_name(enum sc_harm harm);          /* "harmful" ... */
SC_API const char *sc_label_name(enum sc_label label);       /* "safe" ... */
SC_API const char *sc_finish_name(enum sc_finish finish);    /* "stop" ... */
SC_API const char *sc_metric_name(enum sc_metric metric);    /* "mean" ... */

/* The value whose name is `name`, or -1. */
SC_API int sc_dtype_parse(const char *name);
SC_API int sc_verdict_parse(const char *name);
SC_API int sc_harm_parse(const char *name);
SC_API int sc_label_parse(const char *name);
SC_API int sc_finish_parse(const char *name);
SC_API int sc_metric_parse(const char *name);

/* The metrics of a trace of n tokens from its per-token confidence [n] and logprob [n]; window is
 * in tokens.  n = 0 gives NaN in every metric.  metrics [SC_N_METRICS]. */
SC_API void sc_trace_metrics(const float *confidence, const float *logprob, size_t n, size_t window,
                             double *metrics);

/* ---- refusal detection ------------------------------------------------------------------------
 */

struct sc_detection {
    enum sc_verdict verdict;
    const char *rule;  /* identifier of the rule that decided; static */
    size_t begin, end; /* the bytes of the answer that decided; begin == end: none */
    bool clear;        /* nothing in the answer speaks for another verdict */
};

/* Reads an answer (without its reasoning segment) to a prompt (may be NULL) by rules alone. */
SC_API void sc_detect_refusal(const char *prompt, const char *answer, struct sc_detection *out);

/* ---- tokenizer ------------------------------------------------------------------------------- */

struct sc_tokenizer;

/* Reads tokenizer.json (and tokenizer_config.json if present) in the folder. */
SC_API enum sc_status sc_tokenizer_open(struct sc_tokenizer **out, const char *folder,
                                        struct sc_error *error);
SC_API void sc_tokenizer_close(struct sc_tokenizer *tokenizer);

/* Encodes n_bytes of UTF-8.  With special, special tokens written in the text become control
 * tokens; without, they are text.  *ids is allocated; release it with sc_release. */
SC_API enum sc_status sc_tokenizer_encode(const struct sc_tokenizer *tokenizer, const char *text,
                                          size_t n_bytes, bool special, int32_t **ids,
                                          size_t *n_ids, struct sc_error *error);

/* Decodes ids to valid UTF-8 (bytes that are none, and NUL, become U+FFFD); special tokens are left
 * out unless with_special.  *text is allocated; release it with sc_release. */
SC_API enum sc_status sc_tokenizer_decode(const struct sc_tokenizer *tokenizer, const int32_t *ids,
                                          size_t n_ids, bool with_special, char **text,
                                          struct sc_error *error);

/* Releases memory that the library handed out. */
SC_API void sc_release(void *memory);

/* ---- model and engine ------------------------------------------------------------------------ */

struct sc_model;  /* a checkpoint: configuration and memory-mapped weights; immutable */
struct sc_engine; /* a model made ready for one dtype and instruction set; immutable weights */

/* Opens a folder in Hugging Face layout; every tensor's name, dtype and shape is checked. */
SC_API enum sc_status sc_model_open(struct sc_model **out, const char *folder,
                                    struct sc_error *error);
SC_API void sc_model_close(struct sc_model *model);

struct sc_engine_options {
    int dtype;            /* an enum sc_dtype, or -1 for the model's own */
    int n_threads;        /* 0: one per available core */
    const char *kernels;  /* instruction set by name, NULL for the best that this machine has */
    int n_vocab;          /* tokens that exist (ids below it are in P); 0: all rows */
    int confidence_top_k; /* k of the confidence; 20 */
};

SC_API struct sc_engine_options sc_engine_options_default(void);

/* Packs the weights.  The model must outlive the engine. */
SC_API enum sc_status sc_engine_open(struct sc_engine **out, const struct sc_model *model,
                                     const struct sc_engine_options *options,
                                     struct sc_error *error);
SC_API void sc_engine_close(struct sc_engine *engine);

/* Scores a given text.  logprob[0] is NaN, logprob[i] = log P(ids[i] | ids[0..i-1]); confidence[i]
 * and entropy[i] describe the distribution after ids[i].  Each array has n places, filled by the
 * function; any may be NULL. */
SC_API enum sc_status sc_engine_score(struct sc_engine *engine, const int32_t *ids, size_t n,
                                      float *logprob, float *confidence, float *entropy,
                                      struct sc_error *error);

#ifdef __cplusplus
}
#endif
#endif
