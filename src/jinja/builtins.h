/* The tables of built-in things; each ends with an entry without a name. */
#ifndef SC_JINJA_BUILTINS_H
#define SC_JINJA_BUILTINS_H

#include "jinja/object.h"

extern const struct builtin sc_jinja_text_filters[];
extern const struct builtin sc_jinja_list_filters[];
extern const struct builtin sc_jinja_number_filters[];
extern const struct builtin sc_jinja_order_filters[];
extern const struct builtin sc_jinja_tests[];
extern const struct builtin sc_jinja_functions[];
extern const struct builtin sc_jinja_text_methods[];
extern const struct builtin sc_jinja_split_methods[];
extern const struct builtin sc_jinja_list_methods[];
extern const struct builtin sc_jinja_dict_methods[];
extern const struct builtin sc_jinja_float_methods[];
extern const struct builtin sc_jinja_loop_methods[];
extern const struct builtin sc_jinja_cycler_methods[];

const struct builtin *sc_jinja_find_builtin(const struct builtin *table, const char *name,
                                            size_t n);

/* Arguments of built-in things; what is wrong with them is an error that names them. */
static inline bool sc_jinja_given(struct value value)
{
    return value.kind != VALUE_MISSING;
}
/* A text, which it must be. */
enum sc_status sc_jinja_need_text(struct run *run, struct value value, const char *what,
                                  const struct string **out);
/* A whole number; `fallback` where it is not given. */
enum sc_status sc_jinja_need_int(struct run *run, struct value value, const char *what,
                                 int64_t fallback, int64_t *out);

#endif
