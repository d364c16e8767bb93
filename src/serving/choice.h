/*
 * One answer while it is sampled: its tokens, its text byte by byte, where it is cut by a stop, and
 * what of it may be shown already.
 *
 * What is shown never has to be taken back: a token waits until its text ends with a whole
 * character and cannot be the beginning of a stop.  A whole answer and a streamed one are the same
 * pieces, once all of them and once one after another.
 */
#ifndef SC_SERVING_CHOICE_H
#define SC_SERVING_CHOICE_H

#include "base/text.h"
#include "engine/inference.h"
#include "model/chat/chat.h"
#include "serving/request.h"

/* To what a token belongs.  A mark, which opens or closes a reasoning, is in the list of tokens and
 * in no text. */
enum sc_serving_part { SC_SERVING_ANSWER, SC_SERVING_REASONING, SC_SERVING_MARK };

struct sc_serving_token {
    int32_t id;
    struct sc_token_stats stats;
    uint32_t end;  /* bytes of the text up to its end */
    bool is_whole; /* the text up to there ends with a whole character */
    enum sc_serving_part part;
};

/* What all answers of a request have in common. */
struct sc_serving_rules {
    const struct sc_tokenizer *tokenizer;
    const struct sc_serving_request *request;
    size_t n_top;
    int32_t opens, closes; /* marks of a reasoning; -1: none */
};

/* What a token adds to a text: nothing where it is special and these are not shown. */
const char *sc_serving_token_text(const struct sc_serving_rules *rules, int32_t id, size_t *n);

struct sc_serving_job;
struct sc_serving_choice {
    struct sc_serving_job *job;      /* whose it is */
    struct sc_serving_token *tokens; /* [n] */
    int32_t *top_ids;                /* [n][n_top] */
    float *top_logprobs;             /* [n][n_top] */
    size_t n, cap, cap_top_ids, cap_top_logprobs;
    struct sc_text bytes; /* what they say */
    enum sc_reasoning_state reasoning;
    enum sc_finish finish;
    bool has_ended;
    int stop;          /* which of the request's stops ended it; -1: none */
    size_t n_shown;    /* tokens that are part of the answer; all but those behind a stop */
    size_t n_bytes;    /* of the text */
    char failure[160]; /* finish is SC_FINISH_FAILED: why */
};

/* Takes the token after those that it has, of a trace that has more.  The choice has not ended; it
 * has where the token completes a stop, or memory ran out. */
void sc_serving_choice_add(struct sc_serving_choice *choice, const struct sc_serving_rules *rules,
                           const struct sc_trace_result *trace);
/* The end of the trace; failure NULL but for SC_FINISH_FAILED. */
void sc_serving_choice_end(struct sc_serving_choice *choice, enum sc_finish finish,
                           const char *failure);
/* How many of the tokens may be shown. */
size_t sc_serving_choice_ready(const struct sc_serving_choice *choice,
                               const struct sc_serving_rules *rules);
/* Appends what tokens [begin, end) say in that part, as valid UTF-8. */
void sc_serving_choice_say(const struct sc_serving_choice *choice, enum sc_serving_part part,
                           size_t begin, size_t end, struct sc_text *out);
/* "stop", "length" or "error". */
const char *sc_serving_choice_reason(const struct sc_serving_choice *choice);
void sc_serving_choice_free(struct sc_serving_choice *choice);

#endif
