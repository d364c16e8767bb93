/*
 * The chat frame of Qwen3: one user message, no system message, no beginning-of-text token.
 *
 *   <|im_start|>user\n{message}<|im_end|>\n<|im_start|>assistant\n
 *
 * and without thinking then <think>\n\n</think>\n\n.  The control tokens are put in by id and the
 * message is encoded without recognising any, so that a prompt cannot end its own turn.  "user\n"
 * and the message are one text, because a split pattern may join what the newline separates.
 */
#include <string.h>

#include "base/memory.h"
#include "model/model.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/tokenizer.h"

struct frame {
    const struct sc_tokenizer *tokenizer;
    struct sc_ids ids;
};

static enum sc_status put_control(struct frame *f, const char *token, struct sc_error *error)
{
    int32_t id = sc_tokenizer_id(f->tokenizer, token);
    if (id < 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "chat prompt: the tokenizer has no token \"%s\"",
                       token);
    return sc_ids_add(&f->ids, id) == 0 ? SC_OK : sc_fail_nomem(error, "chat prompt");
}

static enum sc_status put_text(struct frame *f, const char *text, struct sc_error *error)
{
    return sc_tokenizer_append(f->tokenizer, text, strlen(text), false, &f->ids, error);
}

static enum sc_status put_message(struct frame *f, const char *message, struct sc_error *error)
{
    struct sc_text turn = {0};
    sc_text_puts(&turn, "user\n");
    sc_text_puts(&turn, message);
    enum sc_status status =
        turn.failed ? sc_fail_nomem(error, "chat prompt") : put_text(f, turn.data, error);
    sc_text_free(&turn);
    return status;
}

static enum sc_status put_all(struct frame *f, const char *message, bool thinking,
                              struct sc_error *error)
{
    SC_TRY(put_control(f, "<|im_start|>", error));
    SC_TRY(put_message(f, message, error));
    SC_TRY(put_control(f, "<|im_end|>", error));
    SC_TRY(put_text(f, "\n", error));
    SC_TRY(put_control(f, "<|im_start|>", error));
    SC_TRY(put_text(f, "assistant\n", error));
    if (thinking)
        return SC_OK;
    SC_TRY(put_control(f, "<think>", error));
    SC_TRY(put_text(f, "\n\n", error));
    SC_TRY(put_control(f, "</think>", error));
    return put_text(f, "\n\n", error);
}

enum sc_status sc_chat_encode(const struct sc_tokenizer *tokenizer, const char *message,
                              bool thinking, int32_t **ids, size_t *n_ids, struct sc_error *error)
{
    struct frame f = {.tokenizer = tokenizer};
    *ids = NULL;
    *n_ids = 0;
    enum sc_status status = put_all(&f, message, thinking, error);
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
    if (n_messages == 0 || messages[0].role == NULL || messages[0].text == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "chat: expected a message with role and text");
    if (strcmp(messages[0].role, "user") != 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "chat: message 0: expected the role \"user\", found \"%.60s\"",
                       messages[0].role);
    if (n_messages > 1)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "chat: messages: expected one of the user, found %zu", n_messages);
    return sc_chat_encode(tokenizer, messages[0].text, thinking, ids, n_ids, error);
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

size_t sc_chat_end_ids(const struct sc_tokenizer *tokenizer,
                       const struct sc_generation_config *generation, int32_t *ids)
{
    static const char *const ends[] = {"<|im_end|>", "<|endoftext|>"};
    if (generation != NULL && generation->n_end_ids > 0) {
        memcpy(ids, generation->end_ids, generation->n_end_ids * sizeof ids[0]);
        return generation->n_end_ids;
    }
    size_t n = 0;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        int32_t id = sc_tokenizer_id(tokenizer, ends[i]);
        if (id >= 0)
            ids[n++] = id;
    }
    return n;
}
