/*
 * From a conversation to ids.
 *
 * The text is what the template renders.  It is encoded as one, and added tokens are recognised
 * only where the template wrote them: never where a byte came from a prompt, unless that is asked
 * for.  Nothing is added around it: templates write their own beginning of a text.
 *
 * Where the last message is the assistant's, the answer begins with it, as continue_final_message
 * of transformers has it: a tag behind the message is rendered with it, and the text is cut before
 * the tag.
 */
#include <string.h>

#include "base/memory.h"
#include "model/chat/format.h"
#include "model/tokenizer/encode.h"
#include "model/tokenizer/tokenizer.h"
#include "vocabulary/conversation.h"
#include "vocabulary/reasoning.h"

/* The words of transformers, whose blank at the end shows whether a template trims. */
#define TAG "CONTINUE_FINAL_MESSAGE_TAG"

static enum sc_status check_messages(const struct sc_message *messages, size_t n,
                                     struct sc_error *error)
{
    if (n == 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "chat: expected messages, found none");
    for (size_t i = 0; i < n; i++) {
        const char *role = messages[i].role, *text = messages[i].text;
        if (role == NULL || text == NULL)
            return sc_fail(error, SC_ERR_ARGUMENT, "chat: message %zu: expected a role and a text",
                           i);
        if (sc_role_parse(role) < 0)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "chat: message %zu: expected the role system, user or assistant, found "
                           "\"%.60s\"",
                           i, role);
        size_t valid = sc_utf8_valid(text, strlen(text));
        if (valid != strlen(text))
            return sc_fail(error, SC_ERR_ARGUMENT, "chat: message %zu: byte %zu: expected UTF-8", i,
                           valid);
    }
    return SC_OK;
}

static bool is_assistant(const struct sc_message *message)
{
    return strcmp(message->role, "assistant") == 0;
}

/* ---- text and spans -------------------------------------------------------------------------- */

/* Cuts what is rendered off at n bytes. */
static void cut_off(struct sc_jinja_output *out, size_t n)
{
    out->n = n;
    out->text[n] = '\0';
    while (out->n_outside > 0 && out->outside[out->n_outside - 1].begin >= n)
        out->n_outside--;
    if (out->n_outside > 0 && out->outside[out->n_outside - 1].end > n)
        out->outside[out->n_outside - 1].end = n;
}

/* Appends text that comes from outside. */
static enum sc_status append_outside(struct sc_jinja_output *out, const char *text,
                                     struct sc_error *error)
{
    size_t n = strlen(text), n_spans = out->n_outside + 1;
    if (n == 0)
        return SC_OK;
    char *longer = sc_resize(out->text, out->n + n + 1, 1);
    if (longer == NULL)
        return sc_fail_nomem(error, "chat prompt");
    out->text = longer;
    struct sc_jinja_span *spans = sc_resize(out->outside, n_spans, sizeof *spans);
    if (spans == NULL)
        return sc_fail_nomem(error, "chat prompt");
    memcpy(out->text + out->n, text, n + 1);
    spans[out->n_outside] = (struct sc_jinja_span){out->n, out->n + n};
    out->outside = spans;
    out->n_outside = n_spans;
    out->n += n;
    return SC_OK;
}

/* ---- where the prompt leaves the model ------------------------------------------------------- */

static bool is_from_outside(const struct sc_jinja_output *out, size_t begin, size_t end)
{
    for (size_t i = out->n_outside; i > 0 && out->outside[i - 1].end > begin; i--)
        if (out->outside[i - 1].begin < end)
            return true;
    return false;
}

/* Whether a mark of the frame's own stands there. */
static bool has_mark(const struct sc_chat_format *format, const struct sc_jinja_output *out,
                     size_t at, const char *mark)
{
    size_t n = strlen(mark);
    return out->n - at >= n && memcmp(out->text + at, mark, n) == 0 &&
           (format->special || !is_from_outside(out, at, at + n));
}

/* From the last mark in the text from `begin` on; `none` where there is no mark. */
static enum sc_reasoning_state state_since(const struct sc_chat_format *format,
                                           const struct sc_jinja_output *out, size_t begin,
                                           enum sc_reasoning_state none)
{
    for (size_t at = out->n; at > begin; at--) {
        if (has_mark(format, out, at - 1, SC_REASONING_OPENS))
            return SC_REASONING_BEGUN;
        if (has_mark(format, out, at - 1, SC_REASONING_CLOSES))
            return SC_REASONING_OVER;
    }
    return none;
}

/* Behind the last byte of the first n spans. */
static size_t end_of_spans(const struct sc_jinja_output *out, size_t n)
{
    return n > 0 ? out->outside[n - 1].end : 0;
}

/* ---- answers that are begun ------------------------------------------------------------------ */

/* Blanks as templates trim them. */
static size_t trimmed_end(const char *text, size_t n)
{
    while (n > 0 && memchr(" \t\n\r\f\v", text[n - 1], 6) != NULL)
        n--;
    return n;
}

static size_t trimmed_begin(const char *text)
{
    return strspn(text, " \t\n\r\f\v");
}

static bool ends_with(const struct sc_jinja_output *out, const char *text, size_t n)
{
    return out->n >= n && memcmp(out->text + out->n - n, text, n) == 0;
}

/* Cuts before the tag and finds whether the beginning of the answer is all there. */
static enum sc_status cut_at_tag(struct sc_frame_text *text, const char *begun,
                                 struct sc_error *error)
{
    struct sc_jinja_output *out = &text->out;
    const size_t n_tag = strlen(TAG), n_begun = strlen(begun);
    size_t at = out->n < n_tag ? SIZE_MAX : out->n - n_tag;
    while (at != SIZE_MAX && memcmp(out->text + at, TAG, n_tag) != 0)
        at--; /* below 0 it is SIZE_MAX */
    if (at != SIZE_MAX) {
        bool keeps_blanks = at + n_tag < out->n && out->text[at + n_tag] == ' ';
        cut_off(out, keeps_blanks ? at : trimmed_end(out->text, at));
        if (ends_with(out, begun, n_begun))
            return SC_OK;
        text->trimmed = true;
        size_t first = trimmed_begin(begun),
               end = keeps_blanks ? n_begun : trimmed_end(begun, n_begun);
        if (first >= end || ends_with(out, begun + first, end - first))
            return SC_OK;
    }
    return sc_fail(
        error, SC_ERR_UNSUPPORTED,
        "chat template: expected the beginning of the answer in what it writes, found it "
        "left out or changed");
}

/* The prompt up to an answer that is begun by the last message. */
static enum sc_status render_begun(const struct sc_chat_format *format,
                                   const struct sc_message *messages, size_t n,
                                   struct sc_frame_text *text, struct sc_error *error)
{
    const struct sc_message *last = &messages[n - 1];
    struct sc_text tagged = {0};
    struct sc_message *turns = sc_alloc_array(n, sizeof *turns);
    sc_text_printf(&tagged, "%s%s ", last->text, TAG);
    enum sc_status status = SC_OK;
    if (turns == NULL || tagged.failed) {
        status = sc_fail_nomem(error, "chat prompt");
        goto done;
    }
    memcpy(turns, messages, n * sizeof *turns);
    turns[n - 1].text = tagged.data;
    status = sc_format_render(format, turns, n, SC_PROMPT_LEFT_OPEN, &text->out, error);
    if (status != SC_OK)
        goto done;
    status = cut_at_tag(text, last->text, error);
done:
    sc_text_free(&tagged);
    sc_free(turns);
    return status;
}

/* With control tokens in texts, an answer that begins with <think> begins the reasoning, where the
 * template would put an empty one or none before it. */
static enum sc_status render_begun_reasoning(const struct sc_chat_format *format,
                                             const struct sc_message *messages, size_t n,
                                             struct sc_frame_text *text, struct sc_error *error)
{
    struct sc_jinja_output *out = &text->out;
    SC_TRY(sc_format_render(format, messages, n - 1, SC_PROMPT_ASKS_TO_THINK, out, error));
    size_t end = trimmed_end(out->text, out->n), n_mark = strlen(SC_REASONING_OPENS);
    if (end >= n_mark && has_mark(format, out, end - n_mark, SC_REASONING_OPENS))
        cut_off(out, end - n_mark); /* the template opens it too */
    return append_outside(out, messages[n - 1].text, error);
}

static enum sc_status make_begun(const struct sc_chat_format *format,
                                 const struct sc_message *messages, size_t n,
                                 struct sc_frame_text *text, struct sc_error *error)
{
    const char *begun = messages[n - 1].text;
    if (n > 1 && format->special &&
        strncmp(begun, SC_REASONING_OPENS, strlen(SC_REASONING_OPENS)) == 0)
        SC_TRY(render_begun_reasoning(format, messages, n, text, error));
    else
        SC_TRY(render_begun(format, messages, n, text, error));
    /* The last span is the beginning of the answer, where it has a text. */
    const struct sc_jinja_output *out = &text->out;
    bool ends_outside = out->n_outside > 0 && out->outside[out->n_outside - 1].end == out->n;
    size_t before = end_of_spans(out, out->n_outside - ends_outside);
    text->reasoning = state_since(format, out, before, SC_REASONING_OVER);
    return SC_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* One message of the user, and what the answer begins with. */
static enum sc_status make_raw(const struct sc_chat_format *format,
                               const struct sc_message *messages, size_t n,
                               struct sc_frame_text *text, struct sc_error *error)
{
    struct sc_jinja_output *out = &text->out;
    bool begun = is_assistant(&messages[n - 1]);
    if (n != 1u + begun || strcmp(messages[0].role, "user") != 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "chat-template raw: expected one message of the user's, found %s",
                       strcmp(messages[0].role, "system") == 0 ? "a system message"
                                                               : "other turns");
    out->text = sc_strdup(format->head);
    if (out->text == NULL)
        return sc_fail_nomem(error, "chat prompt");
    out->n = strlen(out->text);
    for (size_t i = 0; i < n; i++)
        SC_TRY(append_outside(out, messages[i].text, error));
    text->reasoning = SC_REASONING_OVER;
    return SC_OK;
}

static enum sc_status make_text(const struct sc_chat_format *format,
                                const struct sc_message *messages, size_t n,
                                struct sc_frame_text *text, struct sc_error *error)
{
    SC_TRY(check_messages(messages, n, error));
    if (format->template == NULL)
        return make_raw(format, messages, n, text, error);
    if (is_assistant(&messages[n - 1]))
        return make_begun(format, messages, n, text, error);
    struct sc_jinja_output *out = &text->out;
    SC_TRY(sc_format_render(format, messages, n, SC_PROMPT_ASKS, out, error));
    text->reasoning = state_since(format, out, end_of_spans(out, out->n_outside),
                                  format->may_reason ? SC_REASONING_AHEAD : SC_REASONING_OVER);
    return SC_OK;
}

enum sc_status sc_format_text(const struct sc_chat_format *format,
                              const struct sc_message *messages, size_t n,
                              struct sc_frame_text *text, struct sc_error *error)
{
    *text = (struct sc_frame_text){0};
    enum sc_status status = make_text(format, messages, n, text, error);
    if (status != SC_OK)
        sc_jinja_output_free(&text->out);
    return status;
}

enum sc_status sc_chat_encode(const struct sc_chat_format *format,
                              const struct sc_message *messages, size_t n, struct sc_framed *out,
                              struct sc_error *error)
{
    struct sc_frame_text text;
    struct sc_ids ids = {0};
    *out = (struct sc_framed){0};
    SC_TRY(sc_format_text(format, messages, n, &text, error));
    const struct sc_jinja_output *r = &text.out;
    enum sc_status status =
        sc_tokenizer_append_marked(format->tokenizer, r->text, r->n, r->outside,
                                   format->special ? 0 : r->n_outside, &ids, error);
    if (status != SC_OK) {
        sc_free(ids.ids);
        goto done;
    }
    *out = (struct sc_framed){.text = r->text,
                              .n_text = r->n,
                              .ids = ids.ids,
                              .n = ids.n,
                              .reasoning = text.reasoning,
                              .trimmed = text.trimmed};
    text.out.text = NULL; /* it is the caller's now */
done:
    sc_jinja_output_free(&text.out);
    return status;
}

void sc_framed_free(struct sc_framed *framed)
{
    sc_free(framed->text);
    sc_free(framed->ids);
    *framed = (struct sc_framed){0};
}

enum sc_status sc_chat_frame(const struct sc_chat_format *format, const struct sc_message *messages,
                             size_t n_messages, int32_t **ids, size_t *n_ids,
                             struct sc_error *error)
{
    struct sc_framed framed;
    if (format == NULL || messages == NULL || ids == NULL || n_ids == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "chat: expected a format, messages and where to put the ids");
    SC_TRY(sc_chat_encode(format, messages, n_messages, &framed, error));
    *ids = framed.ids;
    *n_ids = framed.n;
    framed.ids = NULL;
    sc_framed_free(&framed);
    return SC_OK;
}
