/* What is no checkpoint, named by what it is; memory that runs out while it is looked at.  Every
 * kind is tried through the program: tests/cli/test_cli_answers.py. */
#include <safeconf/engine.h>
#include <sys/stat.h>

#include "model/checkpoint/foreign.h"
#include "model_fixture.h"

static void says(const char *folder, enum sc_status expected, const char *words)
{
    struct sc_error error = {0};
    assert_int_equal(sc_foreign_folder(folder, "config.json", &error), expected);
    if (strstr(error.text, words) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", words, error.text);
    assert_clear(&error);
}

static void a_folder_is_named_by_what_it_holds(void **state)
{
    char folder[64];
    (void)state;
    make_folder(folder, sizeof folder);
    says(folder, SC_ERR_IO, "found an empty folder");
    put_string(folder, ".hidden.gguf", "");
    says(folder, SC_ERR_IO, "found an empty folder");
    put_string(folder, "notes.txt", "");
    says(folder, SC_ERR_IO, "expected config.json, found none");
    put_string(folder, "flax_model.msgpack", "");
    says(folder, SC_ERR_UNSUPPORTED, "flax_model.msgpack: weights in another form");
    put_string(folder, "b.safetensors", "");
    put_string(folder, "a.safetensors", "");
    says(folder, SC_ERR_IO, "found none beside a.safetensors");
    put_string(folder, "optimizer.pt", ""); /* beside weights that can be read it says nothing */
    says(folder, SC_ERR_IO, "found none beside a.safetensors");
    put_string(folder, "q.gguf", "");
    says(folder, SC_ERR_UNSUPPORTED, "q.gguf: a GGUF file");
    put_string(folder, "adapter_config.json", "{\"base_model_name_or_path\":\"a/b\"}");
    says(folder, SC_ERR_UNSUPPORTED, "a LoRA adapter of a/b: merge it first");
    put_string(folder, "adapter_config.json", "[]");
    says(folder, SC_ERR_UNSUPPORTED, "a LoRA adapter of another model");
    remove_folder(folder);
    says(folder, SC_ERR_IO, "found an empty folder"); /* one that cannot be looked into */
}

static void pointers_of_git_lfs_are_told_by_their_beginning(void **state)
{
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:00\n";
    (void)state;
    assert_true(sc_is_lfs_pointer(pointer, strlen(pointer)));
    assert_false(sc_is_lfs_pointer(pointer, 20));
    assert_false(sc_is_lfs_pointer("", 0));
    json_t *json = NULL;
    struct sc_error error = {0};
    assert_int_equal(sc_json_parse(pointer, strlen(pointer), "x.json", &json, &error),
                     SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, "x.json: a Git LFS pointer, not the file: git lfs pull"));
}

static void exhausted_memory_is_an_error(void **state)
{
    char folder[64], path[200], *found = NULL;
    (void)state;
    make_folder(folder, sizeof folder);
    put_string(folder, "adapter_config.json", "{\"base_model_name_or_path\":\"a/b\"}");
    bool done = false;
    for (size_t nth = 0; !done; nth++) {
        struct sc_error error = {0};
        sc_memory_fail_at(nth);
        enum sc_status status = sc_foreign_folder(folder, "config.json", &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        done = status == SC_ERR_UNSUPPORTED;
        assert_true(done || status == SC_ERR_NOMEM);
    }
    static const char *const parts[] = {"/models--a--b", "/models--a--b/snapshots",
                                        "/models--a--b/snapshots/only"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(path, sizeof path, "%s%s", folder, parts[i]);
        assert_int_equal(mkdir(path, 0777), 0);
    }
    setenv("HF_HUB_CACHE", folder, 1);
    done = false;
    for (size_t nth = 1; !done; nth++) { /* without the first there is no cache to look in */
        struct sc_error error = {0};
        sc_memory_fail_at(nth);
        enum sc_status status = sc_model_locate("a/b", &found, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        done = status == SC_OK;
        assert_true(done || (status == SC_ERR_NOMEM && found == NULL));
    }
    assert_non_null(strstr(found, "/snapshots/only"));
    sc_release(found);
    unsetenv("HF_HUB_CACHE");
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_named_by_what_it_holds),
        cmocka_unit_test(pointers_of_git_lfs_are_told_by_their_beginning),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
