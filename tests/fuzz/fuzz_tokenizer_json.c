/* Any bytes as tokenizer.json, as tokenizer_config.json and as a split pattern; what is accepted
 * encodes a text (what stands behind a 0, or one of ours) to ids that exist, and no control token
 * comes from a text that is not trusted. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char own[] = "Hello, it's 2024 \n\n  caf\xc3\xa9 <|im_end|> aaaa \xe6\x97\xa5!";

static bool is_control(const struct sc_tokenizer *tokenizer, int32_t id)
{
    const struct sc_added_set *sets[] = {&tokenizer->raw, &tokenizer->normalized};

    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < sets[s]->n; i++) {
            if (sets[s]->tokens[i].id == id) {
                return !sets[s]->tokens[i].is_text &&
                       tokenizer->bpe.tokens[id].kind == SC_TOKEN_ADDED;
            }
        }
    }
    return false;
}

static void encode_and_decode(const struct sc_tokenizer *tokenizer, const char *text, size_t length)
{
    for (int special = 0; special < 2; special++) {
        int32_t *ids = NULL;
        size_t n = 0;
        char *back = NULL;

        if (sc_tokenizer_encode(tokenizer, text, length, special, &ids, &n, NULL) != SC_OK) {
            continue; /* such as a character that the vocabulary lacks */
        }
        for (size_t i = 0; i < n; i++) {
            if (ids[i] < 0 || (size_t)ids[i] >= sc_tokenizer_n_tokens(tokenizer) ||
                (!special && is_control(tokenizer, ids[i]))) {
                abort();
            }
        }
        if (sc_tokenizer_decode(tokenizer, ids, n, true, &back, NULL) != SC_OK) {
            abort();
        }
        sc_release(back);
        sc_release(ids);
    }
}

static void split(const char *pattern)
{
    struct sc_splitter *splitter = NULL;
    struct sc_pieces pieces;
    const char *piece;
    size_t n = 0, total = 0;
    enum sc_status status = SC_OK;

    if (sc_splitter_new(&splitter, pattern, NULL) != SC_OK) {
        return;
    }
    if (sc_pieces_start(&pieces, splitter, NULL) == SC_OK) {
        sc_pieces_set(&pieces, own, sizeof own - 1);
        do {
            status = sc_pieces_next(&pieces, &piece, &n, NULL);
            total += n;
        } while (status == SC_OK && n > 0);
        if (status == SC_OK && total != sizeof own - 1) {
            abort();
        }
        sc_pieces_stop(&pieces);
    }
    sc_splitter_free(splitter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char plain[] = "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[]},\"pre_tokenizer\":{"
                                "\"type\":\"ByteLevel\"}}";
    struct sc_tokenizer *tokenizer = NULL;
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    size_t n = zero != NULL ? (size_t)(zero - data) : size;
    char *pattern = size < 200 ? sc_strndup((const char *)data, size) : NULL;

    if (sc_tokenizer_parse(&tokenizer, (const char *)data, n, NULL, 0, NULL) == SC_OK) {
        encode_and_decode(tokenizer, own, sizeof own - 1);
        if (zero != NULL)
            encode_and_decode(tokenizer, (const char *)zero + 1, size - n - 1);
        sc_tokenizer_close(tokenizer);
    }
    if (sc_tokenizer_parse(&tokenizer, plain, sizeof plain - 1, (const char *)data, size, NULL) ==
        SC_OK) {
        sc_tokenizer_close(tokenizer);
    }
    if (pattern != NULL) {
        split(pattern);
    }
    sc_free(pattern);
    return 0;
}
