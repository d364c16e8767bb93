/* See instances.h. */
#include "benchmark/instances.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

void sc_instance_free(struct sc_instance *instance)
{
    sc_free(instance->id);
    sc_free(instance->prompt);
    sc_conversation_free(&instance->conversation);
    sc_free(instance->prefill);
    sc_free(instance->category);
    sc_free(instance->extra);
    *instance = (struct sc_instance){0};
}

enum sc_status sc_instance_list_add(struct sc_instance_list *list, struct sc_instance item,
                                    struct sc_error *error)
{
    if (item.id == NULL || item.prompt == NULL || item.category == NULL ||
        sc_grow((void **)&list->items, list->n, &list->cap, sizeof *list->items) != 0) {
        sc_instance_free(&item);
        return sc_fail_nomem(error, "benchmark");
    }
    list->items[list->n++] = item;
    return SC_OK;
}

void sc_benchmark_free(struct sc_benchmark *benchmark)
{
    if (benchmark == NULL)
        return;
    for (size_t i = 0; i < benchmark->n_instances; i++)
        sc_instance_free(&benchmark->instances[i]);
    sc_free(benchmark->instances);
    sc_free(benchmark->name);
    sc_free(benchmark->source);
    sc_free(benchmark->note);
    sc_text_free(&benchmark->remarks);
    sc_bad_rows_free(&benchmark->bad_rows);
    *benchmark = (struct sc_benchmark){0};
}

static int compare_ids(const void *a, const void *b)
{
    const struct sc_instance *const *x = a, *const *y = b;
    int order = strcmp((*x)->id, (*y)->id);
    if (order != 0)
        return order;
    return (*x)->line != (*y)->line ? ((*x)->line < (*y)->line ? -1 : 1)
                                    : ((*x)->row > (*y)->row) - ((*x)->row < (*y)->row);
}

enum sc_status sc_instance_list_twins(const struct sc_instance_list *list,
                                      const struct sc_instance *twins[2], struct sc_error *error)
{
    const struct sc_instance **sorted = sc_alloc_array(list->n, sizeof *sorted);
    twins[0] = twins[1] = NULL;
    if (sorted == NULL)
        return sc_fail_nomem(error, "benchmark ids");
    for (size_t i = 0; i < list->n; i++)
        sorted[i] = &list->items[i];
    qsort(sorted, list->n, sizeof *sorted, compare_ids);
    for (size_t i = 1; i < list->n && twins[0] == NULL; i++) {
        if (strcmp(sorted[i - 1]->id, sorted[i]->id) != 0)
            continue;
        twins[0] = sorted[i - 1];
        twins[1] = sorted[i];
    }
    sc_free(sorted);
    return SC_OK;
}

enum sc_status sc_instance_list_check_ids(const struct sc_instance_list *list, const char *source,
                                          struct sc_error *error)
{
    const struct sc_instance *twins[2];
    SC_TRY(sc_instance_list_twins(list, twins, error));
    if (twins[0] == NULL)
        return SC_OK;
    const char *id = twins[0]->id;
    return sc_fail(error, SC_ERR_FORMAT,
                   "%s: lines %zu and %zu: two rows have the id '%.*s': --id-column names "
                   "another column, --id-column none numbers the rows",
                   source, twins[0]->line, twins[1]->line, (int)sc_utf8_valid(id, strnlen(id, 80)),
                   id);
}

static void put64(unsigned char *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t add_message(uint64_t before, const char *role, const char *text)
{
    unsigned char record[24];
    put64(record, before);
    put64(record + 8, sc_hash64(role, strlen(role)));
    put64(record + 16, sc_hash64(text, strlen(text)));
    return sc_hash64(record, sizeof record);
}

/* Only where there is more than a prompt: fingerprints of older runs stay as they are. */
static uint64_t add_messages(uint64_t before, const struct sc_instance *item)
{
    const struct sc_message *messages = item->conversation.messages;
    uint64_t hash = before;
    for (size_t i = 0; i < item->conversation.n; i++)
        hash = add_message(hash, messages[i].role, messages[i].text);
    return item->prefill != NULL ? add_message(hash, "prefill", item->prefill) : hash;
}

void sc_instance_list_fingerprint(const struct sc_instance_list *list, char out[17])
{
    uint64_t hash = 0;
    for (size_t i = 0; i < list->n; i++) {
        const struct sc_instance *item = &list->items[i];
        unsigned char record[40];
        put64(record, hash);
        put64(record + 8, sc_hash64(item->id, strlen(item->id)));
        put64(record + 16, sc_hash64(item->prompt, strlen(item->prompt)));
        put64(record + 24, sc_hash64(item->category, strlen(item->category)));
        put64(record + 32, (uint64_t)item->label);
        hash = add_messages(sc_hash64(record, sizeof record), item);
    }
    snprintf(out, 17, "%016" PRIx64, hash);
}

enum sc_status sc_instance_list_keep(struct sc_instance_list *list, size_t n, bool first,
                                     uint64_t seed, struct sc_error *error)
{
    if (n == 0 || n >= list->n)
        return SC_OK;
    bool *kept = sc_alloc_zero(list->n, sizeof *kept);
    if (kept == NULL)
        return sc_fail_nomem(error, "benchmark sample");
    struct sc_random random = {
        .stream = SC_STREAM_BENCHMARK, .seed = seed, .key = sc_hash64("sample", 6)};
    if (first) {
        memset(kept, 1, n);
    } else {
        /* Floyd: every subset of n is equally likely, with n draws. */
        for (size_t top = list->n - n; top < list->n; top++) {
            size_t drawn = sc_random_below(&random, top + 1);
            kept[kept[drawn] ? top : drawn] = true;
        }
    }
    size_t n_kept = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (kept[i])
            list->items[n_kept++] = list->items[i];
        else
            sc_instance_free(&list->items[i]);
    }
    list->n = n_kept;
    sc_free(kept);
    return SC_OK;
}
