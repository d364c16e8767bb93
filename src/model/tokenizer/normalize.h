/*
 * Inside the model room: the normal forms of Unicode, and the steps of a file that change a text
 * before it is cut into pieces.
 */
#ifndef SC_MODEL_TOKENIZER_NORMALIZE_H
#define SC_MODEL_TOKENIZER_NORMALIZE_H

#include <jansson.h>

#include "base/error.h"
#include "base/text.h"
#include "jinja/jinja.h"

#define SC_NORMAL_STEPS_MAX 16

enum sc_normal_form { SC_NFC, SC_NFD, SC_NFKC, SC_NFKD };

/* A text on its way through the steps.  Where `marked`, the flags say of each byte whether it came
 * from outside, and are as long as the text. */
struct sc_flagged {
    struct sc_text text, flags;
    bool marked;
};
void sc_flagged_free(struct sc_flagged *text);

/* Whether valid UTF-8 is in the form already, as it can be told at a glance. */
bool sc_is_plainly_normal(enum sc_normal_form form, const char *text, size_t n);
/* The form of valid UTF-8, appended to `out`: of text [n], with flags [n] or NULL. */
enum sc_status sc_normal_form(enum sc_normal_form form, const char *text, const char *flags,
                              size_t n, struct sc_flagged *out, struct sc_error *error);

struct sc_splitter;
struct sc_normal_step {
    enum { SC_STEP_FORM, SC_STEP_PREPEND, SC_STEP_REPLACE, SC_STEP_STRIP } kind;
    enum sc_normal_form form;
    char *text; /* [n]: what is put in */
    size_t n;
    struct sc_splitter *what; /* what it is put in for */
    bool left, right;         /* where spaces are taken off */
};
struct sc_normalizer {
    struct sc_normal_step steps[SC_NORMAL_STEPS_MAX];
    size_t n;
};

/* Reads "normalizer" of tokenizer.json, which may be NULL; to be freed in any case. */
enum sc_status sc_normalizer_parse(struct sc_normalizer *out, const json_t *value,
                                   struct sc_error *error);
void sc_normalizer_free(struct sc_normalizer *normalizer);

/* Runs all steps over text [n], of which flags [n] (or NULL) came from outside.  *same: nothing
 * changed, and out is empty.  *moved: the first character of the text is gone. */
enum sc_status sc_normalizer_run(const struct sc_normalizer *normalizer, const char *text,
                                 const char *flags, size_t n, struct sc_flagged *out, bool *same,
                                 bool *moved, struct sc_error *error);

#endif
