/*
 * One run of a template: its memory, its bounds, and where it fails.  Also the little that parsing
 * shares with it.
 */
#ifndef SC_JINJA_RUN_H
#define SC_JINJA_RUN_H

#include "base/error.h"
#include "jinja/jinja.h"
#include "jinja/value.h"

/* Memory that is taken in pieces and given back as a whole. */
struct arena {
    struct arena_block *last;
    char *free;
    size_t n_free, n_taken, max_bytes; /* n_taken: of all blocks */
};

/* Uninitialised, aligned for any value; NULL when memory or the limit is exhausted. */
void *sc_jinja_arena_take(struct arena *arena, size_t bytes);
void sc_jinja_arena_free(struct arena *arena);

struct node;
struct scope;

/* What lower files call of higher ones: a filter that is named by its argument, "{0.name}" in a
 * format, a macro or a loop that is called. */
struct interpreter {
    const struct builtin *(*find_filter)(const char *name, size_t n);
    const struct builtin *(*find_test)(const char *name, size_t n);
    enum sc_status (*call_builtin)(struct run *run, const struct builtin *builtin,
                                   struct value self, const struct arguments *arguments,
                                   struct value *out);
    enum sc_status (*call_macro)(struct run *run, const struct macro *macro,
                                 const struct arguments *arguments, struct value *out);
    enum sc_status (*recurse)(struct run *run, struct loop *loop, struct value items,
                              struct value *out);
    enum sc_status (*pull)(struct run *run, struct loop *loop, bool *any, struct value *out);
    enum sc_status (*item)(struct run *run, struct value of, struct value key, struct value *out);
    enum sc_status (*attribute)(struct run *run, struct value of, const struct string *name,
                                struct value *out);
};

struct run {
    const struct sc_jinja *template;
    const struct sc_jinja_input *input;
    const struct interpreter *interpreter;
    struct arena arena;
    struct value *top;       /* [symbols of the template] variables of the outermost scope, given
                              * ones among them; MISSING where there is none */
    struct scope *variables; /* the innermost scope, NULL for the outermost */
    enum { GO_ON, BREAK_LOOP, CONTINUE_LOOP } jump;
    struct builder *out; /* where text goes now */
    size_t n_steps, max_steps;
    size_t depth, max_depth;
    int line;
    enum sc_status failed; /* why an allocation gave NULL */
    struct sc_error *error;
};

/* A fault of the template in use, at the line that is run: SC_ERR_FORMAT. */
enum sc_status sc_jinja_fail(struct run *run, const char *format, ...) SC_PRINTF(2, 3);

/* Memory of the run; NULL after a message, and run->failed says what to return. */
void *sc_jinja_take(struct run *run, size_t bytes);
void *sc_jinja_take_array(struct run *run, size_t count, size_t size);

/* Counts work: one step for a node of the tree, more for work that grows with bytes or items. */
enum sc_status sc_jinja_step(struct run *run, size_t n);
/* Work over so many bytes. */
enum sc_status sc_jinja_step_bytes(struct run *run, size_t n_bytes);
/* One level deeper; sc_jinja_leave takes it back. */
enum sc_status sc_jinja_enter(struct run *run);
void sc_jinja_leave(struct run *run);

#endif
