/* Reading the fields of config.json that several families share. */
#ifndef SC_MODEL_ARCH_FIELDS_H
#define SC_MODEL_ARCH_FIELDS_H

#include <jansson.h>

#include "model/model.h"

/* A field that stands there and is not null. */
bool sc_field_is_set(const json_t *top, const char *key);

/* The text of a value, or words that say that it is not text. */
const char *sc_field_text(const json_t *value);

/* A whole number from 1 to high; the field is needed. */
enum sc_status sc_field_size(const json_t *top, const char *key, size_t high, size_t *out,
                             struct sc_error *error);

/* Refuses a field that is true; missing and null are false. */
enum sc_status sc_field_refuse_true(const json_t *top, const char *key, struct sc_error *error);

/* Refuses a text other than `only`; missing and null are fine. */
enum sc_status sc_field_refuse_other(const json_t *top, const char *key, const char *only,
                                     struct sc_error *error);

/* Rotary positions that nothing scales, over whole heads: rope_theta, at the top (as published) or
 * in the newer rope_parameters; scaled ones are refused.  head_dim is known already. */
enum sc_status sc_field_plain_rope(const json_t *top, struct sc_model_config *config,
                                   struct sc_error *error);

#endif
