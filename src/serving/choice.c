/* See choice.h.  Next: answer.c, which writes it. */
#include "serving/choice.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "model/tokenizer/tokenizer.h"

/* ---- text ------------------------------------------------------------------------------------ */

/* Bytes at the end of the text that may be the beginning of a character: 0 to 3. */
static size_t n_unfinished(const char *bytes, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)bytes[n - back];
        if ((c & 0xc0) == 0x80)
            continue;
        size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        return length > back ? back : 0;
    }
    return 0;
}

/* Bytes at the end of the text that may be the beginning of a stop. */
static size_t n_begun(const struct sc_serving_request *request, const char *bytes, size_t n)
{
    size_t most = 0;
    for (size_t s = 0; s < request->n_stops; s++) {
        size_t length = strlen(request->stops[s]);
        for (size_t back = length - 1 < n ? length - 1 : n; back > most; back--)
            if (memcmp(bytes + n - back, request->stops[s], back) == 0)
                most = back;
    }
    return most;
}

/* The first stop in the text from `from` on; false: there is none. */
static bool find_stop(const struct sc_serving_request *request, const struct sc_text *text,
                      size_t from, size_t *at, int *which)
{
    bool found = false;
    for (size_t s = 0; s < request->n_stops; s++) {
        const char *stop = request->stops[s];
        const char *here = memmem(text->data + from, text->len - from, stop, strlen(stop));
        if (here == NULL || (found && (size_t)(here - text->data) >= *at))
            continue;
        *at = (size_t)(here - text->data);
        *which = (int)s;
        found = true;
    }
    return found;
}

/* Ends the answer at a stop that the newest token completed. */
static void look_for_stop(struct sc_serving_choice *choice, const struct sc_serving_rules *rules,
                          size_t before)
{
    size_t longest = 0, at = 0;
    for (size_t s = 0; s < rules->request->n_stops; s++) {
        size_t length = strlen(rules->request->stops[s]);
        longest = length > longest ? length : longest;
    }
    if (longest == 0 || choice->bytes.len == before)
        return;
    size_t from = before > longest - 1 ? before - (longest - 1) : 0;
    int which = -1;
    if (!find_stop(rules->request, &choice->bytes, from, &at, &which))
        return;
    choice->stop = which;
    choice->has_ended = true;
    choice->finish = SC_FINISH_STOP;
    choice->n_bytes = at;
    while (choice->n_shown > 0 &&
           (choice->n_shown > 1 ? choice->tokens[choice->n_shown - 2].end : 0) >= at &&
           choice->tokens[choice->n_shown - 1].end > at)
        choice->n_shown--;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static bool is_blank(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strchr(" \t\r\n", bytes[i]) == NULL || bytes[i] == '\0')
            return false;
    return true;
}

/* A reasoning is what stands between its marks, the first of which stands at the beginning or in
 * the prompt. */
static enum sc_serving_part part_of(struct sc_serving_choice *choice,
                                    const struct sc_serving_rules *rules, int32_t id,
                                    const char *bytes, size_t n)
{
    if (choice->reasoning == SC_REASONING_OVER)
        return SC_SERVING_ANSWER;
    if (choice->reasoning == SC_REASONING_BEGUN) {
        if (id != rules->closes)
            return SC_SERVING_REASONING;
        choice->reasoning = SC_REASONING_OVER;
        return SC_SERVING_MARK;
    }
    if (id == rules->opens) {
        choice->reasoning = SC_REASONING_BEGUN;
        return SC_SERVING_MARK;
    }
    if (!is_blank(bytes, n))
        choice->reasoning = SC_REASONING_OVER;
    return SC_SERVING_ANSWER;
}

const char *sc_serving_token_text(const struct sc_serving_rules *rules, int32_t id, size_t *n)
{
    const char *bytes = sc_tokenizer_bytes(rules->tokenizer, id, n);
    bool shown = rules->request->shows_special || !sc_tokenizer_is_special(rules->tokenizer, id);
    *n = bytes != NULL && shown ? *n : 0;
    return bytes != NULL ? bytes : "";
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static bool make_room(struct sc_serving_choice *choice, size_t n_top)
{
    if (sc_grow((void **)&choice->tokens, choice->n, &choice->cap, sizeof *choice->tokens) != 0)
        return false;
    if (n_top == 0)
        return true;
    const size_t row = n_top * sizeof *choice->top_ids;
    return sc_grow((void **)&choice->top_ids, choice->n, &choice->cap_top_ids, row) == 0 &&
           sc_grow((void **)&choice->top_logprobs, choice->n, &choice->cap_top_logprobs, row) == 0;
}

void sc_serving_choice_add(struct sc_serving_choice *choice, const struct sc_serving_rules *rules,
                           const struct sc_trace_result *trace)
{
    const size_t n_top = rules->n_top, at = choice->n, before = choice->bytes.len;
    assert(!choice->has_ended && at < trace->n && trace->request->n_top == n_top);
    const int32_t id = trace->ids[at];
    size_t n = 0;
    const char *bytes = sc_serving_token_text(rules, id, &n);
    sc_text_add(&choice->bytes, bytes, n);
    if (!make_room(choice, n_top) || choice->bytes.failed || choice->bytes.len > UINT32_MAX) {
        sc_serving_choice_end(choice, SC_FINISH_FAILED, "out of memory");
        return;
    }
    if (n_top > 0) {
        const size_t row = n_top * sizeof *choice->top_ids;
        memcpy(choice->top_ids + at * n_top, trace->top_ids + at * n_top, row);
        memcpy(choice->top_logprobs + at * n_top, trace->top_logprobs + at * n_top, row);
    }
    const bool is_whole =
        choice->bytes.len == 0 || n_unfinished(choice->bytes.data, choice->bytes.len) == 0;
    choice->tokens[choice->n++] =
        (struct sc_serving_token){.id = id,
                                  .stats = trace->stats[at],
                                  .end = (uint32_t)choice->bytes.len,
                                  .is_whole = is_whole,
                                  .part = part_of(choice, rules, id, bytes, n)};
    choice->n_shown = choice->n;
    choice->n_bytes = choice->bytes.len;
    look_for_stop(choice, rules, before);
}

void sc_serving_choice_end(struct sc_serving_choice *choice, enum sc_finish finish,
                           const char *failure)
{
    if (choice->has_ended)
        return;
    choice->has_ended = true;
    choice->finish = finish;
    snprintf(choice->failure, sizeof choice->failure, "%s", failure != NULL ? failure : "");
}

size_t sc_serving_choice_ready(const struct sc_serving_choice *choice,
                               const struct sc_serving_rules *rules)
{
    if (choice->has_ended)
        return choice->n_shown;
    size_t n = choice->bytes.len, ready = choice->n;
    size_t held = n > 0 ? n_begun(rules->request, choice->bytes.data, n) : 0;
    while (ready > 0 &&
           (!choice->tokens[ready - 1].is_whole || choice->tokens[ready - 1].end > n - held))
        ready--;
    return ready;
}

void sc_serving_choice_say(const struct sc_serving_choice *choice, enum sc_serving_part part,
                           size_t begin, size_t end, struct sc_text *out)
{
    assert(end <= choice->n);
    sc_text_puts(out, "");
    for (size_t i = begin; i < end;) {
        size_t from = i > 0 ? choice->tokens[i - 1].end : 0, to = from;
        for (; i < end && choice->tokens[i].part == part; i++)
            to = choice->tokens[i].end < choice->n_bytes ? choice->tokens[i].end : choice->n_bytes;
        if (to > from)
            sc_text_add_repaired(out, choice->bytes.data + from, to - from);
        for (; i < end && choice->tokens[i].part != part; i++)
            ;
    }
}

const char *sc_serving_choice_reason(const struct sc_serving_choice *choice)
{
    return choice->finish == SC_FINISH_STOP     ? "stop"
           : choice->finish == SC_FINISH_LENGTH ? "length"
                                                : "error";
}

void sc_serving_choice_free(struct sc_serving_choice *choice)
{
    sc_free(choice->tokens);
    sc_free(choice->top_ids);
    sc_free(choice->top_logprobs);
    sc_text_free(&choice->bytes);
    *choice = (struct sc_serving_choice){0};
}
