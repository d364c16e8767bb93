/*
 * Writing JSON as it goes, without building a tree.  Text is repaired to valid UTF-8; NaN and
 * infinities are null, so that what could not be computed never looks like a number.
 */
#ifndef SC_BASE_JSON_WRITER_H
#define SC_BASE_JSON_WRITER_H

#include "base/text.h"

enum { SC_JSON_MOST_DEPTH = 16 };

/* Set text and, where wanted, the layout; the rest begins as zero. */
struct sc_json_writer {
    struct sc_text *text; /* its `failed` says that memory ran out */
    bool pretty;          /* members of objects on lines of their own, down to depth pretty_depth */
    size_t pretty_depth;
    /* Text that is compared or hashed later, and so must stay as it always was: numbers as %.17g,
     * strings without the escapes that JSON does not ask for. */
    bool canonical;
    bool
        shown; /* canonical, but a file that people open: hidden characters are escapes there too */
    size_t depth;
    bool filled[SC_JSON_MOST_DEPTH]; /* a member was written at this depth */
};

/* key NULL: an element of an array, or the top. */
void sc_json_put_object(struct sc_json_writer *out, const char *key);
void sc_json_put_array(struct sc_json_writer *out, const char *key);
void sc_json_put_end_object(struct sc_json_writer *out);
void sc_json_put_end_array(struct sc_json_writer *out);
void sc_json_put_string(struct sc_json_writer *out, const char *key, const char *value);
/* n bytes of text, which may hold NUL (written as U+FFFD) and invalid UTF-8. */
void sc_json_put_count(struct sc_json_writer *out, const char *key, uint64_t value);
void sc_json_put_integer(struct sc_json_writer *out, const char *key, int64_t value);
void sc_json_put_number(struct sc_json_writer *out, const char *key, double value);
void sc_json_put_bool(struct sc_json_writer *out, const char *key, bool value);
void sc_json_put_null(struct sc_json_writer *out, const char *key);
/* JSON that was written before, as it is but for what must not reach a reader raw. */
void sc_json_put_raw(struct sc_json_writer *out, const char *key, const char *json);

/* The shortest of %.15g to %.17g that reads back the same; "null" for what is not finite. */
void sc_text_add_json_number(struct sc_text *text, double value);
/* A string literal of valid UTF-8.  Controls, bidirectional marks and other invisible characters
 * (sc_codepoint_is_hidden) stand as \uNNNN, so that a file can be shown on a terminal. */
void sc_text_add_json_string(struct sc_text *text, const char *string);

/* JSON made safe inside <script>: <, >, & and every control, bidirectional or invisible format
 * character as \uNNNN.  These occur in JSON only inside strings. */
void sc_text_add_script_json(struct sc_text *text, const char *json, size_t n);

#endif
