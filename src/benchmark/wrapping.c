/* See wrapping.h.  The prompt itself stays as it was: detectors, judges and tables show it. */
#include "benchmark/wrapping.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define MARK "{prompt}"

/* A template that repeats a long prompt many times is a mistake. */
static const size_t most_bytes = (size_t)16 << 20;

enum sc_status sc_wrapping_check(const struct sc_benchmark_options *options, struct sc_error *error)
{
    if (options->prompt_template == NULL || strstr(options->prompt_template, MARK) != NULL)
        return SC_OK;
    return sc_fail(error, SC_ERR_ARGUMENT,
                   "--prompt-template: expected " MARK " where the prompt goes, found none");
}

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

static enum sc_status add_wrapped(struct sc_conversation *out, const char *template,
                                  const char *prompt, struct sc_error *error)
{
    struct sc_text text = {0};
    const char *mark;
    while ((mark = strstr(template, MARK)) != NULL && text.len <= most_bytes) {
        sc_text_add(&text, template, (size_t)(mark - template));
        sc_text_puts(&text, prompt);
        template = mark + strlen(MARK);
    }
    sc_text_puts(&text, template);
    enum sc_status status =
        text.failed ? sc_fail_nomem(error, "prompt template")
        : text.len > most_bytes
            ? sc_fail(error, SC_ERR_FORMAT, "the template makes a prompt of more than %zu bytes",
                      most_bytes)
            : sc_conversation_add(out, SC_ROLE_USER, text.data, error);
    sc_text_free(&text);
    return status;
}

/* The conversation anew, with the system message before it and its last turn in the template. */
static enum sc_status build(const struct sc_instance *item, const char *system,
                            const char *template, struct sc_conversation *out,
                            struct sc_error *error)
{
    const struct sc_message alone = {sc_role_name(SC_ROLE_USER), item->prompt};
    size_t n = item->conversation.n > 0 ? item->conversation.n : 1;
    const struct sc_message *turns =
        item->conversation.n > 0 ? item->conversation.messages : &alone;
    if (system != NULL)
        SC_TRY(sc_conversation_add(out, SC_ROLE_SYSTEM, system, error));
    for (size_t i = 0; i < n; i++) {
        enum sc_role role = (enum sc_role)sc_role_parse(turns[i].role);
        SC_TRY(template != NULL && i + 1 == n
                   ? add_wrapped(out, template, turns[i].text, error)
                   : sc_conversation_add(out, role, turns[i].text, error));
    }
    return SC_OK;
}

enum sc_status sc_wrap(const struct sc_benchmark_options *options, const char *system,
                       const char *prefill, struct sc_instance *item, bool *kept_own,
                       struct sc_error *error)
{
    assert(item->prompt != NULL && item->prefill == NULL);
    const struct sc_conversation *has = &item->conversation;
    const char *wanted = !is_blank(system) ? system : options->system;
    const char *begins = !is_blank(prefill) ? prefill : options->prefill;
    bool own = has->n > 0 && strcmp(has->messages[0].role, sc_role_name(SC_ROLE_SYSTEM)) == 0;
    wanted = is_blank(wanted) ? NULL : wanted;
    *kept_own = own && wanted != NULL;
    if (begins != NULL && *begins != '\0') {
        item->prefill = sc_strdup(begins);
        if (item->prefill == NULL)
            return sc_fail_nomem(error, "prefill");
    }
    if ((wanted == NULL || own) && options->prompt_template == NULL)
        return SC_OK;
    struct sc_conversation made = {0};
    enum sc_status status =
        build(item, own ? NULL : wanted, options->prompt_template, &made, error);
    if (status != SC_OK) {
        sc_conversation_free(&made);
        return status;
    }
    sc_conversation_free(&item->conversation);
    item->conversation = made;
    return SC_OK;
}
