/* UTF-16 and UTF-32, as some programs save text. */
#ifndef SC_BASE_UTF16_H
#define SC_BASE_UTF16_H

#include "base/error.h"
#include "base/text.h"

enum sc_encoding {
    SC_ENCODING_UTF8,
    SC_ENCODING_UTF16_LE,
    SC_ENCODING_UTF16_BE,
    SC_ENCODING_UTF32
};

/* By the byte order mark, whose length goes to *mark; without one text is UTF-16 where it plainly
 * is (nearly every other byte is NUL at its beginning), else UTF-8. */
enum sc_encoding sc_encoding_of(const char *data, size_t n, size_t *mark);
/* Appends n bytes of UTF-16 (an odd one at the end is left out) as UTF-8.  Half of a surrogate pair
 * becomes three bytes that are not valid UTF-8, so that whoever checks it finds its place. */
void sc_text_add_utf16(struct sc_text *text, const char *data, size_t n, bool big_endian);

#endif
