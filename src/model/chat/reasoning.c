/* Where the reasoning of a sampled sequence ends, and which tokens end an answer. */
#include "vocabulary/reasoning.h"

#include <jansson.h>
#include <string.h>

#include "model/chat/chat.h"
#include "model/chat/source.h"
#include "model/model.h"
#include "model/tokenizer/tokenizer.h"

static bool is_space(const struct sc_tokenizer *tokenizer, int32_t id)
{
    size_t n = 0;
    const char *bytes = sc_tokenizer_bytes(tokenizer, id, &n);
    for (size_t i = 0; i < n; i++)
        if (strchr(" \t\r\n", bytes[i]) == NULL || bytes[i] == '\0')
            return false;
    return bytes != NULL;
}

/* A sequence that begins with <think>, spaces aside, is reasoning however it was prompted; one that
 * was prompted to think may also just end with </think>, or not have come so far. */
size_t sc_chat_reasoning_length(const struct sc_tokenizer *tokenizer, const int32_t *ids, size_t n,
                                bool thinking, bool ended)
{
    int32_t open = sc_tokenizer_id(tokenizer, SC_REASONING_OPENS);
    int32_t close = sc_tokenizer_id(tokenizer, SC_REASONING_CLOSES);
    size_t first = 0;
    while (first < n && is_space(tokenizer, ids[first]))
        first++;
    bool opened = open >= 0 && first < n && ids[first] == open;
    if (close < 0 || !(opened || thinking))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (ids[i] == close)
            return i + 1;
    return opened || !ended ? n : 0;
}

size_t sc_chat_reasoning_after(const struct sc_tokenizer *tokenizer, enum sc_reasoning_state state,
                               bool thinking, const int32_t *ids, size_t n, bool ended)
{
    bool begun = state == SC_REASONING_BEGUN;
    return sc_chat_reasoning_length(
        tokenizer, ids, n, begun || (state == SC_REASONING_AHEAD && thinking), ended && !begun);
}

/* ---- the end of an answer -------------------------------------------------------------------- */

static size_t add_end(int32_t *ids, size_t n, int32_t end)
{
    if (end < 0 || n == SC_MOST_END_IDS)
        return n;
    for (size_t i = 0; i < n; i++)
        if (ids[i] == end)
            return n;
    ids[n] = end;
    return n + 1;
}

static int32_t id_of(const struct sc_tokenizer *tokenizer, const char *token)
{
    return token != NULL ? sc_tokenizer_id(tokenizer, token) : -1;
}

/* Whatever else ends an answer, the end of a turn in the frame does: a model that was trained on
 * the frame goes on with turns of its own where nothing stops it there. */
size_t sc_chat_end_ids(const struct sc_tokenizer *tokenizer, const struct sc_chat_format *format,
                       const struct sc_generation_config *generation, int32_t *ids)
{
    const json_t *special = sc_tokenizer_chat_source(tokenizer)->special;
    size_t n = generation != NULL ? generation->n_end_ids : 0;
    bool none_given = n == 0;
    if (n > 0)
        memcpy(ids, generation->end_ids, n * sizeof ids[0]);
    n = add_end(ids, n, id_of(tokenizer, "<|im_end|>"));
    if (none_given)
        n = add_end(ids, n, id_of(tokenizer, "<|endoftext|>"));
    n = add_end(ids, n, id_of(tokenizer, json_string_value(json_object_get(special, "eos_token"))));
    return format != NULL ? add_end(ids, n, sc_chat_format_end(format)) : n;
}
