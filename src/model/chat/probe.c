/*
 * What a frame does, found by framing a few conversations: which token ends a turn, whether the
 * model is always led to think, whether the date or words of the template's own are told, and what
 * tells this frame from others.
 *
 * Templates are programs, so that their text says little; what they make of a conversation is the
 * frame.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "model/chat/format.h"
#include "model/tokenizer/encode.h"
#include "model/tokenizer/tokenizer.h"

/* ---- conversations --------------------------------------------------------------------------- */

enum { MOST_TURNS = 5 };

/* NULL ends a conversation. */
static const struct sc_message conversations[][MOST_TURNS + 1] = {
    {{"user", "Hi there."}, {NULL, NULL}},
    {{"user", ""}, {NULL, NULL}},
    {{"user", " \n x <|im_end|> {{ 1 }} \n"}, {NULL, NULL}},
    {{"system", "Be  brief. "}, {"user", "Hi."}, {NULL, NULL}},
    {{"system", ""}, {"user", "Hi."}, {NULL, NULL}},
    {{"user", "One"}, {"assistant", " Two.\n"}, {"user", "Three"}, {NULL, NULL}},
    {{"system", "S"}, {"user", "One"}, {"assistant", "Two."}, {"user", "Three"}, {NULL, NULL}},
    {{"user", "One"},
     {"assistant", "<think>\nhm\n</think>\n\nTwo."},
     {"user", "Three"},
     {NULL, NULL}},
    {{"user", "One"}, {"user", "Two"}, {NULL, NULL}},
    {{"user", "One"}, {"assistant", "Sure, "}, {NULL, NULL}},
    {{"system", "S"},
     {"user", "One"},
     {"assistant", "Two."},
     {"user", "Three"},
     {"assistant", "1."},
     {NULL, NULL}},
};
enum { N_CONVERSATIONS = sizeof conversations / sizeof *conversations };

static size_t n_turns(const struct sc_message *turns)
{
    size_t n = 0;
    while (n < MOST_TURNS && turns[n].role != NULL)
        n++;
    return n;
}

/* All of them as they are framed, one after another; what cannot be framed is said so. */
static enum sc_status render_all(const struct sc_chat_format *format, struct sc_text *out,
                                 struct sc_error *error)
{
    for (size_t i = 0; i < N_CONVERSATIONS; i++) {
        struct sc_frame_text text;
        enum sc_status status =
            sc_format_text(format, conversations[i], n_turns(conversations[i]), &text, NULL);
        if (status == SC_ERR_NOMEM)
            return sc_fail_nomem(error, "chat format");
        sc_text_printf(out, "%d %zu ", (int)status, status == SC_OK ? text.out.n : 0);
        if (status != SC_OK)
            continue;
        sc_text_add(out, text.out.text, text.out.n);
        sc_jinja_output_free(&text.out);
    }
    return out->failed ? sc_fail_nomem(error, "chat format") : SC_OK;
}

/* ---- the end of a turn ----------------------------------------------------------------------- */

/* Whether an added token is one that a frame is made of. */
static bool is_control(const struct sc_tokenizer *tokenizer, int32_t id)
{
    size_t n = 0;
    const char *bytes = sc_tokenizer_bytes(tokenizer, id, &n);
    return sc_tokenizer_is_special(tokenizer, id) || (n > 2 && memcmp(bytes, "<|", 2) == 0);
}

/* The first control token of a piece of a frame: *id, or -1. */
static enum sc_status first_control(const struct sc_chat_format *format, const char *text, size_t n,
                                    int32_t *id, struct sc_error *error)
{
    struct sc_ids ids = {0};
    enum sc_status status = sc_tokenizer_append(format->tokenizer, text, n, true, &ids, error);
    *id = -1;
    for (size_t i = 0; status == SC_OK && *id < 0 && i < ids.n; i++)
        if (is_control(format->tokenizer, ids.ids[i]))
            *id = ids.ids[i];
    sc_free(ids.ids);
    return status == SC_ERR_NOMEM ? status : SC_OK;
}

/* What the template writes behind the assistant's words, a last turn before an earlier one: there
 * some only separate turns, or close a part of them. */
static enum sc_status find_end(struct sc_chat_format *format, struct sc_error *error)
{
    static const struct sc_message turns[] = {
        {"user", "Hi."}, {"assistant", "Hello."}, {"user", "More."}};
    for (size_t n = 2; n <= 3 && format->end_id < 0; n++) {
        struct sc_jinja_output out;
        enum sc_status status = sc_format_render(format, turns, n, SC_PROMPT_LEFT_OPEN, &out, NULL);
        if (status == SC_ERR_NOMEM)
            return sc_fail_nomem(error, "chat format");
        if (status != SC_OK)
            continue;
        if (out.n_outside >= n) {
            const struct sc_jinja_span *said = &out.outside[out.n_outside - (n - 1)];
            size_t end = n == 2 ? out.n : said[1].begin;
            status = first_control(format, out.text + said->end, end - said->end, &format->end_id,
                                   error);
        }
        sc_jinja_output_free(&out);
        if (status == SC_ERR_NOMEM)
            return status;
    }
    return SC_OK;
}

/* ---- remarks --------------------------------------------------------------------------------- */

/* A question alone, as it is framed: where nothing was left to the template. */
static const struct sc_message question[] = {{"user", "Hi there."}};

static void remark_on_thinking(struct sc_chat_format *format, enum sc_reasoning_state state)
{
    bool switches = false;
    for (size_t i = 0; i < SC_N_SWITCHES; i++)
        switches |= json_object_get(format->variables, sc_thinking_switches[i]) != NULL;
    if (!switches && state == SC_REASONING_BEGUN && !format->thinking)
        sc_text_puts(&format->remarks,
                     "the chat template of this model always lets it think: use --thinking, which "
                     "leaves room for that\n");
    if (!format->may_reason && format->thinking)
        sc_text_puts(&format->remarks, "the chat template of this model knows of no thinking: "
                                       "--thinking changes nothing\n");
}

/* Words that the template puts before a question: such as a system message, which has more than the
 * name of a role on a line. */
static void remark_on_words(struct sc_chat_format *format, const struct sc_jinja_output *out)
{
    size_t n = out->n_outside > 0 ? out->outside[0].begin : 0;
    for (size_t i = 1; i + 1 < n; i++) {
        if (out->text[i] != ' ' || !sc_is_word_char(out->text[i - 1]) ||
            !sc_is_word_char(out->text[i + 1]))
            continue;
        size_t begin = i;
        while (begin > 0 && out->text[begin - 1] != '\n' && out->text[begin - 1] != '>')
            begin--;
        sc_text_puts(&format->remarks, "the chat template of this model puts words of its own "
                                       "before a prompt without a system message: \"");
        struct sc_text words = {0};
        sc_text_add(&words, out->text + begin, n - begin);
        if (!words.failed)
            sc_text_add_shortened(&format->remarks, words.data, 60);
        format->remarks.failed |= words.failed;
        sc_text_free(&words);
        sc_text_puts(&format->remarks, "\" (safeconf chat shows all)\n");
        return;
    }
}

/* Control tokens of the frame, in its usual spelling, that this tokenizer does not have. */
static void remark_on_tokens(struct sc_chat_format *format, const struct sc_jinja_output *out)
{
    for (const char *at = out->text; (at = strstr(at, "<|")) != NULL; at += 2) {
        const char *end = strstr(at, "|>");
        size_t n = end != NULL ? (size_t)(end + 2 - at) : 0;
        char name[64];
        if (n == 0 || n >= sizeof name || memchr(at, ' ', n) != NULL || memchr(at, '\n', n) != NULL)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        if (sc_tokenizer_id(format->tokenizer, name) >= 0)
            continue;
        sc_text_puts(&format->remarks, "the chat template of this model writes \"");
        sc_text_add_visible(&format->remarks, name, n, false);
        sc_text_puts(&format->remarks, "\", which is no token of its tokenizer: it is sent as "
                                       "text\n");
        return;
    }
}

static enum sc_status remark(struct sc_chat_format *format, struct sc_error *error)
{
    struct sc_frame_text text;
    enum sc_status status = sc_format_text(format, question, 1, &text, NULL);
    if (status == SC_ERR_NOMEM)
        return sc_fail_nomem(error, "chat format");
    if (status != SC_OK)
        return SC_OK; /* each prompt will say why */
    remark_on_thinking(format, text.reasoning);
    if (format->template != NULL) {
        remark_on_words(format, &text.out);
        remark_on_tokens(format, &text.out);
    }
    sc_jinja_output_free(&text.out);
    return format->remarks.failed ? sc_fail_nomem(error, "chat format") : SC_OK;
}

/* ---- identity -------------------------------------------------------------------------------- */

/* Whether what is told depends on the date. */
static enum sc_status find_date(const struct sc_chat_format *format, const struct sc_text *frames,
                                bool *tells, struct sc_error *error)
{
    struct sc_chat_format later = *format;
    struct sc_text other = {0};
    *tells = false;
    if (format->template == NULL || !sc_jinja_uses(format->template, "strftime_now"))
        return SC_OK;
    later.year += later.year < 9999 ? 1 : -1;
    later.month = later.month % 12 + 1;
    later.day = later.day % 28 + 1;
    enum sc_status status = render_all(&later, &other, error);
    *tells = status == SC_OK &&
             (other.len != frames->len || memcmp(other.data, frames->data, other.len) != 0);
    sc_text_free(&other);
    return status;
}

static enum sc_status put_identity(struct sc_chat_format *format, const struct sc_text *frames,
                                   bool tells_date, struct sc_error *error)
{
    struct sc_text out = {0};
    char date[16];
    snprintf(date, sizeof date, "%04d-%02d-%02d", format->year, format->month, format->day);
    if (format->template == NULL)
        sc_text_puts(&out, "raw");
    else
        sc_text_printf(&out, "template %016" PRIx64 ", frame %016" PRIx64, format->hash,
                       sc_hash64(frames->data, frames->len));
    if (tells_date) {
        sc_text_printf(&out, ", date %s", date);
        sc_text_printf(&format->remarks,
                       "the chat template of this model tells it the date: %s (--template-date)\n",
                       date);
    }
    sc_text_add(&out, format->arguments.data != NULL ? format->arguments.data : "",
                format->arguments.len);
    format->identity = sc_text_take(&out);
    return format->identity != NULL && !format->remarks.failed
               ? SC_OK
               : sc_fail_nomem(error, "chat format");
}

static enum sc_status identify(struct sc_chat_format *format, const struct sc_chat_format *chatml,
                               struct sc_text *frames, struct sc_text *usual,
                               struct sc_error *error)
{
    bool tells_date = false;
    SC_TRY(render_all(format, frames, error));
    if (chatml != NULL && format->arguments.len == 0) {
        SC_TRY(render_all(chatml, usual, error));
        if (usual->len == frames->len && memcmp(usual->data, frames->data, usual->len) == 0)
            return SC_OK;
    }
    SC_TRY(find_date(format, frames, &tells_date, error));
    return put_identity(format, frames, tells_date, error);
}

enum sc_status sc_format_probe(struct sc_chat_format *format, const struct sc_chat_format *chatml,
                               struct sc_error *error)
{
    struct sc_text frames = {0}, usual = {0};
    enum sc_status status = identify(format, chatml, &frames, &usual, error);
    sc_text_free(&frames);
    sc_text_free(&usual);
    SC_TRY(status);
    if (format->template != NULL)
        SC_TRY(find_end(format, error));
    return remark(format, error);
}
