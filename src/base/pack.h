/* Bytes packed to lie in a text: raw DEFLATE in base64, as a browser's DecompressionStream reads
 * it. */
#ifndef SC_BASE_PACK_H
#define SC_BASE_PACK_H

#include "base/text.h"

/* Appends n bytes, packed: letters, digits, '+', '/' and '=' alone.  The same bytes each time by
 * one version of zlib. */
void sc_text_add_packed(struct sc_text *text, const char *bytes, size_t n);

#endif
