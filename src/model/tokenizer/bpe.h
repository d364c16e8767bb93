/*
 * Inside the model room: the parts of a tokenizer.  Text goes through added tokens (encode.c), NFC
 * (normalize.c), the split pattern (pretokenize.c) and byte-pair merging (bpe.c).
 */
#ifndef SC_MODEL_TOKENIZER_BPE_H
#define SC_MODEL_TOKENIZER_BPE_H

#include "base/error.h"
#include "jinja/jinja.h"
#include "model/chat/template_check.h"

#define SC_TOKENS_MAX ((size_t)1 << 22)

/* ---- lists of ids ---------------------------------------------------------------------------- */

struct sc_ids {
    int32_t *ids; /* [n] */
    size_t n, cap;
};

/* 0, or -1 when memory is exhausted. */
int sc_ids_add(struct sc_ids *list, int32_t id);

/* ---- vocabulary and merges ------------------------------------------------------------------- */

enum sc_token_kind {
    SC_TOKEN_NONE,       /* an id that nothing has */
    SC_TOKEN_VOCABULARY, /* made of bytes by merging */
    SC_TOKEN_LITERAL,    /* in the vocabulary, but not written in the byte alphabet: never made */
    SC_TOKEN_ADDED       /* only ever made by recognising it in the text, or by a model */
};

struct sc_token {
    uint32_t begin, n; /* position in the bytes */
    uint8_t kind;      /* enum sc_token_kind */
    bool special;
    bool whole; /* merging its bytes gives this one token */
};

struct sc_token_slot {
    uint32_t tag;
    int32_t id; /* -1: free */
};

struct sc_merge_slot {
    int32_t left, right; /* left -1: free */
    uint32_t rank;
    int32_t merged;
};

struct sc_bpe {
    char *bytes; /* of all tokens, one after another */
    size_t n_bytes, bytes_cap;
    struct sc_token *tokens; /* [n_tokens] */
    size_t n_tokens;
    struct sc_token_slot *slots; /* vocabulary by bytes; [n_slots], a power of two */
    size_t n_slots;
    struct sc_merge_slot *merges; /* by pair; [n_merge_slots], a power of two */
    size_t n_merge_slots;
    int32_t byte_ids[256]; /* -1: the vocabulary lacks the byte */
};

/* Room for ids below n_tokens, n_vocabulary entries and n_merges.  On failure sc_bpe_free is still
 * to be called. */
enum sc_status sc_bpe_init(struct sc_bpe *bpe, size_t n_tokens, size_t n_vocabulary,
                           size_t n_merges, struct sc_error *error);
void sc_bpe_free(struct sc_bpe *bpe);
/* Gives id its bytes; refuses an id that is taken. */
enum sc_status sc_bpe_add_token(struct sc_bpe *bpe, int32_t id, enum sc_token_kind kind,
                                const char *bytes, size_t n, struct sc_error *error);
/* Merge number `rank` of two vocabulary tokens. */
enum sc_status sc_bpe_add_merge(struct sc_bpe *bpe, uint32_t rank, int32_t left, int32_t right,
                                struct sc_error *error);
/* After the last token and merge. */
enum sc_status sc_bpe_finish(struct sc_bpe *bpe, struct sc_error *error);
/* Id of the vocabulary token of these bytes, or -1. */
int32_t sc_bpe_find(const struct sc_bpe *bpe, const char *bytes, size_t n);

/* Working memory of one encoding; starts as zeros. */
struct sc_bpe_scratch {
    void *memory;
    size_t bytes;
};
/* Appends the tokens of one piece of text; n < 2^31. */
enum sc_status sc_bpe_encode(const struct sc_bpe *bpe, struct sc_bpe_scratch *scratch,
                             const char *piece, size_t n, struct sc_ids *out,
                             struct sc_error *error);

/* ---- NFC ------------------------------------------------------------------------------------- */

/* NFC of valid UTF-8.  *out is NULL when the text is NFC already as it can be told at a glance,
 * else the normalised text of *n_out bytes (sc_free it). */
enum sc_status sc_nfc(const char *text, size_t n, char **out, size_t *n_out,
                      struct sc_error *error);

/* ---- split pattern --------------------------------------------------------------------------- */

/* The GPT-2 pattern, for files that say ByteLevel with use_regex. */
extern const char sc_gpt2_pattern[];

struct sc_splitter; /* a compiled pattern; immutable */
enum sc_status sc_splitter_new(struct sc_splitter **out, const char *pattern,
                               struct sc_error *error);
void sc_splitter_free(struct sc_splitter *splitter);

/* Walks the pieces of one text: matches, and what lies between them. */
struct sc_pieces {
    const struct sc_splitter *splitter;
    void *match; /* working memory */
    const char *text;
    size_t n, begin;               /* where the next piece begins */
    size_t match_begin, match_end; /* the match that comes next; begin > end: to be looked for */
};
enum sc_status sc_pieces_start(struct sc_pieces *pieces, const struct sc_splitter *splitter,
                               struct sc_error *error);
void sc_pieces_stop(struct sc_pieces *pieces);
/* Sets the text to walk: valid UTF-8. */
void sc_pieces_set(struct sc_pieces *pieces, const char *text, size_t n);
/* The next piece; *n 0 at the end. */
enum sc_status sc_pieces_next(struct sc_pieces *pieces, const char **piece, size_t *n,
                              struct sc_error *error);

/* ---- the tokenizer --------------------------------------------------------------------------- */

struct sc_added {
    const char *text;
    size_t n;
    int32_t id;
    bool normalized; /* looked for after normalisation, else before */
};

/* Added tokens ordered by first byte and then longest first. */
struct sc_added_set {
    struct sc_added *tokens; /* [n] */
    size_t n, cap;
    size_t first[257]; /* tokens whose text begins with byte b: [first[b], first[b + 1]) */
};

struct sc_tokenizer {
    struct sc_bpe bpe;
    struct sc_splitter *splitter;
    bool nfc;
    struct sc_added_set raw, normalized;
    char *added_text; /* the bytes of all added tokens */
    struct sc_template_facts chat_template;
};

/* Parses the text of tokenizer.json and, unless NULL, of tokenizer_config.json. */
enum sc_status sc_tokenizer_parse(struct sc_tokenizer **out, const char *text, size_t n,
                                  const char *config, size_t n_config, struct sc_error *error);

/* Appends the ids of one text, encoded as a whole.  An added token that it spells is recognised
 * where none of its bytes came from outside: outside [n_outside] are those that did, in bytes,
 * ascending, apart and none empty; with none of them the whole text is trusted. */
enum sc_status sc_tokenizer_append_marked(const struct sc_tokenizer *tokenizer, const char *text,
                                          size_t n, const struct sc_jinja_span *outside,
                                          size_t n_outside, struct sc_ids *out,
                                          struct sc_error *error);
/* The same of a text that is trusted (special) or came from outside as a whole. */
enum sc_status sc_tokenizer_append(const struct sc_tokenizer *tokenizer, const char *text,
                                   size_t n_bytes, bool special, struct sc_ids *out,
                                   struct sc_error *error);

#endif
