/* Compressed bytes, untrusted: gzip through zlib, Zstandard through libzstd. */
#ifndef SC_BASE_INFLATE_H
#define SC_BASE_INFLATE_H

#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum sc_compression { SC_COMPRESSION_NONE, SC_COMPRESSION_GZIP, SC_COMPRESSION_ZSTD };

/* By the bytes that such data begins with. */
enum sc_compression sc_compression_of(const char *data, size_t n);
/* Appends what n compressed bytes stand for, members and frames one after another, to an empty
 * text; at most max_bytes.  Refused: data cut off, damaged, or followed by anything else.  name is
 * for messages.  The text is the caller's after an error too. */
enum sc_status sc_inflate(const char *name, const char *data, size_t n, size_t max_bytes,
                          struct sc_text *out, struct sc_error *error);

/* What n compressed bytes may stand for in all: what is compressed further is no text but a bomb.
 */
uint64_t sc_inflate_most(size_t n);

#endif
