/*
 * config.json: which family a network belongs to, and the shapes and constants that all families
 * name alike.  What is the family's own is read in arch/.
 *
 * The bounds below lie far above every published model.  They keep each product of two sizes
 * inside 64 bits and refuse an absurd file before anything is allocated; whether the weights
 * really have these shapes is checked against the files in model.c.  Read next: arch/arch.h.
 */
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "model/arch/arch.h"
#include "model/arch/fields.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/quantization.h"

#define WHERE "config.json"

/* What kind of model a family is that is known for something else than writing text. */
static const char *other_kind(const char *type)
{
    static const struct {
        const char *begin, *kind;
    } kinds[] = {
        {"bert", "an encoder, which writes no text"},
        {"roberta", "an encoder, which writes no text"},
        {"xlm-roberta", "an encoder, which writes no text"},
        {"deberta", "an encoder, which writes no text"},
        {"electra", "an encoder, which writes no text"},
        {"modernbert", "an encoder, which writes no text"},
        {"distilbert", "an encoder, which writes no text"},
        {"t5", "an encoder with a decoder"},
        {"mt5", "an encoder with a decoder"},
        {"bart", "an encoder with a decoder"},
        {"llava", "a model of text and pictures"},
        {"mllama", "a model of text and pictures"},
        {"llama4", "a model of text and pictures"},
        {"qwen2_vl", "a model of text and pictures"},
        {"qwen2_5_vl", "a model of text and pictures"},
        {"qwen3_vl", "a model of text and pictures"},
        {"paligemma", "a model of text and pictures"},
        {"gemma3n", "a model of text, pictures and speech"},
        {"mistral3", "a model of text and pictures"},
        {"pixtral", "a model of text and pictures"},
        {"idefics", "a model of text and pictures"},
        {"whisper", "a model of speech"},
        {"clip", "a model of pictures"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(type, kinds[i].begin, strlen(kinds[i].begin)) == 0)
            return kinds[i].kind;
    return NULL;
}

static enum sc_status find_family(const json_t *top, struct sc_model_config *config,
                                  struct sc_error *error)
{
    const char *type = json_string_value(json_object_get(top, "model_type"));
    config->family = type != NULL ? sc_family_find(type) : NULL;
    if (config->family != NULL)
        return SC_OK;
    struct sc_text names = sc_family_names();
    const char *kind = type != NULL ? other_kind(type) : NULL;
    const char *known = names.failed ? "a known family" : names.data;
    enum sc_status status =
        type != NULL ? sc_fail(error, SC_ERR_UNSUPPORTED,
                               "model_type: expected a family that is computed here (%s), found "
                               "\"%.60s\"%s%s",
                               known, type, kind != NULL ? ", " : "", kind != NULL ? kind : "")
                     : sc_fail(error, SC_ERR_FORMAT,
                               "model_type: expected the name of a family (%s), found none", known);
    sc_text_free(&names);
    return status;
}

/* What config.json is made of: of a model of more than text, its part that reads text. */
struct parts {
    json_t *text;
    const json_t *whole; /* the same where there is no other part */
};

static enum sc_status find_text(json_t *top, const struct sc_family *family, struct parts *parts,
                                struct sc_error *error)
{
    const char *type = json_string_value(json_object_get(top, "model_type"));
    *parts = (struct parts){top, top};
    if (strcmp(type, family->model_type) == 0)
        return SC_OK;
    parts->text = json_object_get(top, "text_config");
    if (!json_is_object(parts->text))
        return sc_fail(error, SC_ERR_FORMAT, "text_config: expected an object, found %s",
                       sc_json_kind(parts->text));
    return sc_field_refuse_other(parts->text, "model_type", family->model_type, error);
}

/* Puts the family's defaults where the file says nothing. */
static enum sc_status add_defaults(json_t *text, const struct sc_family *family,
                                   struct sc_error *error)
{
    if (family->defaults == NULL)
        return SC_OK;
    json_t *defaults = NULL, *value;
    const char *key;
    SC_TRY(sc_json_parse(family->defaults, strlen(family->defaults), family->model_type, &defaults,
                         error));
    int failed = 0;
    json_object_foreach(defaults, key, value)
    {
        if (!sc_field_is_set(text, key))
            failed |= json_object_set(text, key, value);
    }
    json_decref(defaults);
    return failed == 0 ? SC_OK : sc_fail_nomem(error, WHERE);
}

static enum sc_status read_dtype(const json_t *top, struct sc_model_config *config, bool *given,
                                 struct sc_error *error)
{
    static const struct {
        const char *name;
        enum sc_dtype dtype;
    } names[] = {{"bfloat16", SC_DTYPE_BF16}, {"float16", SC_DTYPE_F16}, {"float32", SC_DTYPE_F32}};
    const char *key = sc_field_is_set(top, "torch_dtype") ? "torch_dtype" : "dtype";
    *given = false;
    config->dtype = SC_DTYPE_BF16;
    if (!sc_field_is_set(top, key))
        return SC_OK;
    const char *name = sc_field_text(json_object_get(top, key));
    if (strncmp(name, "torch.", 6) == 0)
        name += 6;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i].name) == 0) {
            config->dtype = names[i].dtype;
            *given = true;
            return SC_OK;
        }
    }
    return sc_fail(error, SC_ERR_UNSUPPORTED,
                   "%s: expected bfloat16, float16 or float32, found \"%.60s\"", key, name);
}

static enum sc_status read_heads(const json_t *top, struct sc_model_config *config,
                                 struct sc_error *error)
{
    SC_TRY(sc_field_size(top, "num_attention_heads", 4096, &config->n_heads, error));
    config->n_kv_heads = config->n_heads;
    if (!config->family->heads_for_all || sc_field_is_set(top, "num_key_value_heads"))
        SC_TRY(sc_field_size(top, "num_key_value_heads", 4096, &config->n_kv_heads, error));
    if (config->n_heads % config->n_kv_heads != 0)
        return sc_fail(error, SC_ERR_FORMAT,
                       "num_attention_heads: expected a multiple of num_key_value_heads %zu, "
                       "found %zu",
                       config->n_kv_heads, config->n_heads);
    if (sc_field_is_set(top, "head_dim"))
        SC_TRY(sc_field_size(top, "head_dim", (size_t)2 * SC_MOST_ROPE_PAIRS, &config->head_dim,
                             error));
    else if (config->hidden % config->n_heads != 0)
        return sc_fail(error, SC_ERR_FORMAT,
                       "head_dim: missing, and hidden_size %zu is not a multiple of %zu heads",
                       config->hidden, config->n_heads);
    else
        config->head_dim = config->hidden / config->n_heads;
    if (config->head_dim % 2 != 0 || config->head_dim > (size_t)2 * SC_MOST_ROPE_PAIRS)
        return sc_fail(error, SC_ERR_FORMAT,
                       "head_dim: expected an even number up to %d, found %zu",
                       2 * SC_MOST_ROPE_PAIRS, config->head_dim);
    return SC_OK;
}

static enum sc_status read_sizes(const json_t *top, struct sc_model_config *config,
                                 struct sc_error *error)
{
    double eps = 0;
    SC_TRY(sc_field_size(top, "vocab_size", (size_t)1 << 22, &config->n_vocab, error));
    SC_TRY(sc_field_size(top, "hidden_size", (size_t)1 << 18, &config->hidden, error));
    SC_TRY(sc_field_size(top, "num_hidden_layers", SC_MOST_LAYERS, &config->n_layers, error));
    SC_TRY(read_heads(top, config, error));
    SC_TRY(sc_field_size(top, "intermediate_size", (size_t)1 << 22, &config->ffn, error));
    SC_TRY(sc_field_size(top, "max_position_embeddings", SC_MOST_POSITIONS, &config->max_positions,
                         error));
    SC_TRY(sc_json_real(top, "rms_norm_eps", (struct sc_json_reals){0.0, 1.0}, NULL, &eps, error));
    config->rms_eps = (float)eps;
    return SC_OK;
}

static enum sc_status read_fields(json_t *top, struct sc_model_config *config, bool *dtype_given,
                                  struct sc_error *error)
{
    struct parts parts;
    SC_TRY(find_family(top, config, error));
    SC_TRY(find_text(top, config->family, &parts, error));
    config->is_part = parts.text != parts.whole;
    SC_TRY(add_defaults(parts.text, config->family, error));
    SC_TRY(read_sizes(parts.text, config, error));
    SC_TRY(sc_json_bool(parts.text, "tie_word_embeddings", &config->family->tied, &config->tied,
                        error));
    SC_TRY(sc_json_bool(parts.whole, "tie_word_embeddings", &config->tied, &config->tied, error));
    SC_TRY(read_dtype(parts.text, config, dtype_given, error));
    if (!*dtype_given)
        SC_TRY(read_dtype(parts.whole, config, dtype_given, error));
    SC_TRY(sc_quantization_read(parts.whole, &config->quantization, error));
    if (!config->quantization.is_f8)
        SC_TRY(sc_quantization_read(parts.text, &config->quantization, error));
    return config->family->read(parts.text, config, error);
}

enum sc_status sc_config_parse(const char *text, size_t n, struct sc_model_config *config,
                               bool *dtype_given, struct sc_error *error)
{
    json_t *top = NULL;
    memset(config, 0, sizeof *config);
    *dtype_given = false;
    SC_TRY(sc_json_parse(text, n, WHERE, &top, error));
    enum sc_status status = json_is_object(top)
                                ? read_fields(top, config, dtype_given, error)
                                : sc_fail(error, SC_ERR_FORMAT, "expected an object at the top");
    if (status != SC_OK)
        sc_error_prefix(error, WHERE);
    json_decref(top);
    return status;
}
