/* What runs a template: names, macros, loops. */
#ifndef SC_JINJA_MACHINE_H
#define SC_JINJA_MACHINE_H

#include "jinja/object.h"
#include "jinja/tree.h"

struct binding {
    const struct symbol *symbol;
    struct value value;
};

/* Names of a loop's body, a macro, a block; those of the outermost scope are in run->top. */
struct scope {
    struct scope *outer;
    struct binding *bindings;
    size_t n, cap;
};

struct macro {
    const struct node *node; /* NODE_MACRO, NODE_CALL_BLOCK */
    const struct string *name;
    struct scope *scope; /* where it was defined */
};

struct loop {
    const struct node *node;
    struct scope *scope; /* around the loop */
    const struct list *items;
    size_t at;              /* items before it were looked at */
    bool all_tested;        /* the loop's test holds for the rest of them */
    int64_t index0, length; /* length -1: not known yet */
    size_t depth0;
    struct value before, current, peeked; /* MISSING where there is none */
    struct value changed;                 /* what loop.changed saw last, MISSING at first */
};

enum sc_status sc_jinja_scope(struct run *run, struct scope *outer, struct scope **out);
/* Sets a name in the innermost scope. */
enum sc_status sc_jinja_bind(struct run *run, const struct symbol *symbol, struct value value);
enum sc_status sc_jinja_look_up(struct run *run, const struct symbol *symbol, struct value *out);

enum sc_status sc_jinja_evaluate(struct run *run, const struct node *node, struct value *out);
/* The arguments of a call, evaluated; caller is added where it is not NULL. */
enum sc_status sc_jinja_arguments(struct run *run, const struct written_arguments *written,
                                  const struct value *caller, struct arguments *out);
/* Filters of a block applied to its text. */
enum sc_status sc_jinja_apply_filters(struct run *run, const struct node *filters,
                                      struct value value, struct value *out);

/* Calls any value. */
enum sc_status sc_jinja_call(struct run *run, struct value what, const struct arguments *arguments,
                             struct value *out);
enum sc_status sc_jinja_call_builtin(struct run *run, const struct builtin *builtin,
                                     struct value self, const struct arguments *arguments,
                                     struct value *out);

enum sc_status sc_jinja_execute(struct run *run, const struct node *body);
enum sc_status sc_jinja_call_macro(struct run *run, const struct macro *macro,
                                   const struct arguments *given, struct value *out);
/* loop(items) within a recursive loop: the text of the same loop over other items. */
enum sc_status sc_jinja_recurse(struct run *run, struct loop *loop, struct value items,
                                struct value *out);
/* The next item for which the loop's test holds; *any false where there is none. */
enum sc_status sc_jinja_pull(struct run *run, struct loop *loop, bool *any, struct value *out);

/* of.name and of[key], as the sandbox of chat templates has them. */
enum sc_status sc_jinja_attribute(struct run *run, struct value of, const struct string *name,
                                  struct value *out);
/* What is an attribute in Python's eyes, *found: methods, and what loops, macros and their like
 * have. */
enum sc_status sc_jinja_own_attribute(struct run *run, struct value of, const struct string *name,
                                      bool *found, struct value *out);
enum sc_status sc_jinja_item(struct run *run, struct value of, struct value key, struct value *out);

#endif
