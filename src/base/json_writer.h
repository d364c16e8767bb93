/*
 * Writing JSON as it goes, without building a tree: numbers as the shortest text that reads back
 * the same, NaN as null, text repaired to valid UTF-8.
 */
#ifndef SC_BASE_JSON_WRITER_H
#define SC_BASE_JSON_WRITER_H

#include "base/text.h"

#define SC_OUTPUT_DEPTH 16

struct sc_output {
    struct sc_text *text;
    bool pretty; /* members of objects on lines of their own, down to depth pretty_depth */
    size_t pretty_depth;
    size_t depth;
    bool filled[SC_OUTPUT_DEPTH]; /* a member was written at this depth */
};

/* key NULL: an element of an array or the top. */
void sc_put_object(struct sc_output *out, const char *key);
void sc_put_array(struct sc_output *out, const char *key);
void sc_put_end_object(struct sc_output *out);
void sc_put_end_array(struct sc_output *out);
void sc_put_string(struct sc_output *out, const char *key, const char *value); /* NULL: null */
void sc_put_count(struct sc_output *out, const char *key, uint64_t value);
void sc_put_number(struct sc_output *out, const char *key, double value);
void sc_put_bool(struct sc_output *out, const char *key, bool value);
void sc_put_null(struct sc_output *out, const char *key);
void sc_put_json(struct sc_output *out, const char *key, const char *json); /* as it is */
/* The shortest of %.15g to %.17g that reads back the same; "null" for what is not finite. */
void sc_text_add_number(struct sc_text *text, double value);

/* JSON made safe inside <script>: <, >, & and every control, bidirectional or invisible format
 * character as \uNNNN.  These occur in JSON only inside strings. */
void sc_text_add_script_json(struct sc_text *text, const char *json, size_t n);

#endif
