/* See results.h. */
#include "risk/results.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/render.h"
#include "risk/page.h"

/* The text of risk.json; *summary: a copy of the object that it ends with. */
static enum sc_status put_file(const struct sc_risk_folder *folder,
                               const struct sc_risk_failures *failures, struct sc_text *text,
                               char **summary, struct sc_error *error)
{
    struct sc_json_writer out = {.text = text, .pretty = true, .pretty_depth = 3};
    sc_json_put_object(&out, NULL);
    sc_json_put_raw(&out, "configuration", folder->configuration);
    size_t begin = text->len;
    SC_TRY(sc_risk_summarize(folder->lines, failures, &out, error));
    if (text->failed)
        return sc_fail_nomem(error, "risk.json");
    const char *object = strchr(text->data + begin, '{');
    *summary = sc_strndup(object, text->len - (size_t)(object - text->data));
    sc_json_put_end_object(&out);
    sc_text_putc(text, '\n');
    return text->failed || *summary == NULL ? sc_fail_nomem(error, "risk.json") : SC_OK;
}

static enum sc_status put_page(const struct sc_risk_folder *folder, const char *summary,
                               struct sc_text *text, struct sc_error *error)
{
    json_t *parsed = NULL;
    SC_TRY(sc_json_parse(summary, strlen(summary), "risk.json", &parsed, error));
    enum sc_status status = sc_risk_page(folder, parsed, text, error);
    json_decref(parsed);
    return status;
}

static enum sc_status finish(const struct sc_risk_folder *folder,
                             const struct sc_risk_failures *failures, struct sc_text *text,
                             char **summary, struct sc_error *error)
{
    SC_TRY(put_file(folder, failures, text, summary, error));
    if (folder->path == NULL)
        return SC_OK;
    SC_TRY(sc_file_write(folder->summary_path, text->data, text->len, error));
    sc_text_clear(text);
    SC_TRY(put_page(folder, *summary, text, error));
    return sc_render_write(folder->path, "risk.html", text, error);
}

enum sc_status sc_risk_finish(const struct sc_risk_folder *folder,
                              const struct sc_risk_failures *failures, char **summary,
                              struct sc_error *error)
{
    struct sc_text text = {0};
    *summary = NULL;
    enum sc_status status = finish(folder, failures, &text, summary, error);
    if (status != SC_OK) {
        sc_free(*summary);
        *summary = NULL;
    }
    sc_text_free(&text);
    return status;
}
