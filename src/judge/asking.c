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
#include "model/chat/source.h"
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

static const char *guideline_of(const struct sc_asking *asking, bool prompt_alone, size_t ask)
{
    const struct sc_guideline *guideline = &asking->kind->guidelines[ask];
    if (asking->kind->n_guidelines == 0)
        return NULL;
    return prompt_alone ? guideline->prompt : guideline->answer;
}

/* By the model's own template; a judge that was not trained on conversations sees no earlier turn.
 */
static enum sc_status render_own(const struct sc_asking *asking, const struct sc_judge_item *item,
                                 size_t ask, struct sc_marked_text *out, struct sc_error *error)
{
    struct sc_judge_item shown = *item;
    if (!asking->kind->conversations)
        shown.n_turns = 0;
    return sc_own_template_render(&asking->own, &shown,
                                  guideline_of(asking, item->response == NULL, ask), out, error);
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
                                        const struct sc_judge_item *item, size_t ask,
                                        struct sc_marked_text *text, struct sc_ids *out,
                                        struct sc_error *error)
{
    SC_TRY(asking->kind->frame == SC_FRAME_MODEL ? render_own(asking, item, ask, text, error)
                                                 : render(asking, item, text, error));
    return sc_tokenizer_append_marked(asking->tokenizer, text->text.data, text->text.len,
                                      text->outside, text->n_outside, out, error);
}

enum sc_status sc_asking_encode(const struct sc_asking *asking, const struct sc_judge_item *item,
                                size_t ask, struct sc_asked *out, struct sc_error *error)
{
    assert(item->prompt != NULL && ask < sc_asking_n_asks(asking));
    *out = (struct sc_asked){0};
    struct sc_marked_text text = {0};
    struct sc_ids ids = {0};
    enum sc_status status = render_and_encode(asking, item, ask, &text, &ids, error);
    sc_marked_free(&text);
    if (status != SC_OK) {
        sc_free(ids.ids);
        return status;
    }
    *out = (struct sc_asked){ids.ids, ids.n};
    return SC_OK;
}

size_t sc_asking_n_asks(const struct sc_asking *asking)
{
    return asking->kind->n_guidelines > 0 ? asking->kind->n_guidelines : 1;
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum sc_status check_controls(const struct sc_asking *asking, struct sc_error *error)
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

static enum sc_status open_given(struct sc_asking *asking, const char *frame, const json_t *special,
                                 struct sc_error *error)
{
    char *text = NULL;
    size_t n = 0;
    SC_TRY(sc_chat_source_read(frame, &text, &n, error));
    enum sc_status status =
        sc_own_template_open(&asking->own, text, n, special, guideline_of(asking, false, 0), error);
    sc_free(text);
    return status;
}

static enum sc_status open_own(struct sc_asking *asking, const char *frame, struct sc_error *error)
{
    const struct sc_chat_source *source = sc_tokenizer_chat_source(asking->tokenizer);
    if (frame != NULL)
        return open_given(asking, frame, source->special, error);
    if (source->text == NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "chat template: expected that of %s in the model's folder or one by "
                       "--judge-frame, found %s",
                       asking->kind->model, source->fault != NULL ? source->fault : "none");
    return sc_own_template_open(&asking->own, source->text, source->n, source->special,
                                guideline_of(asking, false, 0), error);
}

enum sc_status sc_asking_open(struct sc_asking *asking, const char *frame, struct sc_error *error)
{
    SC_TRY(check_controls(asking, error));
    return asking->kind->frame == SC_FRAME_MODEL ? open_own(asking, frame, error) : SC_OK;
}

void sc_asking_close(struct sc_asking *asking)
{
    sc_own_template_free(&asking->own);
}
