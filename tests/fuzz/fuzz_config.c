/* Any bytes as config.json and as generation_config.json: what is accepted keeps its promises. */
#include <stdlib.h>

#include "model/checkpoint/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
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
