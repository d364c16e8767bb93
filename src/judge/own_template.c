/*
 * See own_template.h.
 *
 * A template that goes through the parts of a content makes nothing of a plain text, without a
 * word: the judge would be asked about nothing.  So both ways are tried on texts that are easy to
 * find again, and the one that shows them is taken.
 */
#include "judge/own_template.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "judge/messages.h"

static const char *const outside[] = {"content"};

/* ---- rendering ------------------------------------------------------------------------------- */

/* Puts a system message before the others. */
static enum sc_status add_guideline_turn(json_t *messages, const char *guideline, bool parts,
                                         struct sc_error *error)
{
    json_t *turn = parts ? json_pack("{s:s, s:[{s:s, s:s}]}", "role", "system", "content", "type",
                                     "text", "text", guideline)
                         : json_pack("{s:s, s:s}", "role", "system", "content", guideline);
    return turn != NULL && json_array_insert_new(messages, 0, turn) == 0
               ? SC_OK
               : sc_fail_nomem(error, "a judge's prompt");
}

/* Takes the messages. */
static enum sc_status set_variables(const struct sc_own_template *own, json_t *variables,
                                    json_t *messages, const char *guideline, struct sc_error *error)
{
    bool failed = json_object_set_new(variables, "messages", messages) != 0;
    failed |= json_object_set_new(variables, "add_generation_prompt", json_true()) != 0;
    if (guideline != NULL && !own->guideline_is_turn)
        failed |= json_object_set_new(variables, "guideline", json_string(guideline)) != 0;
    if (failed)
        return sc_fail_nomem(error, "a judge's prompt");
    return guideline != NULL && own->guideline_is_turn
               ? add_guideline_turn(messages, guideline, own->parts, error)
               : SC_OK;
}

static enum sc_status run(const struct sc_own_template *own, json_t *variables,
                          const struct sc_judge_item *item, const char *guideline,
                          struct sc_jinja_output *out, struct sc_error *error)
{
    json_t *messages = NULL;
    SC_TRY(sc_judge_messages(item, own->parts, &messages, error));
    SC_TRY(set_variables(own, variables, messages, guideline, error));
    const struct sc_jinja_input input = {.variables = variables,
                                         .outside = outside,
                                         .n_outside = 1,
                                         .year = 2024,
                                         .month = 7,
                                         .day = 26};
    struct sc_error why = {0};
    enum sc_status status = sc_jinja_render(own->template, &input, out, &why);
    if (status == SC_ERR_ARGUMENT) /* what a template refuses is no wrong word of the caller's */
        status = SC_ERR_UNSUPPORTED;
    return status != SC_OK ? sc_fail(error, status, "the judge's chat template: %s", why.text)
                           : SC_OK;
}

/* Appends the output, piece by piece as it is the template's or not. */
static void take_output(struct sc_marked_text *out, const struct sc_jinja_output *rendered)
{
    size_t at = 0;
    for (size_t i = 0; i < rendered->n_outside; i++) {
        const struct sc_jinja_span *span = &rendered->outside[i];
        sc_marked_add(out, rendered->text + at, span->begin - at, false);
        sc_marked_add(out, rendered->text + span->begin, span->end - span->begin, true);
        at = span->end;
    }
    sc_marked_add(out, rendered->text + at, rendered->n - at, false);
}

enum sc_status sc_own_template_render(const struct sc_own_template *own,
                                      const struct sc_judge_item *item, const char *guideline,
                                      struct sc_marked_text *out, struct sc_error *error)
{
    json_t *variables = sc_json_copy_flat(own->variables);
    if (variables == NULL)
        return sc_fail_nomem(error, "a judge's prompt");
    struct sc_jinja_output rendered = {0};
    enum sc_status status = run(own, variables, item, guideline, &rendered, error);
    json_decref(variables);
    SC_TRY(status);
    take_output(out, &rendered);
    sc_jinja_output_free(&rendered);
    return out->text.failed ? sc_fail_nomem(error, "a judge's prompt") : SC_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Whether a prompt and its answer stand in what is rendered, and a guideline where there is one. */
static enum sc_status shows(const struct sc_own_template *own, const char *guideline, bool *all,
                            struct sc_error *error)
{
    static const struct sc_judge_item item = {.prompt = "Zq7prompt", .response = "Zq7answer"};
    struct sc_marked_text text = {0};
    enum sc_status status = sc_own_template_render(own, &item, guideline, &text, error);
    const char *shown = text.text.data != NULL ? text.text.data : "";
    *all = status == SC_OK && strstr(shown, item.prompt) != NULL &&
           strstr(shown, item.response) != NULL &&
           (guideline == NULL || strstr(shown, guideline) != NULL);
    sc_marked_free(&text);
    return status;
}

static enum sc_status find_way(struct sc_own_template *own, const char *guideline,
                               struct sc_error *error)
{
    struct sc_error first = {0};
    own->guideline_is_turn = guideline != NULL && !sc_jinja_uses(own->template, "guideline");
    for (int parts = 0; parts < 2; parts++) {
        struct sc_error why = {0};
        bool all = false;
        own->parts = parts != 0;
        enum sc_status status = shows(own, guideline, &all, &why);
        if (all)
            return SC_OK;
        if (status == SC_ERR_NOMEM)
            return sc_fail(error, status, "%s", why.text);
        if (parts == 0)
            first = why;
    }
    if (first.status != SC_OK)
        return sc_fail(error, first.status, "%s", first.text);
    return sc_fail(error, SC_ERR_UNSUPPORTED,
                   "the judge's chat template: expected one that shows a prompt%s and an answer, "
                   "found one that leaves some of them out",
                   guideline != NULL ? ", a guideline" : "");
}

static enum sc_status open_template(struct sc_own_template *out, const char *source, size_t n,
                                    const json_t *special, const char *guideline,
                                    struct sc_error *error)
{
    out->key = sc_hash64(source, n);
    out->variables = special != NULL ? sc_json_copy_flat(special) : json_object();
    if (out->variables == NULL)
        return sc_fail_nomem(error, "a judge's chat template");
    struct sc_error why = {0};
    enum sc_status status = sc_jinja_parse(&out->template, source, n, &why);
    if (status != SC_OK)
        return sc_fail(error, status, "the judge's chat template: %s", why.text);
    return find_way(out, guideline, error);
}

enum sc_status sc_own_template_open(struct sc_own_template *out, const char *source, size_t n,
                                    const json_t *special, const char *guideline,
                                    struct sc_error *error)
{
    *out = (struct sc_own_template){0};
    enum sc_status status = open_template(out, source, n, special, guideline, error);
    if (status != SC_OK)
        sc_own_template_free(out);
    return status;
}

void sc_own_template_free(struct sc_own_template *own)
{
    sc_jinja_free(own->template);
    json_decref(own->variables);
    *own = (struct sc_own_template){0};
}
