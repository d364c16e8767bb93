/* See identity.h. */
#include "source/server/identity.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "source/server/ask.h"

enum { MOST_NAMES = 8, NAME_COLUMNS = 80, WORD_COLUMNS = 60 };

/* Where a kind of software says what it is. */
static const struct kind {
    const char *name, *owner; /* owner: "owned_by" of its models; NULL: any name */
    const char *path;
    const char *mark;       /* a field that only its answer has; NULL: the owner is enough */
    const char *version;    /* field; NULL: none */
    const char *context[2]; /* field, or field in an object */
    const char *revision;
} kinds[] = {
    {"safeconf", "safeconf", "/../version", NULL, "version", {NULL}, NULL}, /* serve */
    {"vllm", "vllm", "/../version", NULL, "version", {NULL}, NULL},
    {"sglang", "sglang", "/../server_info", NULL, "version", {"context_length"}, "revision"},
    {"sglang", "sglang", "/../get_server_info", NULL, "version", {"context_length"}, "revision"},
    {"llama.cpp",
     "llamacpp",
     "/../props",
     "default_generation_settings",
     "build_info",
     {"default_generation_settings", "n_ctx"},
     NULL},
    {"ollama", "library", "/../api/version", NULL, "version", {NULL}, NULL},
    {"text-generation-inference",
     NULL,
     "/../info",
     "model_sha",
     "version",
     {"max_total_tokens"},
     "model_sha"},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* ---- reading --------------------------------------------------------------------------------- */

/* A word of a server's: one visible line of bounded length, or NULL where there is none. */
static enum sc_status copy_word(const char *word, char **out, struct sc_error *error)
{
    struct sc_text text = {0};
    *out = NULL;
    if (word == NULL || *word == '\0')
        return SC_OK;
    sc_text_add_shortened(&text, word, WORD_COLUMNS);
    *out = sc_text_take(&text);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, "what a server says of itself");
}

static size_t count_in(const json_t *value)
{
    json_int_t n = json_is_integer(value) ? json_integer_value(value) : 0;
    return n > 0 && n <= INT32_MAX ? (size_t)n : 0;
}

/* The list in an answer to /models, whatever holds it; NULL: none. */
static const json_t *list_in(const json_t *root)
{
    const json_t *places[] = {root, json_object_get(root, "data"), json_object_get(root, "models")};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (json_array_size(places[i]) > 0)
            return places[i];
    return NULL;
}

static const char *name_in(const json_t *entry)
{
    static const char *const keys[] = {"id", "name", "model"};
    const char *name = json_string_value(entry);
    for (size_t i = 0; name == NULL && i < sizeof keys / sizeof *keys; i++)
        name = json_string_value(json_object_get(entry, keys[i]));
    return name;
}

static size_t context_in(const json_t *entry)
{
    static const char *const keys[] = {"max_model_len", "context_length", "context_window",
                                       "max_context_length"};
    size_t n = 0;
    for (size_t i = 0; n == 0 && i < sizeof keys / sizeof *keys; i++)
        n = count_in(json_object_get(entry, keys[i]));
    return n;
}

static void add_name(struct sc_text *names, size_t i, const char *name)
{
    if (i > 0 && i <= MOST_NAMES)
        sc_text_puts(names, ", ");
    if (i < MOST_NAMES)
        sc_text_add_shortened(names, name, NAME_COLUMNS);
    else if (i == MOST_NAMES)
        sc_text_puts(names, "...");
}

/* Takes the list; *entry: that of the model that is wanted, or of the only one. */
static enum sc_status read_list(const json_t *list, const char *model, struct sc_identity *out,
                                const json_t **entry, struct sc_error *error)
{
    const char *first = NULL;
    *entry = NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = name_in(json_array_get(list, i));
        if (name == NULL || *name == '\0')
            continue;
        add_name(&out->names, out->n_models, name);
        first = out->n_models == 0 ? name : first;
        out->n_models++;
        bool wanted = model == NULL ? out->n_models == 1 : strcmp(name, model) == 0;
        out->has_model = out->has_model || (wanted && model != NULL);
        if (wanted)
            *entry = json_array_get(list, i);
    }
    out->lists = out->n_models > 0;
    if (out->n_models == 1)
        out->only = sc_strdup(first);
    if (out->names.failed || (out->n_models == 1 && out->only == NULL))
        return sc_fail_nomem(error, "names of a server's models");
    return SC_OK;
}

/* ---- software -------------------------------------------------------------------------------- */

static const json_t *field_of(const json_t *root, const char *const path[2])
{
    const json_t *value = path[0] != NULL ? json_object_get(root, path[0]) : NULL;
    return path[0] != NULL && path[1] != NULL ? json_object_get(value, path[1]) : value;
}

static enum sc_status read_kind(const struct kind *kind, const json_t *root,
                                struct sc_identity *out, struct sc_error *error)
{
    struct sc_text software = {0};
    char *version = NULL;
    SC_TRY(copy_word(json_string_value(json_object_get(root, kind->version)), &version, error));
    sc_text_printf(&software, "%s%s%s", kind->name, version != NULL ? " " : "",
                   version != NULL ? version : "");
    sc_free(version);
    out->software = sc_text_take(&software);
    if (out->software == NULL)
        return sc_fail_nomem(error, "what a server says of itself");
    if (out->context == 0)
        out->context = count_in(field_of(root, kind->context));
    return kind->revision == NULL
               ? SC_OK
               : copy_word(json_string_value(json_object_get(root, kind->revision)), &out->revision,
                           error);
}

static enum sc_status ask_kind(struct sc_remote *remote, size_t server, const struct kind *kind,
                               bool owned, struct sc_identity *out, struct sc_error *error)
{
    const struct sc_question question = {
        .path = kind->path, .most_tries = owned ? 0 : 1, .server = server};
    struct sc_answer answer;
    SC_TRY(sc_ask(remote, &question, &answer, error));
    /* One that fails to say its version now, but has one, would seem to change later. */
    bool by_owner = owned && answer.outcome != SC_REMOTE_FAILED;
    bool is_it = by_owner || (answer.outcome == SC_REMOTE_ANSWERED && kind->mark != NULL &&
                              json_object_get(answer.root, kind->mark) != NULL);
    const json_t *said = answer.outcome == SC_REMOTE_ANSWERED ? answer.root : NULL;
    enum sc_status status = is_it ? read_kind(kind, said, out, error) : SC_OK;
    sc_answer_free(&answer);
    return status;
}

/* Asks the kind that the models' owner names (its paths differ by version), or where that is nobody
 * known each that can be told by its answer. */
static enum sc_status find_software(struct sc_remote *remote, size_t server, const char *owner,
                                    struct sc_identity *out, struct sc_error *error)
{
    bool owned = false;
    for (size_t i = 0; owner != NULL && i < N_KINDS; i++) {
        if (kinds[i].owner == NULL || strcmp(kinds[i].owner, owner) != 0)
            continue;
        if (out->software != NULL && strchr(out->software, ' ') != NULL) /* with its version */
            break;
        owned = true;
        sc_free(out->software);
        out->software = NULL;
        SC_TRY(ask_kind(remote, server, &kinds[i], true, out, error));
    }
    for (size_t i = 0; !owned && out->software == NULL && i < N_KINDS; i++)
        if (kinds[i].mark != NULL)
            SC_TRY(ask_kind(remote, server, &kinds[i], false, out, error));
    return SC_OK;
}

/* ---- all together ---------------------------------------------------------------------------- */

enum sc_status sc_identity_read(const json_t *root, const char *model, struct sc_identity *out,
                                const char **owner, struct sc_error *error)
{
    const json_t *list = list_in(root), *entry;
    *owner = NULL;
    SC_TRY(read_list(list, model, out, &entry, error));
    out->context = context_in(entry);
    if (entry == NULL)
        entry = json_array_get(list, 0);
    *owner = json_string_value(json_object_get(entry, "owned_by"));
    return SC_OK;
}

static enum sc_status read_models(struct sc_remote *remote, size_t server, const char *model,
                                  const json_t *root, struct sc_identity *out,
                                  struct sc_error *error)
{
    const char *owner;
    SC_TRY(sc_identity_read(root, model, out, &owner, error));
    return find_software(remote, server, owner, out, error);
}

static enum sc_status ask_all(struct sc_remote *remote, size_t server, const char *model,
                              struct sc_identity *out, struct sc_error *error)
{
    const struct sc_question question = {.path = "/models", .server = server};
    struct sc_answer answer;
    SC_TRY(sc_ask(remote, &question, &answer, error));
    enum sc_status status = SC_OK;
    if (answer.http_status == 0 || answer.http_status == 401)
        status = sc_fail(error, SC_ERR_IO, "%s: %s", sc_remote_url(remote, server), answer.words);
    else
        status = read_models(remote, server, model,
                             answer.outcome == SC_REMOTE_ANSWERED ? answer.root : NULL, out, error);
    sc_answer_free(&answer);
    return status;
}

enum sc_status sc_identity_ask(struct sc_remote *remote, size_t server, const char *model,
                               struct sc_identity *out, struct sc_error *error)
{
    assert(server > 0);
    *out = (struct sc_identity){0};
    enum sc_status status = ask_all(remote, server, model, out, error);
    if (status != SC_OK)
        sc_identity_free(out);
    return status;
}

void sc_identity_free(struct sc_identity *identity)
{
    sc_free(identity->only);
    sc_text_free(&identity->names);
    sc_free(identity->software);
    sc_free(identity->revision);
    *identity = (struct sc_identity){0};
}
