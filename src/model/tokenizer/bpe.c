/*
 * Byte-pair merging: the vocabulary, the table of merges, and the merging itself.
 *
 * A piece begins as its bytes, or as its characters where the vocabulary is one of text.  Of all
 * neighbouring pairs the one of lowest rank is merged, the leftmost first, until no pair is in the
 * table.  Short pieces search the list again at each step; long ones keep a heap, so that a
 * megabyte of one letter costs n log n.  Read next: split.c, encode.c.
 */
#include "model/tokenizer/bpe.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/text.h"

#define NO_RANK UINT32_MAX
#define N_SHORT                                                                                    \
    48 /* pieces up to here take the quadratic way; measured no slower than the heap               \
        */

int sc_ids_add(struct sc_ids *list, int32_t id)
{
    if (sc_grow((void **)&list->ids, list->n, &list->cap, sizeof *list->ids) != 0)
        return -1;
    list->ids[list->n++] = id;
    return 0;
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* A power of two that n entries fill by half at most. */
static size_t table_size(size_t n)
{
    size_t size = 16;

    while (size < n * 2)
        size *= 2;
    return size;
}

enum sc_status sc_bpe_init(struct sc_bpe *bpe, size_t n_tokens, size_t n_vocabulary,
                           size_t n_merges, struct sc_error *error)
{
    memset(bpe, 0, sizeof *bpe);
    if (n_tokens > SC_TOKENS_MAX || n_vocabulary > SC_TOKENS_MAX || n_merges > SC_TOKENS_MAX) {
        return sc_fail(error, SC_ERR_LIMIT, "expected at most %zu tokens and merges",
                       SC_TOKENS_MAX);
    }
    bpe->n_tokens = n_tokens;
    bpe->n_slots = table_size(n_vocabulary);
    bpe->n_merge_slots = table_size(n_merges);
    bpe->tokens = sc_alloc_zero(n_tokens, sizeof *bpe->tokens);
    bpe->slots = sc_alloc_array(bpe->n_slots, sizeof *bpe->slots);
    bpe->merges = sc_alloc_array(bpe->n_merge_slots, sizeof *bpe->merges);
    if (bpe->tokens == NULL || bpe->slots == NULL || bpe->merges == NULL)
        return sc_fail_nomem(error, "vocabulary");
    memset(bpe->slots, 0xff, bpe->n_slots * sizeof *bpe->slots);
    memset(bpe->merges, 0xff, bpe->n_merge_slots * sizeof *bpe->merges);
    return SC_OK;
}

void sc_bpe_free(struct sc_bpe *bpe)
{
    sc_free(bpe->bytes);
    sc_free(bpe->tokens);
    sc_free(bpe->slots);
    sc_free(bpe->merges);
    memset(bpe, 0, sizeof *bpe);
}

/* The slot of these bytes, or the free one where they would go. */
static struct sc_token_slot *find_slot(const struct sc_bpe *bpe, const char *bytes, size_t n,
                                       uint32_t *tag)
{
    uint64_t hash = XXH3_64bits(bytes, n);
    size_t mask = bpe->n_slots - 1, i = (size_t)hash & mask;

    *tag = (uint32_t)(hash >> 32);
    while (bpe->slots[i].id >= 0) {
        if (bpe->slots[i].tag == *tag) {
            const struct sc_token *token = &bpe->tokens[bpe->slots[i].id];

            if (token->n == n && memcmp(bpe->bytes + token->begin, bytes, n) == 0)
                break;
        }
        i = (i + 1) & mask;
    }
    return &bpe->slots[i];
}

int32_t sc_bpe_find(const struct sc_bpe *bpe, const char *bytes, size_t n)
{
    uint32_t tag;

    return find_slot(bpe, bytes, n, &tag)->id;
}

/* Stores bytes and says where. */
static int store_bytes(struct sc_bpe *bpe, const char *bytes, size_t n, uint32_t *begin)
{
    if (n > UINT32_MAX / 2 || bpe->n_bytes > UINT32_MAX / 2)
        return -1;
    if (bpe->n_bytes + n > bpe->bytes_cap) {
        size_t cap = (bpe->n_bytes + n) * 2 + 4096;
        char *grown = sc_resize(bpe->bytes, cap, 1);

        if (grown == NULL)
            return -1;
        bpe->bytes = grown;
        bpe->bytes_cap = cap;
    }
    memcpy(bpe->bytes + bpe->n_bytes, bytes, n);
    *begin = (uint32_t)bpe->n_bytes;
    bpe->n_bytes += n;
    return 0;
}

enum sc_status sc_bpe_add_token(struct sc_bpe *bpe, int32_t id, enum sc_token_kind kind,
                                const char *bytes, size_t n, struct sc_error *error)
{
    if (id < 0 || (size_t)id >= bpe->n_tokens) {
        return sc_fail(error, SC_ERR_FORMAT, "token %d: expected an id below %zu", (int)id,
                       bpe->n_tokens);
    }
    struct sc_token *token = &bpe->tokens[id];
    if (token->kind != SC_TOKEN_NONE)
        return sc_fail(error, SC_ERR_FORMAT, "token %d: expected one entry, found two", (int)id);
    if (n == 0)
        return sc_fail(error, SC_ERR_FORMAT, "token %d: expected text, found none", (int)id);
    if (kind == SC_TOKEN_VOCABULARY) {
        uint32_t tag;
        struct sc_token_slot *slot = find_slot(bpe, bytes, n, &tag);

        if (slot->id >= 0) {
            return sc_fail(error, SC_ERR_FORMAT, "token %d: the same text as token %d", (int)id,
                           (int)slot->id);
        }
        slot->tag = tag;
        slot->id = id;
    }
    if (store_bytes(bpe, bytes, n, &token->begin) != 0)
        return sc_fail_nomem(error, "vocabulary");
    token->n = token->said_n = (uint32_t)n;
    token->said_begin = token->begin;
    token->kind = (uint8_t)kind;
    if (kind == SC_TOKEN_VOCABULARY && n > bpe->longest)
        bpe->longest = n;
    return SC_OK;
}

enum sc_status sc_bpe_set_said(struct sc_bpe *bpe, int32_t id, const char *said, size_t n,
                               struct sc_error *error)
{
    struct sc_token *token = &bpe->tokens[id];

    assert(token->kind != SC_TOKEN_NONE);
    if (n == token->n && memcmp(bpe->bytes + token->begin, said, n) == 0)
        return SC_OK;
    if (store_bytes(bpe, said, n, &token->said_begin) != 0)
        return sc_fail_nomem(error, "vocabulary");
    token->said_n = (uint32_t)n;
    return SC_OK;
}

/* ---- merges ---------------------------------------------------------------------------------- */

static struct sc_merge_slot *find_merge(const struct sc_bpe *bpe, int32_t left, int32_t right)
{
    /* Fibonacci hashing of the pair: the high bits of a product with 2^64 / golden ratio. */
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t mask = bpe->n_merge_slots - 1;
    size_t i = (size_t)((key * 0x9E3779B97F4A7C15U) >> 32) & mask;

    while (bpe->merges[i].left >= 0 &&
           (bpe->merges[i].left != left || bpe->merges[i].right != right))
        i = (i + 1) & mask;
    return &bpe->merges[i];
}

enum sc_status sc_bpe_add_merge(struct sc_bpe *bpe, uint32_t rank, int32_t left, int32_t right,
                                struct sc_error *error)
{
    struct sc_merge_slot *slot = find_merge(bpe, left, right);
    const struct sc_token *a = &bpe->tokens[left], *b = &bpe->tokens[right];
    char small[256], *both = small;
    size_t n = (size_t)a->n + b->n;

    if (slot->left >= 0) {
        return sc_fail(error, SC_ERR_FORMAT, "merges[%u]: the same pair as merges[%u]",
                       (unsigned)rank, (unsigned)slot->rank);
    }
    if (n > sizeof small) {
        both = sc_alloc(n);
        if (both == NULL)
            return sc_fail_nomem(error, "merges");
    }
    memcpy(both, bpe->bytes + a->begin, a->n);
    memcpy(both + a->n, bpe->bytes + b->begin, b->n);
    int32_t merged = sc_bpe_find(bpe, both, n);
    if (both != small)
        sc_free(both);
    if (merged < 0) {
        return sc_fail(error, SC_ERR_FORMAT, "merges[%u]: what it makes is not in the vocabulary",
                       (unsigned)rank);
    }
    *slot = (struct sc_merge_slot){left, right, rank, merged};
    return SC_OK;
}

static uint32_t pair_rank(const struct sc_bpe *bpe, int32_t left, int32_t right)
{
    const struct sc_merge_slot *slot = find_merge(bpe, left, right);

    return slot->left < 0 ? NO_RANK : slot->rank;
}

/* ---- merging short pieces -------------------------------------------------------------------- */

/* ids [n], n <= N_SHORT: merged in place; returns how many are left. */
static size_t merge_short(const struct sc_bpe *bpe, int32_t *ids, size_t n)
{
    uint32_t ranks[N_SHORT]; /* of the pair (i, i + 1) */

    for (size_t i = 0; i + 1 < n; i++)
        ranks[i] = pair_rank(bpe, ids[i], ids[i + 1]);
    while (n > 1) {
        uint32_t least = NO_RANK;
        size_t at = 0;

        for (size_t i = 0; i + 1 < n; i++) {
            if (ranks[i] < least) {
                least = ranks[i];
                at = i;
            }
        }
        if (least == NO_RANK)
            break;
        ids[at] = find_merge(bpe, ids[at], ids[at + 1])->merged;
        memmove(&ids[at + 1], &ids[at + 2], (n - at - 2) * sizeof ids[0]);
        if (at + 2 < n)
            memmove(&ranks[at], &ranks[at + 1], (n - at - 2) * sizeof ranks[0]);
        n--;
        if (at > 0)
            ranks[at - 1] = pair_rank(bpe, ids[at - 1], ids[at]);
        if (at + 1 < n)
            ranks[at] = pair_rank(bpe, ids[at], ids[at + 1]);
    }
    return n;
}

/* ---- merging long pieces --------------------------------------------------------------------- */

/* A list of symbols linked by position, and a heap of pairs keyed by rank and then position.  A
 * pair in the heap may be out of date: then its rank differs from the one in `ranks`. */
struct long_piece {
    int32_t *ids, *prev, *next; /* next -1: the last */
    uint32_t *ranks;            /* of the pair that begins here; NO_RANK: none */
    uint64_t *heap;
    size_t n_heap;
};

static void heap_down(struct long_piece *p, size_t i)
{
    uint64_t key = p->heap[i];

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= p->n_heap)
            break;
        if (child + 1 < p->n_heap && p->heap[child + 1] < p->heap[child])
            child++;
        if (p->heap[child] >= key)
            break;
        p->heap[i] = p->heap[child];
        i = child;
    }
    p->heap[i] = key;
}

static void heap_push(struct long_piece *p, uint64_t key)
{
    size_t i = p->n_heap++;

    while (i > 0 && p->heap[(i - 1) / 2] > key) {
        p->heap[i] = p->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    p->heap[i] = key;
}

static uint64_t heap_pop(struct long_piece *p)
{
    uint64_t key = p->heap[0];

    p->heap[0] = p->heap[--p->n_heap];
    if (p->n_heap > 0)
        heap_down(p, 0);
    return key;
}

/* Looks the pair at i up again and offers it to the heap. */
static void renew_pair(const struct sc_bpe *bpe, struct long_piece *p, size_t i)
{
    p->ranks[i] = p->next[i] < 0 ? NO_RANK : pair_rank(bpe, p->ids[i], p->ids[p->next[i]]);
    if (p->ranks[i] != NO_RANK)
        heap_push(p, (uint64_t)p->ranks[i] << 32 | i);
}

static void merge_at(const struct sc_bpe *bpe, struct long_piece *p, size_t i)
{
    size_t gone = (size_t)p->next[i];

    p->ids[i] = find_merge(bpe, p->ids[i], p->ids[gone])->merged;
    p->next[i] = p->next[gone];
    p->ranks[gone] = NO_RANK;
    if (p->next[i] >= 0)
        p->prev[p->next[i]] = (int32_t)i;
    renew_pair(bpe, p, i);
    if (p->prev[i] >= 0)
        renew_pair(bpe, p, (size_t)p->prev[i]);
}

/* Each merge removes a symbol and pushes at most two pairs: 3 n entries of heap are enough. */
static int place_long(struct long_piece *p, struct sc_bpe_scratch *scratch, size_t n)
{
    size_t bytes = sc_size_mul(n, 3 * sizeof(uint64_t) + 4 * sizeof(int32_t));

    if (scratch->bytes < bytes) {
        sc_free(scratch->memory);
        scratch->memory = sc_alloc(bytes);
        scratch->bytes = scratch->memory == NULL ? 0 : bytes;
        if (scratch->memory == NULL)
            return -1;
    }
    p->heap = scratch->memory;
    p->ids = (int32_t *)(p->heap + 3 * n);
    p->prev = p->ids + n;
    p->next = p->prev + n;
    p->ranks = (uint32_t *)(p->next + n);
    p->n_heap = 0;
    return 0;
}

static enum sc_status merge_long(const struct sc_bpe *bpe, struct long_piece *p, size_t n,
                                 struct sc_ids *out, struct sc_error *error)
{
    for (size_t i = 0; i < n; i++) {
        p->prev[i] = (int32_t)i - 1;
        p->next[i] = i + 1 < n ? (int32_t)i + 1 : -1;
    }
    for (size_t i = 0; i < n; i++)
        renew_pair(bpe, p, i);
    while (p->n_heap > 0) {
        uint64_t key = heap_pop(p);
        size_t i = (size_t)(key & UINT32_MAX);

        if (p->ranks[i] == (uint32_t)(key >> 32))
            merge_at(bpe, p, i);
    }
    for (int32_t i = 0; i >= 0; i = p->next[i])
        if (sc_ids_add(out, p->ids[i]) != 0)
            return sc_fail_nomem(error, "tokens");
    return SC_OK;
}

/* ---- what merging begins with ---------------------------------------------------------------- */

/* Where a piece is spelt: bytes or characters, one id each, but for what is unknown. */
struct spelling {
    const struct sc_bpe *bpe;
    int32_t *ids; /* room for one id per byte of the piece */
    size_t n;
    bool unknown; /* one waits to be put */
};

static void put_unknown(struct spelling *s)
{
    if (s->unknown)
        s->ids[s->n++] = s->bpe->rules.unknown_id;
    s->unknown = false;
}

/* The tokens of a character's bytes.  One that waits unknown stays behind them: the reference does
 * so. */
static bool put_bytes(struct spelling *s, const char *bytes, size_t n)
{
    const int32_t *ids = s->bpe->rules.byte_id;

    for (size_t i = 0; i < n; i++)
        if (ids[(unsigned char)bytes[i]] < 0)
            return false;
    for (size_t i = 0; i < n; i++)
        s->ids[s->n++] = ids[(unsigned char)bytes[i]];
    return true;
}

static enum sc_status put_symbol(struct spelling *s, const char *bytes, size_t n,
                                 struct sc_error *error)
{
    const struct sc_bpe_rules *rules = &s->bpe->rules;
    int32_t id = n == 1 ? s->bpe->byte_ids[(unsigned char)bytes[0]] : sc_bpe_find(s->bpe, bytes, n);

    if (id >= 0) {
        put_unknown(s);
        s->ids[s->n++] = id;
        return SC_OK;
    }
    if (rules->byte_fallback && put_bytes(s, bytes, n))
        return SC_OK;
    if (rules->unknown_id < 0 && rules->characters)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "the tokenizer's vocabulary has no token for the character \"%.*s\"", (int)n,
                       bytes);
    if (rules->unknown_id < 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "the tokenizer's vocabulary has no token for the byte 0x%02X",
                       (unsigned)(unsigned char)bytes[0]);
    if (!rules->fuse_unknown)
        put_unknown(s);
    s->unknown = true;
    return SC_OK;
}

static enum sc_status spell(struct spelling *s, const char *piece, size_t n, struct sc_error *error)
{
    for (size_t at = 0; at < n;) {
        int32_t id = s->bpe->byte_ids[(unsigned char)piece[at]];
        if (!s->bpe->rules.characters && id >= 0 && !s->unknown) {
            s->ids[s->n++] = id;
            at++;
            continue;
        }
        uint32_t point;
        size_t length = s->bpe->rules.characters ? sc_utf8_decode(piece + at, n - at, &point) : 1;

        assert(length > 0);
        SC_TRY(put_symbol(s, piece + at, length, error));
        at += length;
    }
    put_unknown(s);
    return SC_OK;
}

/* ---- encoding -------------------------------------------------------------------------------- */

static enum sc_status encode_long(const struct sc_bpe *bpe, struct sc_bpe_scratch *scratch,
                                  const char *piece, size_t n, struct sc_ids *out,
                                  struct sc_error *error)
{
    struct long_piece p;

    if (place_long(&p, scratch, n) != 0)
        return sc_fail_nomem(error, "a long piece of text");
    struct spelling s = {.bpe = bpe, .ids = p.ids};
    SC_TRY(spell(&s, piece, n, error));
    return merge_long(bpe, &p, s.n, out, error);
}

static enum sc_status encode_short(const struct sc_bpe *bpe, const char *piece, size_t n,
                                   struct sc_ids *out, struct sc_error *error)
{
    int32_t ids[N_SHORT];
    struct spelling s = {.bpe = bpe, .ids = ids};

    SC_TRY(spell(&s, piece, n, error));
    size_t n_left = merge_short(bpe, ids, s.n);
    for (size_t i = 0; i < n_left; i++)
        if (sc_ids_add(out, ids[i]) != 0)
            return sc_fail_nomem(error, "tokens");
    return SC_OK;
}

enum sc_status sc_bpe_encode(const struct sc_bpe *bpe, struct sc_bpe_scratch *scratch,
                             const char *piece, size_t n, struct sc_ids *out,
                             struct sc_error *error)
{
    int32_t whole = n <= bpe->longest ? sc_bpe_find(bpe, piece, n) : -1;

    assert(n > 0 && n < INT32_MAX);
    if (whole >= 0 && bpe->tokens[whole].whole)
        return sc_ids_add(out, whole) == 0 ? SC_OK : sc_fail_nomem(error, "tokens");
    return n > N_SHORT ? encode_long(bpe, scratch, piece, n, out, error)
                       : encode_short(bpe, piece, n, out, error);
}

/* A vocabulary may hold tokens that merging their bytes does not reach; unless merges are to be
 * ignored, only the others may be taken straight from the table. */
enum sc_status sc_bpe_finish(struct sc_bpe *bpe, const struct sc_bpe_rules *rules,
                             struct sc_error *error)
{
    bpe->rules = *rules;
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        bpe->byte_ids[byte] = sc_bpe_find(bpe, &c, 1);
    }
    struct sc_bpe_scratch scratch = {0};
    struct sc_ids ids = {0};
    enum sc_status status = SC_OK;
    for (size_t id = 0; status == SC_OK && id < bpe->n_tokens; id++) {
        struct sc_token *token = &bpe->tokens[id];

        if (token->kind != SC_TOKEN_VOCABULARY)
            continue;
        if (rules->ignore_merges) {
            token->whole = true;
            continue;
        }
        ids.n = 0;
        struct sc_error missing = {0}; /* of what the vocabulary lacks, perhaps */
        status = sc_bpe_encode(bpe, &scratch, bpe->bytes + token->begin, token->n, &ids, &missing);
        token->whole = status == SC_OK && ids.n == 1 && ids.ids[0] == (int32_t)id;
        status = status == SC_ERR_NOMEM ? sc_fail_nomem(error, "vocabulary") : SC_OK;
    }
    sc_free(scratch.memory);
    sc_free(ids.ids);
    return status;
}
