/*
 * See asking.h.
 *
 * A frame is rendered as one text of which it is known which bytes were put in, and encoded as one:
 * control tokens are recognised where the frame alone wrote them.  So a prompt can neither end its
 * turn nor change how the frame is split, and the tokens are those of the whole rendered text.
 * Next: answers.c, for what comes back.
 */
#include "judge/asking.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "judge/template.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/tokenizer.h"

/* ---- as text --------------------------------------------------------------------------------- */

static const struct sc_frame *frame_of(const struct sc_asking *asking,
                                       const struct sc_judge_item *item)
{
    return item->response != NULL ? &asking->config->answer : &asking->config->prompt;
}

enum sc_status sc_judge_conversation(const struct sc_message *turns, size_t n, const char *prompt,
                                     char **text, struct sc_error *error)
{
    struct sc_text out = {0};
    bool asked = false;
    for (size_t i = 0; i < n; i++) {
        bool asks = strcmp(turns[i].role, "user") == 0;
        if (strcmp(turns[i].role, "system") == 0 || (!asked && !asks))
            continue;
        sc_text_puts(&out, !asked ? "" : asks ? "\n\nUSER: " : "\n\nASSISTANT: ");
        sc_text_puts(&out, turns[i].text);
        asked = true;
    }
    sc_text_puts(&out, asked ? "\n\nUSER: " : "");
    sc_text_puts(&out, prompt);
    *text = sc_text_take(&out);
    return *text != NULL ? SC_OK : sc_fail_nomem(error, "a judge's prompt");
}

/* Earlier turns and the prompt, in the words of a frame that writes a conversation so. */
static enum sc_status write_prompt(const struct sc_asking *asking, const struct sc_judge_item *item,
                                   char **text, struct sc_error *error)
{
    bool whole = asking->kind->conversations;
    return sc_judge_conversation(item->turns, whole ? item->n_turns : 0, item->prompt, text, error);
}

static enum sc_status render(const struct sc_asking *asking, const struct sc_judge_item *item,
                             struct sc_marked_text *out, struct sc_error *error)
{
    const struct sc_frame *frame = frame_of(asking, item);
    const char *bos = asking->kind->bos;
    if (bos != NULL && sc_tokenizer_id(asking->tokenizer, bos) >= 0 &&
        strncmp(frame->text, bos, strlen(bos)) != 0)
        sc_marked_add(out, bos, strlen(bos), false);
    char *prompt = NULL;
    SC_TRY(write_prompt(asking, item, &prompt, error));
    sc_frame_render(frame->text, frame->n, (struct sc_template_texts){prompt, item->response}, out);
    sc_free(prompt);
    return out->text.failed ? sc_fail_nomem(error, "a judge's prompt") : SC_OK;
}

/* ---- as tokens ------------------------------------------------------------------------------- */

static enum sc_status render_and_encode(const struct sc_asking *asking,
                                        const struct sc_judge_item *item,
                                        struct sc_marked_text *text, struct sc_ids *out,
                                        struct sc_error *error)
{
    SC_TRY(render(asking, item, text, error));
    return sc_tokenizer_append_marked(asking->tokenizer, text->text.data, text->text.len,
                                      text->outside, text->n_outside, out, error);
}

enum sc_status sc_asking_encode(const struct sc_asking *asking, const struct sc_judge_item *item,
                                int32_t **ids, size_t *n_ids, struct sc_error *error)
{
    assert(item->prompt != NULL);
    *ids = NULL;
    *n_ids = 0;
    struct sc_marked_text text = {0};
    struct sc_ids out = {0};
    enum sc_status status = render_and_encode(asking, item, &text, &out, error);
    sc_marked_free(&text);
    if (status != SC_OK) {
        sc_free(out.ids);
        return status;
    }
    *ids = out.ids;
    *n_ids = out.n;
    return SC_OK;
}

enum sc_status sc_asking_check(const struct sc_asking *asking, struct sc_error *error)
{
    const struct sc_judge_config *config = asking->config;
    for (size_t i = 0; asking->kind->controls_exist && i < config->n_controls; i++)
        if (strstr(config->answer.text, config->controls[i]) != NULL &&
            sc_tokenizer_id(asking->tokenizer, config->controls[i]) < 0)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "a judge's prompt: the tokenizer has no token \"%s\"",
                           config->controls[i]);
    return SC_OK;
}
