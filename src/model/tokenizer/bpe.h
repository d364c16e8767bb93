/*
 * Inside the model room: byte-pair encoding, the vocabulary, the merges and the merging itself.
 */
#ifndef SC_MODEL_TOKENIZER_BPE_H
#define SC_MODEL_TOKENIZER_BPE_H

#include "model/tokenizer/encode.h"

#define SC_TOKENS_MAX ((size_t)1 << 22)

enum sc_token_kind {
    SC_TOKEN_NONE,       /* an id that nothing has */
    SC_TOKEN_VOCABULARY, /* made of bytes by merging */
    SC_TOKEN_LITERAL,    /* in the vocabulary, but not written in the byte alphabet: never made */
    SC_TOKEN_ADDED       /* only ever made by recognising it in the text, or by a model */
};

struct sc_token {
    uint32_t begin, n;           /* position in the bytes: what merging makes it of */
    uint32_t said_begin, said_n; /* and what it says in a text */
    uint8_t kind;                /* enum sc_token_kind */
    bool special;
    bool whole; /* a piece of these bytes gives this one token */
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

/* How a piece becomes tokens, as the file says. */
struct sc_bpe_rules {
    bool characters;      /* merging begins with characters, else with bytes */
    bool byte_fallback;   /* a character that the vocabulary lacks becomes its bytes' tokens */
    bool fuse_unknown;    /* neighbours that are unknown become one token */
    bool ignore_merges;   /* a piece that the vocabulary holds is that token, merged or not */
    int32_t unknown_id;   /* for what it lacks; -1: that is an error */
    int32_t byte_id[256]; /* <0x00> and on, -1: none */
};

struct sc_bpe {
    struct sc_bpe_rules rules;
    size_t longest; /* bytes of the longest entry of the vocabulary */
    char *bytes;    /* of all tokens, one after another */
    size_t n_bytes, bytes_cap;
    struct sc_token *tokens; /* [n_tokens] */
    size_t n_tokens;
    struct sc_token_slot *slots; /* vocabulary by bytes; [n_slots], a power of two */
    size_t n_slots;
    struct sc_merge_slot *merges; /* by pair; [n_merge_slots], a power of two */
    size_t n_merge_slots;
    int32_t byte_ids[256]; /* of a piece of one byte; -1: the vocabulary lacks it */
};

/* Room for ids below n_tokens, n_vocabulary entries and n_merges.  On failure sc_bpe_free is still
 * to be called. */
enum sc_status sc_bpe_init(struct sc_bpe *bpe, size_t n_tokens, size_t n_vocabulary,
                           size_t n_merges, struct sc_error *error);
void sc_bpe_free(struct sc_bpe *bpe);
/* Gives id its bytes; refuses an id that is taken. */
enum sc_status sc_bpe_add_token(struct sc_bpe *bpe, int32_t id, enum sc_token_kind kind,
                                const char *bytes, size_t n, struct sc_error *error);
/* Gives a token that exists what it says in a text, where that is not what it is made of. */
enum sc_status sc_bpe_set_said(struct sc_bpe *bpe, int32_t id, const char *said, size_t n,
                               struct sc_error *error);
/* Merge number `rank` of two vocabulary tokens. */
enum sc_status sc_bpe_add_merge(struct sc_bpe *bpe, uint32_t rank, int32_t left, int32_t right,
                                struct sc_error *error);
/* After the last token and merge; the rules' ids are of the vocabulary. */
enum sc_status sc_bpe_finish(struct sc_bpe *bpe, const struct sc_bpe_rules *rules,
                             struct sc_error *error);
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

#endif
