/* See framing.h. */
#include "source/server/framing.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/checkpoint/checkpoint.h"
#include "model/tokenizer/tokenizer.h"

/* ---- opening --------------------------------------------------------------------------------- */

/* The text of a file of the folder; NULL where there is none. */
static enum sc_status read_optional(const char *folder, const char *name, char **text, size_t *n,
                                    struct sc_error *error)
{
    char *path = sc_path_join(folder, name);
    *text = NULL;
    if (path == NULL)
        return sc_fail_nomem(error, "path of a model's file");
    bool found;
    enum sc_status status = sc_file_look(path, &found, error);
    if (found)
        status = sc_file_read(path, SC_CONFIG_BYTES_MAX, text, n, error);
    sc_free(path);
    return status;
}

static enum sc_status hash_tokenizer(struct sc_server_framing *framing, const char *folder,
                                     struct sc_error *error)
{
    char *path = sc_path_join(folder, "tokenizer.json");
    if (path == NULL)
        return sc_fail_nomem(error, "path of the tokenizer");
    struct sc_map map;
    enum sc_status status = sc_map_open(&map, path, error);
    sc_free(path);
    SC_TRY(status);
    snprintf(framing->fingerprint, sizeof framing->fingerprint, "%016" PRIx64,
             sc_hash64(map.data, map.size));
    sc_map_close(&map);
    return SC_OK;
}

static enum sc_status read_generation(const char *folder, struct sc_generation_config *out,
                                      struct sc_error *error)
{
    const struct sc_sampling unsaid = {
        .temperature = NAN, .top_p = NAN, .min_p = NAN, .top_k = -1, .repetition_penalty = NAN};
    char *text = NULL;
    size_t n = 0;
    *out = (struct sc_generation_config){.sampling = unsaid};
    SC_TRY(read_optional(folder, "generation_config.json", &text, &n, error));
    if (text == NULL)
        return SC_OK;
    enum sc_status status = sc_generation_parse(text, n, &unsaid, out, error);
    if (status != SC_OK)
        sc_error_prefix(error, "%.250s", folder);
    sc_free(text);
    return status;
}

/* Rows of the output matrix, which may be more than there are tokens: what else config.json says is
 * the server's affair. */
static enum sc_status read_rows(const char *folder, size_t *n_rows, struct sc_error *error)
{
    char *text = NULL;
    size_t n = 0;
    json_t *root = NULL;
    SC_TRY(read_optional(folder, "config.json", &text, &n, error));
    if (text == NULL)
        return SC_OK;
    enum sc_status status = sc_json_parse(text, n, "config.json", &root, error);
    sc_free(text);
    SC_TRY(status);
    const json_t *size = json_object_get(root, "vocab_size");
    if (size == NULL)
        size = json_object_get(json_object_get(root, "text_config"), "vocab_size");
    json_int_t rows = json_is_integer(size) ? json_integer_value(size) : 0;
    if (rows > 0 && rows <= INT32_MAX && (size_t)rows > *n_rows)
        *n_rows = (size_t)rows;
    json_decref(root);
    return SC_OK;
}

static enum sc_status open_folder(struct sc_server_framing *framing, const char *folder,
                                  const struct sc_chat_options *chat, struct sc_error *error)
{
    struct sc_generation_config generation;
    SC_TRY(sc_tokenizer_open(&framing->tokenizer, folder, error));
    SC_TRY(hash_tokenizer(framing, folder, error));
    SC_TRY(sc_chat_format_open(&framing->format, framing->tokenizer, chat, error));
    SC_TRY(read_generation(folder, &generation, error));
    framing->n_tokens = framing->n_rows = sc_tokenizer_n_tokens(framing->tokenizer);
    SC_TRY(read_rows(folder, &framing->n_rows, error));
    framing->n_end_ids =
        sc_chat_end_ids(framing->tokenizer, framing->format, &generation, framing->end_ids);
    framing->sampling = generation.sampling;
    struct sc_text *remarks = &framing->remarks;
    sc_text_puts(remarks, sc_chat_format_remarks(framing->format));
    if (generation.unapplied[0] != '\0')
        sc_text_printf(remarks, "generation_config.json asks for %s: not asked of the server\n",
                       generation.unapplied);
    return remarks->failed ? sc_fail_nomem(error, "remarks on the frame") : SC_OK;
}

enum sc_status sc_server_framing_open(struct sc_server_framing *out, const char *name,
                                      const struct sc_chat_options *chat, struct sc_error *error)
{
    char *folder = NULL;
    *out = (struct sc_server_framing){0};
    enum sc_status status = sc_model_locate(name, &folder, error);
    if (status != SC_OK)
        goto done;
    status = open_folder(out, folder, chat, error);
done:
    if (status != SC_OK)
        sc_error_prefix(error, "tokenizer");
    sc_free(folder);
    return status;
}

void sc_server_framing_close(struct sc_server_framing *framing)
{
    sc_chat_format_close(framing->format);
    sc_tokenizer_close(framing->tokenizer);
    sc_text_free(&framing->remarks);
    *framing = (struct sc_server_framing){0};
}

/* ---- prompts as text ------------------------------------------------------------------------- */

/* Where the text behind the ids that the template wrote at its beginning begins, *around of them
 * being those that the server adds; SC_ERR_UNSUPPORTED where the frame begins otherwise. */
static enum sc_status skip_added(const struct sc_server_framing *framing,
                                 const struct sc_framed *framed, const char **begin,
                                 size_t *n_skipped, struct sc_error *error)
{
    const struct sc_tokenizer_around around = sc_tokenizer_around(framing->tokenizer);
    *begin = framed->text;
    *n_skipped = 0;
    for (size_t i = 0; i < around.n_before; i++) {
        size_t n = 0;
        const char *bytes = sc_tokenizer_bytes(framing->tokenizer, around.before[i], &n);
        size_t left = framed->n_text - (size_t)(*begin - framed->text);
        if (i >= framed->n || framed->ids[i] != around.before[i] || bytes == NULL || n > left ||
            memcmp(*begin, bytes, n) != 0)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "prompt: expected a frame that begins with what the server puts before "
                           "a text, found another");
        *begin += n;
        ++*n_skipped;
    }
    if (around.n_after > 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "prompt: expected a server that takes token ids, found one that takes text "
                       "and puts tokens behind it");
    return SC_OK;
}

enum sc_status sc_server_framing_text(const struct sc_server_framing *framing,
                                      const struct sc_framed *framed, bool adds_around, char **text,
                                      struct sc_error *error)
{
    const char *begin = framed->text;
    size_t n_skipped = 0, n_ids = 0;
    int32_t *ids = NULL;
    *text = NULL;
    if (adds_around)
        SC_TRY(skip_added(framing, framed, &begin, &n_skipped, error));
    size_t n = framed->n_text - (size_t)(begin - framed->text);
    SC_TRY(sc_tokenizer_encode(framing->tokenizer, begin, n, true, &ids, &n_ids, error));
    bool same = n_skipped + n_ids == framed->n &&
                (n_ids == 0 || memcmp(ids, framed->ids + n_skipped, n_ids * sizeof *ids) == 0);
    sc_release(ids);
    if (!same)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "prompt: it spells a control token, which a server that takes text and no "
                       "token ids would read as one");
    if (memchr(begin, '\0', n) != NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "prompt: expected no U+0000 for a server that takes text");
    *text = sc_strndup(begin, n);
    return *text != NULL ? SC_OK : sc_fail_nomem(error, "prompt");
}

/* ---- tokens as text -------------------------------------------------------------------------- */

enum sc_status sc_server_framing_id(const struct sc_server_framing *framing, const char *text,
                                    size_t n, int32_t *id, struct sc_error *error)
{
    struct sc_error unused = {0};
    int32_t *ids = NULL;
    size_t n_ids = 0, n_bytes = 0;
    *id = -1;
    if (n == 0)
        return SC_OK;
    enum sc_status status =
        sc_tokenizer_encode(framing->tokenizer, text, n, true, &ids, &n_ids, &unused);
    if (status == SC_ERR_NOMEM)
        return sc_fail_nomem(error, "ids of a trace");
    if (status != SC_OK)
        return SC_OK;
    const char *bytes =
        n_ids == 1 ? sc_tokenizer_bytes(framing->tokenizer, ids[0], &n_bytes) : NULL;
    if (bytes != NULL && n_bytes == n && memcmp(bytes, text, n) == 0)
        *id = ids[0];
    sc_release(ids);
    return SC_OK;
}
