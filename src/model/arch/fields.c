/* See fields.h. */
#include "model/arch/fields.h"

#include <string.h>

#include "base/json.h"

bool sc_field_is_set(const json_t *top, const char *key)
{
    const json_t *value = json_object_get(top, key);
    return value != NULL && !json_is_null(value);
}

const char *sc_field_text(const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL ? text : "something that is not text";
}

enum sc_status sc_field_size(const json_t *top, const char *key, size_t high, size_t *out,
                             struct sc_error *error)
{
    int64_t value = 0;
    SC_TRY(sc_json_int(top, key, (struct sc_json_ints){1, (int64_t)high}, NULL, &value, error));
    *out = (size_t)value;
    return SC_OK;
}

enum sc_status sc_field_refuse_true(const json_t *top, const char *key, struct sc_error *error)
{
    const bool off = false;
    bool on = false;
    SC_TRY(sc_json_bool(top, key, &off, &on, error));
    if (on)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "%s: expected false, found true", key);
    return SC_OK;
}

enum sc_status sc_field_refuse_other(const json_t *top, const char *key, const char *only,
                                     struct sc_error *error)
{
    if (!sc_field_is_set(top, key))
        return SC_OK;
    const char *found = sc_field_text(json_object_get(top, key));
    if (strcmp(found, only) != 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "%s: expected \"%s\", found \"%.60s\"", key, only,
                       found);
    return SC_OK;
}

enum sc_status sc_field_flag(const json_t *top, const char *key, bool *out, struct sc_error *error)
{
    const bool off = false;
    return sc_json_bool(top, key, &off, out, error);
}

enum sc_status sc_field_attention_bias(const json_t *top, struct sc_model_config *config,
                                       struct sc_error *error)
{
    SC_TRY(sc_field_flag(top, "attention_bias", &config->layer.qkv_bias, error));
    config->layer.output_bias = config->layer.qkv_bias;
    return SC_OK;
}

enum sc_status sc_field_cap(const json_t *top, const char *key, double fallback, float *out,
                            struct sc_error *error)
{
    double cap = fallback;
    const json_t *value = json_object_get(top, key);
    *out = 0;
    if (json_is_null(value))
        return SC_OK;
    SC_TRY(sc_json_real(top, key, (struct sc_json_reals){1e-3, 1e6}, &fallback, &cap, error));
    *out = (float)cap;
    return SC_OK;
}

/* ---- windows --------------------------------------------------------------------------------- */

static void set_local(struct sc_model_config *config, size_t layer)
{
    config->local_layers[layer / 64] |= (uint64_t)1 << (layer % 64);
}

static enum sc_status read_layer_types(const json_t *types, struct sc_model_config *config,
                                       struct sc_error *error)
{
    if (!json_is_array(types) || json_array_size(types) != config->n_layers)
        return sc_fail(error, SC_ERR_FORMAT,
                       "layer_types: expected a list of %zu, one for each layer, found %s of %zu",
                       config->n_layers, sc_json_kind(types), json_array_size(types));
    for (size_t i = 0; i < config->n_layers; i++) {
        const char *type = sc_field_text(json_array_get(types, i));
        const bool is_local = strcmp(type, "sliding_attention") == 0;
        if (!is_local && strcmp(type, "full_attention") != 0)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "layer_types[%zu]: expected \"full_attention\" or "
                           "\"sliding_attention\", found \"%.60s\"",
                           i, type);
        if (is_local && config->layer.window == 0)
            return sc_fail(error, SC_ERR_FORMAT,
                           "layer_types[%zu]: \"sliding_attention\" without a sliding_window that "
                           "is used",
                           i);
        if (is_local)
            set_local(config, i);
    }
    return SC_OK;
}

static bool rule_has(const struct sc_window_rule *rule, size_t layer)
{
    return rule->window > 0 && layer >= rule->first &&
           (rule->period == 0 || (layer + 1) % rule->period != 0);
}

enum sc_status sc_field_windows(const json_t *top, const struct sc_window_rule *rule,
                                struct sc_model_config *config, struct sc_error *error)
{
    memset(config->local_layers, 0, sizeof config->local_layers);
    config->layer.window = rule->window;
    if (sc_field_is_set(top, "layer_types"))
        SC_TRY(read_layer_types(json_object_get(top, "layer_types"), config, error));
    else
        for (size_t i = 0; i < config->n_layers; i++)
            if (rule_has(rule, i))
                set_local(config, i);
    bool any = false;
    for (size_t i = 0; i < config->n_layers; i++)
        any = any || sc_layer_is_local(config, i);
    if (!any || config->layer.window >= config->max_positions)
        config->layer.window = 0;
    return SC_OK;
}

enum sc_status sc_field_window_size(const json_t *top, size_t fallback, size_t *out,
                                    struct sc_error *error)
{
    const json_t *value = json_object_get(top, "sliding_window");
    *out = value == NULL ? fallback : 0;
    return value == NULL || json_is_null(value)
               ? SC_OK
               : sc_field_size(top, "sliding_window", SC_MOST_POSITIONS, out, error);
}

enum sc_status sc_field_qwen_windows(const json_t *top, struct sc_model_config *config,
                                     struct sc_error *error)
{
    struct sc_window_rule rule = {0};
    bool used = false;
    SC_TRY(sc_field_flag(top, "use_sliding_window", &used, error));
    if (used) {
        const int64_t usual = 28;
        int64_t first = 0;
        SC_TRY(sc_field_window_size(top, 4096, &rule.window, error));
        SC_TRY(sc_json_int(top, "max_window_layers", (struct sc_json_ints){0, SC_MOST_LAYERS},
                           &usual, &first, error));
        rule.first = (size_t)first;
    }
    return sc_field_windows(top, &rule, config, error);
}
