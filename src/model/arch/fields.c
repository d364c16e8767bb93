/* See fields.h. */
#include "model/arch/fields.h"

#include <math.h>
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

/* rope_type "default" in either spelling; anything else stretches the angles. */
static enum sc_status check_rope_type(const json_t *rope, const char *field, struct sc_error *error)
{
    if (!json_is_object(rope))
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected an object or null", field);
    const json_t *type = json_object_get(rope, "rope_type");
    if (type == NULL)
        type = json_object_get(rope, "type");
    if (type != NULL && strcmp(sc_field_text(type), "default") != 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "%s: expected \"default\", found \"%.60s\"",
                       field, sc_field_text(type));
    if (type == NULL && sc_field_is_set(rope, "factor"))
        return sc_fail(error, SC_ERR_UNSUPPORTED, "%s: scaled positions are not supported", field);
    return SC_OK;
}

/* Steps theta^(-2i / head_dim) for every pair of a head. */
static void turn_plainly(struct sc_rope *rope, double theta, size_t head_dim)
{
    *rope = (struct sc_rope){.n = head_dim / 2, .scale = 1};
    for (size_t i = 0; i < rope->n; i++)
        rope->step[i] = pow(theta, -2.0 * (double)i / (double)head_dim);
}

enum sc_status sc_field_plain_rope(const json_t *top, struct sc_model_config *config,
                                   struct sc_error *error)
{
    const json_t *owner = top;
    if (sc_field_is_set(top, "rope_scaling"))
        SC_TRY(check_rope_type(json_object_get(top, "rope_scaling"), "rope_scaling", error));
    if (sc_field_is_set(top, "rope_parameters")) {
        const json_t *rope = json_object_get(top, "rope_parameters");
        SC_TRY(check_rope_type(rope, "rope_parameters", error));
        if (sc_field_is_set(rope, "rope_theta"))
            owner = rope;
    }
    SC_TRY(sc_json_real(owner, "rope_theta", (struct sc_json_reals){1.0, 1e12}, NULL,
                        &config->rope_theta, error));
    turn_plainly(&config->rope[SC_ROPE_GLOBAL], config->rope_theta, config->head_dim);
    config->rope[SC_ROPE_LOCAL] = config->rope[SC_ROPE_GLOBAL];
    return SC_OK;
}
