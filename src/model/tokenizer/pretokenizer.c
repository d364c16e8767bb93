/*
 * "pre_tokenizer" of tokenizer.json: the steps that cut a text into the pieces that are merged.
 *
 * Every step is a cut at a pattern, or writes a piece anew with its spaces as marks or one put
 * before it.  A piece goes through all steps before the next one does, so nothing is listed.  Steps
 * that are not known are refused by name.  Read next: encode.c.
 */
#include <string.h>

#include "base/memory.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/unicode.h"

#define DEPTH_MAX 8 /* sequences in sequences */

/* ---- reading --------------------------------------------------------------------------------- */

static enum sc_status read_steps(struct sc_pre_tokenizer *out, const json_t *value, int depth,
                                 struct sc_error *error);

/* A step that is all zero, or NULL when there are too many. */
static struct sc_pre_step *new_step(struct sc_pre_tokenizer *out, struct sc_error *error)
{
    if (out->n == SC_PRE_STEPS_MAX) {
        sc_fail(error, SC_ERR_LIMIT, "expected at most %d steps", SC_PRE_STEPS_MAX);
        return NULL;
    }
    return &out->steps[out->n++];
}

/* A step that cuts by a pattern of ours. */
static enum sc_status add_split(struct sc_pre_tokenizer *out, const char *pattern,
                                enum sc_split_behavior behavior, bool invert,
                                struct sc_error *error)
{
    struct sc_pre_step *step = new_step(out, error);
    if (step == NULL)
        return SC_ERR_LIMIT;
    step->behavior = behavior;
    step->invert = invert;
    return sc_splitter_new(&step->splitter, pattern, error);
}

static enum sc_status read_behavior(const json_t *value, enum sc_split_behavior *behavior,
                                    struct sc_error *error)
{
    static const char *const names[] = {[SC_SPLIT_ISOLATED] = "Isolated",
                                        [SC_SPLIT_REMOVED] = "Removed",
                                        [SC_SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
                                        [SC_SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
                                        [SC_SPLIT_CONTIGUOUS] = "Contiguous"};
    const char *name = json_string_value(value);

    for (size_t i = 0; name != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            *behavior = (enum sc_split_behavior)i;
            return SC_OK;
        }
    }
    return sc_fail(error, SC_ERR_FORMAT,
                   "behavior: expected Isolated, Removed, MergedWithPrevious, MergedWithNext or "
                   "Contiguous");
}

static enum sc_status read_split(struct sc_pre_tokenizer *out, const json_t *value,
                                 struct sc_error *error)
{
    struct sc_pre_step *step = new_step(out, error);
    if (step == NULL)
        return SC_ERR_LIMIT;
    SC_TRY(read_behavior(json_object_get(value, "behavior"), &step->behavior, error));
    step->invert = json_is_true(json_object_get(value, "invert"));
    return sc_pattern_parse(&step->splitter, json_object_get(value, "pattern"), error);
}

static enum sc_status read_byte_level(struct sc_pre_tokenizer *out, const json_t *value,
                                      struct sc_error *error)
{
    const json_t *use_regex = json_object_get(value, "use_regex");

    if (!sc_is_off(json_object_get(value, "add_prefix_space"))) {
        struct sc_pre_step *step = new_step(out, error);
        if (step == NULL)
            return SC_ERR_LIMIT;
        step->kind = SC_PRE_SPACE;
    }
    out->byte_level = true;
    /* In files older than the field ByteLevel always splits. */
    if (use_regex != NULL && !json_is_true(use_regex))
        return SC_OK;
    return add_split(out, sc_gpt2_pattern, SC_SPLIT_ISOLATED, false, error);
}

static enum sc_status read_scheme(const json_t *value, struct sc_pre_step *step,
                                  struct sc_error *error)
{
    const json_t *scheme = json_object_get(value, "prepend_scheme");
    const char *name = json_string_value(scheme);

    step->prepend = json_is_false(json_object_get(value, "add_prefix_space")) ? SC_PREPEND_NEVER
                                                                              : SC_PREPEND_ALWAYS;
    if (scheme == NULL)
        return SC_OK;
    if (name != NULL && strcmp(name, "always") == 0)
        step->prepend = SC_PREPEND_ALWAYS;
    else if (name != NULL && strcmp(name, "first") == 0)
        step->prepend = SC_PREPEND_FIRST;
    else if (name != NULL && strcmp(name, "never") == 0)
        step->prepend = SC_PREPEND_NEVER;
    else
        return sc_fail(error, SC_ERR_FORMAT,
                       "Metaspace: prepend_scheme: expected always, first or never");
    return SC_OK;
}

static enum sc_status read_metaspace(struct sc_pre_tokenizer *out, const json_t *value,
                                     struct sc_error *error)
{
    const json_t *mark = json_object_get(value, "replacement");
    const json_t *split = json_object_get(value, "split");
    size_t n = json_string_length(mark);
    uint32_t point;

    if (n == 0 || sc_utf8_decode(json_string_value(mark), n, &point) != n)
        return sc_fail(error, SC_ERR_FORMAT, "Metaspace: replacement: expected one character");
    struct sc_pre_step *step = new_step(out, error);
    if (step == NULL)
        return SC_ERR_LIMIT;
    step->kind = SC_PRE_MARKS;
    memcpy(step->mark, json_string_value(mark), n);
    SC_TRY(read_scheme(value, step, error));
    if (json_is_false(split))
        return SC_OK;
    step = new_step(out, error);
    if (step == NULL)
        return SC_ERR_LIMIT;
    step->behavior = SC_SPLIT_MERGED_WITH_NEXT;
    return sc_splitter_new_literal(&step->splitter, json_string_value(mark), n, error);
}

static void put_ranges(struct sc_text *pattern, const struct sc_unicode_range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char bytes[4];
        sc_text_add(pattern, bytes, sc_utf8_encode(ranges[i].first, bytes));
        sc_text_putc(pattern, '-');
        sc_text_add(pattern, bytes, sc_utf8_encode(ranges[i].last, bytes));
    }
}

/* Adds a step by a pattern that was put together. */
static enum sc_status add_made(struct sc_pre_tokenizer *out, struct sc_text *pattern,
                               enum sc_split_behavior behavior, struct sc_error *error)
{
    enum sc_status status = pattern->failed ? sc_fail_nomem(error, "pre_tokenizer")
                                            : add_split(out, pattern->data, behavior, false, error);
    sc_text_free(pattern);
    return status;
}

static enum sc_status read_digits(struct sc_pre_tokenizer *out, const json_t *value,
                                  struct sc_error *error)
{
    struct sc_text pattern = {0};

    sc_text_puts(&pattern, "[\\p{N}");
    put_ranges(&pattern, sc_unicode_more_numbers, sc_n_unicode_more_numbers);
    sc_text_puts(&pattern, "]");
    return add_made(out, &pattern,
                    json_is_true(json_object_get(value, "individual_digits")) ? SC_SPLIT_ISOLATED
                                                                              : SC_SPLIT_CONTIGUOUS,
                    error);
}

static enum sc_status read_punctuation(struct sc_pre_tokenizer *out, const json_t *value,
                                       struct sc_error *error)
{
    const json_t *name = json_object_get(value, "behavior");
    enum sc_split_behavior behavior = SC_SPLIT_ISOLATED;
    struct sc_text pattern = {0};

    if (name != NULL)
        SC_TRY(read_behavior(name, &behavior, error));
    sc_text_puts(&pattern, "(?![");
    put_ranges(&pattern, sc_unicode_no_punctuation, sc_n_unicode_no_punctuation);
    sc_text_puts(&pattern, "])\\p{P}|[$+<=>^`|~");
    put_ranges(&pattern, sc_unicode_more_punctuation, sc_n_unicode_more_punctuation);
    sc_text_puts(&pattern, "]");
    return add_made(out, &pattern, behavior, error);
}

/* Words as Rust's \w has them, and runs of what is neither word nor space. */
#define WORD                                                                                       \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\u24b6-\u24e9\U0001f130-\U0001f149\U0001f150-\U0001f169"     \
    "\U0001f170-\U0001f189\u200c\u200d"
static const char words[] = "[" WORD "]+|[^\\s" WORD "]+";

static enum sc_status read_other(struct sc_pre_tokenizer *out, const json_t *value,
                                 struct sc_error *error)
{

    if (sc_has_type(value, "Whitespace"))
        return add_split(out, words, SC_SPLIT_REMOVED, true, error);
    if (sc_has_type(value, "WhitespaceSplit"))
        return add_split(out, "\\s", SC_SPLIT_REMOVED, false, error);
    if (sc_has_type(value, "CharDelimiterSplit")) {
        const json_t *mark = json_object_get(value, "delimiter");
        struct sc_pre_step *step = new_step(out, error);
        if (step == NULL)
            return SC_ERR_LIMIT;
        step->behavior = SC_SPLIT_REMOVED;
        return sc_splitter_new_literal(&step->splitter, json_string_value(mark),
                                       json_string_length(mark), error);
    }
    if (sc_has_type(value, "FixedLength")) {
        const json_t *length = json_object_get(value, "length");
        json_int_t n = length != NULL ? json_integer_value(length) : 5;
        if (n < 1)
            return sc_fail(error, SC_ERR_FORMAT, "FixedLength: length: expected a number above 0");
        struct sc_pre_step *step = new_step(out, error);
        if (step == NULL)
            return SC_ERR_LIMIT;
        step->kind = SC_PRE_LENGTH;
        step->length = (size_t)n;
        return SC_OK;
    }
    return sc_unknown_type(
        value,
        "ByteLevel, Split, Metaspace, Digits, Punctuation, Whitespace, "
        "WhitespaceSplit, CharDelimiterSplit, FixedLength or a Sequence of these",
        error);
}

static enum sc_status read_sequence(struct sc_pre_tokenizer *out, const json_t *value, int depth,
                                    struct sc_error *error)
{
    const json_t *parts = json_object_get(value, "pretokenizers");

    if (!json_is_array(parts) || depth == DEPTH_MAX)
        return sc_fail(error, SC_ERR_FORMAT, "Sequence: pretokenizers: expected a list");
    for (size_t i = 0; i < json_array_size(parts); i++)
        SC_TRY(read_steps(out, json_array_get(parts, i), depth + 1, error));
    return SC_OK;
}

static enum sc_status read_steps(struct sc_pre_tokenizer *out, const json_t *value, int depth,
                                 struct sc_error *error)
{
    if (sc_has_type(value, "Sequence"))
        return read_sequence(out, value, depth, error);
    if (out->byte_level)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "expected ByteLevel as the last of a Sequence");
    if (sc_has_type(value, "ByteLevel"))
        return read_byte_level(out, value, error);
    if (sc_has_type(value, "Split"))
        return read_split(out, value, error);
    if (sc_has_type(value, "Metaspace"))
        return read_metaspace(out, value, error);
    if (sc_has_type(value, "Digits"))
        return read_digits(out, value, error);
    if (sc_has_type(value, "Punctuation"))
        return read_punctuation(out, value, error);
    return read_other(out, value, error);
}

enum sc_status sc_pre_tokenizer_parse(struct sc_pre_tokenizer *out, const json_t *value,
                                      struct sc_error *error)
{
    *out = (struct sc_pre_tokenizer){0};
    if (value == NULL || json_is_null(value))
        return SC_OK;
    enum sc_status status = read_steps(out, value, 0, error);
    if (status != SC_OK)
        sc_error_prefix(error, "pre_tokenizer");
    return status;
}

void sc_pre_tokenizer_free(struct sc_pre_tokenizer *pre)
{
    for (size_t i = 0; i < pre->n; i++)
        sc_splitter_free(pre->steps[i].splitter);
    pre->n = 0;
}

/* ---- running --------------------------------------------------------------------------------- */

enum sc_status sc_pre_run_start(struct sc_pre_run *run, const struct sc_pre_tokenizer *pre,
                                struct sc_error *error)
{
    run->pre = pre;
    for (size_t i = 0; i < pre->n; i++)
        if (pre->steps[i].splitter != NULL)
            SC_TRY(sc_pieces_start(&run->pieces[i], pre->steps[i].splitter, error));
    return SC_OK;
}

void sc_pre_run_stop(struct sc_pre_run *run)
{
    for (size_t i = 0; i < run->pre->n; i++) {
        sc_pieces_stop(&run->pieces[i]);
        sc_text_free(&run->texts[i]);
    }
}

static enum sc_status run_from(struct sc_pre_run *run, size_t i, const char *text, size_t n,
                               bool first, struct sc_error *error);

/* A piece of a cut, and whether it is one that the behaviour speaks of. */
struct cut {
    const char *text; /* [n] */
    size_t n;
    bool matched;
};

static enum sc_status next_cut(struct sc_pre_run *run, size_t i, struct cut *out,
                               struct sc_error *error)
{
    SC_TRY(sc_pieces_next(&run->pieces[i], &out->text, &out->n, error));
    out->matched = run->pieces[i].matched != run->pre->steps[i].invert;
    return SC_OK;
}

/* Whether the cut that follows belongs to `now`, which may have been joined to others already. */
static bool joins(enum sc_split_behavior behavior, const struct cut *now, const struct cut *next,
                  bool joined)
{
    if (behavior == SC_SPLIT_CONTIGUOUS)
        return now->matched == next->matched;
    if (behavior == SC_SPLIT_MERGED_WITH_PREVIOUS)
        return !joined && !now->matched && next->matched;
    if (behavior == SC_SPLIT_MERGED_WITH_NEXT)
        return !joined && now->matched && !next->matched;
    return false;
}

/* The usual case: every piece by itself. */
static enum sc_status run_isolated(struct sc_pre_run *run, size_t i, bool first,
                                   struct sc_error *error)
{
    for (size_t count = 0;; count++) {
        const char *piece;
        size_t n;
        SC_TRY(sc_pieces_next(&run->pieces[i], &piece, &n, error));
        if (n == 0)
            return SC_OK;
        SC_TRY(run_from(run, i + 1, piece, n, first && count == 0, error));
    }
}

static enum sc_status run_split(struct sc_pre_run *run, size_t i, const char *text, size_t n,
                                bool first, struct sc_error *error)
{
    enum sc_split_behavior behavior = run->pre->steps[i].behavior;
    struct cut now, next;

    sc_pieces_set(&run->pieces[i], text, n);
    if (behavior == SC_SPLIT_ISOLATED)
        return run_isolated(run, i, first, error);
    SC_TRY(next_cut(run, i, &now, error));
    while (now.n > 0) {
        bool joined = false;
        SC_TRY(next_cut(run, i, &next, error));
        while (next.n > 0 && joins(behavior, &now, &next, joined)) {
            now.n += next.n;
            joined = true;
            SC_TRY(next_cut(run, i, &next, error));
        }
        if (behavior != SC_SPLIT_REMOVED || !now.matched)
            SC_TRY(run_from(run, i + 1, now.text, now.n, first && now.text == text, error));
        now = next;
    }
    return SC_OK;
}

static enum sc_status run_space(struct sc_pre_run *run, size_t i, const char *text, size_t n,
                                bool first, struct sc_error *error)
{
    struct sc_text *own = &run->texts[i];

    if (text[0] == ' ')
        return run_from(run, i + 1, text, n, first, error);
    sc_text_clear(own);
    sc_text_puts(own, " ");
    sc_text_add(own, text, n);
    if (own->failed)
        return sc_fail_nomem(error, "pieces of text");
    return run_from(run, i + 1, own->data, own->len, first, error);
}

static enum sc_status run_marks(struct sc_pre_run *run, size_t i, const char *text, size_t n,
                                bool first, struct sc_error *error)
{
    const struct sc_pre_step *step = &run->pre->steps[i];
    struct sc_text *own = &run->texts[i];
    size_t n_mark = strlen(step->mark);
    bool has_mark = text[0] == ' ' || (n >= n_mark && memcmp(text, step->mark, n_mark) == 0);

    sc_text_clear(own);
    if (!has_mark &&
        (step->prepend == SC_PREPEND_ALWAYS || (step->prepend == SC_PREPEND_FIRST && first)))
        sc_text_puts(own, step->mark);
    for (size_t at = 0; at < n;) {
        const char *space = memchr(text + at, ' ', n - at);
        size_t end = space != NULL ? (size_t)(space - text) : n;
        sc_text_add(own, text + at, end - at);
        if (space != NULL)
            sc_text_puts(own, step->mark);
        at = end + 1;
    }
    if (own->failed)
        return sc_fail_nomem(error, "pieces of text");
    return run_from(run, i + 1, own->data, own->len, first, error);
}

static enum sc_status run_length(struct sc_pre_run *run, size_t i, const char *text, size_t n,
                                 bool first, struct sc_error *error)
{
    for (size_t at = 0, end; at < n; at = end) {
        uint32_t point;
        end = at;
        for (size_t c = 0; c < run->pre->steps[i].length && end < n; c++)
            end += sc_utf8_decode(text + end, n - end, &point);
        SC_TRY(run_from(run, i + 1, text + at, end - at, first && at == 0, error));
    }
    return SC_OK;
}

static enum sc_status run_from(struct sc_pre_run *run, size_t i, const char *text, size_t n,
                               bool first, struct sc_error *error)
{
    if (i == run->pre->n)
        return run->take(run->context, text, n, error);
    switch (run->pre->steps[i].kind) {
    case SC_PRE_SPACE:
        return run_space(run, i, text, n, first, error);
    case SC_PRE_MARKS:
        return run_marks(run, i, text, n, first, error);
    case SC_PRE_LENGTH:
        return run_length(run, i, text, n, first, error);
    default:
        return run_split(run, i, text, n, first, error);
    }
}

enum sc_status sc_pre_run_text(struct sc_pre_run *run, const char *text, size_t n, bool first,
                               struct sc_error *error)
{
    return n > 0 ? run_from(run, 0, text, n, first, error) : SC_OK;
}
