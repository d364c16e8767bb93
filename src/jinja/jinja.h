/*
 * The part of Jinja that chat templates use: a template becomes a program once, and is run for each
 * conversation.
 *
 * Every byte of a value knows whether it came from outside (from a prompt) and keeps that through
 * every filter, method, slice and comparison, so that whoever turns the output into tokens can tell
 * the template's control tokens from a prompt that spells one.  Sources are untrusted: a run is
 * bounded in steps, depth, memory and output, and touches nothing but its input.
 *
 * Meaning is that of Jinja2 with the settings of chat templates (trim_blocks, lstrip_blocks, loop
 * controls, the sandbox), and is checked against it.  What is not known here is refused when the
 * template is parsed, by name and line.  docs/TEMPLATES.md says what is known.
 */
#ifndef SC_JINJA_JINJA_H
#define SC_JINJA_JINJA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct sc_jinja; /* a parsed template; immutable, shared by any number of threads */

/* n bytes of UTF-8; messages begin with "line N: ". */
enum sc_status sc_jinja_parse(struct sc_jinja **out, const char *source, size_t n,
                              struct sc_error *error);
void sc_jinja_free(struct sc_jinja *template); /* NULL is fine */

/* Whether the template reads a variable or calls a function of that name anywhere
 * ("enable_thinking", "strftime_now"). */
bool sc_jinja_uses(const struct sc_jinja *template, const char *name);

/* Zeros are the defaults, which no published template comes near. */
struct sc_jinja_limits {
    size_t n_steps, depth, memory_bytes, output_bytes;
};

struct sc_jinja_input {
    const json_t *variables; /* an object; its members are the template's variables */
    /* Texts under members of these names come from outside, at any depth of the variables, with
     * all that lies below them; all else is trusted, keys of objects too. */
    const char *const *outside; /* [n_outside] such as "content" */
    size_t n_outside;
    int year, month, day; /* what strftime_now tells: 2026, 1..12, 1..31, midnight; the caller's
                           * choice, so that a run does not depend on the day */
    struct sc_jinja_limits limits;
};

/* Bytes [begin, end) of the output. */
struct sc_jinja_span {
    size_t begin, end;
};
struct sc_jinja_output {
    char *text; /* [n], with a 0 behind it: valid UTF-8 */
    size_t n;
    struct sc_jinja_span *outside; /* [n_outside] bytes that came from outside, ascending, apart */
    size_t n_outside;
};

/* Runs the template.  What raise_exception says becomes the error's text: SC_ERR_ARGUMENT, "the
 * template says: ...".  Other faults of a template in use are SC_ERR_FORMAT with the line; a limit
 * is SC_ERR_LIMIT.  On success *out is to be freed. */
enum sc_status sc_jinja_render(const struct sc_jinja *template, const struct sc_jinja_input *input,
                               struct sc_jinja_output *out, struct sc_error *error);
void sc_jinja_output_free(struct sc_jinja_output *output);

#endif
