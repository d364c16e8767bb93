/* The fields of a request that hold texts: messages, prompts, stops, arguments of the template. */
#ifndef SC_SERVING_PROMPT_FIELDS_H
#define SC_SERVING_PROMPT_FIELDS_H

#include "base/json.h"
#include "serving/request.h"

/* Each reads the value of the field of its name into the request; value may be NULL: not given. */
enum sc_status sc_serving_read_messages(const json_t *value, struct sc_serving_request *out,
                                        struct sc_error *error);
enum sc_status sc_serving_read_prompt(const json_t *value, struct sc_serving_request *out,
                                      struct sc_error *error);
enum sc_status sc_serving_read_stop(const json_t *value, struct sc_serving_request *out,
                                    struct sc_error *error);
enum sc_status sc_serving_read_stop_ids(const json_t *value, struct sc_serving_request *out,
                                        struct sc_error *error);
enum sc_status sc_serving_read_arguments(json_t *value, struct sc_serving_request *out,
                                         struct sc_error *error);

#endif
