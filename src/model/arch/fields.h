/* Reading the fields of config.json that several families share. */
#ifndef SC_MODEL_ARCH_FIELDS_H
#define SC_MODEL_ARCH_FIELDS_H

#include <jansson.h>

#include "model/model.h"

#define SC_MOST_POSITIONS ((size_t)1 << 28) /* far above every published model */

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

/* A field that is true or false; missing and null are false. */
enum sc_status sc_field_flag(const json_t *top, const char *key, bool *out, struct sc_error *error);

/* The field attention_bias: q, k, v and what attention gives have biases, or none has. */
enum sc_status sc_field_attention_bias(const json_t *top, struct sc_model_config *config,
                                       struct sc_error *error);

/* A number above 0, or 0 where the field is null; missing: the fallback. */
enum sc_status sc_field_cap(const json_t *top, const char *key, double fallback, float *out,
                            struct sc_error *error);

/* Which layers see a window: those from `first` on, but of each `period` (0: none) the last. */
struct sc_window_rule {
    size_t window; /* positions; 0: no layer has one */
    size_t first, period;
};

/* The window of the configuration and the layers that have it: layer_types where it is given, else
 * as the rule says.  A window of all positions is none. */
enum sc_status sc_field_windows(const json_t *top, const struct sc_window_rule *rule,
                                struct sc_model_config *config, struct sc_error *error);

/* The field sliding_window; missing: the fallback, null: 0. */
enum sc_status sc_field_window_size(const json_t *top, size_t fallback, size_t *out,
                                    struct sc_error *error);

/* The windows of Qwen models: use_sliding_window, sliding_window and max_window_layers. */
enum sc_status sc_field_qwen_windows(const json_t *top, struct sc_model_config *config,
                                     struct sc_error *error);

#endif
