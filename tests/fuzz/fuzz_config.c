/* Any bytes as config.json and as generation_config.json: what is accepted keeps its promises. */
#include <math.h>
#include <stdlib.h>

#include "model/checkpoint/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* What turns stays within a head, by steps that are numbers. */
static void expect_rope(const struct sc_model_config *c, const struct sc_rope *rope)
{
    expect(rope->n > 0 && 2 * rope->n <= c->head_dim && rope->n <= SC_MOST_ROPE_PAIRS);
    expect(isfinite(rope->scale));
    for (size_t i = 0; i < rope->n; i++)
        expect(isfinite(rope->step[i]) && rope->step[i] >= 0);
}

static void expect_layers(const struct sc_model_config *c)
{
    const struct sc_layer_kind *layer = &c->layer;
    expect_rope(c, &c->rope[SC_ROPE_GLOBAL]);
    expect_rope(c, &c->rope[SC_ROPE_LOCAL]);
    if (c->long_from > 0)
        expect_rope(c, &c->rope[SC_ROPE_LONG]);
    expect(layer->window < c->max_positions);
    expect(isfinite(layer->attention_scale) && layer->attention_softcap >= 0 &&
           layer->logit_softcap >= 0);
    expect(layer->n_experts_used <= layer->n_experts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_model_config c;
    struct sc_generation_config g;
    struct sc_error error = {0};
    bool given;

    if (sc_config_parse((const char *)data, size, &c, &given, &error) == SC_OK) {
        expect(c.n_vocab > 0 && c.hidden > 0 && c.n_layers > 0 && c.ffn > 0);
        expect(c.n_kv_heads > 0 && c.n_heads % c.n_kv_heads == 0);
        expect(c.head_dim > 0 && c.head_dim % 2 == 0 && c.max_positions > 0);
        expect(c.rope_theta >= 1 && c.rms_eps >= 0);
        expect(sc_config_n_parameters(&c) >= c.n_vocab * c.hidden);
        expect_layers(&c);
    } else {
        expect(error.status != SC_OK);
    }
    error = (struct sc_error){0};
    if (sc_generation_parse((const char *)data, size, &sc_family_qwen3.sampling, &g, &error) ==
        SC_OK) {
        expect(g.n_end_ids <= 8 && g.sampling.temperature >= 0 && g.sampling.top_k >= 0);
        expect(g.sampling.top_p > 0 && g.sampling.top_p <= 1);
        expect(g.sampling.min_p >= 0 && g.sampling.min_p < 1);
    } else {
        expect(error.status != SC_OK);
    }
    return 0;
}
