/* See open.h.  Next: model/checkpoint/model.c (the files), engine.c (the weights). */
#include "engine/open.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hub_cache.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/chat/chat.h"
#include "model/tokenizer/tokenizer.h"

/* The last part of a folder's path, however it was written. */
static enum sc_status name_model(struct sc_opened *opened, const char *name, struct sc_error *error)
{
    char path[PATH_MAX], bundled_path[PATH_MAX];
    const bool by_path = strncmp(opened->folder, name, strlen(name)) == 0; /* as it was located */
    opened->demo = strcmp(name, "demo") == 0;
    if (!opened->demo && realpath(opened->folder, path) != NULL) {
        char *bundled = NULL;
        if (by_path)
            name = strrchr(path, '/') + 1;
        enum sc_status status = sc_model_locate("demo", &bundled, NULL);
        if (status == SC_ERR_NOMEM)
            return sc_fail_nomem(error, "name of the model");
        opened->demo = status == SC_OK && realpath(bundled, bundled_path) != NULL &&
                       strcmp(path, bundled_path) == 0;
        sc_free(bundled);
    }
    struct sc_hub_name hub;
    size_t n = strlen(name);
    if (!by_path && sc_hub_name_read(name, &hub)) /* without a revision behind it */
        n = (size_t)(hub.model + hub.n_model - name);
    if (opened->demo)
        snprintf(opened->name, sizeof opened->name, "demo");
    else
        snprintf(opened->name, sizeof opened->name, "%.*s", (int)n, name);
    opened->revision = sc_hub_snapshot_commit(opened->folder);
    return SC_OK;
}

static enum sc_status hash_tokenizer(struct sc_opened *opened, const char *path,
                                     struct sc_error *error)
{
    struct sc_map map;
    SC_TRY(sc_map_open(&map, path, error));
    snprintf(opened->tokenizer_fingerprint, sizeof opened->tokenizer_fingerprint, "%016" PRIx64,
             sc_hash64(map.data, map.size));
    sc_map_close(&map);
    return SC_OK;
}

static enum sc_status read_tokenizer(struct sc_opened *opened, struct sc_error *error)
{
    char *path = sc_path_join(opened->folder, "tokenizer.json");
    if (path == NULL)
        return sc_fail_nomem(error, "path of the tokenizer");
    bool found;
    enum sc_status status = sc_file_look(path, &found, error);
    if (!found)
        goto done;
    status = sc_tokenizer_open(&opened->tokenizer, opened->folder, error);
    if (status == SC_OK)
        status = hash_tokenizer(opened, path, error);
done:
    sc_free(path);
    return status;
}

/* Tokens that end an answer beside those that the file names. */
static void remark_on_ends(const struct sc_opened *opened, struct sc_text *out)
{
    size_t n_named = sc_model_generation(opened->model)->n_end_ids, n = 0;
    for (size_t i = n_named; n_named > 0 && i < opened->n_end_ids; i++) {
        const char *token = sc_tokenizer_bytes(opened->tokenizer, opened->end_ids[i], &n);
        sc_text_puts(out, "generation_config.json does not name ");
        sc_text_add_visible(out, token != NULL ? token : "", n, false);
        sc_text_puts(out, " among the tokens that end an answer: it ends one all the same, as the "
                          "end of a turn\n");
    }
}

/* What is done otherwise than the model's files say. */
static enum sc_status find_remarks(struct sc_opened *opened, struct sc_error *error)
{
    const struct sc_generation_config *generation = sc_model_generation(opened->model);
    struct sc_text *out = &opened->remarks;
    sc_text_clear(out);
    if (sc_model_output_differs(opened->model))
        sc_text_puts(out, "config.json says that the output matrix is the embedding "
                          "(tie_word_embeddings), and the files have another one (lm_head.weight): "
                          "the embedding is used\n");
    if (sc_model_config(opened->model)->is_part)
        sc_text_puts(out,
                     "config.json is that of a model of more than text: what reads pictures is "
                     "left alone\n");
    if (opened->tokenizer == NULL)
        return out->failed ? sc_fail_nomem(error, "remarks on the model") : SC_OK;
    if (opened->format != NULL)
        sc_text_puts(out, sc_chat_format_remarks(opened->format));
    remark_on_ends(opened, out);
    if (generation->unapplied[0] != '\0')
        sc_text_printf(out, "generation_config.json asks for %s: not applied here\n",
                       generation->unapplied);
    return out->failed ? sc_fail_nomem(error, "remarks on the model") : SC_OK;
}

static enum sc_status read_files(struct sc_opened *opened, const char *name, struct sc_error *error)
{
    SC_TRY(sc_model_locate(name, &opened->folder, error));
    SC_TRY(sc_model_open(&opened->model, opened->folder, error));
    SC_TRY(read_tokenizer(opened, error));
    SC_TRY(name_model(opened, name, error));
    const struct sc_model_config *config = sc_model_config(opened->model);
    opened->context = config->max_positions;
    opened->n_vocab = sc_model_tokens_in(opened->model, opened->tokenizer);
    opened->sampling = sc_model_sampling(opened->model);
    opened->n_end_ids = sc_model_end_ids(opened->model, opened->tokenizer, NULL, opened->end_ids);
    return find_remarks(opened, error);
}

enum sc_status sc_opened_read(struct sc_opened *out, const char *name, struct sc_error *error)
{
    assert(out != NULL && name != NULL);
    double before = sc_seconds();
    *out = (struct sc_opened){0};
    enum sc_status status = read_files(out, name, error);
    if (status != SC_OK)
        sc_opened_close(out);
    else
        out->seconds = sc_seconds() - before;
    return status;
}

enum sc_status sc_opened_need_tokenizer(const struct sc_opened *opened, struct sc_error *error)
{
    if (opened->tokenizer == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected a tokenizer.json, found none",
                       opened->folder);
    return SC_OK;
}

enum sc_status sc_opened_frame(struct sc_opened *opened, const struct sc_chat_options *options,
                               struct sc_error *error)
{
    assert(opened->format == NULL);
    SC_TRY(sc_opened_need_tokenizer(opened, error));
    enum sc_status status = sc_chat_format_open(&opened->format, opened->tokenizer, options, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "%.200s", opened->name);
        return status;
    }
    opened->n_end_ids =
        sc_model_end_ids(opened->model, opened->tokenizer, opened->format, opened->end_ids);
    return find_remarks(opened, error);
}

enum sc_status sc_opened_start(struct sc_opened *opened, const struct sc_engine_options *options,
                               struct sc_error *error)
{
    assert(opened->model != NULL && opened->engine == NULL);
    double before = sc_seconds();
    struct sc_engine_options all = *options;
    all.n_vocab = (int)opened->n_vocab;
    SC_TRY(sc_engine_open(&opened->engine, opened->model, &all, error));
    opened->seconds += sc_seconds() - before;
    const char *reason = sc_engine_device_reason(opened->engine);
    if (reason != NULL)
        sc_text_printf(&opened->remarks, "no GPU is used: %s\n", reason);
    return opened->remarks.failed ? sc_fail_nomem(error, "remarks on the model") : SC_OK;
}

enum sc_status sc_opened_suits(const struct sc_opened *opened, const struct sc_engine *engine,
                               struct sc_error *error)
{
    if (!sc_model_same_files(sc_engine_model(engine), opened->model))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "engine: expected one of the model %.200s, found one of other files",
                       opened->name);
    if (sc_engine_n_vocab(engine) != opened->n_vocab)
        return sc_fail(error, SC_ERR_ARGUMENT, "engine: expected the model's %zu tokens, found %zu",
                       opened->n_vocab, sc_engine_n_vocab(engine));
    return SC_OK;
}

void sc_opened_close(struct sc_opened *opened)
{
    sc_engine_close(opened->engine);
    sc_chat_format_close(opened->format);
    sc_tokenizer_close(opened->tokenizer);
    sc_model_close(opened->model);
    sc_free(opened->folder);
    sc_text_free(&opened->remarks);
    *opened = (struct sc_opened){0};
}
