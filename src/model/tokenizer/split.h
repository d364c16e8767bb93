/*
 * Inside the model room: patterns of tokenizers, and cutting a text at what they match.
 */
#ifndef SC_MODEL_TOKENIZER_SPLIT_H
#define SC_MODEL_TOKENIZER_SPLIT_H

#include "base/error.h"
#include "base/text.h"

/* The GPT-2 pattern, for files that say ByteLevel with use_regex. */
extern const char sc_gpt2_pattern[];

/* Writes the pattern of a file as PCRE2 understands it; with `newer`, code points that PCRE2 may
 * not know are named.  *differs: the two differ.  What does not mean the same in both is refused.
 */
enum sc_status sc_pattern_translate(const char *pattern, size_t n, bool newer, struct sc_text *out,
                                    bool *differs, struct sc_error *error);

struct sc_splitter; /* a compiled pattern; immutable */
enum sc_status sc_splitter_new(struct sc_splitter **out, const char *pattern,
                               struct sc_error *error);
/* Matches a text that is not empty, as it is written. */
enum sc_status sc_splitter_new_literal(struct sc_splitter **out, const char *text, size_t n,
                                       struct sc_error *error);
void sc_splitter_free(struct sc_splitter *splitter);

/* Walks the pieces of one text: matches, and what lies between them. */
struct sc_pieces {
    const struct sc_splitter *splitter;
    void *match, *limits; /* working memory */
    uint64_t steps_left;  /* for the texts that were set */
    const char *text;
    size_t n, begin;               /* where the next piece begins */
    size_t match_begin, match_end; /* the match that comes next; begin > end: to be looked for */
    bool matched;                  /* the last piece was a match */
    bool newer;                    /* the text has code points that PCRE2 may not know */
};
enum sc_status sc_pieces_start(struct sc_pieces *pieces, const struct sc_splitter *splitter,
                               struct sc_error *error);
void sc_pieces_stop(struct sc_pieces *pieces);
/* Sets the text to walk: valid UTF-8. */
void sc_pieces_set(struct sc_pieces *pieces, const char *text, size_t n);
/* The next piece; *n 0 at the end. */
enum sc_status sc_pieces_next(struct sc_pieces *pieces, const char **piece, size_t *n,
                              struct sc_error *error);

#endif
