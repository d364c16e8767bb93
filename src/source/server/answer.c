/* See answer.h.  Where the text of each token ends: align.c. */
#include "source/server/answer.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "model/tokenizer/tokenizer.h"
#include "source/server/align.h"
#include "source/text_ends.h"
#include "vocabulary/ending.h"
#include "vocabulary/likeliest.h"
#include "vocabulary/reasoning.h"

/* A chosen token cannot be likelier than the likeliest by more than rounding. */
static const double rounding = 1e-3;

enum { MOST_LIKELIEST = 1024 };

/* ---- figures --------------------------------------------------------------------------------- */

static enum sc_status make_place(struct sc_server_trace *trace, size_t n, struct sc_error *error)
{
    if (n <= trace->cap)
        return SC_OK;
    size_t cap = n < 64 ? 64 : sc_size_mul(n, 2);
    struct {
        void **array;
        size_t size;
    } const arrays[] = {{(void **)&trace->stats, sizeof *trace->stats},
                        {(void **)&trace->entropy_low, sizeof *trace->entropy_low},
                        {(void **)&trace->entropy_high, sizeof *trace->entropy_high}};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        void *longer = sc_resize(*arrays[i].array, cap, arrays[i].size);
        if (longer == NULL)
            return sc_fail_nomem(error, "figures of a trace");
        *arrays[i].array = longer;
    }
    trace->cap = cap;
    return SC_OK;
}

static void measure_token(const struct sc_server_rules *rules, const struct sc_choice *choice,
                          struct sc_server_trace *trace, size_t t)
{
    const struct sc_listed_token *token = &choice->tokens[t];
    float likeliest[MOST_LIKELIEST];
    size_t n = 0, k = rules->k < MOST_LIKELIEST ? rules->k : MOST_LIKELIEST;
    for (size_t i = 0; k > 0 && i < token->n_candidates; i++)
        n = sc_likeliest_put(likeliest, n, k, (float)choice->candidates[token->first + i].logprob);
    float logprob = (float)token->logprob;
    /* Some servers write a 0 where they know no number. */
    if (n > 0 && token->logprob > (double)likeliest[0] + rounding)
        logprob = NAN;
    bool processed = rules->logprobs == SC_LOGPROBS_PROCESSED;
    bool has_confidence = k > 0 && n == k;
    trace->stats[t] = (struct sc_token_stats){
        .logprob = processed ? NAN : logprob,
        .sampled_logprob = processed || rules->undistorted ? logprob : NAN,
        .confidence = has_confidence ? sc_likeliest_confidence(likeliest, k) : NAN,
        .entropy = NAN};
    struct sc_entropy_bounds bounds = {NAN, NAN};
    if (has_confidence && rules->logprobs == SC_LOGPROBS_RAW)
        bounds =
            sc_likeliest_entropy(likeliest, k, rules->framing != NULL ? rules->framing->n_rows : 0);
    trace->entropy_low[t] = bounds.low;
    trace->entropy_high[t] = bounds.high;
    trace->no_logprob = trace->no_logprob || isnan(logprob);
    trace->no_confidence = trace->no_confidence || !has_confidence;
}

enum sc_status sc_server_trace_measure(const struct sc_server_rules *rules,
                                       const struct sc_choice *choice,
                                       struct sc_server_trace *trace, struct sc_error *error)
{
    SC_TRY(make_place(trace, choice->n_tokens, error));
    for (; trace->n < choice->n_tokens; trace->n++)
        measure_token(rules, choice, trace, trace->n);
    return SC_OK;
}

unsigned sc_server_trace_figures(const struct sc_server_rules *rules,
                                 const struct sc_server_trace *trace)
{
    unsigned figures = 0;
    if (trace->n == 0)
        return 0;
    bool processed = rules->logprobs == SC_LOGPROBS_PROCESSED;
    if (!trace->no_logprob && !processed)
        figures |= 1u << SC_FIGURE_LOGPROB;
    if (!trace->no_logprob && (processed || rules->undistorted))
        figures |= 1u << SC_FIGURE_SAMPLED_LOGPROB;
    if (!trace->no_confidence)
        figures |= 1u << SC_FIGURE_CONFIDENCE;
    return figures;
}

/* ---- ids ------------------------------------------------------------------------------------- */

/* The ids of the tokens, or none: those that the server names, or those of the listed texts. */
static enum sc_status find_ids(const struct sc_server_rules *rules, const struct sc_choice *choice,
                               size_t n, struct sc_server_trace *trace, struct sc_error *error)
{
    const struct sc_server_framing *framing = rules->framing;
    if (framing == NULL || n == 0 || !rules->wants_ids)
        return SC_OK;
    trace->ids = sc_alloc_array(n, sizeof *trace->ids);
    if (trace->ids == NULL)
        return sc_fail_nomem(error, "ids of a trace");
    bool beside = choice->n_ids == choice->n_tokens;
    for (size_t t = 0; t < n; t++) {
        const struct sc_listed_token *token = &choice->tokens[t];
        trace->ids[t] = beside ? choice->ids[t] : token->id;
        const char *text =
            token->n > 0 ? choice->bytes.data + token->begin : ""; /* no data: NULL */
        if (!beside && token->id < 0)
            SC_TRY(sc_server_framing_id(framing, text, token->n, &trace->ids[t], error));
        if (trace->ids[t] < 0 || (size_t)trace->ids[t] >= framing->n_tokens) {
            sc_free(trace->ids);
            trace->ids = NULL;
            return SC_OK;
        }
    }
    return SC_OK;
}

static enum sc_status decode(void *context, const int32_t *ids, size_t n, char **text,
                             struct sc_error *error)
{
    const struct sc_server_framing *framing = context;
    return sc_tokenizer_decode(framing->tokenizer, ids, n, false, text, error);
}

/* Where the tokens' texts end by their ids, where the ids say the very text. */
static enum sc_status find_ends_by_ids(const struct sc_server_rules *rules, const char *text,
                                       size_t n, struct sc_server_trace *trace,
                                       struct sc_error *error)
{
    /* The framing is only read. */
    struct sc_server_framing framing = *rules->framing;
    const struct sc_decoder decoder = {&framing, decode};
    char *said = NULL;
    SC_TRY(decode(&framing, trace->ids, n, &said, error));
    bool same = strcmp(said, text) == 0;
    sc_free(said);
    if (!same)
        return SC_OK;
    trace->ends = sc_alloc_array(n, sizeof *trace->ends);
    if (trace->ends == NULL)
        return sc_fail_nomem(error, "ends of a trace's tokens");
    return sc_token_text_ends(&decoder, trace->ids, n, text, trace->ends, error);
}

/* ---- words ----------------------------------------------------------------------------------- */

static const char *text_of(const struct sc_text *text)
{
    return text->data != NULL ? text->data : "";
}

/* Ends of tokens, and with a reasoning said apart how many tokens it has. */
static enum sc_status find_ends(const struct sc_server_rules *rules, struct sc_choice *choice,
                                size_t n, struct sc_server_trace *trace, size_t *n_reasoning,
                                struct sc_error *error)
{
    const struct sc_align align = {.bytes = text_of(&choice->bytes),
                                   .tokens = choice->tokens,
                                   .n = n,
                                   .text = text_of(&choice->text),
                                   .n_text = choice->text.len,
                                   .reasoning = text_of(&choice->reasoning)};
    *n_reasoning = 0;
    if (n == 0)
        return SC_OK;
    if (choice->reasoning.len > 0)
        return sc_align_behind_reasoning(&align, &trace->ends, n_reasoning, error);
    SC_TRY(sc_align_text(&align, &trace->ends, error));
    if (trace->ends == NULL && trace->ids != NULL)
        SC_TRY(find_ends_by_ids(rules, align.text, n, trace, error));
    return SC_OK;
}

/* Bytes of the reasoning at the beginning of a text.  One that was prompted to think and did not
 * come to its end is all reasoning, one that ended without a mark answered at once. */
static size_t reasoning_of(const struct sc_server_rules *rules, enum sc_reasoning_state state,
                           const char *text, bool ended)
{
    const char *begin = text + strspn(text, " \t\r\n");
    bool opened = strncmp(begin, SC_REASONING_OPENS, strlen(SC_REASONING_OPENS)) == 0;
    bool begun = state == SC_REASONING_BEGUN;
    bool thinking = begun || (state == SC_REASONING_AHEAD && rules->thinking);
    if (!opened && !thinking)
        return 0;
    if (opened || sc_reasoning_is_closed(text))
        return sc_reasoning_length(text);
    return ended && !begun ? 0 : strlen(text);
}

/* Splits a text that holds its reasoning. */
static enum sc_status split(const struct sc_server_rules *rules, enum sc_reasoning_state state,
                            struct sc_server_trace *trace, struct sc_source_trace *out,
                            struct sc_error *error)
{
    bool ended = out->finish == SC_FINISH_STOP;
    size_t n_bytes = reasoning_of(rules, state, out->text, ended);
    if (n_bytes == 0)
        return SC_OK;
    trace->answer = sc_strdup(out->text + n_bytes);
    if (trace->answer == NULL)
        return sc_fail_nomem(error, "answer of a trace");
    out->answer = trace->answer;
    if (*trace->answer == '\0') {
        out->n_reasoning = out->n_tokens;
    } else if (trace->ends != NULL) {
        while (out->n_reasoning < out->n_tokens && trace->ends[out->n_reasoning] < n_bytes)
            out->n_reasoning++;
        /* The token that completes it belongs to it, where it ends with it. */
        if (out->n_reasoning < out->n_tokens && trace->ends[out->n_reasoning] == n_bytes)
            out->n_reasoning++;
    }
    return SC_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* A trace that was cut keeps the tokens up to the cut and, where it is known, the text of those. */
static size_t cut_off(struct sc_choice *choice, struct sc_server_trace *trace)
{
    if (trace->n_cut == 0 || trace->n_cut >= trace->n || trace->ends == NULL)
        return trace->n;
    size_t end = trace->ends[trace->n_cut - 1];
    if (choice->text.data != NULL) {
        choice->text.data[end] = '\0';
        choice->text.len = end;
    }
    return trace->n_cut;
}

static enum sc_status find_words(const struct sc_server_rules *rules, struct sc_choice *choice,
                                 enum sc_reasoning_state state, struct sc_server_trace *trace,
                                 struct sc_source_trace *out, struct sc_error *error)
{
    size_t n_reasoning = 0;
    SC_TRY(find_ids(rules, choice, trace->n, trace, error));
    SC_TRY(find_ends(rules, choice, trace->n, trace, &n_reasoning, error));
    size_t n = cut_off(choice, trace);
    out->text = text_of(&choice->text);
    if (trace->n > 0) {
        out->n_tokens_known = true;
        out->n_tokens = n;
    }
    out->n_reasoning = n_reasoning < n ? n_reasoning : n;
    if (choice->reasoning.len == 0)
        return split(rules, state, trace, out, error);
    out->reasoning = text_of(&choice->reasoning);
    if (choice->text.len == 0)
        out->n_reasoning = out->n_tokens;
    return SC_OK;
}

static bool has_bounds(const float *bounds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(bounds[i]))
            return false;
    return n > 0;
}

enum sc_status sc_server_trace_finish(const struct sc_server_rules *rules, struct sc_choice *choice,
                                      enum sc_reasoning_state state, size_t n_generated,
                                      struct sc_server_trace *trace, struct sc_source_trace *out,
                                      struct sc_error *error)
{
    if (choice->strange) /* none of its tokens can be trusted to be where it stands */
        choice->n_tokens = trace->n = 0;
    SC_TRY(sc_server_trace_measure(rules, choice, trace, error));
    *out = (struct sc_source_trace){
        .finish = trace->n_cut > 0            ? SC_FINISH_CUT
                  : choice->refused           ? SC_FINISH_FILTERED
                  : choice->finish[0] != '\0' ? sc_finish_of_word(choice->finish)
                                              : SC_FINISH_UNKNOWN,
        .n_tokens_known = n_generated > 0,
        .n_tokens = n_generated,
        .n_generated = n_generated,
        .finish_reason = choice->finish[0] != '\0' ? choice->finish : NULL};
    SC_TRY(find_words(rules, choice, state, trace, out, error));
    if (rules->remote != NULL) {
        sc_remote_mask(rules->remote, choice->text.data, choice->text.len);
        sc_remote_mask(rules->remote, choice->reasoning.data, choice->reasoning.len);
        sc_remote_mask(rules->remote, choice->finish, strlen(choice->finish));
        if (trace->answer != NULL)
            sc_remote_mask(rules->remote, trace->answer, strlen(trace->answer));
    }
    if (trace->n == 0)
        return SC_OK;
    out->figures = sc_server_trace_figures(rules, trace);
    out->stats = trace->stats;
    out->text_ends = trace->ends;
    out->ids = trace->ids;
    if (has_bounds(trace->entropy_low, out->n_tokens))
        out->entropy_low = trace->entropy_low;
    if (has_bounds(trace->entropy_high, out->n_tokens))
        out->entropy_high = trace->entropy_high;
    return SC_OK;
}

void sc_server_trace_free(struct sc_server_trace *trace)
{
    sc_free(trace->stats);
    sc_free(trace->entropy_low);
    sc_free(trace->entropy_high);
    sc_free(trace->ends);
    sc_free(trace->ids);
    sc_free(trace->answer);
    *trace = (struct sc_server_trace){0};
}
