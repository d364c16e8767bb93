/* What a configured judge is asked about a text, and what its answer says (config.h). */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "judge/config.h"
#include "judge/messages.h"
#include "judge/template.h"

bool sc_judge_config_asks_harm(const struct sc_judge_config *config)
{
    return (config->answer.text != NULL || config->messages) &&
           (config->harm.pattern != NULL || config->rubric.formula != NULL);
}

bool sc_judge_config_asks_prompts(const struct sc_judge_config *config)
{
    return config->prompt.text != NULL || config->messages;
}

/* Refuses a text that could speak for the frame. */
static enum sc_status check_controls(const struct sc_judge_config *config, const char *text,
                                     struct sc_error *error)
{
    for (size_t i = 0; text != NULL && i < config->n_controls; i++)
        if (strstr(text, config->controls[i]) != NULL)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "text: holds \"%s\", which the server would take for a control token",
                           config->controls[i]);
    return SC_OK;
}

enum sc_status sc_judge_config_render(const struct sc_judge_config *config, const char *prompt,
                                      const char *response, struct sc_text *out,
                                      struct sc_error *error)
{
    const struct sc_frame *frame = response != NULL ? &config->answer : &config->prompt;
    SC_TRY(check_controls(config, prompt, error));
    SC_TRY(check_controls(config, response, error));
    struct sc_marked_text text = {.text = *out};
    sc_frame_render(frame->text, frame->n, (struct sc_template_texts){prompt, response}, &text);
    *out = text.text;
    sc_free(text.outside);
    return out->failed ? sc_fail_nomem(error, "a judge's prompt") : SC_OK;
}

/* ---- as messages ----------------------------------------------------------------------------- */

enum sc_status sc_judge_config_messages(const struct sc_judge_config *config,
                                        const struct sc_judge_item *item, json_t **out,
                                        struct sc_error *error)
{
    SC_TRY(sc_judge_messages(item, false, out, error));
    size_t i;
    json_t *message;
    json_array_foreach(*out, i, message)
    {
        const char *text = json_string_value(json_object_get(message, "content"));
        enum sc_status status = check_controls(config, text, error);
        if (status != SC_OK) {
            json_decref(*out);
            *out = NULL;
            return status;
        }
    }
    return SC_OK;
}

/* ---- what comes back ------------------------------------------------------------------------- */

/* Why a label has no score; the first reason stays. */
static void note(struct sc_judgement *out, const char *why)
{
    if (out->unscored == NULL)
        out->unscored = why;
}

static void read_harm(const struct sc_question *question, const struct sc_completion *completion,
                      struct sc_judgement *out)
{
    double shares[SC_MOST_MEANINGS];
    size_t at, said = sc_question_read(question, completion->text, completion->n, &at);
    out->safety = (enum sc_safety)said;
    if (said == SC_SAFETY_UNPARSED)
        return;
    const char *why = sc_question_score(question, completion, at, shares, &out->safety_mass);
    note(out, why);
    if (why == NULL) {
        out->p_unsafe = shares[SC_SAFETY_UNSAFE];
        out->p_controversial = shares[SC_SAFETY_CONTROVERSIAL];
    }
}

static void read_refusal(const struct sc_question *question, const struct sc_completion *completion,
                         struct sc_judgement *out)
{
    double shares[SC_MOST_MEANINGS];
    size_t at, said = sc_question_read(question, completion->text, completion->n, &at);
    out->refused = (enum sc_refused)said;
    if (said == SC_REFUSED_UNPARSED)
        return;
    const char *why = sc_question_score(question, completion, at, shares, &out->refused_mass);
    note(out, why);
    if (why == NULL)
        out->p_refused = fmin(1, shares[SC_REFUSED_YES] + shares[SC_REFUSED_PARTIAL]);
}

/* A judge that answers with numbers: its score says whether an answer is harmful. */
static void read_rubric(const struct sc_rubric *rubric, const struct sc_completion *completion,
                        struct sc_judgement *out)
{
    out->score = sc_rubric_read(rubric, completion->text, completion->n);
    if (!isnan(out->score))
        out->safety = out->score >= rubric->harmful ? SC_SAFETY_UNSAFE : SC_SAFETY_SAFE;
}

unsigned sc_judge_config_categories(const struct sc_judge_config *config, const char *text,
                                    size_t n)
{
    size_t begin, end;
    if (config->categories == NULL || text == NULL ||
        !sc_pattern_find(config->categories, text, n, 1, &begin, &end))
        return 0;
    return sc_categories_read(text + begin, end - begin, config->category_names,
                              config->n_category_names);
}

void sc_judge_config_read(const struct sc_judge_config *config,
                          const struct sc_completion *completion, bool prompt_alone,
                          struct sc_judgement *out)
{
    const struct sc_question *harm =
        prompt_alone && config->prompt_harm.pattern != NULL ? &config->prompt_harm : &config->harm;
    *out = sc_judgement_none();
    out->output = completion->text;
    out->n_tokens = completion->n_tokens;
    if (harm->pattern != NULL)
        read_harm(harm, completion, out);
    else if (config->rubric.formula != NULL)
        read_rubric(&config->rubric, completion, out);
    else
        out->safety = SC_SAFETY_UNASKED;
    if (config->refusal.pattern == NULL)
        out->refused = SC_REFUSED_UNASKED;
    else if (!prompt_alone)
        read_refusal(&config->refusal, completion, out);
    out->categories = sc_judge_config_categories(config, completion->text, completion->n);
}

bool sc_judge_config_ran_out(const struct sc_judge_config *config)
{
    bool ran_out =
        sc_pattern_ran_out(config->refusal.pattern) || sc_pattern_ran_out(config->harm.pattern) ||
        sc_pattern_ran_out(config->prompt_harm.pattern) || sc_pattern_ran_out(config->categories);
    for (size_t i = 0; i < config->rubric.n_parts; i++)
        ran_out = ran_out || sc_pattern_ran_out(config->rubric.parts[i].pattern);
    return ran_out;
}
