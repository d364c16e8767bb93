/* A text that is what a public function hands out. */
#ifndef SC_BASE_RESULT_H
#define SC_BASE_RESULT_H

#include "base/text.h"

/* Ends the making of it: *out has the string where status is SC_OK, else NULL.  Returns the status,
 * or SC_ERR_NOMEM where the text failed; the text is empty afterwards. */
enum sc_status sc_text_hand_out(struct sc_text *text, enum sc_status status, char **out,
                                struct sc_error *error);

#endif
