/* Inside the model room: reading "model" of tokenizer.json. */
#ifndef SC_MODEL_TOKENIZER_VOCABULARY_H
#define SC_MODEL_TOKENIZER_VOCABULARY_H

#include <jansson.h>

#include "model/tokenizer/parts.h"

/* Writes the keys of a vocabulary as the bytes that pieces are made of. */
struct sc_alphabet {
    bool bytes;           /* keys are written in the byte alphabet, else as text */
    int16_t byte_of[512]; /* code point of the byte alphabet to byte, -1: none */
    char *key;            /* [cap], the last one written */
    size_t cap;
};

struct sc_vocabulary {
    const json_t *model, *merges;
    json_t *vocab; /* jansson walks no const object; nothing here changes it */
    struct sc_alphabet alphabet;
};

/* Finds and checks the parts of "model".  sc_vocabulary_free in any case. */
enum sc_status sc_vocabulary_find(struct sc_vocabulary *v, const json_t *top,
                                  struct sc_error *error);
void sc_vocabulary_free(struct sc_vocabulary *v);
/* Raises *n_tokens above the ids of the vocabulary. */
enum sc_status sc_vocabulary_count(const struct sc_vocabulary *v, size_t *n_tokens,
                                   struct sc_error *error);
/* Fills bpe, with ids below n_tokens: bytes says how keys are written. */
enum sc_status sc_vocabulary_load(struct sc_vocabulary *v, bool bytes, size_t n_tokens,
                                  struct sc_bpe *bpe, struct sc_error *error);
/* A number that may be an id. */
bool sc_read_id(const json_t *value, int32_t *id);

#endif
