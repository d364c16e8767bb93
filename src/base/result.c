/* See result.h. */
#include "base/result.h"

enum sc_status sc_text_hand_out(struct sc_text *text, enum sc_status status, char **out,
                                struct sc_error *error)
{
    *out = status == SC_OK ? sc_text_take(text) : NULL;
    sc_text_free(text);
    return status == SC_OK && *out == NULL ? sc_fail_nomem(error, "a text") : status;
}
