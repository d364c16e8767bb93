/* One opening of a model: which tokens exist, what is refused, and files that change later. */
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/open.h"
#include "model_fixture.h"

enum { TINY_ROWS = 512, TINY_HIDDEN = 64, SMALL_TOKENS = 275 };

/* A tiny f32 model with the small tokenizer: 275 tokens, 512 rows in the embedding. */
static void make_model(char *folder, size_t size)
{
    char source[64];
    struct sc_error error = {0};
    make_folder(source, sizeof source);
    make_folder(folder, size);
    json_t *tokenizer = small_tokenizer();
    char *text = json_text(tokenizer);
    put_string(source, "tokenizer.json", text);
    if (sc_model_write_random("tiny", source, SC_DTYPE_F32, 7, folder, &error) != SC_OK)
        fail_msg("%s", error.text);
    json_decref(tokenizer);
    sc_free(text);
    remove_folder(source);
}

/* Gives the folder's tokenizer one more added token. */
static void add_token(const char *folder, json_int_t id)
{
    json_t *tokenizer = small_tokenizer();
    json_array_append_new(json_object_get(tokenizer, "added_tokens"),
                          json_pack("{s:I,s:s,s:b,s:b,s:b,s:b,s:b}", "id", id, "content", "<far>",
                                    "special", 1, "normalized", 0, "lstrip", 0, "rstrip", 0,
                                    "single_word", 0));
    char *text = json_text(tokenizer);
    put_string(folder, "tokenizer.json", text);
    sc_free(text);
    json_decref(tokenizer);
}

/* Overwrites rows [from, 512) of the embedding with one value, in place. */
static void fill_rows(const char *folder, size_t from, float value)
{
    char path[128];
    unsigned char length[8];
    uint64_t header = 0;
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fread(length, 1, 8, file), 8);
    for (int i = 0; i < 8; i++)
        header |= (uint64_t)length[i] << (8 * i);
    assert_int_equal(fseek(file, (long)(8 + header + from * TINY_HIDDEN * sizeof value), SEEK_SET),
                     0);
    for (size_t i = from * TINY_HIDDEN; i < (size_t)TINY_ROWS * TINY_HIDDEN; i++)
        assert_int_equal(fwrite(&value, sizeof value, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static struct sc_opened start(const char *folder)
{
    struct sc_opened opened;
    struct sc_error error = {0};
    struct sc_engine_options options = sc_engine_options_default();
    options.n_threads = 1;
    if (sc_opened_read(&opened, folder, &error) != SC_OK ||
        sc_opened_start(&opened, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return opened;
}

static void an_added_token_beyond_the_embedding_does_not_refuse_the_model(void **state)
{
    (void)state;
    char folder[64];
    make_model(folder, sizeof folder);
    add_token(folder, 4000);
    struct sc_opened opened = start(folder);
    assert_int_equal(opened.n_vocab, TINY_ROWS);
    assert_int_equal(sc_engine_n_vocab(opened.engine), TINY_ROWS);
    sc_opened_close(&opened);
    remove_folder(folder);
}

static void a_folder_without_a_tokenizer_opens_with_all_rows(void **state)
{
    (void)state;
    char folder[64], path[128];
    make_model(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    unlink(path);
    struct sc_opened opened = start(folder);
    struct sc_error error = {0};
    assert_null(opened.tokenizer);
    assert_int_equal(opened.n_vocab, TINY_ROWS);
    assert_int_equal(sc_opened_need_tokenizer(&opened, &error), SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, "tokenizer.json"));
    sc_opened_close(&opened);
    remove_folder(folder);
}

static void what_is_no_model_leaves_nothing_to_close(void **state)
{
    (void)state;
    struct sc_opened opened;
    struct sc_error error = {0};
    assert_int_equal(sc_opened_read(&opened, "/nonexistent/model", &error), SC_ERR_IO);
    assert_clear(&error);
    assert_null(opened.model);
    sc_opened_close(&opened);
}

static void every_failed_allocation_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    char folder[64];
    make_model(folder, sizeof folder);
    bool done = false;
    for (size_t nth = 0; !done; nth += nth < 200 ? 1 : 97) {
        struct sc_opened opened;
        struct sc_error error = {0};
        sc_memory_fail_at(nth);
        enum sc_status status = sc_opened_read(&opened, folder, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        done = status == SC_OK;
        if (!done)
            assert_int_equal(status, SC_ERR_NOMEM);
        sc_opened_close(&opened);
    }
    remove_folder(folder);
}

/* Scores the same tokens with an engine of these options. */
static void score(const char *folder, int n_vocab, float *figures)
{
    const int32_t ids[] = {1, 66, 274, 3, 3, 200};
    struct sc_model *model = NULL;
    struct sc_engine *engine = NULL;
    struct sc_error error = {0};
    struct sc_engine_options options = sc_engine_options_default();
    options.n_threads = 1;
    options.n_vocab = n_vocab;
    if (sc_model_open(&model, folder, &error) != SC_OK ||
        sc_engine_open(&engine, model, &options, &error) != SC_OK ||
        sc_engine_score(engine, ids, 6,
                        &(struct sc_score_arrays){figures, figures + 6, figures + 12},
                        &error) != SC_OK)
        fail_msg("%s", error.text);
    sc_engine_close(engine);
    sc_model_close(model);
}

static void padded_rows_are_never_in_the_distribution_by_default(void **state)
{
    (void)state;
    char folder[64];
    float by_default[18], given[18];
    make_model(folder, sizeof folder);
    fill_rows(folder, SMALL_TOKENS, 50);
    score(folder, 0, by_default);
    score(folder, SMALL_TOKENS, given);
    for (size_t i = 0; i < 18; i++)
        assert_true(by_default[i] == given[i] || (isnan(by_default[i]) && isnan(given[i])));
    for (size_t i = 1; i < 6; i++)
        assert_true(by_default[i] > -30); /* padding would have left next to nothing */
    remove_folder(folder);
}

static void a_model_whose_files_stay_is_unchanged(void **state)
{
    (void)state;
    char folder[64];
    make_model(folder, sizeof folder);
    struct sc_opened opened = start(folder);
    assert_int_equal(sc_model_unchanged(opened.model, NULL), SC_OK);
    sc_opened_close(&opened);
    remove_folder(folder);
}

static void assert_changed(const struct sc_opened *opened, enum sc_status expected)
{
    struct sc_error error = {0};
    assert_int_equal(sc_model_unchanged(opened->model, &error), expected);
    assert_clear(&error);
    assert_non_null(strstr(error.text, "model.safetensors"));
}

static void a_model_overwritten_in_place_is_noticed(void **state)
{
    (void)state;
    char folder[64], path[128];
    make_model(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    struct sc_opened opened = start(folder);
    struct stat before;
    assert_int_equal(stat(path, &before), 0);
    fill_rows(folder, 0, 1);
    assert_changed(&opened, SC_ERR_CONFLICT);
    /* Also when whoever wrote put the time back. */
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_changed(&opened, SC_ERR_CONFLICT);
    sc_opened_close(&opened);
    remove_folder(folder);
}

static void a_model_cut_short_or_removed_is_noticed(void **state)
{
    (void)state;
    char folder[64], path[128];
    make_model(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    struct sc_opened opened = start(folder);
    assert_int_equal(truncate(path, 4096), 0);
    assert_changed(&opened, SC_ERR_CONFLICT);
    unlink(path);
    assert_changed(&opened, SC_ERR_IO);
    sc_opened_close(&opened);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_added_token_beyond_the_embedding_does_not_refuse_the_model),
        cmocka_unit_test(a_folder_without_a_tokenizer_opens_with_all_rows),
        cmocka_unit_test(what_is_no_model_leaves_nothing_to_close),
        cmocka_unit_test(every_failed_allocation_is_an_error_and_leaks_nothing),
        cmocka_unit_test(padded_rows_are_never_in_the_distribution_by_default),
        cmocka_unit_test(a_model_whose_files_stay_is_unchanged),
        cmocka_unit_test(a_model_overwritten_in_place_is_noticed),
        cmocka_unit_test(a_model_cut_short_or_removed_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
