/*
 * Answers that were sampled elsewhere, on their way from a file's rows to what is stored of them.
 * What the file does not say stays absent.  Private to this folder; docs/IMPORT.md has the shapes.
 *
 *   log.c          logs of inspect_ai, as rows (log.h)
 *   harness.c      whose samples lm-evaluation-harness wrote
 *   columns.c      which columns hold what, and their cells
 *   completions.c  one cell: text, lists, what servers answer
 *   logprobs.c     log-probabilities of tokens
 *   figures.c      what our own logs say of tokens beside those
 *   details.c      what else a row says of its answers
 *   requests.c     what was asked: messages, requests of a batch
 *   rows.c         a file's rows: answers, and the prompts that they belong to
 *   prompts.c      those prompts as a benchmark
 *   import.c       all of it, into a run's folder
 */
#ifndef SC_EXPERIMENT_IMPORT_ANSWERS_H
#define SC_EXPERIMENT_IMPORT_ANSWERS_H

#include <safeconf/experiment.h>

#include "base/json.h"

/* ---- answers --------------------------------------------------------------------------------- */

/* Log-probabilities of an answer's tokens, natural logarithms; zeros: none are given. */
struct sc_import_tokens {
    size_t n;
    float *logprobs;     /* [n] of the chosen tokens, or NULL: not given for all of them */
    size_t stride;       /* how many likeliest ones are kept of each token at most */
    size_t n_likeliest;  /* how many likeliest ones every token has; 0: none */
    float *likeliest;    /* [n * stride] descending; the first n_likeliest of each are known */
    uint32_t *text_ends; /* [n] as in struct sc_source_trace, or NULL */
    /* Of our own logs: [n] figures as they were measured, which of them, and the segments; NULL:
     * none, and the rest is 0. */
    struct sc_token_stats *given;
    unsigned figures;
    size_t n_reasoning, forced_begin, n_forced;
};

struct sc_import_answer {
    size_t prompt;      /* position among the prompts of struct sc_import_rows */
    size_t line, order; /* of the file; among all answers as they were read */
    size_t number;      /* of the trace as the file counts them, or SIZE_MAX */
    char *text;
    size_t answer_begin; /* bytes of text that are the reasoning */
    enum sc_finish finish;
    char *failure; /* why there is no answer, when finish is SC_FINISH_FAILED */
    bool n_tokens_known;
    size_t n_tokens;
    struct sc_import_tokens tokens;
    enum sc_harm harm;
    bool measured; /* the file gives the metrics of whole traces */
    double metrics[SC_N_METRICS];
    const json_t *given_logprobs; /* of the row that is being read; NULL: none */
};
void sc_import_answer_free(struct sc_import_answer *answer);

struct sc_import_answers {
    struct sc_import_answer *items; /* [n] */
    size_t n, cap;
};
/* Lets go of those from n on. */
void sc_import_answers_cut(struct sc_import_answers *answers, size_t n);

/* ---- one cell -------------------------------------------------------------------------------- */

/* Appends the answers of one value: a text, a list of them, or what OpenAI-compatible servers and
 * Anthropic's give (choices, message, content parts).  An error of the server is an answer that
 * failed.  SC_ERR_FORMAT: there is no answer in it, and nothing is appended. */
enum sc_status sc_import_completions(const json_t *value, struct sc_import_answers *out,
                                     struct sc_error *error);

/* Beside log-probabilities: the figures of an own log. */
#define SC_OWN_FIGURES "safeconf"

/* Reads log-probabilities: numbers of the chosen tokens; {"content": [{"token", "logprob", "bytes",
 * "top_logprobs": [...]}]}; {"tokens", "token_logprobs", "top_logprobs": [{token: number}]}.  A
 * missing one (null, or the -9999 of servers) makes the figure that rests on it absent for the
 * answer; one above 0 is SC_ERR_FORMAT.  text is the answer's, stride at least 1.  *out begins as
 * zeros and is so after a failure. */
enum sc_status sc_import_logprobs(const json_t *value, const char *text, size_t stride,
                                  struct sc_import_tokens *out, struct sc_error *error);
void sc_import_tokens_free(struct sc_import_tokens *tokens);
/* Reads what an own log says of the tokens, whose log-probabilities are there where the file has
 * them.  SC_ERR_FORMAT: it does not fit together. */
enum sc_status sc_import_figures(const json_t *value, struct sc_import_tokens *out,
                                 struct sc_error *error);
/* -(1/k) sum of the log-probabilities of the k likeliest tokens; k is at most n_likeliest. */
float sc_import_confidence(const struct sc_import_tokens *tokens, size_t token, size_t k);

/* The model that the results of lm-evaluation-harness beside its samples name; *model NULL: there
 * are none, or they do not say it.  sc_free it. */
enum sc_status sc_import_harness_model(const char *path, char **model, struct sc_error *error);

/* ---- requests -------------------------------------------------------------------------------- */

struct sc_import_request {
    char *id;
    char *prompt; /* text, or a list of messages as JSON */
    bool nested;  /* the latter */
    size_t line;
};
/* A file of requests to a batch API; zeros: none. */
struct sc_import_requests {
    struct sc_import_request *items; /* [n] by id */
    size_t n, cap;
};
/* On failure sc_import_requests_free releases what was made. */
enum sc_status sc_import_requests_read(const char *path, struct sc_import_requests *out,
                                       struct sc_error *error);
void sc_import_requests_free(struct sc_import_requests *requests);
/* NULL when there is none of that id. */
const struct sc_import_request *sc_import_request_find(const struct sc_import_requests *requests,
                                                       const char *id);

/* What was asked, as a cell of a table: a text as it is; of a conversation the text of its only
 * message, or the list of messages as JSON (*nested).  system NULL: none that stands apart.
 * SC_ERR_FORMAT: neither.  *out: sc_free it. */
enum sc_status sc_import_prompt_read(json_t *value, const char *system, char **out, bool *nested,
                                     struct sc_error *error);

#endif
