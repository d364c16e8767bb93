/* See arithmetic.h. */
#include "engine/arithmetic.h"

#include "kernels/kernels.h"

enum sc_dtype sc_own_arithmetic(const struct sc_model_config *config)
{
    return config->dtype == SC_DTYPE_BF16 ? SC_DTYPE_BF16 : SC_DTYPE_F32;
}

void sc_round_embedding_scale(struct sc_model_config *config, enum sc_dtype arithmetic)
{
    float *scale = &config->layer.embedding_scale;
    if (arithmetic == SC_DTYPE_F32)
        return;
    if (config->dtype == SC_DTYPE_BF16)
        *scale = sc_f32_from_bf16(sc_bf16_from_f32(*scale));
    else if (config->dtype == SC_DTYPE_F16)
        *scale = sc_f32_from_f16(sc_f16_from_f32(*scale));
}
