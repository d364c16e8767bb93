/* What fetching files and fetching rows have in common (pull.h). */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/memory.h"
#include "hub/pull.h"

#define MOST_ANSWER_BYTES ((size_t)4 << 20)

const char *sc_set_part_expected(const struct sc_puller *puller, const struct sc_set_part *part)
{
    const struct sc_set *set = puller->set;
    bool is_own = set->revision != NULL && strcmp(puller->revision, set->revision) == 0;
    if (is_own && part->file->sha256 != NULL)
        return part->file->sha256;
    return part->sha256[0] != '\0' && strcmp(puller->revision, part->revision) == 0 ? part->sha256
                                                                                    : NULL;
}

/* Now, in UTC, as ISO 8601 has it. */
static void write_now(char out[32])
{
    time_t now = time(NULL);
    struct tm parts;
    if (gmtime_r(&now, &parts) == NULL || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        out[0] = '\0';
}

enum sc_status sc_set_part_done(const struct sc_puller *puller, struct sc_set_part *part,
                                struct sc_error *error)
{
    struct sc_set_state one = {.folder = puller->state->folder, .n_parts = 1};
    memcpy(part->revision, puller->revision, sizeof part->revision);
    write_now(part->fetched);
    part->is_here = part->was_fetched = true;
    one.parts[0] = *part;
    return sc_record_write(puller->set, &one, error);
}

enum sc_status sc_set_refused(const struct sc_puller *puller, const struct sc_hub_refusal *refusal,
                              struct sc_error *error)
{
    const struct sc_set *set = puller->set;
    const bool gated = set->gated || strcmp(refusal->code, "GatedRepo") == 0;
    char *page = sc_set_page(set);
    enum sc_status status;
    if (page == NULL)
        status = sc_fail_nomem(error, "page of a set");
    else if (gated && puller->token == NULL)
        status = sc_fail(error, SC_ERR_IO,
                         "%s: only for those who accepted its terms: agree at %s, make an access "
                         "token there, and give it in HF_TOKEN (status %ld)",
                         set->title, page, refusal->http_status);
    else if (gated)
        status = sc_fail(error, SC_ERR_IO,
                         "%s: the access token has no access: agree to the terms at %s with the "
                         "account that it belongs to (status %ld)",
                         set->title, page, refusal->http_status);
    else
        status = sc_fail(error, SC_ERR_IO, "%s: the server does not give it (status %ld): see %s",
                         set->title, refusal->http_status, page);
    sc_free(page);
    return status;
}

void sc_text_add_escaped(struct sc_text *text, const char *part, const char *kept)
{
    for (const unsigned char *p = (const unsigned char *)part; *p != '\0'; p++)
        if (sc_is_name_char((char)*p) || *p == '~' || strchr(kept, *p) != NULL)
            sc_text_putc(text, (char)*p);
        else
            sc_text_printf(text, "%%%02X", *p);
}

/* ---- asking ---------------------------------------------------------------------------------- */

enum sc_status sc_set_ask(const struct sc_puller *puller, char *url, size_t most,
                          struct sc_hub_answer *answer, struct sc_error *error)
{
    *answer = (struct sc_hub_answer){0};
    if (url == NULL)
        return sc_fail_nomem(error, "address of a set");
    const struct sc_hub_question question = {.url = url,
                                             .token = puller->token,
                                             .most = most,
                                             .step = puller->options->step,
                                             .context = puller->options->context};
    enum sc_status status = sc_hub_ask(&question, answer, error);
    sc_free(url);
    return status;
}

static bool is_commit(const char *text)
{
    size_t n = text != NULL ? strlen(text) : 0;
    return n >= 7 && n < SC_SET_REVISION_SIZE && strspn(text, "0123456789abcdef") == n;
}

static enum sc_status read_revision(const struct sc_hub_answer *answer,
                                    char out[SC_SET_REVISION_SIZE], struct sc_error *error)
{
    json_t *facts = NULL;
    SC_TRY(sc_json_parse_foreign(answer->body, answer->n, "what the hub says of the set", &facts,
                                 error));
    const char *commit = json_string_value(json_object_get(facts, "sha"));
    enum sc_status status = SC_OK;
    if (is_commit(commit))
        memcpy(out, commit, strlen(commit) + 1);
    else
        status = sc_fail(error, SC_ERR_FORMAT,
                         "what the hub says of the set: expected a commit in \"sha\", found %s",
                         sc_json_kind(json_object_get(facts, "sha")));
    json_decref(facts);
    return status;
}

/* sc_free it; NULL when out of memory. */
static char *revision_url(const struct sc_puller *puller, const char *hub, const char *revision)
{
    struct sc_text url = {0};
    sc_text_printf(&url, "%s/api/datasets/%s/revision/", hub, puller->set->repository);
    sc_text_add_escaped(&url, revision, "");
    return sc_text_take(&url);
}

enum sc_status sc_set_ask_revision(const struct sc_puller *puller, const char *revision,
                                   char out[SC_SET_REVISION_SIZE], struct sc_error *error)
{
    struct sc_hub_answer answer = {0};
    char *hub;
    SC_TRY(sc_hub_endpoint(&hub, error));
    char *url = revision_url(puller, hub, revision);
    sc_free(hub);
    SC_TRY(sc_set_ask(puller, url, MOST_ANSWER_BYTES, &answer, error));
    enum sc_status status = answer.refusal.http_status != 0
                                ? sc_set_refused(puller, &answer.refusal, error)
                                : read_revision(&answer, out, error);
    sc_free(answer.body);
    return status;
}
