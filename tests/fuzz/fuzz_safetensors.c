/* Any bytes as a safetensors file: whatever is accepted can be read from end to end. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/checkpoint/checkpoint.h"

extern volatile unsigned read_sum;
volatile unsigned read_sum; /* so that the compiler keeps the reads */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first and the last byte of the tensor, wherever it lies. */
static unsigned touch(const struct sc_tensor *tensor)
{
    size_t bytes = tensor->n_rows * sc_tensor_row_bytes(tensor);
    unsigned char first = 0, last = 0;

    if (bytes > 0) {
        memcpy(&first, tensor->data, 1);
        memcpy(&last, (const unsigned char *)tensor->data + bytes - 1, 1);
    }
    return (unsigned)first + last;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_shard shard;
    struct sc_error error = {0};
    const char *name;
    json_t *value;

    if (sc_shard_parse(&shard, "fuzz", data, size, &error) != SC_OK) {
        return error.status == SC_OK ? (abort(), 0) : 0;
    }
    json_object_foreach(shard.header, name, value)
    {
        const json_t *shape = json_object_get(value, "shape");
        size_t n_dims = json_array_size(shape);
        size_t a = (size_t)json_integer_value(json_array_get(shape, 0));
        size_t b = (size_t)json_integer_value(json_array_get(shape, 1));
        struct sc_tensor tensor;

        if (n_dims == 1 && sc_shard_tensor(&shard, name, 0, a, &tensor, NULL) == SC_OK) {
            read_sum += touch(&tensor);
        }
        if (n_dims == 2 && a > 0 && sc_shard_tensor(&shard, name, a, b, &tensor, NULL) == SC_OK) {
            read_sum += touch(&tensor);
        }
    }
    sc_shard_close(&shard);
    return 0;
}
