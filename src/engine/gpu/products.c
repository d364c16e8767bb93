/* Products: not there yet. */
#include "engine/gpu/products.h"

enum sc_status sc_gpu_products_open(struct sc_gpu_weights *weights, struct sc_error *error)
{
    (void)weights;
    (void)error;
    return SC_OK;
}

void sc_gpu_products_close(struct sc_gpu_weights *weights)
{
    (void)weights;
}
