/* Parts of this folder that are not there yet: each is replaced by its own file. */
#include "base/error.h"
#include "engine/gpu/products.h"
#include "engine/gpu/session.h"

#define UNTIL_THEN __attribute__((weak))

static enum sc_status absent(const char *part, struct sc_error *error)
{
    return sc_fail(error, SC_ERR_UNSUPPORTED, "the device's %s are not there yet", part);
}

UNTIL_THEN enum sc_status sc_gpu_attention_prepare(struct sc_gpu_session *session,
                                                   const struct sc_row *rows, size_t n_rows,
                                                   uint32_t *extent, struct sc_error *error)
{
    (void)session, (void)rows, (void)n_rows;
    *extent = 0;
    return absent("rows that read together", error);
}

UNTIL_THEN enum sc_status sc_gpu_attention_run(struct sc_gpu_session *session, size_t layer,
                                               size_t n_rows, uint32_t extent,
                                               struct sc_error *error)
{
    (void)session, (void)layer, (void)n_rows, (void)extent;
    return absent("sums over positions", error);
}
