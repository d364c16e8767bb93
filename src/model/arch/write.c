/* See write.h. */
#include "model/arch/write.h"

#include <assert.h>

void sc_family_write(struct sc_text *out, const struct sc_model_config *config,
                     const struct sc_family_shape *shape, const char *dtype_name, const char *extra)
{
    const struct sc_family *family = config->family;
    const char *const members[] = {family->own, shape->more, extra};
    assert(family->architecture != NULL);
    sc_text_printf(out,
                   "{\n  \"architectures\": [\n    \"%s\"\n  ],\n  \"model_type\": \"%s\",\n"
                   "  \"eos_token_id\": %d,\n  \"hidden_size\": %zu,\n"
                   "  \"intermediate_size\": %zu,\n  \"max_position_embeddings\": %zu,\n",
                   family->architecture, family->model_type, (int)shape->end_id, config->hidden,
                   config->ffn, config->max_positions);
    if (config->head_dim * config->n_heads != config->hidden)
        sc_text_printf(out, "  \"head_dim\": %zu,\n", config->head_dim);
    sc_text_printf(out,
                   "  \"num_attention_heads\": %zu,\n  \"num_hidden_layers\": %zu,\n"
                   "  \"num_key_value_heads\": %zu,\n  \"attention_dropout\": 0.0,\n"
                   "  \"initializer_range\": 0.02,\n  \"use_cache\": true,\n",
                   config->n_heads, config->n_layers, config->n_kv_heads);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (members[i] != NULL)
            sc_text_printf(out, "  %s,\n", members[i]);
    sc_text_printf(out,
                   "  \"tie_word_embeddings\": %s,\n  \"torch_dtype\": \"%s\",\n"
                   "  \"vocab_size\": %zu\n}\n",
                   config->tied ? "true" : "false", dtype_name, config->n_vocab);
}
