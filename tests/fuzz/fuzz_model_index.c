/* Any bytes as the index of a model's weight files, and behind a 0 as its config.json: nothing but
 * a file of the folder is opened, and what opens can be read from end to end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/checkpoint/checkpoint.h"
#include "scratch_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config[] =
    "{\"model_type\":\"llama\",\"hidden_size\":4,\"num_hidden_layers\":1,\"num_attention_heads\":1,"
    "\"num_key_value_heads\":1,\"head_dim\":4,\"intermediate_size\":4,\"vocab_size\":4,"
    "\"max_position_embeddings\":16,\"rms_norm_eps\":1e-6,\"rope_theta\":10000,"
    "\"tie_word_embeddings\":true,\"hidden_act\":\"silu\"}";

/* One file of weights, whose tensors are all the bytes that the names in the header need. */
static void write_weights(void)
{
    static const char *const names[] = {"model.embed_tokens.weight",
                                        "model.norm.weight",
                                        "model.layers.0.input_layernorm.weight",
                                        "model.layers.0.post_attention_layernorm.weight",
                                        "model.layers.0.self_attn.q_proj.weight",
                                        "model.layers.0.self_attn.k_proj.weight",
                                        "model.layers.0.self_attn.v_proj.weight",
                                        "model.layers.0.self_attn.o_proj.weight",
                                        "model.layers.0.mlp.gate_proj.weight",
                                        "model.layers.0.mlp.up_proj.weight",
                                        "model.layers.0.mlp.down_proj.weight"};
    const size_t n = sizeof names / sizeof names[0];
    char file[4096] = {0};
    size_t at = 8, begin = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_norm = strstr(names[i], "norm") != NULL;
        size_t bytes = is_norm ? 16 : 64;
        at += (size_t)snprintf(file + at, sizeof file - at,
                               "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[4%s],\"data_offsets\":[%zu,"
                               "%zu]}",
                               i == 0 ? '{' : ',', names[i], is_norm ? "" : ",4", begin,
                               begin + bytes);
        begin += bytes;
    }
    file[at++] = '}';
    const uint64_t header = at - 8;
    memcpy(file, &header, sizeof header);
    scratch_write("a.safetensors", file, at + begin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    if (!made) {
        write_weights();
        made = true;
    }
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    size_t n = zero != NULL ? (size_t)(zero - data) : size;
    scratch_write("model.safetensors.index.json", data, n);
    if (zero != NULL)
        scratch_write("config.json", zero + 1, size - n - 1);
    else
        scratch_write("config.json", config, sizeof config - 1);
    struct sc_model *model = NULL;
    struct sc_error error = {0};
    if (sc_model_open(&model, scratch_folder(), &error) != SC_OK &&
        (model != NULL || error.text[0] == '\0'))
        abort();
    sc_model_close(model);
    return 0;
}
