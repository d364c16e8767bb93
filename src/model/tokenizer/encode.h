/* Inside the model room: the ids of a text. */
#ifndef SC_MODEL_TOKENIZER_ENCODE_H
#define SC_MODEL_TOKENIZER_ENCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "jinja/jinja.h"

struct sc_tokenizer;

struct sc_ids {
    int32_t *ids; /* [n] */
    size_t n, cap;
};

/* 0, or -1 when memory is exhausted. */
int sc_ids_add(struct sc_ids *list, int32_t id);

/* Appends the ids of one text, encoded as a whole.  A control token that it spells is recognised
 * where none of its bytes came from outside: outside [n_outside] are those that did, in bytes,
 * ascending, apart and none empty; with none of them the whole text is trusted. */
enum sc_status sc_tokenizer_append_marked(const struct sc_tokenizer *tokenizer, const char *text,
                                          size_t n, const struct sc_jinja_span *outside,
                                          size_t n_outside, struct sc_ids *out,
                                          struct sc_error *error);
/* The same of a text that is trusted (special) or came from outside as a whole. */
enum sc_status sc_tokenizer_append(const struct sc_tokenizer *tokenizer, const char *text,
                                   size_t n_bytes, bool special, struct sc_ids *out,
                                   struct sc_error *error);

#endif
