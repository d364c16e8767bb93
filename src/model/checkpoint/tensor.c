/* Reading a tensor of a checkpoint row by row, whatever it is stored as. */
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "model/model.h"

/* e4m3 as the published checkpoints have it: bias 7, no infinities, all ones is NaN.  Exponent and
 * mantissa are put where a float has its own, which is then 2^120 too small, denormals too.
 * Source: the OCP 8-bit floating point specification, and torch.float8_e4m3fn. */
static float f32_from_e4m3(uint8_t x)
{
    const uint32_t bits = (uint32_t)(x & 0x7f) << 20;
    float magnitude;
    memcpy(&magnitude, &bits, sizeof magnitude);
    magnitude = (x & 0x7f) == 0x7f ? NAN : magnitude * 0x1p120f;
    return x & 0x80 ? -magnitude : magnitude;
}

/* Number i of an array at any address. */
static float number_at(const void *data, enum sc_dtype dtype, size_t i)
{
    if (dtype == SC_DTYPE_F32) {
        float value;
        memcpy(&value, (const char *)data + i * sizeof value, sizeof value);
        return value;
    }
    uint16_t half;
    memcpy(&half, (const char *)data + i * sizeof half, sizeof half);
    return dtype == SC_DTYPE_BF16 ? sc_f32_from_bf16(half) : sc_f32_from_f16(half);
}

static void widen_row(const struct sc_tensor *tensor, size_t row, float *out)
{
    const struct sc_f8_scales *f8 = &tensor->f8;
    const size_t scales = (row + f8->first_row) / f8->block_rows * f8->n_cols;
    const uint8_t *from = (const uint8_t *)tensor->data + row * tensor->n_cols;
    for (size_t begin = 0; begin < tensor->n_cols; begin += f8->block_cols) {
        const float scale = number_at(f8->data, f8->dtype, scales + begin / f8->block_cols);
        const size_t left = tensor->n_cols - begin;
        const size_t end = begin + (left < f8->block_cols ? left : f8->block_cols);
        for (size_t i = begin; i < end; i++)
            out[i] = f32_from_e4m3(from[i]) * scale;
    }
}

size_t sc_tensor_row_bytes(const struct sc_tensor *tensor)
{
    return tensor->n_cols * (tensor->is_f8 ? 1 : sc_dtype_bytes(tensor->dtype));
}

void sc_tensor_row(const struct sc_tensor *tensor, size_t row, float *out)
{
    if (tensor->is_f8) {
        widen_row(tensor, row, out);
        return;
    }
    const char *from = (const char *)tensor->data + row * sc_tensor_row_bytes(tensor);
    if (tensor->dtype == SC_DTYPE_F32) {
        memcpy(out, from, tensor->n_cols * sizeof *out);
        return;
    }
    for (size_t i = 0; i < tensor->n_cols; i++)
        out[i] = number_at(from, tensor->dtype, i);
}
