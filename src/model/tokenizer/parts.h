/*
 * Inside the model room: the parts of a tokenizer.  A text goes through added tokens (added.c), the
 * normalizer (normalizer.c), again added tokens, the pre-tokenizer (pretokenizer.c) and merging
 * (bpe.c); encode.c takes it through.
 */
#ifndef SC_MODEL_TOKENIZER_PARTS_H
#define SC_MODEL_TOKENIZER_PARTS_H

#include <jansson.h>

#include "base/error.h"
#include "model/chat/source.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/normalize.h"
#include "model/tokenizer/split.h"

/* ---- reading a part (json_parts.c) ----------------------------------------------------------- */

/* Missing, null, false or "". */
bool sc_is_off(const json_t *value);
/* Whether an object's "type" is this one. */
bool sc_has_type(const json_t *object, const char *type);
/* The error that names an object's type and what is expected. */
enum sc_status sc_unknown_type(const json_t *object, const char *expected, struct sc_error *error);
/* {"String": ...} or {"Regex": ...}. */
enum sc_status sc_pattern_parse(struct sc_splitter **out, const json_t *value,
                                struct sc_error *error);

/* ---- pre-tokenizer --------------------------------------------------------------------------- */

#define SC_PRE_STEPS_MAX 24

enum sc_split_behavior {
    SC_SPLIT_ISOLATED,
    SC_SPLIT_REMOVED,
    SC_SPLIT_MERGED_WITH_PREVIOUS,
    SC_SPLIT_MERGED_WITH_NEXT,
    SC_SPLIT_CONTIGUOUS
};

struct sc_pre_step {
    enum {
        SC_PRE_SPLIT,  /* cuts */
        SC_PRE_SPACE,  /* puts a space before a piece that has none */
        SC_PRE_MARKS,  /* writes spaces as marks, and puts one before */
        SC_PRE_LENGTH, /* cuts every so many characters */
    } kind;
    struct sc_splitter *splitter;
    enum sc_split_behavior behavior;
    bool invert;
    char mark[5]; /* what stands for a space; the next three are of SC_PRE_MARKS */
    enum { SC_PREPEND_NEVER, SC_PREPEND_FIRST, SC_PREPEND_ALWAYS } prepend;
    size_t length;
};

struct sc_pre_tokenizer {
    struct sc_pre_step steps[SC_PRE_STEPS_MAX];
    size_t n;
    bool byte_level; /* the last step writes bytes in the byte alphabet, so merging begins with
                        bytes */
};

/* Reads "pre_tokenizer" of tokenizer.json, which may be NULL; to be freed in any case. */
enum sc_status sc_pre_tokenizer_parse(struct sc_pre_tokenizer *out, const json_t *value,
                                      struct sc_error *error);
void sc_pre_tokenizer_free(struct sc_pre_tokenizer *pre);

/* Takes a piece that no step is left for. */
typedef enum sc_status sc_take_piece(void *context, const char *piece, size_t n,
                                     struct sc_error *error);

/* The working memory of one encoding. */
struct sc_pre_run {
    const struct sc_pre_tokenizer *pre;
    sc_take_piece *take;
    void *context;
    struct sc_pieces pieces[SC_PRE_STEPS_MAX];
    struct sc_text texts[SC_PRE_STEPS_MAX];
};
enum sc_status sc_pre_run_start(struct sc_pre_run *run, const struct sc_pre_tokenizer *pre,
                                struct sc_error *error);
void sc_pre_run_stop(struct sc_pre_run *run);
/* Cuts text [n], in order; `first`: it is where the whole text begins. */
enum sc_status sc_pre_run_text(struct sc_pre_run *run, const char *text, size_t n, bool first,
                               struct sc_error *error);

/* ---- added tokens ---------------------------------------------------------------------------- */

struct sc_added {
    char *text; /* [n] as it is looked for */
    size_t n;
    int32_t id;
    bool normalized;  /* looked for after normalisation, else before */
    bool left, right; /* takes the spaces on that side */
    bool single_word;
    bool is_text; /* ordinary words to the model: recognised wherever it comes from */
};

/* Added tokens in the order of their bytes. */
struct sc_added_set {
    struct sc_added *tokens; /* [n] */
    size_t n, cap;
    size_t first[257]; /* tokens whose text begins with byte b: [first[b], first[b + 1]) */
    bool begins[256];  /* whether there are any */
};

/* The set takes the token's text in any case. */
enum sc_status sc_added_set_add(struct sc_added_set *set, const struct sc_added *token,
                                struct sc_error *error);
enum sc_status sc_added_set_order(struct sc_added_set *set, struct sc_error *error);
void sc_added_set_free(struct sc_added_set *set);
/* Whether a token that is not special is ordinary text: spaces, ends of lines or a tag of HTML. */
bool sc_added_is_text(const char *content, size_t n);

/* A text in which added tokens are looked for, and how far that has come. */
struct sc_added_scan {
    const struct sc_added_set *set;
    const char *text; /* [n] */
    size_t n;
    const struct sc_jinja_span *outside; /* [n_outside], ascending, apart */
    size_t n_outside;
    size_t offset;    /* of the text in what the spans count */
    size_t at, begin; /* where to look next; where what no token has taken begins */
    size_t span;      /* the span that may concern `at` */
    size_t steps;     /* bytes of tokens that were looked at */
    bool too_many;    /* of these for a text so long: the end was not reached */
};
/* Text [*begin, *end) that is no token, and then the token, or NULL at the end of the text and
 * where scan->too_many. */
const struct sc_added *sc_added_next(struct sc_added_scan *scan, size_t *begin, size_t *end);

/* ---- decoder and post-processor -------------------------------------------------------------- */

/* What a token of a vocabulary of text says. */
struct sc_decoder {
    char *from, *to; /* [n_from], [n_to]: each `from` in a token is `to` in a text */
    size_t n_from, n_to;
    bool bytes; /* <0x0A> is that byte */
};
/* Reads "decoder", which may be NULL; byte_level: tokens are bytes, and nothing is to be done. */
enum sc_status sc_decoder_parse(struct sc_decoder *out, const json_t *value, bool byte_level,
                                struct sc_error *error);
void sc_decoder_free(struct sc_decoder *decoder);
void sc_decoder_say(const struct sc_decoder *decoder, const char *token, size_t n,
                    struct sc_text *out);
/* The byte of a token such as <0x0A>, or -1. */
int sc_byte_token(const char *token, size_t n);

/* Reads "post_processor": the ids it puts before and after one text. */
enum sc_status sc_processor_parse(struct sc_ids *before, struct sc_ids *after, const json_t *value,
                                  size_t n_tokens, struct sc_error *error);

/* ---- the tokenizer --------------------------------------------------------------------------- */

struct sc_tokenizer {
    struct sc_bpe bpe;
    struct sc_normalizer normalizer;
    struct sc_pre_tokenizer pre;
    struct sc_added_set raw, normalized;
    struct sc_ids before, after; /* of the post-processor */
    struct sc_chat_source chat_source;
};

/* Parses the text of tokenizer.json and, unless NULL, of tokenizer_config.json. */
enum sc_status sc_tokenizer_parse(struct sc_tokenizer **out, const char *text, size_t n,
                                  const char *config, size_t n_config, struct sc_error *error);

#endif
