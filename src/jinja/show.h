/* Values as text: what Python's str, repr and json.dumps give, and numbers from texts. */
#ifndef SC_JINJA_SHOW_H
#define SC_JINJA_SHOW_H

#include "jinja/object.h"

/* str(value); what Python shows with an address (a function) is an error. */
enum sc_status sc_jinja_show(struct run *run, struct value value, const struct string **out);
enum sc_status sc_jinja_add_shown(struct builder *b, struct value value);
enum sc_status sc_jinja_add_repr(struct builder *b, struct value value);

/* The shortest text that reads as this number again, as Python writes it; size at least 32. */
void sc_jinja_float_text(double real, char *text, size_t size);
/* What int(text, base) and float(text) read, blanks around them aside: SC_OK with *valid, an error
 * for whole numbers beyond 64 bits. */
enum sc_status sc_jinja_parse_int(struct run *run, const struct string *s, int base, bool *valid,
                                  int64_t *out);
bool sc_jinja_parse_float(const struct string *s, double *out);

struct json_style {
    const struct string *indent; /* NULL: on one line */
    const struct string *between, *after_key;
    bool ascii, sorted;
};
enum sc_status sc_jinja_add_json(struct builder *b, struct value value,
                                 const struct json_style *style);

#endif
