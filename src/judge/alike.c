/*
 * Which texts are the same: by a key of each, sorted, and texts of equal keys compared.
 *
 * Next: judge.c, which asks about the first of each kind.
 */
#include "judge/alike.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

/* An item of the list, by what it is found. */
struct keyed {
    uint64_t key;
    uint32_t repeat;
    size_t item;
};

static uint64_t key_of_text(const char *text)
{
    return text != NULL ? sc_hash64(text, strlen(text)) : 0;
}

static uint64_t key_of(const struct sc_judge_item *item, uint32_t repeat)
{
    uint64_t parts[] = {key_of_text(item->prompt), key_of_text(item->response), item->n_turns,
                        repeat};
    uint64_t key = sc_hash64(parts, sizeof parts);
    for (size_t i = 0; i < item->n_turns; i++) {
        const uint64_t turn[] = {key, key_of_text(item->turns[i].role),
                                 key_of_text(item->turns[i].text)};
        key = sc_hash64(turn, sizeof turn);
    }
    return key;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_same(const struct sc_judge_item *a, const struct sc_judge_item *b)
{
    if (!is_same_text(a->prompt, b->prompt) || !is_same_text(a->response, b->response) ||
        a->n_turns != b->n_turns)
        return false;
    for (size_t i = 0; i < a->n_turns; i++)
        if (!is_same_text(a->turns[i].role, b->turns[i].role) ||
            !is_same_text(a->turns[i].text, b->turns[i].text))
            return false;
    return true;
}

static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* Chains the n items of one key, ascending, to those before them that are the same. */
static void chain(const struct sc_judge_item *items, const struct keyed *keyed, size_t n,
                  struct sc_alike *alike, bool *is_first)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        while (at > 0 && (keyed[at - 1].repeat != keyed[i].repeat ||
                          !is_same(&items[keyed[at - 1].item], &items[keyed[i].item])))
            at--;
        alike->next[keyed[i].item] = SC_NO_ITEM;
        is_first[keyed[i].item] = at == 0;
        if (at > 0)
            alike->next[keyed[at - 1].item] = keyed[i].item;
    }
}

/* While they are sought. */
struct search {
    struct keyed *keyed; /* [n_items] */
    bool *is_first;      /* [n_items] */
};

static enum sc_status find(const struct sc_judge_item *items, size_t n,
                           const struct sc_judge_sink *sink, struct search *search,
                           struct sc_alike *alike, struct sc_error *error)
{
    alike->first = sc_alloc_array(n, sizeof *alike->first);
    alike->next = sc_alloc_array(n, sizeof *alike->next);
    struct keyed *keyed = search->keyed = sc_alloc_array(n, sizeof *keyed);
    search->is_first = sc_alloc_array(n, sizeof *search->is_first);
    if (alike->first == NULL || alike->next == NULL || keyed == NULL || search->is_first == NULL)
        return sc_fail_nomem(error, "texts to judge");
    for (size_t i = 0; i < n; i++) {
        uint32_t repeat = sc_judge_draw_of(sink, i).repeat;
        keyed[i] = (struct keyed){key_of(&items[i], repeat), repeat, i};
    }
    qsort(keyed, n, sizeof *keyed, compare_keyed);
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && keyed[end].key == keyed[begin].key;)
            end++;
        chain(items, keyed + begin, end - begin, alike, search->is_first);
    }
    for (size_t i = 0; i < n; i++)
        if (search->is_first[i])
            alike->first[alike->n++] = i;
    return SC_OK;
}

enum sc_status sc_alike_find(const struct sc_judge_item *items, size_t n,
                             const struct sc_judge_sink *sink, struct sc_alike *out,
                             struct sc_error *error)
{
    struct search search = {0};
    *out = (struct sc_alike){0};
    enum sc_status status = find(items, n, sink, &search, out, error);
    sc_free(search.keyed);
    sc_free(search.is_first);
    if (status != SC_OK)
        sc_alike_free(out);
    return status;
}

void sc_alike_free(struct sc_alike *alike)
{
    sc_free(alike->first);
    sc_free(alike->next);
    *alike = (struct sc_alike){0};
}
