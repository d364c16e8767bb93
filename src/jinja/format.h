/* Python's ways to put values into texts: "%s" % x and "{}".format(x). */
#ifndef SC_JINJA_FORMAT_H
#define SC_JINJA_FORMAT_H

#include "jinja/object.h"

/* s % values: a tuple of them, a dict for "%(name)s", or one. */
enum sc_status sc_jinja_format_percent(struct run *run, const struct string *s, struct value values,
                                       struct value *out);
enum sc_status sc_jinja_format_braces(struct run *run, const struct string *s,
                                      const struct arguments *arguments, struct value *out);

#endif
