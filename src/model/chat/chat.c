/*
 * The chat frame of Qwen3: turns of system, user and assistant, no beginning-of-text token.
 *
 *   <|im_start|>{role}\n{text}<|im_end|>\n     for each turn, then
 *   <|im_start|>assistant\n
 *
 * and without thinking <think>\n\n</think>\n\n, unless the model's template knows of no reasoning
 * (template_check.h).  Of an earlier turn of the assistant the reasoning
 * is left out, as the makers' template does.  A last turn of the assistant is not closed: the
 * answer begins with it, after an empty reasoning segment in any case, as that template renders it.
 *
 * The control tokens are put in by id and texts are encoded without recognising any, so that a text
 * cannot end its own turn, unless that is asked for.  What stands between two control tokens is one
 * text, because a split pattern may join what a newline separates.
 *
 * sc_chat_encode is the one place that knows the frame.
 */
#include <string.h>

#include "base/memory.h"
#include "model/model.h"
#include "model/tokenizer/encode.h"
#include "model/tokenizer/tokenizer.h"
#include "vocabulary/conversation.h"
#include "vocabulary/reasoning.h"

struct frame {
    const struct sc_tokenizer *tokenizer;
    const struct sc_chat *chat;
    struct sc_text text; /* since the last control token, not encoded yet */
    struct sc_ids ids;
};

static enum sc_status encode_text(struct frame *f, struct sc_error *error)
{
    if (f->text.failed)
        return sc_fail_nomem(error, "chat prompt");
    if (f->text.len == 0)
        return SC_OK;
    SC_TRY(sc_tokenizer_append(f->tokenizer, f->text.data, f->text.len, f->chat->special, &f->ids,
                               error));
    sc_text_free(&f->text);
    return SC_OK;
}

static enum sc_status put_control(struct frame *f, const char *token, struct sc_error *error)
{
    int32_t id = sc_tokenizer_id(f->tokenizer, token);
    if (id < 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "chat prompt: the tokenizer has no token \"%s\"",
                       token);
    SC_TRY(encode_text(f, error));
    return sc_ids_add(&f->ids, id) == 0 ? SC_OK : sc_fail_nomem(error, "chat prompt");
}

static enum sc_status begin_turn(struct frame *f, const char *role, struct sc_error *error)
{
    SC_TRY(put_control(f, "<|im_start|>", error));
    sc_text_printf(&f->text, "%s\n", role);
    return SC_OK;
}

static enum sc_status put_turn(struct frame *f, const struct sc_message *message,
                               struct sc_error *error)
{
    bool own = strcmp(message->role, "assistant") == 0;
    SC_TRY(begin_turn(f, message->role, error));
    sc_text_puts(&f->text, own ? sc_after_reasoning(message->text) : message->text);
    SC_TRY(put_control(f, "<|im_end|>", error));
    sc_text_puts(&f->text, "\n");
    return SC_OK;
}

static enum sc_status put_empty_reasoning(struct frame *f, struct sc_error *error)
{
    SC_TRY(put_control(f, "<think>", error));
    sc_text_puts(&f->text, "\n\n");
    SC_TRY(put_control(f, "</think>", error));
    sc_text_puts(&f->text, "\n\n");
    return SC_OK;
}

/* prefill: what the answer begins with, or NULL. */
static enum sc_status begin_answer(struct frame *f, const char *prefill, struct sc_error *error)
{
    static const char open[] = "<think>";
    bool reasons = prefill == NULL ? f->chat->thinking
                                   : f->chat->special && strncmp(prefill, open, strlen(open)) == 0;
    SC_TRY(begin_turn(f, "assistant", error));
    if (!reasons && sc_template_has_reasoning(sc_tokenizer_template(f->tokenizer)))
        SC_TRY(put_empty_reasoning(f, error));
    sc_text_puts(&f->text, prefill != NULL ? prefill : "");
    return encode_text(f, error);
}

static enum sc_status check_messages(const struct sc_chat *chat, struct sc_error *error)
{
    if (chat->n == 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "chat: expected messages, found none");
    for (size_t i = 0; i < chat->n; i++) {
        const struct sc_message *message = &chat->messages[i];
        if (message->role == NULL || message->text == NULL)
            return sc_fail(error, SC_ERR_ARGUMENT, "chat: message %zu: expected a role and a text",
                           i);
        if (sc_role_parse(message->role) < 0)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "chat: message %zu: expected the role system, user or assistant, found "
                           "\"%.60s\"",
                           i, message->role);
    }
    return SC_OK;
}

static enum sc_status put_all(struct frame *f, struct sc_error *error)
{
    const struct sc_chat *chat = f->chat;
    SC_TRY(check_messages(chat, error));
    const struct sc_message *last = &chat->messages[chat->n - 1];
    bool has_prefill = strcmp(last->role, "assistant") == 0;
    for (size_t i = 0; i < chat->n - has_prefill; i++)
        SC_TRY(put_turn(f, &chat->messages[i], error));
    return begin_answer(f, has_prefill ? last->text : NULL, error);
}

enum sc_status sc_chat_encode(const struct sc_tokenizer *tokenizer, const struct sc_chat *chat,
                              int32_t **ids, size_t *n_ids, struct sc_error *error)
{
    struct frame f = {.tokenizer = tokenizer, .chat = chat};
    *ids = NULL;
    *n_ids = 0;
    enum sc_status status = put_all(&f, error);
    sc_text_free(&f.text);
    if (status != SC_OK) {
        sc_free(f.ids.ids);
        return status;
    }
    *ids = f.ids.ids;
    *n_ids = f.ids.n;
    return SC_OK;
}

enum sc_status sc_chat_frame(const struct sc_tokenizer *tokenizer,
                             const struct sc_message *messages, size_t n_messages, bool thinking,
                             int32_t **ids, size_t *n_ids, struct sc_error *error)
{
    if (tokenizer == NULL || messages == NULL || ids == NULL || n_ids == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "chat: expected a tokenizer, messages and where to put the ids");
    const struct sc_chat chat = {.messages = messages, .n = n_messages, .thinking = thinking};
    return sc_chat_encode(tokenizer, &chat, ids, n_ids, error);
}

enum sc_reasoning_state sc_chat_reasoning_state(const struct sc_tokenizer *tokenizer,
                                                const int32_t *ids, size_t n)
{
    int32_t open = sc_tokenizer_id(tokenizer, "<think>");
    int32_t close = sc_tokenizer_id(tokenizer, "</think>");
    int32_t turn = sc_tokenizer_id(tokenizer, "<|im_start|>");
    for (size_t i = n; i > 0 && ids[i - 1] != turn; i--) {
        if (open >= 0 && ids[i - 1] == open)
            return SC_REASONING_BEGUN;
        if (close >= 0 && ids[i - 1] == close)
            return SC_REASONING_OVER;
    }
    bool may_come = sc_template_has_reasoning(sc_tokenizer_template(tokenizer));
    return may_come ? SC_REASONING_AHEAD : SC_REASONING_OVER;
}

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
    int32_t open = sc_tokenizer_id(tokenizer, "<think>");
    int32_t close = sc_tokenizer_id(tokenizer, "</think>");
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

/* Whatever else ends an answer, the end of a turn in the frame does: a model that was trained on
 * the frame goes on with turns of its own where nothing stops it there. */
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

size_t sc_chat_end_ids(const struct sc_tokenizer *tokenizer,
                       const struct sc_generation_config *generation, int32_t *ids)
{
    static const char *const ends[] = {"<|im_end|>", "<|endoftext|>"};
    if (generation != NULL && generation->n_end_ids > 0) {
        memcpy(ids, generation->end_ids, generation->n_end_ids * sizeof ids[0]);
        return add_end(ids, generation->n_end_ids, sc_tokenizer_id(tokenizer, ends[0]));
    }
    size_t n = 0;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        int32_t id = sc_tokenizer_id(tokenizer, ends[i]);
        if (id >= 0)
            ids[n++] = id;
    }
    return n;
}
