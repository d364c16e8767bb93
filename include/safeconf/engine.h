/* Models in this process: tokenizer, checkpoint, engine. */
#ifndef SAFECONF_ENGINE_H
#define SAFECONF_ENGINE_H

#include <safeconf/vocabulary.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tokenizer ------------------------------------------------------------------------------- */

struct sc_tokenizer;

/* Reads tokenizer.json (and tokenizer_config.json if present) in the folder. */
SC_API enum sc_status sc_tokenizer_open(struct sc_tokenizer **out, const char *folder,
                                        struct sc_error *error);
SC_API void sc_tokenizer_close(struct sc_tokenizer *tokenizer);

/* Encodes n_bytes of UTF-8.  With special, special tokens written in the text become control
 * tokens; without, they are text.  *ids is allocated; release it with sc_release. */
SC_API enum sc_status sc_tokenizer_encode(const struct sc_tokenizer *tokenizer, const char *text,
                                          size_t n_bytes, bool special, int32_t **ids,
                                          size_t *n_ids, struct sc_error *error);

/* Decodes ids to valid UTF-8 (bytes that are none, and NUL, become U+FFFD); special tokens are left
 * out unless with_special.  *text is allocated; release it with sc_release. */
SC_API enum sc_status sc_tokenizer_decode(const struct sc_tokenizer *tokenizer, const int32_t *ids,
                                          size_t n_ids, bool with_special, char **text,
                                          struct sc_error *error);

/* ---- model and engine ------------------------------------------------------------------------ */

struct sc_model;  /* a checkpoint: configuration and memory-mapped weights; immutable */
struct sc_engine; /* a model made ready for one dtype and instruction set; immutable weights */

/* Opens a folder in Hugging Face layout; every tensor's name, dtype and shape is checked. */
SC_API enum sc_status sc_model_open(struct sc_model **out, const char *folder,
                                    struct sc_error *error);
SC_API void sc_model_close(struct sc_model *model);

struct sc_engine_options {
    int dtype;            /* an enum sc_dtype, or -1 for the model's own */
    int n_threads;        /* 0: one per available core */
    const char *kernels;  /* instruction set by name, NULL for the best that this machine has */
    int n_vocab;          /* ids below it are in P; 0: the tokens of the tokenizer in the model's
                             folder, or all rows of the embedding where there is none */
    int confidence_top_k; /* k of the confidence; 20 */
};

SC_API struct sc_engine_options sc_engine_options_default(void);

/* Packs the weights.  The model must outlive the engine. */
SC_API enum sc_status sc_engine_open(struct sc_engine **out, const struct sc_model *model,
                                     const struct sc_engine_options *options,
                                     struct sc_error *error);
SC_API void sc_engine_close(struct sc_engine *engine);

/* Scores a given text.  logprob[0] is NaN, logprob[i] = log P(ids[i] | ids[0..i-1]); confidence[i]
 * and entropy[i] describe the distribution after ids[i].  Each array has n places, filled by the
 * function; any may be NULL. */
SC_API enum sc_status sc_engine_score(const struct sc_engine *engine, const int32_t *ids, size_t n,
                                      float *logprob, float *confidence, float *entropy,
                                      struct sc_error *error);

#ifdef __cplusplus
}
#endif
#endif
