/* See emulated.h.  Next: memory.c and queue.c; fibers.c, which runs the kernels. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/gpu/emulated/card.h"

static enum sc_status count(int *n, char *why)
{
    struct sc_emulated_options o;
    *n = 0;
    if (!sc_emulated_options(&o, why) || sc_emulated_is_to_fail(&o, "count", why))
        return SC_ERR_UNSUPPORTED;
    *n = o.n_cards;
    return SC_OK;
}

static enum sc_status describe(int card, struct sc_gpu_card *out, char *why)
{
    struct sc_emulated_options o;
    if (!sc_emulated_options(&o, why) || sc_emulated_is_to_fail(&o, "describe", why))
        return SC_ERR_UNSUPPORTED;
    if (card < 0 || card >= o.n_cards) {
        snprintf(why, SC_GPU_WHY, "emulated: no card %d", card);
        return SC_ERR_UNSUPPORTED;
    }
    const size_t taken = sc_emulated_taken(card);
    *out = (struct sc_gpu_card){.name = "emulated GPU",
                                .arithmetic = "emulated",
                                .versions = "emulated on the processor",
                                .bytes = o.bytes,
                                .free_bytes = o.bytes > taken ? o.bytes - taken : 0,
                                .shared_bytes = o.shared_bytes,
                                .n_processors = o.n_processors};
    snprintf(out->library, sizeof out->library, "%s", o.ways == SC_WAYS_NONE ? "" : "loops");
    return SC_OK;
}

static enum sc_status gpu_open(void **out, int card, char *why)
{
    struct sc_gpu_card unused;
    *out = NULL;
    enum sc_status status = describe(card, &unused, why);
    if (status != SC_OK)
        return status;
    struct sc_emulated_gpu *gpu = calloc(1, sizeof *gpu);
    if (gpu == NULL) {
        snprintf(why, SC_GPU_WHY, "emulated: out of memory");
        return SC_ERR_NOMEM;
    }
    sc_emulated_options(&gpu->options, why);
    gpu->card = card;
    *out = gpu;
    return SC_OK;
}

static void gpu_close(void *opened)
{
    struct sc_emulated_gpu *gpu = opened;
    if (gpu == NULL)
        return;
    assert(gpu->n_blocks == 0 && "memory of a card was not given back");
    free(gpu);
}

static enum sc_status find_ways(void *opened, const struct sc_gpu_product_shape *shape,
                                uint32_t n_rows, void **ways, size_t most, size_t *n, char *why)
{
    const struct sc_emulated_gpu *gpu = opened;
    *n = 0;
    if (sc_emulated_is_to_fail(&gpu->options, "ways of a product", why))
        return SC_ERR_INTERNAL;
    return sc_emulated_find_ways(&gpu->options, shape, n_rows, ways, most, n, why);
}

static void forget_way(void *opened, void *way)
{
    (void)opened;
    free(way);
}

__attribute__((visibility("default"))) const struct sc_gpu_module *sc_gpu_module(void)
{
    static const struct sc_gpu_module module = {
        .version = SC_GPU_MODULE_VERSION,
        .bytes = sizeof(struct sc_gpu_module),
        .name = "emulated",
        .count = count,
        .describe = describe,
        .open = gpu_open,
        .close = gpu_close,
        .take = sc_emulated_take,
        .release = sc_emulated_release,
        .take_host = sc_emulated_take_host,
        .release_host = sc_emulated_release_host,
        .store = sc_emulated_store,
        .queue_open = sc_emulated_queue_open,
        .queue_close = sc_emulated_queue_close,
        .upload = sc_emulated_upload,
        .download = sc_emulated_download,
        .copy = sc_emulated_copy,
        .launch = sc_emulated_launch,
        .mark = sc_emulated_mark,
        .wait = sc_emulated_wait,
        .seconds = sc_emulated_seconds,
        .record = sc_emulated_record,
        .record_end = sc_emulated_record_end,
        .forget = sc_emulated_forget,
        .replay = sc_emulated_replay,
        .find_ways = find_ways,
        .forget_way = forget_way,
        .multiply = sc_emulated_enqueue_product,
    };
    return &module;
}
