/* Parts of items by a written path ("function.name", "0"), for filters that take an attribute. */
#ifndef SC_JINJA_PICK_H
#define SC_JINJA_PICK_H

#include "jinja/object.h"

/* The part of an item that a path names: a text with points in it, or a number.  `fallback`, which
 * may be NULL, stands for what is undefined on the way. */
enum sc_status sc_jinja_pick(struct run *run, struct value item, struct value path,
                             const struct value *fallback, struct value *out);
/* A text in lower case, anything else as it is. */
enum sc_status sc_jinja_without_case(struct run *run, struct value value, struct value *out);
/* The numbers of keys in their order, equal ones as they came: order [keys->n]. */
enum sc_status sc_jinja_order_of(struct run *run, const struct list *keys, bool reverse,
                                 size_t **order);

#endif
