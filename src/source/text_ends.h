/* Where the text of each token of a trace ends. */
#ifndef SC_SOURCE_TEXT_ENDS_H
#define SC_SOURCE_TEXT_ENDS_H

#include "base/error.h"

/* From ids to text. */
struct sc_decoder {
    void *context;
    /* Valid UTF-8 without NUL, without special tokens. *text: sc_free it. */
    enum sc_status (*decode)(void *context, const int32_t *ids, size_t n_ids, char **text,
                             struct sc_error *error);
};

/* For each token, where the text of the tokens up to it ends, in bytes of `text`, which is the
 * decoded text of all n: as far as the text of these tokens alone agrees with it, at the border of
 * a character.  A character whose bytes come from several tokens thus belongs to the one that
 * completes it; special tokens have no text.  The last end is the length of the text.  ends [n]. */
enum sc_status sc_token_text_ends(const struct sc_decoder *decoder, const int32_t *ids, size_t n,
                                  const char *text, uint32_t *ends, struct sc_error *error);

#endif
