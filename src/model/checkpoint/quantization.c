/* See quantization.h. */
#include "model/checkpoint/quantization.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "model/arch/fields.h"

#define INSTEAD "take the checkpoint that is not quantized, or one in 8-bit floats (FP8)"

/* The makers' word for a way, and its usual name. */
static const struct {
    const char *method, *name;
} refused[] = {
    {"aqlm", "AQLM"},
    {"auto-round", "AutoRound"},
    {"awq", "AWQ"},
    {"bitnet", "BitNet"},
    {"bitsandbytes", "bitsandbytes (4 or 8 bits)"},
    {"eetq", "EETQ"},
    {"exl2", "EXL2"},
    {"exl3", "EXL3"},
    {"gptq", "GPTQ"},
    {"gptq_marlin", "GPTQ (Marlin)"},
    {"higgs", "HIGGS"},
    {"hqq", "HQQ"},
    {"marlin", "Marlin"},
    {"mxfp4", "MXFP4"},
    {"nvfp4", "NVFP4"},
    {"quanto", "Quanto"},
    {"quark", "Quark"},
    {"spqr", "SpQR"},
    {"torchao", "torchao"},
    {"vptq", "VPTQ"},
};

static enum sc_status refuse(const char *method, struct sc_error *error)
{
    const char *name = method;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(refused[i].method, method) == 0)
            name = refused[i].name;
    return sc_fail(error, SC_ERR_UNSUPPORTED,
                   "quantization_config: weights quantized by %.60s are not read: " INSTEAD, name);
}

/* ---- config.json ----------------------------------------------------------------------------- */

static enum sc_status read_block(const json_t *sizes, const char *field,
                                 struct sc_quantization *out, struct sc_error *error)
{
    if (sizes == NULL || json_is_null(sizes))
        return SC_OK;
    const json_int_t rows = json_integer_value(json_array_get(sizes, 0));
    const json_int_t cols = json_integer_value(json_array_get(sizes, 1));
    if (json_array_size(sizes) != 2 || rows < 1 || cols < 1 || rows > 1 << 20 || cols > 1 << 20)
        return sc_fail(error, SC_ERR_FORMAT,
                       "quantization_config: %s: expected two numbers of at least 1", field);
    out->block_rows = (size_t)rows;
    out->block_cols = (size_t)cols;
    return SC_OK;
}

/* The weights of one group of compressed-tensors. */
static enum sc_status read_group(const json_t *weights, struct sc_quantization *out,
                                 struct sc_error *error)
{
    const char *type = sc_field_text(json_object_get(weights, "type"));
    const json_int_t n_bits = json_integer_value(json_object_get(weights, "num_bits"));
    if (strcmp(type, "float") != 0 || n_bits != 8)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "quantization_config: compressed-tensors: expected weights of 8-bit floats, "
                       "found %.20s of %d bits: " INSTEAD,
                       type, (int)n_bits);
    return read_block(json_object_get(weights, "block_structure"), "block_structure", out, error);
}

static enum sc_status read_groups(const json_t *config, struct sc_quantization *out,
                                  struct sc_error *error)
{
    json_t *groups = json_object_get(config, "config_groups"), *group;
    const char *format = json_string_value(json_object_get(config, "format")), *name;
    if (!json_is_object(groups) || json_object_size(groups) == 0)
        return sc_fail(error, SC_ERR_FORMAT,
                       "quantization_config: config_groups: expected an object with groups");
    if (format != NULL && strstr(format, "pack") != NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "quantization_config: compressed-tensors: weights in the form \"%.40s\" are "
                       "not read: " INSTEAD,
                       format);
    json_object_foreach(groups, name, group)
    {
        SC_TRY(read_group(json_object_get(group, "weights"), out, error));
    }
    return SC_OK;
}

static enum sc_status read_modelopt(const json_t *config, struct sc_error *error)
{
    const char *algorithm = json_string_value(json_object_get(config, "quant_algo"));
    if (algorithm == NULL || strcmp(algorithm, "FP8") == 0)
        return SC_OK;
    return refuse(algorithm, error);
}

static enum sc_status read_method(const json_t *config, struct sc_quantization *out,
                                  struct sc_error *error)
{
    const char *method = json_string_value(json_object_get(config, "quant_method"));
    if (method == NULL)
        return sc_fail(
            error, SC_ERR_UNSUPPORTED,
            "quantization_config: quant_method: expected its name, found none: " INSTEAD);
    out->is_f8 = true;
    if (strcmp(method, "fp8") == 0 || strcmp(method, "fbgemm_fp8") == 0)
        return read_block(json_object_get(config, "weight_block_size"), "weight_block_size", out,
                          error);
    if (strcmp(method, "compressed-tensors") == 0)
        return read_groups(config, out, error);
    if (strcmp(method, "modelopt") == 0)
        return read_modelopt(config, error);
    return refuse(method, error);
}

enum sc_status sc_quantization_read(const json_t *top, struct sc_quantization *quantization,
                                    struct sc_error *error)
{
    static const char *const fields[] = {"quantization_config", "compression_config"};
    *quantization = (struct sc_quantization){0};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (sc_field_is_set(top, fields[i]))
            return read_method(json_object_get(top, fields[i]), quantization, error);
    if (sc_field_is_set(top, "quantization"))
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "quantization: weights quantized by MLX are not read: " INSTEAD);
    return SC_OK;
}

/* ---- the files ------------------------------------------------------------------------------- */

static const struct sc_shard *shard_with(const struct sc_shard *shards, size_t n_shards,
                                         const char *name)
{
    for (size_t i = 0; i < n_shards; i++)
        if (sc_shard_has(&shards[i], name))
            return &shards[i];
    return NULL;
}

/* Blocks of b numbers that n are cut into. */
static size_t n_blocks(size_t n, size_t b)
{
    return n / b + (n % b != 0);
}

/* Scales for the whole tensor, for each row, or for each block. */
static enum sc_status read_scales(const struct sc_quantization *q, const struct sc_shard *shard,
                                  const char *name, struct sc_tensor *tensor,
                                  struct sc_error *error)
{
    struct sc_tensor scales;
    size_t n = 0;
    SC_TRY(sc_shard_numbers(shard, name, &scales, &n, error));
    struct sc_f8_scales *out = &tensor->f8;
    *out = (struct sc_f8_scales){.data = scales.data, .dtype = scales.dtype};
    if (n == 1) {
        out->block_rows = tensor->n_rows;
        out->block_cols = tensor->n_cols;
    } else if (q->block_rows > 0) {
        out->block_rows = q->block_rows;
        out->block_cols = q->block_cols;
    } else {
        out->block_rows = 1;
        out->block_cols = tensor->n_cols;
    }
    out->n_cols = n_blocks(tensor->n_cols, out->block_cols);
    const size_t expected = n_blocks(tensor->n_rows, out->block_rows) * out->n_cols;
    if (n == expected)
        return SC_OK;
    return sc_fail(error, SC_ERR_FORMAT,
                   "%s: %s: expected %zu scales (one for each %zu by %zu weights), found %zu",
                   shard->name, name, expected, out->block_rows, out->block_cols, n);
}

enum sc_status sc_quantization_scales(const struct sc_quantization *quantization,
                                      const struct sc_shard *shards, size_t n_shards,
                                      const char *name, struct sc_tensor *tensor,
                                      struct sc_error *error)
{
    static const char *const endings[] = {"_scale_inv", "_scale"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char scale[160];
        snprintf(scale, sizeof scale, "%s%s", name, endings[i]);
        const struct sc_shard *shard = shard_with(shards, n_shards, scale);
        if (shard != NULL)
            return read_scales(quantization, shard, scale, tensor, error);
    }
    return sc_fail(error, SC_ERR_FORMAT,
                   "%s: 8-bit floats: expected their scales as %s_scale_inv or %s_scale, found "
                   "none",
                   name, name, name);
}

const char *sc_quantization_guess(const struct sc_shard *shards, size_t n_shards, const char *name)
{
    /* What takes the place of "weight" in a tensor's name. */
    static const struct {
        const char *ending, *kind;
    } marks[] = {
        {"qweight", "GPTQ or AWQ"},
        {"weight_packed", "compressed-tensors, packed"},
        {"weight.absmax", "bitsandbytes"},
        {"weight_blocks", "MXFP4"},
        {"q_weight", "EXL2"},
        {"weight.SCB", "bitsandbytes"},
        {"SCB", "bitsandbytes"},
        {"scales", "MLX"},
    };
    const size_t n = strlen(name), n_weight = strlen("weight");
    if (n < n_weight || strcmp(name + n - n_weight, "weight") != 0)
        return NULL;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        char other[160];
        snprintf(other, sizeof other, "%.*s%s", (int)(n - n_weight), name, marks[i].ending);
        if (shard_with(shards, n_shards, other) != NULL)
            return marks[i].kind;
    }
    return NULL;
}
