/*
 * Values of a template: what Python's would be.  Values are never changed once they are made (the
 * sandbox of chat templates forbids it), but for namespaces, iterators, cyclers and joiners, so
 * parts are shared freely.  All of them lie in an arena (arena.h) and end with it.
 *
 * Origin: a string knows of each byte whether it came from outside, a number, truth or none whether
 * it was made from outside.
 */
#ifndef SC_JINJA_VALUE_H
#define SC_JINJA_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct builtin;
struct run;

enum value_kind {
    VALUE_MISSING, /* an argument that was not given; never seen by a template */
    VALUE_UNDEFINED,
    VALUE_NONE,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_STRING,
    VALUE_LIST,
    VALUE_TUPLE,
    VALUE_DICT,
    VALUE_VIEW,     /* what items(), keys() and values() of a dict give */
    VALUE_ITERATOR, /* what map, select, reverse ... give: gone through once, without a length */
    VALUE_RANGE,
    VALUE_NAMESPACE,
    VALUE_FUNCTION, /* a built-in one */
    VALUE_METHOD,   /* a built-in one, with the value that it was taken from */
    VALUE_MACRO,
    VALUE_LOOP,
    VALUE_CYCLER,
    VALUE_JOINER
};

struct value {
    enum value_kind kind;
    bool outside; /* of NONE, BOOL, INT and FLOAT; strings have it by the byte */
    union {
        bool truth;
        int64_t integer;
        double real;
        const struct string *string;
        struct list *list; /* LIST, TUPLE, VIEW, ITERATOR, RANGE */
        struct dict *dict; /* DICT, NAMESPACE */
        const struct undefined *undefined;
        const struct builtin *function;
        const struct method *method;
        const struct macro *macro;
        struct loop *loop;
        struct cycler *cycler;
        struct joiner *joiner;
    };
};

struct string {
    const char *bytes; /* [n] valid UTF-8; no 0 behind them */
    size_t n, n_chars; /* bytes, code points */
    /* [n] 1 where the byte came from outside; NULL: all of them as `outside` says. */
    const uint8_t *marks;
    bool outside;
    bool markup; /* made by safe or escape: what is added to it is escaped */
};

struct list {
    struct value *items; /* [n] */
    size_t n, cap;
    size_t at;            /* of an iterator: items before it are gone */
    const char *view;     /* of a view: what Python prints before the list */
    const int64_t *range; /* of a range: start, stop, step */
    bool grouped;         /* a tuple of groupby: .grouper and .list */
};

struct dict_entry {
    struct value key, value;
};
struct dict {
    struct dict_entry *entries; /* [n] in the order of their coming */
    size_t n, cap;
    uint32_t *index; /* [n_index] 1 + number of an entry, by hash; NULL while there are few */
    size_t n_index;
};

struct undefined {
    const struct string *name; /* of a variable or attribute; NULL when hint says it */
    const char *hint, *kind;   /* kind: of the value that has no such attribute, or NULL */
};

struct method {
    struct value self;
    const struct builtin *builtin;
};

struct cycler {
    const struct list *items;
    size_t at;
};
struct joiner {
    struct value separator;
    bool used;
};

/* Arguments of a call as they were written. */
struct keyword_value {
    const struct string *name;
    struct value value;
};
struct arguments {
    struct value *values; /* [n] */
    size_t n;
    struct keyword_value *keywords; /* [n_keywords] */
    size_t n_keywords;
};

#define SC_JINJA_PARAMETERS 8

/* A call of a built-in thing, its arguments in their places; MISSING where none was given. */
struct call {
    struct value self; /* what is filtered or tested, or whose method it is */
    struct value a[SC_JINJA_PARAMETERS];
    const struct arguments *given; /* all of them, for those that take any number */
};

/* Filters, tests, methods and functions. */
struct builtin {
    const char *name;
    enum sc_status (*call)(struct run *run, const struct call *call, struct value *out);
    const char *parameters; /* "width first blank"; "*": any; NULL: none */
    size_t n_needed;
};

/* What a value is called in messages, as Python calls it. */
const char *sc_jinja_kind(struct value value);

#endif
