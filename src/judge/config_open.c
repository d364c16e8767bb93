/* Configurations of judges from files, and those that are compiled in (config.h). */
#include <assert.h>
#include <string.h>

#include "base/embedded.h"
#include "base/file.h"
#include "base/memory.h"
#include "judge/config.h"
#include "judge/kinds.h"
#include "judge/template.h"

static enum sc_status read_file(const void *context, const char *name, char **text, size_t *n,
                                struct sc_error *error)
{
    const char *config = context, *slash = strrchr(config, '/');
    struct sc_text path = {0};
    if (name[0] != '/' && slash != NULL)
        sc_text_add(&path, config, (size_t)(slash - config) + 1);
    sc_text_puts(&path, name);
    enum sc_status status = path.failed
                                ? sc_fail_nomem(error, "a template")
                                : sc_file_read(path.data, SC_MOST_JUDGE_FILE, text, n, error);
    sc_text_free(&path);
    return status;
}

static const struct {
    const char *file;
    enum sc_template which;
} frames[] = {{"qwen3guard-response.txt", SC_TEMPLATE_GUARD_RESPONSE},
              {"qwen3guard-prompt.txt", SC_TEMPLATE_GUARD_PROMPT},
              {"wildguard.txt", SC_TEMPLATE_WILDGUARD},
              {"strongreject.txt", SC_TEMPLATE_STRONGREJECT}};

static const struct {
    const char *judge;
    const unsigned char *json;
    const size_t *n;
} embedded[] = {
    {"guard", sc_embedded_qwen3guard_json, &sc_embedded_qwen3guard_json_size},
    {"wildguard", sc_embedded_wildguard_json, &sc_embedded_wildguard_json_size},
    {"harmbench", sc_embedded_harmbench_json, &sc_embedded_harmbench_json_size},
    {"llamaguard", sc_embedded_llamaguard_json, &sc_embedded_llamaguard_json_size},
    {"shieldgemma", sc_embedded_shieldgemma_json, &sc_embedded_shieldgemma_json_size},
    {"strongreject", sc_embedded_strongreject_json, &sc_embedded_strongreject_json_size},
};

static enum sc_status read_embedded(const void *context, const char *name, char **text, size_t *n,
                                    struct sc_error *error)
{
    (void)context;
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        if (strcmp(frames[i].file, name) != 0)
            continue;
        const char *frame = sc_template_text(frames[i].which, n);
        *text = sc_strndup(frame, *n);
        return *text != NULL ? SC_OK : sc_fail_nomem(error, "a template");
    }
    return sc_fail(error, SC_ERR_INTERNAL, "no template %s", name);
}

/* A judge whose makers' text is not ours to copy needs it from the user. */
static enum sc_status check_frame(const struct sc_judge_options *options, struct sc_error *error)
{
    const struct sc_judge_kind *kind = sc_judge_kind_find(options->judge);
    if (kind != NULL && kind->frame == SC_FRAME_FILE && options->frame == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "judge-frame: expected a file with the prompt of %s, as its makers publish "
                       "it (docs/JUDGES.md), found nothing",
                       kind->model);
    return SC_OK;
}

static enum sc_status open_embedded(struct sc_judge_config *out, size_t which,
                                    const struct sc_judge_options *options,
                                    struct sc_judge_source *source, struct sc_error *error)
{
    SC_TRY(check_frame(options, error));
    source->frame = read_embedded;
    SC_TRY(sc_judge_config_parse(out, (const char *)embedded[which].json, *embedded[which].n,
                                 source, error));
    /* The user's own key for a judge that names no variable. */
    out->key_variable = sc_strdup("SAFECONF_JUDGE_KEY");
    if (out->key_variable != NULL)
        return SC_OK;
    sc_judge_config_free(out);
    return sc_fail_nomem(error, "judge");
}

enum sc_status sc_judge_config_open(struct sc_judge_config *out,
                                    const struct sc_judge_options *options, struct sc_error *error)
{
    const char *judge = options->judge;
    assert(judge != NULL);
    *out = (struct sc_judge_config){0};
    struct sc_judge_source source = {.what = judge,
                                     .frame = read_file,
                                     .context = judge,
                                     .model = options->model,
                                     .url = options->url,
                                     .answer = options->frame};
    for (size_t i = 0; i < sizeof embedded / sizeof *embedded; i++)
        if (strcmp(judge, embedded[i].judge) == 0)
            return open_embedded(out, i, options, &source, error);
    if (!sc_file_exists(judge))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "judge: expected none, " SC_JUDGE_NAMES " or a configuration file, found "
                       "\"%s\"",
                       judge);
    char *json = NULL;
    size_t n = 0;
    SC_TRY(sc_file_read(judge, SC_MOST_JUDGE_FILE, &json, &n, error));
    enum sc_status status = sc_judge_config_parse(out, json, n, &source, error);
    sc_free(json);
    return status;
}
