/* Small random models of every family, as tests/golden/make_family_golden.py has recorded them. */
#ifndef TEST_FAMILY_CASES_H
#define TEST_FAMILY_CASES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "model/model.h"
#include "model_fixture.h"

enum { MOST_TOKENS = 128 };

static json_t *golden;  /* families.json */
static char folder[64]; /* for the whole program */

static inline int set_up(void **state)
{
    struct sc_error error = {0};
    (void)state;
    make_folder(folder, sizeof folder);
    if (sc_json_read(TEST_GOLDEN "/families.json", (size_t)4 << 20, &golden, &error) == SC_OK)
        return 0;
    printf("%s\n", error.text);
    return -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    json_decref(golden);
    remove_folder(folder);
    return 0;
}

/* The folder of a shape's weights, written when they are asked for first. */
static inline void weights_of(const char *shape, size_t seed, char *path, size_t size)
{
    char config[256];
    struct sc_error error = {0};
    snprintf(path, size, "%s/%s-%zu", folder, shape, seed);
    snprintf(config, sizeof config, "%s/published.json", path);
    if (sc_file_exists(config))
        return;
    if (sc_model_write_random(shape, NULL, SC_DTYPE_F32, seed, path, &error) != SC_OK)
        fail_msg("%s: %s", shape, error.text);
    char *from = sc_path_join(path, "config.json");
    assert_int_equal(rename(from, config), 0);
    sc_free(from);
}

/* config.json as the case wants it. */
static inline void write_config(const char *path, json_t *edited, const json_t *removed)
{
    char from[256];
    json_t *config = NULL;
    struct sc_error error = {0};
    snprintf(from, sizeof from, "%s/published.json", path);
    assert_int_equal(sc_json_read(from, 1 << 20, &config, &error), SC_OK);
    for (size_t i = 0; i < json_array_size(removed); i++)
        json_object_del(config, json_string_value(json_array_get(removed, i)));
    if (edited != NULL)
        json_object_update(config, edited);
    char *text = json_text(config);
    put_string(path, "config.json", text);
    sc_free(text);
    json_decref(config);
}

/* The tokens of every case: see make_family_golden.py. */
static inline void fill_tokens(const struct sc_model *model, int32_t *ids, size_t n)
{
    const size_t n_vocab = sc_model_config(model)->n_vocab;
    assert_true(n <= MOST_TOKENS);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)((i * i * 31 + i * 37 + 11) % n_vocab);
}

static inline size_t size_in(const json_t *object, const char *key)
{
    return (size_t)json_integer_value(json_object_get(object, key));
}

/* A path to the case's model. */
static inline void prepare(const json_t *one, char *path, size_t size)
{
    weights_of(json_string_value(json_object_get(one, "shape")), size_in(one, "seed"), path, size);
    write_config(path, json_object_get(one, "config"), json_object_get(one, "removed"));
}

#endif
